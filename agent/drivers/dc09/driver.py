"""Panels that dial the box, joined: sockets -> desk -> the disk -> answers; and supervision. Decides nothing itself.

Nothing is answered before `take` said that everything is on the disk; where the disk refused, nothing is answered at
all and the panel sends it again. `run` ends only when cancelled. An address that cannot be listened at is tried again,
and told.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from agent.arming.commands import Command
from agent.drivers.dc09.desk import Desk, Due
from agent.drivers.dc09.receiver import Receiver
from agent.drivers.dc09.session import RECEIVER
from agent.findings import Finding, Phase
from agent.signals import Moment, Signal
from protocol.dc09.cipher import PADDING
from protocol.site.addresses import parse_address

LOG: Final = logging.getLogger("branchwatch.panels")

PORT: Final = 12_300
"""Where panels dial if the site file names no port; many panels come so."""

LISTEN_AGAIN_S: Final = 5.0
OFFLINE: Final = "device.offline"


class Take(Protocol):
    """`Watch.take`: keep all of it in one transaction; whether it is on the disk."""

    def __call__(
        self,
        signals: tuple[Signal, ...] = (),
        findings: Iterable[Finding] = (),
        commands: Sequence[Command] = (),
        remember: Mapping[str, bytes] = MappingProxyType({}),
    ) -> Awaitable[bool]:
        """Take it."""


class PanelDriver:
    """The receiver of one box.

    `take` is `Watch.take`; `deliver` and `tell` take what no panel waits for. `again_s`: until an address that could
    not be had is tried again.
    """

    def __init__(
        self,
        listen: str,
        desk: Desk,
        *,
        take: Take,
        deliver: Callable[[tuple[Signal, ...]], None],
        tell: Callable[[Iterable[Finding]], Awaitable[None]],
        now: Callable[[], Moment],
        random: Callable[[int], bytes] = secrets.token_bytes,
        again_s: float = LISTEN_AGAIN_S,
    ) -> None:
        self._host, self._port = parse_address(listen, PORT)
        self._listen = listen
        self._desk = desk
        self._take = take
        self._deliver = deliver
        self._tell = tell
        self._now = now
        self._random = random
        self._again_s = again_s
        self._receiver = Receiver(self._handle, lambda: now().mono_ms)
        self._kept: set[asyncio.Task[bytes]] = set()

    @property
    def port(self) -> int:
        """Where it listens, once it does; 0 before."""
        return self._receiver.port

    @property
    def counts(self) -> Mapping[str, int]:
        """Frames by what they were; `dropped`: nobody looked at them."""
        return {**self._desk.counts, "dropped": self._receiver.dropped}

    async def run(self) -> None:
        """Receive and supervise until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._open(), name="panels-listen")
                tasks.create_task(self._supervise(), name="panels-supervise")
        finally:
            await self._receiver.close()
            for task in self._kept:
                task.cancel()
            await asyncio.gather(*self._kept, return_exceptions=True)

    async def _open(self) -> None:
        refused = ""
        while True:
            try:
                await self._receiver.open(self._host, self._port)
                break
            except OSError as error:
                cause = error.strerror or type(error).__name__
                if cause != refused:
                    LOG.error("panels cannot be listened for at %s: %s", self._listen, cause)  # noqa: TRY400 - one line
                    await self._tell((self._deaf(Phase.RAISED, cause),))
                refused = cause
                await asyncio.sleep(self._again_s)
        await self._tell((self._deaf(Phase.ENDED, ""),))

    async def _supervise(self) -> None:
        while True:
            if lost := self._desk.look(self._now()):
                self._deliver(lost)
            wake_at = self._desk.wake_at()
            left_s = 1.0 if wake_at is None else (wake_at - self._now().mono_ms) / 1000
            await asyncio.sleep(min(1.0, max(0.01, left_s)))

    def _handle(self, frame: bytes, where: str) -> tuple[bool, Awaitable[bytes]]:
        """Judged at once, so that frames count in the order they came; the answer waits for the disk."""
        due = self._desk.take(frame, where, self._now(), self._random(PADDING))
        task = asyncio.get_running_loop().create_task(self._keep(due))
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)
        return due.verdict.taken, task

    async def _keep(self, due: Due) -> bytes:
        if due.nothing:
            return b""
        kept = await self._take(due.signals, due.findings, due.commands, due.remember)
        return due.answer if kept else b""

    def _deaf(self, phase: Phase, cause: str) -> Finding:
        facts = {"cause": cause, "address": self._listen} if cause else {}
        return Finding(kind=OFFLINE, source=RECEIVER, phase=phase, at=self._now(), facts=facts)
