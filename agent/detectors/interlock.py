"""Two doors of an interlock open at once: a breach after its tolerance, or an emergency release. Pure; one table.

`door.dual_open` (DOMAIN section 2) and `door.emergency_release` exclude each other. A door that is unknown starts,
raises and ends nothing by itself; a return that debounce has not confirmed holds a breach back, never starts it anew.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec

from agent.detectors.doors import DoorView, gap_facts
from agent.findings import Finding, Phase, because
from agent.signals import Moment, State
from protocol.messages import BecauseRow

DUAL_OPEN: Final = "door.dual_open"
EMERGENCY_RELEASE: Final = "door.emergency_release"


class Stage(StrEnum):
    """Where an interlock stands."""

    CLEAR = "clear"  # at most one door open, or not known otherwise
    OVERLAP = "overlap"  # more than one open, within the tolerance
    BREACH = "breach"  # told as dual_open
    RELEASED = "released"  # told as emergency_release


class Seen(StrEnum):
    """What its doors and its release show."""

    APART = "apart"  # one open at most
    BLIND = "blind"  # a door that matters is unknown
    NEAR = "near"  # more than one open, but one of them may just have closed
    TOGETHER = "together"  # more than one open
    OVERDUE = "overdue"  # the same, for the tolerance or longer
    RELEASE = "release"  # more than one open, and the emergency release is active


class Step(StrEnum):
    """What a change of stage does."""

    START = "start"  # the tolerance begins to run
    RAISE_DUAL = "raise_dual"
    END_DUAL = "end_dual"
    RAISE_RELEASE = "raise_release"
    END_RELEASE = "end_release"


TABLE: Final[Mapping[tuple[Stage, Seen], tuple[Stage, tuple[Step, ...]]]] = MappingProxyType(
    {
        (Stage.CLEAR, Seen.APART): (Stage.CLEAR, ()),
        (Stage.CLEAR, Seen.BLIND): (Stage.CLEAR, ()),
        (Stage.CLEAR, Seen.NEAR): (Stage.OVERLAP, (Step.START,)),
        (Stage.CLEAR, Seen.TOGETHER): (Stage.OVERLAP, (Step.START,)),
        (Stage.CLEAR, Seen.OVERDUE): (Stage.BREACH, (Step.START, Step.RAISE_DUAL)),  # a tolerance of nothing
        (Stage.CLEAR, Seen.RELEASE): (Stage.RELEASED, (Step.START, Step.RAISE_RELEASE)),
        (Stage.OVERLAP, Seen.APART): (Stage.CLEAR, ()),
        (Stage.OVERLAP, Seen.BLIND): (Stage.CLEAR, ()),
        (Stage.OVERLAP, Seen.NEAR): (Stage.OVERLAP, ()),
        (Stage.OVERLAP, Seen.TOGETHER): (Stage.OVERLAP, ()),
        (Stage.OVERLAP, Seen.OVERDUE): (Stage.BREACH, (Step.RAISE_DUAL,)),
        (Stage.OVERLAP, Seen.RELEASE): (Stage.RELEASED, (Step.RAISE_RELEASE,)),
        (Stage.BREACH, Seen.APART): (Stage.CLEAR, (Step.END_DUAL,)),
        (Stage.BREACH, Seen.BLIND): (Stage.BREACH, ()),
        (Stage.BREACH, Seen.NEAR): (Stage.BREACH, ()),
        (Stage.BREACH, Seen.TOGETHER): (Stage.BREACH, ()),
        (Stage.BREACH, Seen.OVERDUE): (Stage.BREACH, ()),
        (Stage.BREACH, Seen.RELEASE): (Stage.RELEASED, (Step.END_DUAL, Step.START, Step.RAISE_RELEASE)),
        (Stage.RELEASED, Seen.APART): (Stage.CLEAR, (Step.END_RELEASE,)),
        (Stage.RELEASED, Seen.BLIND): (Stage.RELEASED, ()),
        (Stage.RELEASED, Seen.NEAR): (Stage.RELEASED, ()),
        (Stage.RELEASED, Seen.TOGETHER): (Stage.OVERLAP, (Step.END_RELEASE, Step.START)),
        (Stage.RELEASED, Seen.OVERDUE): (Stage.BREACH, (Step.END_RELEASE, Step.START, Step.RAISE_DUAL)),
        (Stage.RELEASED, Seen.RELEASE): (Stage.RELEASED, ()),
    }
)


class InterlockState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stage: Stage = Stage.CLEAR
    since: Moment | None = None  # when the doors came to be open together, or the present stage began


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at an interlock."""

    id: str
    doors: tuple[DoorView, ...]
    release: State  # active, normal or unknown; normal where there is none
    release_since: Moment
    tolerance: timedelta


