"""Which timers an alarm must have in each state, and when they are due. A table and pure functions.

The chain of steps itself is chains.py; this file says what else runs beside it. Flow: begin.py and firing.py ask here
after everything that happened to an alarm.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from collector.alarms.clocks import review_by_ms
from collector.escalation.records import Purpose, Timer, Watched
from collector.storage.records import AlarmState

MINUTE_MS: Final = 60_000

PAUSE_MS: Final = 3 * MINUTE_MS
"""How long an answer that takes nothing in hand holds a chain."""

STALL_GRAVE_MS: Final = 5 * MINUTE_MS
STALL_MS: Final = 30 * MINUTE_MS
"""Taken, and nothing done for so long: levels 1-2, and the others."""

GRAVE: Final = 2
"""The least grave level that may not wait."""

DAY_MS: Final = timedelta(days=1) // timedelta(milliseconds=1)

OWN: Final = (
    Purpose.ESCALATE,
    Purpose.RESPOND,
    Purpose.RESUME,
    Purpose.STALL,
    Purpose.PARK,
    Purpose.REVIEW,
    Purpose.FOLLOW,
)
"""The purposes that follow from an alarm's state; `surface` follows from its shelter, the others from no alarm."""

CHAIN: Final = (Purpose.ESCALATE, Purpose.RESUME)
"""One of both carries an alarm's chain."""

KEEPS_OPEN: Final = (Purpose.ESCALATE, Purpose.RESPOND, Purpose.RESUME, Purpose.STALL, Purpose.PARK)
"""Every open alarm has one of these."""

ENDED: Final = {"ended": True}
"""The facts of a `stall` timer that stands for a chain without further steps."""

NEEDED: Final[Mapping[AlarmState, tuple[Purpose, ...]]] = MappingProxyType(
    {
        AlarmState.NEW: (Purpose.ESCALATE, Purpose.RESPOND),
        AlarmState.RETURNED: (Purpose.ESCALATE, Purpose.RESPOND),
        AlarmState.ACKNOWLEDGED: (Purpose.STALL,),
        AlarmState.VERIFYING: (Purpose.STALL,),
        AlarmState.DISPATCHED: (Purpose.STALL,),
        AlarmState.PARKED: (Purpose.PARK,),
        AlarmState.RESOLVED: (Purpose.REVIEW,),
        AlarmState.REVIEWED: (Purpose.FOLLOW,),
        AlarmState.CLOSED: (),
    }
)
"""What runs in each state. A chain goes on beside it where its policy ends later, or where a whole group must answer;
in a state that needs `escalate` it may stand as `resume` while it is paused, or as `stall` once it has ended."""


def stall_ms(level: int) -> int:
    """How long nothing may happen to an alarm in hand."""
    return STALL_GRAVE_MS if level <= GRAVE else STALL_MS


def due_ms(purpose: Purpose, alarm: Watched, now_ms: int) -> int | None:
    """When a timer that follows from the state alone is due; None: it is not needed."""
    match purpose:
        case Purpose.RESPOND:
            due = alarm.respond_by_ms
            return due if due is not None and due >= now_ms else None
        case Purpose.STALL:
            return now_ms + stall_ms(alarm.level)
        case Purpose.PARK:
            return alarm.parked_until_ms if alarm.parked_until_ms is not None else now_ms
        case Purpose.REVIEW:
            return review_by_ms(alarm.resolved_ms or now_ms, alarm.timezone)
        case Purpose.FOLLOW:
            return alarm.follow_by_ms if alarm.follow_by_ms is not None else now_ms + DAY_MS
    raise ValueError(f"{purpose.value} does not follow from a state")


def kept(state: AlarmState, there: Timer) -> bool:
    """Whether a timer that is there stays after a move: one that is needed and counts from something earlier."""
    return there.purpose in NEEDED[state] and there.purpose not in (Purpose.STALL, Purpose.PARK, *CHAIN)


def again_ms(purpose: Purpose, alarm: Watched, now_ms: int) -> int:
    """When a reminder comes again."""
    return now_ms + (stall_ms(alarm.level) if purpose is Purpose.STALL else DAY_MS)


def timer(new_id: str, alarm: str | None, purpose: Purpose, due: int, facts: Mapping[str, Any] | None = None) -> Timer:
    """A timer."""
    return Timer(id=new_id, alarm=alarm, purpose=purpose, due_ms=due, facts=facts or {})
