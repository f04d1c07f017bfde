"""The agent's socket itself: who may connect, how much at once, and lines in and out. It knows no meaning of them.

Guarding never waits for it: what moves is offered, never awaited, and whoever does not read is let go. Only the agent's
own user and root get in, by the file's mode and by what the kernel says of the peer.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from agent.local import lines
from agent.local.answering import Answering, Lead
from agent.local.lines import LineError, Reply
from agent.local.moves import Moves
from agent.local.refusing import RefusedError
from agent.signals import Signal

LOG: Final = logging.getLogger("branchwatch.local")

MAX_CLIENTS: Final = 8
"""An installer's terminal, a page, a few looks besides."""

MAX_WAITING: Final = 2_000
"""Lines that wait for a client to read them; then it is let go."""

SILENT_S: Final = 600.0
"""A client that asks nothing and watches nothing is let go after so long."""

READ_WITHIN_S: Final = 10.0
"""So long may a client take to read what it asked for."""

_CREDENTIALS: Final = struct.Struct("3i")


class LocalSocket:
    """Serves until cancelled; if the socket cannot be made, the agent goes on without it."""

    def __init__(self, state: Path, answering: Answering, moves: Moves) -> None:
        self._state = state
        self._answering = answering
        self._moves = moves
        self._clients: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve; returns only if there is no socket to serve at."""
        try:
            listening = _listening(self._state)
        except OSError as error:
            LOG.warning("%s cannot be made, and nothing local is answered: %s", lines.SOCKET, error.strerror)
            return
        try:
            server = await asyncio.start_unix_server(self._serve, sock=listening, limit=lines.MAX_REQUEST_BYTES)
            async with server:
                await server.serve_forever()
        except Exception:
            LOG.exception("%s is served no longer", lines.SOCKET)  # the guard goes on without it
        finally:
            listening.close()
            for client in self._clients:
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)
            with suppress(OSError):
                (self._state / lines.SOCKET).unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end, whatever comes."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine of a task
        self._clients.add(task)
        client = _Client(reader, writer, self._answering, self._moves)
        try:
            if not _trusted(writer):
                return
            if len(self._clients) > MAX_CLIENTS:
                await client.last(Reply(refused="too_many_clients"))
                return
            await client.serve()
        except (OSError, TimeoutError, asyncio.CancelledError):
            return
        except Exception:
            LOG.exception("a local client's connection ended")  # its task ends; nothing else does
        finally:
            self._clients.discard(task)
            writer.close()


class _Client:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answering: Answering, moves: Moves
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answering = answering
        self._moves = moves
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        self._lead: Lead | None = None
        self._watching = False

    async def serve(self) -> None:
        """Answer until it goes."""
        serving = asyncio.current_task()
        assert serving is not None  # noqa: S101 - this is a coroutine of a task
        pump = asyncio.create_task(self._pump(), name="local-pump")
        pump.add_done_callback(lambda ended: None if ended.cancelled() else serving.cancel())
        with self._listening(serving):
            try:
                while line := await self._line():
                    await self._answer(line)
            finally:
                pump.cancel()
                self._answering.leave(self._lead)
                await asyncio.gather(pump, return_exceptions=True)

    async def last(self, said: Reply) -> None:
        """Say one thing without listening."""
        self._writer.write(lines.encode_line(said))
        async with asyncio.timeout(READ_WITHIN_S):
            await self._writer.drain()

    async def _line(self) -> bytes:
        """The next request; empty when it has gone, or sends what is no line of ours."""
        async with asyncio.timeout(None if self._watching or self._lead else SILENT_S):
            try:
                return await self._reader.readuntil()
            except asyncio.IncompleteReadError:
                return b""
            except asyncio.LimitOverrunError:
                await self.last(Reply(refused="too_large"))
                return b""

    async def _answer(self, line: bytes) -> None:
        try:
            request = lines.decode_request(line)
            if isinstance(request, lines.Walk):
                self._answering.leave(self._lead)
                self._lead = await self._answering.lead(request)
                await self._say(Reply(done="walk"))
                return
            if isinstance(request, lines.Watch):
                self._watching = True
            async for said in self._answering.answer(request, self._lead):
                await self._say(said)
        except RefusedError as refused:
            await self._say(Reply(refused=refused.word))
        except LineError as error:
            await self._say(Reply(refused=str(error)))

    async def _say(self, said: Reply) -> None:
        async with asyncio.timeout(READ_WITHIN_S):
            await self._waiting.put(lines.encode_line(said))

    async def _pump(self) -> None:
        while True:
            self._writer.write(await self._waiting.get())
            async with asyncio.timeout(READ_WITHIN_S):
                await self._writer.drain()

    @contextmanager
    def _listening(self, serving: "asyncio.Task[None]") -> Iterator[None]:
        def moved(signals: tuple[Signal, ...]) -> None:
            if not self._watching:
                return
            for at in range(0, len(signals), lines.CHUNK):
                moves = tuple(
                    lines.Seen(
                        id=each.point, state=each.state, cause=each.cause, settling=each.settling, marks=each.marks
                    )
                    for each in signals[at : at + lines.CHUNK]
                )
                try:
                    self._waiting.put_nowait(lines.encode_line(Reply(moves=moves)))
                except asyncio.QueueFull:
                    serving.cancel()

        end = self._moves.listen(moved)
        try:
            yield
        finally:
            end()


def _listening(state: Path) -> socket.socket:
    """The socket's file, made anew, for its owner only.

    It is reached through a descriptor of the folder, because a socket's path may have 107 bytes only.
    """
    file = state / lines.SOCKET
    file.unlink(missing_ok=True)
    folder = os.open(state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(f"/proc/self/fd/{folder}/{lines.SOCKET}")
        file.chmod(0o600)
        made.listen(MAX_CLIENTS)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    finally:
        os.close(folder)
    return made


def _trusted(writer: asyncio.StreamWriter) -> bool:
    """Whether the peer is root or runs as this very user."""
    peer: socket.socket = writer.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(raw)
    return user in {0, os.geteuid()}
