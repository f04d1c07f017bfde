"""Two people or nobody while a door is open (双人同进同出): alone, left alone, unattended. Pure; one table.

The door of a vault or of an ATM room is open: two must be there. One for longer than the grace is `single_person`, and
`left_alone` where two were there in this opening; nobody is `unattended`. A second person counts after 2 s
(`occupancy.py`). The door unknown, or nobody to be seen in the picture: nothing is concluded, and what stands stands.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec

from agent.detectors.doors import DoorView
from agent.detectors.presence import people_row
from agent.findings import Finding, Phase
from agent.signals import Moment, State

SINGLE_PERSON: Final = "custody.single_person"
LEFT_ALONE: Final = "custody.left_alone"
UNATTENDED: Final = "custody.unattended"

TWO: Final = 2


class Stage(StrEnum):
    """What was told."""

    FINE = "fine"
    SINGLE = "single"
    LEFT = "left"
    EMPTY = "empty"


class Seen(StrEnum):
    """What door and picture show."""

    SHUT = "shut"
    BLIND = "blind"  # the door is not read, or nobody can be seen
    TOGETHER = "together"
    ONE = "one"  # within the grace
    ONE_OVERDUE = "one_overdue"
    LEFT_OVERDUE = "left_overdue"  # the same, and two were there since the door opened
    NONE = "none"
    NONE_OVERDUE = "none_overdue"


TABLE: Final[Mapping[tuple[Stage, Seen], Stage]] = MappingProxyType(
    {
        (Stage.FINE, Seen.SHUT): Stage.FINE,
        (Stage.FINE, Seen.BLIND): Stage.FINE,
        (Stage.FINE, Seen.TOGETHER): Stage.FINE,
        (Stage.FINE, Seen.ONE): Stage.FINE,
        (Stage.FINE, Seen.ONE_OVERDUE): Stage.SINGLE,
        (Stage.FINE, Seen.LEFT_OVERDUE): Stage.LEFT,
        (Stage.FINE, Seen.NONE): Stage.FINE,
        (Stage.FINE, Seen.NONE_OVERDUE): Stage.EMPTY,
        (Stage.SINGLE, Seen.SHUT): Stage.FINE,
        (Stage.SINGLE, Seen.BLIND): Stage.SINGLE,
        (Stage.SINGLE, Seen.TOGETHER): Stage.FINE,
        (Stage.SINGLE, Seen.ONE): Stage.SINGLE,
        (Stage.SINGLE, Seen.ONE_OVERDUE): Stage.SINGLE,
        (Stage.SINGLE, Seen.LEFT_OVERDUE): Stage.SINGLE,
        (Stage.SINGLE, Seen.NONE): Stage.SINGLE,  # is that one behind a shelf? The grace will tell
        (Stage.SINGLE, Seen.NONE_OVERDUE): Stage.EMPTY,
        (Stage.LEFT, Seen.SHUT): Stage.FINE,
        (Stage.LEFT, Seen.BLIND): Stage.LEFT,
        (Stage.LEFT, Seen.TOGETHER): Stage.FINE,
        (Stage.LEFT, Seen.ONE): Stage.LEFT,
        (Stage.LEFT, Seen.ONE_OVERDUE): Stage.LEFT,
        (Stage.LEFT, Seen.LEFT_OVERDUE): Stage.LEFT,
        (Stage.LEFT, Seen.NONE): Stage.LEFT,
        (Stage.LEFT, Seen.NONE_OVERDUE): Stage.EMPTY,
        (Stage.EMPTY, Seen.SHUT): Stage.FINE,
        (Stage.EMPTY, Seen.BLIND): Stage.EMPTY,
        (Stage.EMPTY, Seen.TOGETHER): Stage.FINE,
        (Stage.EMPTY, Seen.ONE): Stage.FINE,
        (Stage.EMPTY, Seen.ONE_OVERDUE): Stage.SINGLE,
        (Stage.EMPTY, Seen.LEFT_OVERDUE): Stage.LEFT,
        (Stage.EMPTY, Seen.NONE): Stage.EMPTY,
        (Stage.EMPTY, Seen.NONE_OVERDUE): Stage.EMPTY,
    }
)

KINDS: Final[Mapping[Stage, str]] = MappingProxyType(
    {Stage.SINGLE: SINGLE_PERSON, Stage.LEFT: LEFT_ALONE, Stage.EMPTY: UNATTENDED}
)


class CustodyState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stage: Stage = Stage.FINE
    together: Moment | None = None  # when two were last known to be there in this opening


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a custody area and its door."""

    area: str
    door: DoorView
    people: int | None  # None: nobody can be seen now
    since: Moment | None
    grace: timedelta
    model: str


def standing(kinds: frozenset[str]) -> CustodyState:
    """The state in which one of these kinds was told and has not ended."""
    return CustodyState(stage=next((stage for stage, kind in KINDS.items() if kind in kinds), Stage.FINE))


def observe(state: CustodyState, sight: Sight, now: Moment) -> tuple[CustodyState, tuple[Finding, ...]]:
    """What this look, or the passing of time, changes."""
    seen = _seen(state, sight, now)
    stage = TABLE[state.stage, seen]
    together = state.together
    if seen is Seen.TOGETHER:
        together = now
    elif seen is Seen.SHUT:
        together = None
    findings: list[Finding] = []
    if stage is not state.stage:
        if state.stage in KINDS:
            findings.append(_finding(KINDS[state.stage], Phase.ENDED, state, sight, now))
        if stage in KINDS:
            findings.append(_finding(KINDS[stage], Phase.RAISED, state, sight, now))
    return CustodyState(stage=stage, together=together), tuple(findings)


def _seen(state: CustodyState, sight: Sight, now: Moment) -> Seen:
    if sight.door.state is State.CLOSED:
        return Seen.SHUT
    if sight.door.state is not State.OPEN or sight.people is None or sight.since is None:
        return Seen.BLIND
    if sight.people >= TWO:
        return Seen.TOGETHER
    overdue = now.since(_since(sight)) > sight.grace
    if sight.people == 0:
        return Seen.NONE_OVERDUE if overdue else Seen.NONE
    if not overdue:
        return Seen.ONE
    return Seen.LEFT_OVERDUE if state.together else Seen.ONE_OVERDUE


def _since(sight: Sight) -> Moment:
    """Since when the door is open with so many there."""
    moments = [each for each in (sight.door.since, sight.since) if each is not None]
    return max(moments, key=lambda moment: moment.mono_ms)


def _finding(kind: str, phase: Phase, state: CustodyState, sight: Sight, now: Moment) -> Finding:
    facts: dict[str, Any] = {"door": sight.door.id, "model": sight.model}
    if phase is Phase.RAISED:
        word = "empty_s" if kind == UNATTENDED else "alone_s"
        facts[word] = round(now.since(_since(sight)).total_seconds(), 1)
        facts["grace_s"] = sight.grace.total_seconds()
    rows = [sight.door.row()]
    if state.together and phase is Phase.RAISED:
        rows.append(people_row(sight.area, TWO, state.together))
    if sight.people is not None and sight.since is not None:
        rows.append(people_row(sight.area, sight.people, sight.since))
    return Finding(kind=kind, source=f"area/{sight.area}", phase=phase, at=now, facts=facts, because=tuple(rows))
