"""How far the box believes its wall clock: a floor and an offset from signed receipts, jumps against monotonic time.

Pure. A bad clock is flagged in every event and told once as `box.clock_fault`; it is never a reason to refuse or
to hold back anything (FIELD-FAULTS row 13, WIRE 3.7). Flow: receipts and a tick a second -> here -> the outbox's flag.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.messages import Clock
from protocol.timestamps import format_time

FAULT_KIND: Final = "box.clock_fault"
SOURCE: Final = "box/clock"

MAX_OFFSET: Final = timedelta(seconds=30)
"""Against reference time (GA 38-2021): more is a fault."""

MAX_STEP: Final = timedelta(seconds=2)
"""Wall time that passes more or less than this beside monotonic time between two ticks was set by somebody."""

HOLDS_FOR: Final = timedelta(hours=1)
"""How long a confirmed clock counts as synced without a new receipt; a bad crystal drifts 0.2 s in it."""

MAX_ROUND_TRIP: Final = timedelta(seconds=5)
"""A receipt that came later than this after its beat measures the link, not the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the clock says and how far to believe it."""

    moment: Moment
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """What is known of the wall clock. `floor` is the latest time that a signed receipt ever stated."""

    floor: datetime
    last: Moment | None = None
    confirmed: Moment | None = None  # when a receipt last agreed
    offset: timedelta = timedelta(0)  # reference minus wall, by the last receipt
    cause: str = ""  # why the clock is suspect; empty while it is not

    def word(self, now: Moment) -> Clock:
        """The flag that events carry."""
        if self.cause:
            return Clock.SUSPECT
        if self.confirmed is not None and now.since(self.confirmed) <= HOLDS_FOR:
            return Clock.SYNCED
        return Clock.HOLDOVER


def ticked(state: ClockState, now: Moment) -> ClockState:
    """The state after a look at both clocks."""
    cause = state.cause
    offset = state.offset
    if state.last is not None:
        stepped = (now.wall - state.last.wall) - now.since(state.last)
        if abs(stepped) > MAX_STEP:
            offset -= stepped
            cause = "stepped"
    # What a receipt said an instant ago counts more than an older one's floor: that centre's clock may have been wrong.
    agreed = state.confirmed is not None and now.since(state.confirmed) <= HOLDS_FOR
    if now.wall < state.floor - MAX_OFFSET and not agreed:
        cause = "behind"
    elif cause == "behind":
        cause = ""
    return replace(state, last=now, offset=offset, cause=cause)


def confirmed(state: ClockState, reference: datetime, round_trip: timedelta, now: Moment) -> ClockState:
    """The state after a signed receipt stated `reference`, `round_trip` after the beat that it answers."""
    state = replace(state, floor=max(state.floor, reference))
    if round_trip > MAX_ROUND_TRIP:
        return ticked(state, now)
    offset = reference - now.wall + round_trip / 2
    if abs(offset) > MAX_OFFSET:
        return replace(state, last=now, offset=offset, cause="offset", confirmed=None)
    return replace(state, last=now, offset=offset, cause="", confirmed=now)


def clock_findings(before: ClockState, after: ClockState, now: Moment) -> tuple[Finding, ...]:
    """The fault that began or ended between two states."""
    if bool(before.cause) == bool(after.cause):
        return ()
    facts = {"offset_s": round(after.offset.total_seconds(), 1), "floor": format_time(after.floor)}
    if after.cause:
        return (_finding(Phase.RAISED, now, {**facts, "cause": after.cause}),)
    return (_finding(Phase.ENDED, now, facts),)


def _finding(phase: Phase, now: Moment, facts: dict[str, object]) -> Finding:
    return Finding(kind=FAULT_KIND, source=SOURCE, phase=phase, at=now, facts=facts)
