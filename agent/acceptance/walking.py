"""A walk test from its beginning to its end, put together: socket, session, terminal, page. Decides nothing.

Flow: acceptance_words.py -> here; what is typed and what is tapped goes to one and the same session.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agent.acceptance import keeping, session
from agent.acceptance.installer import Installer, x5c_of
from agent.acceptance.serving import PageServer, Shown, listen_at
from agent.acceptance.session import Session, WrongWalkError
from agent.acceptance.terminal import Terminal, typed_lines
from agent.acceptance.view import view_of
from agent.local import lines
from agent.local.client import LocalClient, SaysNoError
from protocol.documents import Signer
from protocol.page_door import Door
from protocol.texts import DEFAULT_LANGUAGE, SaidError, Texts, match_language, said, system_said, texts_for
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

ADDRESS: Final = N_("Open this address on the telephone; it opens once, in one browser: {address}")
UNSEALED: Final = N_("It is not encrypted: use it over a cable or a hotspot of your own only.")
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to be refused
HERE_ONLY: Final = N_(
    "Only this machine reaches it. For a telephone: --listen with the box's address there, like 192.168.42.7:8480."
)


class WalkError(SaidError):
    """This walk test cannot be begun; the message says the next step."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was typed."""

    state: Path
    signer: Signer | None
    listen: tuple[str, int] | None
    resume: bool
    new: bool


async def walk(wanted: Wanted, say: Texts) -> str:
    """Lead through it; the word says how it ended.

    Raises:
        WalkError: it cannot be begun like this.
        NotRunningError: no agent runs with this folder.
        SaysNoError: the box refuses.
        OSError: the state folder cannot be read or written.
    """
    client = await LocalClient.connect(wanted.state)
    listening = _listening(wanted.listen)
    try:
        installer = await _installer(client, wanted.signer)
        under_way = await _begin(client, wanted)
        follow = asyncio.create_task(under_way.follow(), name="follow")
        try:
            async with _page(under_way, installer, wanted.listen, listening, say) as ended:
                shell = Terminal(under_way, say, sys.stdout, installer)
                return await shell.run(_typed(), ended)
        finally:
            follow.cancel()
            await asyncio.gather(follow, return_exceptions=True)
    finally:
        if listening is not None:
            listening.close()
        await client.close()


def _listening(listen: tuple[str, int] | None) -> socket.socket | None:
    if listen is None:
        return None
    host, port = listen
    if host in EVERYWHERE:
        raise WalkError(
            N_("{host} is no address that a telephone can open; name the box's own there (ip -brief address)"),
            host=host,
        )
    try:
        return listen_at(host, port)
    except OSError as error:
        raise WalkError(
            N_("{host}:{port} cannot be listened on ({reason}); name another with --listen"),
            host=host,
            port=port,
            reason=system_said(error),
        ) from None


async def _installer(client: LocalClient, signer: Signer | None) -> Installer | None:
    if signer is None:
        return None
    (judged,) = await client.ask(lines.Judge(x5c=x5c_of(signer)))
    return Installer(judged.person, signer)


async def _begin(client: LocalClient, wanted: Wanted) -> Session:
    try:
        known = keeping.open_walk(wanted.state)
    except keeping.DamagedError:
        if not wanted.new:
            raise WalkError(
                N_("{file} cannot be read; begin anew with --new"), file=wanted.state / keeping.OPEN_NAME
            ) from None
        known = None
    if known is not None and wanted.new:
        await session.abandon(client, wanted.state, known)
        known = None
    if known is None:
        if wanted.resume:
            raise WalkError(N_("no walk test is open in {state}; begin one without --resume"), state=wanted.state)
        return await session.begin(client, wanted.state, os.urandom, _now)
    if not wanted.resume:
        raise WalkError(
            N_("a walk test is open in {state}; go on with --resume, or give it up with --new"), state=wanted.state
        )
    try:
        return await session.resume(client, wanted.state, known, os.urandom, _now)
    except WrongWalkError:
        raise WalkError(
            N_("the box has other settings than when this walk test began; give it up with --new")
        ) from None
    except SaysNoError as error:
        if error.word != "not_open":
            raise
        raise WalkError(N_("the box's ledger holds no open walk test of this name; begin anew with --new")) from None


@asynccontextmanager
async def _page(
    under_way: Session,
    installer: Installer | None,
    listen: tuple[str, int] | None,
    listening: socket.socket | None,
    say: Texts,
) -> AsyncIterator[asyncio.Event]:
    """The page, while it is wanted; the event is set when the test was ended there."""
    ended = asyncio.Event()
    if listen is None or listening is None:
        yield ended
        return

    async def end() -> None:
        if await under_way.finish(installer):
            ended.set()

    def view(language: str) -> dict[str, object]:
        return view_of(under_way, texts_for(match_language(language) or DEFAULT_LANGUAGE))

    shown = Shown(view=view, revision=lambda: under_way.revision, act=under_way.act, end=end)
    server = PageServer(shown, Door(os.urandom))
    host, _ = listen
    try:
        await server.start(host, listening)
        sys.stdout.write(str(said(ADDRESS, address=server.address).told(say)) + "\n")
        sys.stdout.write(say(HERE_ONLY if host in LOOPBACK else UNSEALED) + "\n")
        sys.stdout.flush()
        yield ended
        if under_way.finished or under_way.lost:
            await _linger(server)
    finally:
        await server.close()


async def _linger(server: PageServer) -> None:
    """Long enough for the page to show how it ended."""
    await asyncio.sleep(LINGER_S)


LINGER_S: Final = 2.5


def _typed() -> "asyncio.Queue[str | None]":
    loop = asyncio.get_running_loop()
    typed = typed_lines(sys.stdin, loop)
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, typed.put_nowait, None)
    return typed


def _now() -> datetime:
    return datetime.now(UTC)
