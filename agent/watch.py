"""The guard at work: signals in, findings told, events and memory stored in one transaction, then outputs written.

The shell around `guard.py` and `reporting.py`; every finding of the agent, the uplink's and the clock's too, goes
through here, so that limits and restores hold for all. If the disk refuses, outputs move all the same and what could
not be stored is tried again: the branch guards itself.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Final

import msgspec

from agent import reporting
from agent.arming.commands import Answer, Command
from agent.clocks import Reading
from agent.evidence.promises import OpenPromises
from agent.findings import Finding
from agent.guard import Guard
from agent.outbox.lines import event_id
from agent.outbox.outbox import Outbox
from agent.outbox.store import StoreClosedError
from agent.remembering import encode_armed
from agent.reporting import Draft, ReportingState
from agent.signals import OutputWrite, Signal
from protocol.kinds import Lane

LOG: Final = logging.getLogger("branchwatch.watch")

GUARD_KEY: Final = "guard"
ARMED_KEY: Final = "armed"
REPORTING_KEY: Final = "reporting"
BOOT_KEY: Final = "boot"

MAX_UNSTORED: Final = 2_000
"""Drafts held in memory while the disk refuses; a day of an ordinary outlet. Then the oldest routine ones go."""

RETRY_S: Final = 1.0


class Watch:
    """Runs the guard over what drivers deliver."""

    def __init__(
        self,
        guard: Guard,
        reported: ReportingState,
        outbox: Outbox,
        *,
        reading: Callable[[], Reading],
        write: Callable[[OutputWrite], None],
        changed: Callable[[Iterable[str]], None],
        random: Callable[[int], bytes],
        boot: str,
        promises: OpenPromises | None = None,
    ) -> None:
        self._promises = promises
        self._guard = guard
        self._reported = reported
        self._outbox = outbox
        self._reading = reading
        self._write = write
        self._changed = changed
        self._random = random
        self._boot = boot
        self._signals: list[tuple[Signal, ...]] = []
        self._findings: list[Finding] = []
        self._commands: list[tuple[Command, asyncio.Future[Answer] | None]] = []
        self._kept_for: list[asyncio.Future[None]] = []
        self._remember: dict[str, bytes] = {}
        self._unstored: list[Draft] = []
        self._stored_guard: object = None
        self._stored_reported: ReportingState | None = None
        self._wake_at: int | None = None
        self._refused = False
        self._ending = False
        self._woken = asyncio.Event()
        self._woken.set()

    def deliver(self, signals: tuple[Signal, ...]) -> None:
        """Take all changes of one poll; called by drivers, never blocks, drops nothing."""
        self._signals.append(signals)
        self._woken.set()

    async def tell(self, findings: Iterable[Finding]) -> None:
        """Take findings made elsewhere in the agent."""
        found = tuple(findings)
        if found:
            self._findings += found
            self._woken.set()

    async def take(
        self,
        signals: tuple[Signal, ...] = (),
        findings: Iterable[Finding] = (),
        commands: Iterable[Command] = (),
        remember: Mapping[str, bytes] = MappingProxyType({}),
    ) -> bool:
        """Take what one message of a peer says, all of it in one round; back once that is on the disk.

        `remember`: what whoever talks to that peer must know after a restart, stored with it. False: the disk refused,
        and the peer must not be told that we have it. The branch is guarded all the same.
        """
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._kept_for.append(over)
        if signals:
            self._signals.append(signals)
        self._commands += [(command, None) for command in commands]
        self._findings += findings
        self._remember |= remember
        self._woken.set()
        await over
        return not self._refused

    async def command(self, command: Command, remember: Mapping[str, bytes] = MappingProxyType({})) -> Answer:
        """Have something done, through the guard; back once what followed is on the disk and outputs are written.

        `remember` is stored with it, also where nothing follows: then it takes as long as where something does.
        """
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._commands.append((command, answered))
        self._remember |= remember
        self._woken.set()
        return await answered

    async def keep(self, findings: Iterable[Finding]) -> None:
        """The same, and back when the round that took them is over: who asks for events then finds them."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._kept_for.append(over)
        await self.tell(findings)
        self._woken.set()
        await over

    def exercise(self, point: str) -> str:
        """Have an output moved for a walk test, through the guard's own checks; the word says why not, if so."""
        refused, findings = self._guard.exercise(point, self._reading().moment)
        self._findings += findings
        self._woken.set()
        return refused

    @property
    def stores(self) -> bool:
        """Whether the store took what it was given last."""
        return not self._refused

    def end(self) -> None:
        """Have `run` return behind its present round: what is being stored would be stored again if it were cut off."""
        self._ending = True
        self._woken.set()

    async def run(self) -> None:
        """Watch until told to end."""
        while not self._ending:
            await self._wait()
            await self.step()

    async def step(self) -> None:
        """One round: observe what came, store what follows, write outputs."""
        reading = self._reading()
        now = reading.moment
        batches, self._signals = self._signals, []
        findings, self._findings = self._findings, []
        kept_for, self._kept_for = self._kept_for, []
        commands, self._commands = self._commands, []
        writes: list[OutputWrite] = []
        wakes: list[int] = []
        answers: list[tuple[asyncio.Future[Answer], Answer]] = []

        def observe(signals: tuple[Signal, ...]) -> None:
            decision = self._guard.observe(signals, now)
            findings.extend(decision.findings)
            writes.extend(decision.writes)
            wakes[:] = [decision.wake_at] if decision.wake_at is not None else []
            if decision.changed:
                self._changed([view.id for view in decision.changed])

        for signals in batches or [()]:
            observe(signals)
        for command, answered in commands:
            answer, found = self._guard.command(command, now)
            findings += found
            if answered is not None:
                answers.append((answered, answer))
        if commands:
            observe(())
        self._reported, drafts = reporting.report(
            self._reported, findings, now, lambda: event_id(self._reading(), self._random(10))
        )
        if self._promises:
            drafts = self._promises.give(drafts)
        wake = reporting.wake_at(self._reported)
        self._wake_at = min([*wakes, *([wake] if wake is not None else [])], default=None)
        await self._store(drafts)
        for write in writes:
            self._write(write)
        for over in kept_for:
            if not over.done():  # whoever waited may be gone
                over.set_result(None)
        for answered, answer in answers:
            if not answered.done():
                answered.set_result(answer)

    async def _store(self, drafts: Sequence[Draft]) -> None:
        remember, self._remember = self._remember, {}
        saved = {**remember, **self._to_save()}
        self._unstored += drafts
        if not self._unstored and not saved:
            return
        try:
            await self._outbox.append(tuple(self._unstored), saved)
        except StoreClosedError as error:
            if len(self._unstored) == len(drafts):
                LOG.error("events cannot be stored, trying on: %s", error)  # noqa: TRY400 - one line, no traceback
            self._unstored = newest(self._unstored)
            self._remember = remember | self._remember
            self._refused = True
            return
        self._refused = False
        self._unstored.clear()
        self._stored_guard, self._stored_reported = self._guard.saved(), self._reported
        if self._promises:
            self._promises.stored()

    def _to_save(self) -> Mapping[str, bytes]:
        saved: dict[str, bytes] = {}
        guard = self._guard.saved()
        if guard != self._stored_guard:
            saved[GUARD_KEY] = msgspec.json.encode(guard)
            saved[ARMED_KEY] = encode_armed(guard.arming)
        if self._reported != self._stored_reported:
            saved[REPORTING_KEY] = msgspec.json.encode(self._reported)
        if self._stored_guard is None:
            saved[BOOT_KEY] = self._boot.encode()
        return {**saved, **self._promises.to_save()} if self._promises else saved

    async def _wait(self) -> None:
        wait_s: float | None = RETRY_S if self._unstored else None
        if self._wake_at is not None:
            left_s = max(0.0, (self._wake_at - self._reading().moment.mono_ms) / 1000)
            wait_s = left_s if wait_s is None else min(wait_s, left_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
        self._woken.clear()


def newest(drafts: Sequence[Draft]) -> list[Draft]:
    """At most MAX_UNSTORED, in their order: the oldest routine ones go, urgent ones only where no routine is left."""
    over = max(0, len(drafts) - MAX_UNSTORED)
    by_worth = sorted(range(len(drafts)), key=lambda at: (drafts[at].lane is Lane.URGENT, at))
    gone = set(by_worth[:over])
    return [draft for at, draft in enumerate(drafts) if at not in gone]
