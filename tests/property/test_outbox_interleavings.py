"""Invariant: whatever is appended, receipted, rewound or cut off in between, the chain holds and nothing is lost."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.outbox.capacity import Capacity
from agent.outbox.outbox import Outbox
from agent.outbox.records import Outcome
from protocol.kinds import Lane
from protocol.ledger import GENESIS, line_hash
from protocol.messages import LaneHead, decode_event
from tests.boxes import box, draft, follow, stored_lines

TINY = Capacity(limit_bytes=8 * 1024 * 1024, reserved_events=10, margin_bytes=0)


class Interleavings(RuleBasedStateMachine):
    """A box and a centre that remember what the other should have."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.told: dict[Lane, list[str]] = {lane: [] for lane in Lane}
        self.centre: dict[Lane, LaneHead] = {}
        self.number = 0
        self.outbox: Outbox

    @initialize()
    def start(self) -> None:
        """Open for the first time."""
        self.runner.run(self._open())

    @rule(lane=st.sampled_from(Lane), count=st.integers(1, 4))
    def append(self, lane: Lane, count: int) -> None:
        """Events are stored, several in one call."""
        kind = "door.forced" if lane is Lane.URGENT else "door.held_open"
        drafts = [draft(kind, n=self.number + each) for each in range(count)]
        self.number += count
        events = self.runner.run(self.outbox.append(drafts))
        self.told[lane] += [event.id for event in events]

    @rule(lane=st.sampled_from(Lane), limit=st.integers(1, 7))
    def deliver(self, lane: Lane, limit: int) -> None:
        """The centre takes the next lines and signs for them."""
        first = self.outbox.standing.lanes[lane].receipted + 1
        lines = self.runner.run(self.outbox.lines(lane, first, None, limit))
        if lines:
            last = lines[-1]
            self.centre[lane] = LaneHead(lane=lane, run=last.run, seq=last.seq, hash=last.hash)
            assert self.runner.run(self.outbox.receipt(self.centre[lane])) is Outcome.ADVANCED

    @rule(lane=st.sampled_from(Lane), share=st.floats(0, 1))
    def restore_centre(self, lane: Lane, share: float) -> None:
        """The centre comes back from an older copy, or from nothing."""
        known = self.centre.get(lane)
        seq = int((known.seq if known else 0) * share)
        lines = stored_lines(self.folder, lane)
        if seq:
            event = decode_event(lines[seq - 1])
            head = LaneHead(lane=lane, run=event.run, seq=seq, hash=line_hash(lines[seq - 1]))
        else:
            head = LaneHead(lane=lane, run="0" * 32, seq=0, hash=GENESIS)
        assert self.runner.run(self.outbox.rewind(head)) is not Outcome.UNKNOWN
        self.centre[lane] = head
        assert self.outbox.standing.lanes[lane].receipted == seq

    @rule(lane=st.sampled_from(Lane), seq=st.integers(1, 60))
    def forge(self, lane: Lane, seq: int) -> None:
        """A receipt for something that is not ours changes nothing."""
        before = self.outbox.standing.lanes
        head = LaneHead(lane=lane, run=self.outbox.standing.run, seq=seq, hash="e" * 64)
        assert self.runner.run(self.outbox.receipt(head)) is Outcome.UNKNOWN
        assert self.outbox.standing.lanes == before

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        """The process ends, in order or as if killed: a copy of the files is opened while the old one is still open."""
        if clean:
            self.runner.run(self.outbox.close())
        else:
            copy = Path(tempfile.mkdtemp())
            for file in self.folder.glob("outbox.db*"):
                shutil.copy(file, copy / file.name)
            self.runner.run(self.outbox.close())
            shutil.rmtree(self.folder)
            self.folder = copy
        self.runner.run(self._open())

    @invariant()
    def everything_told_is_there_in_order(self) -> None:
        """No loss, no duplicate, order kept, chain whole."""
        if not hasattr(self, "outbox"):
            return
        for lane in Lane:
            lines = stored_lines(self.folder, lane)
            follow(lines)
            ids = [event.id for event in map(decode_event, lines) if event.kind.startswith("door.")]
            assert ids == self.told[lane]
            head = self.centre.get(lane)
            assert self.outbox.standing.lanes[lane].receipted == (head.seq if head else 0)

    def teardown(self) -> None:
        """Close and remove."""
        if hasattr(self, "outbox"):
            self.runner.run(self.outbox.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    async def _open(self) -> None:
        self.outbox = box(self.folder, capacity=TINY)


Interleavings.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestInterleavings = Interleavings.TestCase
