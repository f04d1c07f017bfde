"""A vehicle in the cash truck's bay: it came, it left, or there is none while cash is handed over. Pure.

`vehicle.bay` is told twice a visit. `vehicle.absent` stands while the door is open, longer than the grace, with nothing
in the bay. Counts are those of `occupancy.py`, held for HELD: a truck that only passes is none. Only a model knows a
vehicle: without one nothing is concluded.
"""

from datetime import timedelta
from typing import Any, Final

import msgspec

from agent.detectors.doors import DoorView
from agent.detectors.lasting import TABLE, Seen, Stage
from agent.findings import Finding, Phase, because
from agent.signals import Moment, State
from protocol.messages import BecauseRow

BAY: Final = "vehicle.bay"
ABSENT: Final = "vehicle.absent"

HELD: Final = timedelta(seconds=1)


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a bay, and at the door that is open while cash is handed over."""

    area: str
    vehicles: int | None  # None: nothing can be seen, or nobody knows a vehicle
    since: Moment | None
    model: str
    bay: bool = False
    door: DoorView | None = None
    grace: timedelta = timedelta(0)


class VehicleState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stood: Moment | None = None  # since when one stands there
    stage: Stage = Stage.CALM  # of `vehicle.absent`


def standing(told: bool) -> VehicleState:
    """The state in which `vehicle.absent` was told and has not ended, or was not."""
    return VehicleState(stage=Stage.STANDS if told else Stage.CALM)


def observe(state: VehicleState, sight: Sight, now: Moment) -> tuple[VehicleState, tuple[Finding, ...]]:
    """What this look, or the passing of time, changes."""
    findings: list[Finding] = []
    stood = state.stood
    if sight.bay and sight.vehicles is not None and sight.since is not None:
        if sight.vehicles and stood is None:
            stood = sight.since
            findings.append(_told(sight, {"bay": "came"}, sight.since, now))
        elif not sight.vehicles and stood is not None:
            seconds = round(sight.since.since(stood).total_seconds(), 1)
            findings.append(_told(sight, {"bay": "left", "stood_s": seconds}, stood, now))
            stood = None
    stage, phase = TABLE[state.stage, _seen(sight, now)]
    if phase is not None:
        findings.append(_absent(sight, phase, now))
    return VehicleState(stood=stood, stage=stage), tuple(findings)


def _seen(sight: Sight, now: Moment) -> Seen:
    if sight.door is None or sight.door.state is State.CLOSED:
        return Seen.FREE
    if sight.door.state is not State.OPEN or sight.vehicles is None or sight.since is None:
        return Seen.BLIND
    if sight.vehicles:
        return Seen.FREE
    since = max(sight.door.since, sight.since, key=lambda moment: moment.mono_ms)
    return Seen.OVERDUE if now.since(since) >= sight.grace else Seen.BRIEF


def _told(sight: Sight, facts: dict[str, Any], stood: Moment, now: Moment) -> Finding:
    rows: tuple[BecauseRow, ...] = (because(f"area/{sight.area}", "occupied", stood, "vehicle"),)
    if not sight.vehicles:
        rows = (*rows, because(f"area/{sight.area}", "empty", sight.since or now))
    return Finding(
        kind=BAY,
        source=f"area/{sight.area}",
        phase=Phase.TOLD,
        at=now,
        facts={**facts, "model": sight.model},
        because=rows,
    )


def _absent(sight: Sight, phase: Phase, now: Moment) -> Finding:
    rows = [sight.door.row()] if sight.door else []
    if sight.vehicles is not None and sight.since is not None:
        rows.append(because(f"area/{sight.area}", "occupied" if sight.vehicles else "empty", sight.since, "vehicle"))
    facts: dict[str, Any] = {"model": sight.model, **({"door": sight.door.id} if sight.door else {})}
    return Finding(kind=ABSENT, source=f"area/{sight.area}", phase=phase, at=now, facts=facts, because=tuple(rows))
