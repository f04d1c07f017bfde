"""A guarded branch with all of its box inside, and a centre behind a line that can be cut: in virtual time.

Guard, reporting, watch and outbox are the agent's own, on a real file; what the outbox holds is sealed by a paper box
and taken by the real collector. Only drivers and network are left out.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from agent.arming.commands import Answer, Command, Way
from agent.guard import Guard
from agent.memory import SavedGuard
from agent.presence import point_state
from agent.reporting import ReportingState
from agent.signals import OutputWrite, Signal, State
from agent.watch import GUARD_KEY, REPORTING_KEY, Watch
from protocol.kinds import Lane
from protocol.ledger import Position
from protocol.messages import Event, decode_event
from protocol.orders import read_args
from tests.boxes import box, reading, stored_lines
from tests.branch import site_of
from tests.clock import Clock
from tests.collecting import Box, PaperCentre
from tests.guarded import CALM, SITE, TWO
from tests.ledgers import NOW

STEP_S = 0.25


class GuardedBox:
    """One branch. `start` before anything else; `close` at the end."""

    def __init__(self, folder: Path, centre: PaperCentre) -> None:
        self.folder, self.centre = folder, centre
        self.clock = Clock(NOW)
        self.site = site_of(SITE)
        self.outputs: dict[str, str] = {}
        self.paper: Box = centre.box()
        self.line_up = True
        self._sent = dict.fromkeys(Lane, 0)

    async def start(self, *, same_boot: bool = True) -> None:
        """The agent starts on what its store holds."""
        self.folder.mkdir(exist_ok=True)
        self.outbox = box(self.folder, self.clock)
        saved, told = self.outbox.saved.get(GUARD_KEY), self.outbox.saved.get(REPORTING_KEY)
        self.guard = Guard(
            self.site,
            msgspec.json.decode(saved, type=SavedGuard) if saved else None,
            reading(self.clock).moment,
            same_boot,
        )
        self.watch = Watch(
            self.guard,
            msgspec.json.decode(told, type=ReportingState) if told else ReportingState(),
            self.outbox,
            reading=lambda: reading(self.clock),
            write=self._write,
            changed=lambda _: None,
            random=os.urandom,
            boot="boot",
        )
        await self.say(CALM | self.outputs)

    async def cut_power(self, down_s: float = 5) -> None:
        """No goodbye: another process begins on the same files, on a machine that was started anew."""
        await self.outbox.close()
        self.clock.advance(timedelta(seconds=down_s))
        self.clock = Clock(self.clock.now(), mono_ms=5_000)
        await self.start(same_boot=False)

    async def close(self) -> None:
        """The agent ends."""
        await self.outbox.close()

    async def say(self, states: dict[str, str], cause: str = "") -> None:
        """All of these in one poll."""
        now = reading(self.clock).moment
        self.watch.deliver(
            tuple(Signal(point=each, state=State(state), at=now, cause=cause) for each, state in states.items())
        )
        await self._step()

    async def give(self, action: str, *, way: Way = Way.ORDER, **args: Any) -> Answer:
        """An admitted order of two people, or what comes by another way."""
        order = "01JD0000000000000000000000" if way is Way.ORDER else ""
        people = TWO if way is Way.ORDER else ()
        command = Command(action=action, args=read_args(action, args), way=way, people=people, order=order)
        answer, found = self.guard.command(command, reading(self.clock).moment)
        await self.watch.tell(found)
        await self._step()
        return answer

    async def after(self, seconds: float) -> None:
        """Time passes at the branch and at the centre."""
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(timedelta(seconds=STEP_S))
            await self._step()

    def told(self, kind: str = "") -> list[Event]:
        """What the box's own ledger holds, the urgent lane first."""
        events = [decode_event(line) for lane in Lane for line in stored_lines(self.folder, lane)]
        return [each for each in events if each.kind.startswith(kind)]

    def marks(self, point: str) -> tuple[str, ...]:
        """What is shown beside a point's state."""
        return next(view.marks for view in self.guard.points() if view.id == point)

    def state(self, point: str) -> str:
        """What a point is shown as."""
        return next(str(view.state) for view in self.guard.points() if view.id == point)

    def send(self) -> None:
        """The line carries what the centre does not have yet, and how every point stands."""
        if not self.line_up:
            return
        self.centre.now = self.paper.now = self.clock.now()
        for head in self.outbox.heads():
            self.paper.run = head.run
            self.paper.tips[head.lane] = Position(run=head.run, seq=head.seq, hash=head.hash)
        now = reading(self.clock).moment
        points = [point_state(view, now, named=True) for view in self.guard.points()]
        self.centre.take(self.paper.birth(points))
        for lane in Lane:
            lines = stored_lines(self.folder, lane)[self._sent[lane] :]
            for start in range(0, len(lines), 100):
                self.centre.take(self.paper.events(*lines[start : start + 100]))
            self._sent[lane] += len(lines)

    async def _step(self) -> None:
        await self.watch.step()

    def _write(self, write: OutputWrite) -> None:
        """The module does it, and says so at its next poll."""
        self.outputs[write.point] = str(write.state)
        self.watch.deliver((Signal(point=write.point, state=write.state, at=reading(self.clock).moment),))