def observe(state: InterlockState, sight: Sight, now: Moment) -> tuple[InterlockState, tuple[Finding, ...]]:
    """What this look at the doors, or the passing of time, changes."""
    stage, steps = TABLE[state.stage, _seen(state, sight, now)]
    since = state.since
    findings: list[Finding] = []
    for step in steps:
        match step:
            case Step.START:
                since = now
            case Step.RAISE_DUAL:
                findings.append(_raised(DUAL_OPEN, sight, since, now))
            case Step.RAISE_RELEASE:
                findings.append(_raised(EMERGENCY_RELEASE, sight, since, now))
            case Step.END_DUAL:
                findings.append(_ended(DUAL_OPEN, sight, since, now))
            case Step.END_RELEASE:
                findings.append(_ended(EMERGENCY_RELEASE, sight, since, now))
    return InterlockState(stage=stage, since=since if stage is not Stage.CLEAR else None), tuple(findings)


def wake_at(state: InterlockState, tolerance: timedelta) -> int | None:
    """When the tolerance ends, in monotonic milliseconds."""
    if state.stage is not Stage.OVERLAP or state.since is None:
        return None
    return state.since.after(tolerance).mono_ms


def _seen(state: InterlockState, sight: Sight, now: Moment) -> Seen:
    not_closed = [door for door in sight.doors if door.state is not State.CLOSED]
    if len(not_closed) < 2:
        return Seen.APART
    if sum(door.state is State.OPEN for door in not_closed) < 2:
        return Seen.BLIND
    if sum(door.surely_open for door in not_closed) < 2:
        return Seen.NEAR
    # A release that is no longer read goes on; one that was never seen active is none.
    known_active = sight.release is State.ACTIVE
    if known_active or (sight.release is State.UNKNOWN and state.stage is Stage.RELEASED):
        return Seen.RELEASE
    start = state.since if state.stage is Stage.OVERLAP and state.since else now
    return Seen.OVERDUE if now.since(start) >= sight.tolerance else Seen.TOGETHER


def _raised(kind: str, sight: Sight, since: Moment | None, now: Moment) -> Finding:
    opened = sorted((door for door in sight.doors if door.state is State.OPEN), key=lambda door: door.since.mono_ms)
    rows: list[BecauseRow] = []
    for index, door in enumerate(opened):
        earlier = f"{opened[index - 1].id} not closed" if index else ""
        rows.append(door.row(door.opened_by or earlier))
    facts: dict[str, Any] = {
        "overlap_s": _seconds(since, now),
        "tolerance_s": sight.tolerance.total_seconds(),
        "doors": [door.id for door in opened],
        **gap_facts(*opened),
    }
    if kind == EMERGENCY_RELEASE:
        rows.append(because(f"release/{sight.id}", sight.release, sight.release_since))
    elif sight.release is State.UNKNOWN:
        facts["release"] = "unknown"
    return Finding(
        kind=kind,
        source=f"interlock/{sight.id}",
        phase=Phase.RAISED,
        at=now,
        facts=facts,
        because=tuple(rows),
    )


def _ended(kind: str, sight: Sight, since: Moment | None, now: Moment) -> Finding:
    closed = [door for door in sight.doors if door.state is State.CLOSED]
    rows = [door.row() for door in closed]
    if not closed or kind == EMERGENCY_RELEASE:
        rows.append(because(f"release/{sight.id}", sight.release, sight.release_since))
    return Finding(
        kind=kind,
        source=f"interlock/{sight.id}",
        phase=Phase.ENDED,
        at=now,
        facts={"overlap_s": _seconds(since, now), **gap_facts(*closed)},
        because=tuple(rows),
    )


def _seconds(since: Moment | None, now: Moment) -> float:
    return now.since(since).total_seconds() if since else 0.0
