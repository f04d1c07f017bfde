"""Arming and disarming with a code, asked for at the agent's socket: one at a time, counted, through the guard.

Hashes are tried in a thread and all of them, also while codes are locked: whoever stands there learns nothing, and who
acts under duress is heard even then. A duress code is answered like the other one, behind a transaction like any;
what it tells leaves with the events and is shown nowhere here.
Flow: `answering.py` -> here -> `agent/arming/codes.py` -> `Watch.command`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from math import ceil
from typing import Final

import msgspec

from agent.arming import codes, lockout
from agent.arming.codes import Match, OpenSecret
from agent.arming.commands import Answer, Command, Way
from agent.arming.lockout import LockoutState
from agent.arming.told import REFUSED, duress
from agent.clocks import Reading
from agent.findings import Finding, Phase
from agent.local import lines
from agent.local.lines import Blocks, Reply
from agent.local.refusing import RefusedError
from agent.secrets import Secrets
from agent.signals import Moment, PointView, State
from agent.watch import Watch
from protocol.messages import Clock
from protocol.orders import ArmArgs, DisarmArgs, OrderFaultError, concerned
from protocol.site.schema import Partition, Site

LOG: Final = logging.getLogger("branchwatch.codes")

CODES_KEY: Final = "codes"
"""Where wrong codes are remembered, in the outbox."""

SOURCE: Final = "box/codes"
MAX_WAITING: Final = 3
"""Requests that wait for their turn; each takes as long as all hashes together."""

MAX_DONE: Final = 30
DONE_WITHIN: Final = timedelta(minutes=10)
"""So many commands by code within such a time are told one by one; more are not taken."""


class CodeDesk:
    """Takes codes for one run of the agent."""

    def __init__(
        self,
        *,
        site: Site,
        open_secret: OpenSecret,
        command: Callable[[Command, Mapping[str, bytes]], Awaitable[Answer]],
        tell: Callable[[Iterable[Finding], Mapping[str, bytes]], Awaitable[None]],
        points: Callable[[], Iterable[PointView]],
        now: Callable[[], Moment],
        clock_believed: Callable[[], bool],
        wrong: LockoutState,
    ) -> None:
        self._site = site
        self._open_secret = open_secret
        self._command = command
        self._tell = tell
        self._points = points
        self._now = now
        self._clock_believed = clock_believed
        self._wrong = wrong
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._done: list[Moment] = []

    async def ask(self, request: lines.Arm | lines.Disarm) -> Reply:
        """What becomes of it.

        Raises:
            RefusedError: it could not even be tried.
        """
        if self._waiting >= MAX_WAITING:
            raise RefusedError("busy")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._ask(request)
        finally:
            self._waiting -= 1

    async def _ask(self, request: lines.Arm | lines.Disarm) -> Reply:
        args = _args(request)
        action = "arm" if isinstance(args, ArmArgs) else "disarm"
        try:
            partitions = concerned(self._site, args)
        except OrderFaultError as error:
            raise RefusedError(error.reason) from None
        match = await asyncio.to_thread(self._tried, request)
        now = self._now()
        person = match.person if match else ""
        command = Command(
            action=action,
            args=args,
            way=Way.CODE,
            people=(person,) if person else (),
            source=SOURCE,
            duress=person if match and match.duress else "",
        )
        if refused := self._refusal(match, action, partitions, now):
            return await self._refuse(refused, command, now)
        self._done.append(now)
        answer = await self._command(command, self._remembered())
        if answer.refused:
            return Reply(refused=answer.refused, blocking=self._blocking(answer))
        return self._became(action, partitions)

    def _tried(self, request: lines.Arm | lines.Disarm) -> Match | None:
        """Whose code it is; takes long, in a thread."""
        entries = [each for each in self._site.code if request.person in {None, each.person}]
        return codes.tried(request.code, codes.opened(entries, self._open_secret)[0])

    def _refusal(self, match: Match | None, action: str, partitions: tuple[Partition, ...], now: Moment) -> str:
        if lockout.left(self._wrong, now):
            return "codes_locked"
        if match is None:
            return "code_wrong"
        believed = self._clock_believed() or action != "disarm"
        names = [each.id for each in partitions]
        if refused := codes.allowed(match, self._site, names, now, clock_believed=believed):
            return refused
        self._done = [each for each in self._done if now.since(each) < DONE_WITHIN]
        return "too_many" if len(self._done) >= MAX_DONE else ""

    async def _refuse(self, reason: str, command: Command, now: Moment) -> Reply:
        """Tell it, count it, answer it. While codes are locked nothing more is told of them but who is in need."""
        found = [] if reason in {"codes_locked", "too_many"} else [_refused(command, reason, now)]
        if command.duress:
            found.append(duress(self._site, command, now))
        if reason == "code_wrong":
            self._wrong = lockout.counted(self._wrong, now)
            if lockout.left(self._wrong, now):
                found.append(_refused(command, "codes_locked", now))
        await self._tell(found, self._remembered())
        return Reply(refused=reason, wait_s=ceil(lockout.left(self._wrong, now).total_seconds()))

    def _remembered(self) -> Mapping[str, bytes]:
        """Stored with every answer, so that none comes sooner because there was nothing to store: not even duress."""
        self._wrong = msgspec.structs.replace(self._wrong, asked=self._wrong.asked + 1)
        return {CODES_KEY: msgspec.json.encode(self._wrong)}

    def _blocking(self, answer: Answer) -> tuple[Blocks, ...]:
        names = {view.id: view.name for view in self._points()}
        found = (Blocks(point=point, why=why, name=names.get(point, "")) for point, why in answer.blocking)
        return tuple(found)[: lines.CHUNK]

    def _became(self, action: str, partitions: tuple[Partition, ...]) -> Reply:
        """What the partitions are now, and how long whoever armed has to leave."""
        views = {view.id: view for view in self._points()}
        seen = [(each, views.get(f"partition/{each.id}")) for each in partitions]
        leaving = [each.exit_delay.total_seconds() for each, view in seen if view and view.state is State.ARMING]
        points = tuple(lines.Seen(id=view.id, state=view.state, name=view.name) for _, view in seen if view)
        return Reply(done=action, points=points, wait_s=ceil(max(leaving, default=0)))


def code_desk(
    site: Site,
    secrets: Secrets | None,
    saved: Mapping[str, bytes],
    same_boot: bool,
    watch: Watch,
    points: Callable[[], Iterable[PointView]],
    reading: Callable[[], Reading],
) -> CodeDesk | None:
    """What takes codes at this site; None where the site file names none, or nothing here holds secrets."""
    if not site.code or secrets is None:
        return None
    _, without = codes.opened(site.code, secrets.open)
    if without:
        LOG.warning("codes that cannot be used until a newer site bundle brings them: %s", ", ".join(without))

    async def tell(findings: Iterable[Finding], remember: Mapping[str, bytes]) -> None:
        await watch.take(findings=findings, remember=remember)  # a disk that refuses: counted all the same

    try:
        wrong = msgspec.json.decode(saved.get(CODES_KEY, b"{}"), type=LockoutState)
    except msgspec.DecodeError:
        wrong = LockoutState()
    return CodeDesk(
        site=site,
        open_secret=secrets.open,
        command=watch.command,
        tell=tell,
        points=points,
        now=lambda: reading().moment,
        clock_believed=lambda: reading().clock is not Clock.SUSPECT,
        wrong=lockout.carried(wrong, reading().moment, same_boot),
    )


def _args(request: lines.Arm | lines.Disarm) -> ArmArgs | DisarmArgs:
    if isinstance(request, lines.Disarm):
        return DisarmArgs(partition=request.partition)
    return ArmArgs(partition=request.partition, mode="stay" if request.stay else "away")


def _refused(command: Command, reason: str, now: Moment) -> Finding:
    """The same words as the guard's own refusals."""
    facts = {
        **msgspec.to_builtins(command.args),
        "action": command.action,
        "people": list(command.people),
        "reason": reason,
        "way": str(command.way),
    }
    return Finding(kind=REFUSED, source=SOURCE, phase=Phase.TOLD, at=now, facts=facts)
