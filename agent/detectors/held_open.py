"""A door stands open longer than its limit. Pure; one table."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.detectors.doors import DoorView, gap_facts
from agent.findings import Finding, Phase
from agent.signals import Moment, State

HELD_OPEN: Final = "door.held_open"


class Stage(StrEnum):
    """Where the door stands."""

    SHUT = "shut"  # closed, or not known to be open
    OPEN = "open"  # within its limit
    HELD = "held"  # told as held open


class Seen(StrEnum):
    """What it shows now."""

    CLOSED = "closed"
    OPEN = "open"
    OVERDUE = "overdue"  # open for its limit or longer
    UNKNOWN = "unknown"


TABLE: Final[Mapping[tuple[Stage, Seen], tuple[Stage, Phase | None]]] = MappingProxyType(
    {
        (Stage.SHUT, Seen.CLOSED): (Stage.SHUT, None),
        (Stage.SHUT, Seen.OPEN): (Stage.OPEN, None),
        (Stage.SHUT, Seen.OVERDUE): (Stage.HELD, Phase.RAISED),
        (Stage.SHUT, Seen.UNKNOWN): (Stage.SHUT, None),
        (Stage.OPEN, Seen.CLOSED): (Stage.SHUT, None),
        (Stage.OPEN, Seen.OPEN): (Stage.OPEN, None),
        (Stage.OPEN, Seen.OVERDUE): (Stage.HELD, Phase.RAISED),
        (Stage.OPEN, Seen.UNKNOWN): (Stage.SHUT, None),  # it may have been closed meanwhile: counted anew
        (Stage.HELD, Seen.CLOSED): (Stage.SHUT, Phase.ENDED),
        (Stage.HELD, Seen.OPEN): (Stage.HELD, None),
        (Stage.HELD, Seen.OVERDUE): (Stage.HELD, None),
        (Stage.HELD, Seen.UNKNOWN): (Stage.HELD, None),
    }
)


class HeldOpenState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stage: Stage = Stage.SHUT
    since: Moment | None = None  # when it was first seen open


def observe(
    state: HeldOpenState, door: DoorView, limit: timedelta, now: Moment
) -> tuple[HeldOpenState, tuple[Finding, ...]]:
    """What this look at the door, or the passing of time, changes."""
    since = (state.since or door.since) if door.state is State.OPEN else state.since
    stage, phase = TABLE[state.stage, _seen(door, since, limit, now)]
    kept = HeldOpenState(stage=stage, since=None if stage is Stage.SHUT else since)
    if phase is None:
        return kept, ()
    finding = Finding(
        kind=HELD_OPEN,
        source=door.point,
        phase=phase,
        at=now,
        facts={
            "open_s": now.since(since).total_seconds() if since else 0.0,
            "limit_s": limit.total_seconds(),
            **gap_facts(door),
        },
        because=(door.row(),),
    )
    return kept, (finding,)


def wake_at(state: HeldOpenState, limit: timedelta) -> int | None:
    """When the limit is reached, in monotonic milliseconds."""
    return state.since.after(limit).mono_ms if state.stage is Stage.OPEN and state.since else None


def _seen(door: DoorView, since: Moment | None, limit: timedelta, now: Moment) -> Seen:
    if door.state is not State.OPEN:
        return Seen.CLOSED if door.state is State.CLOSED else Seen.UNKNOWN
    return Seen.OVERDUE if since and not door.settling and now.since(since) >= limit else Seen.OPEN
