"""A camera's or recorder's clock is off. Pure; one table.

Told beyond LIMIT from the box's clock, over when within NEAR again: a measurement is good to a second. While the box's
own clock is suspect nothing is judged, and what stands stands.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.findings import Finding, Phase, because
from agent.signals import Moment, State

CLOCK_DRIFT: Final = "device.clock_drift"

LIMIT: Final = timedelta(seconds=5)
NEAR: Final = timedelta(seconds=3)


class Stage(StrEnum):
    """What was told."""

    FINE = "fine"
    OFF = "off"


class Seen(StrEnum):
    """What one measurement shows."""

    RIGHT = "right"
    BETWEEN = "between"
    OFF = "off"
    SUSPECT = "suspect"  # our own clock is


TABLE: Final[Mapping[tuple[Stage, Seen], tuple[Stage, Phase | None]]] = MappingProxyType(
    {
        (Stage.FINE, Seen.RIGHT): (Stage.FINE, Phase.ENDED),  # perhaps a run before told of it
        (Stage.FINE, Seen.BETWEEN): (Stage.FINE, None),
        (Stage.FINE, Seen.OFF): (Stage.OFF, Phase.RAISED),
        (Stage.FINE, Seen.SUSPECT): (Stage.FINE, None),
        (Stage.OFF, Seen.RIGHT): (Stage.FINE, Phase.ENDED),
        (Stage.OFF, Seen.BETWEEN): (Stage.OFF, None),
        (Stage.OFF, Seen.OFF): (Stage.OFF, None),
        (Stage.OFF, Seen.SUSPECT): (Stage.OFF, None),
    }
)


class DriftState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between measurements."""

    stage: Stage = Stage.FINE


def observe(
    state: DriftState, point: str, off: timedelta, now: Moment, *, suspect: bool
) -> tuple[DriftState, tuple[Finding, ...]]:
    """What this measurement changes; `off`: how far the device's clock is ahead of the box's."""
    stage, phase = TABLE[state.stage, _seen(off, suspect)]
    if phase is None:
        return DriftState(stage=stage), ()
    seconds = round(off.total_seconds(), 1)
    finding = Finding(
        kind=CLOCK_DRIFT,
        source=point,
        phase=phase,
        at=now,
        facts={"off_s": seconds, "limit_s": LIMIT.total_seconds()},
        because=(because(point, State.ONLINE, now, f"clock {seconds:+} s"),),
    )
    return DriftState(stage=stage), (finding,)


def _seen(off: timedelta, suspect: bool) -> Seen:
    if suspect:
        return Seen.SUSPECT
    if abs(off) > LIMIT:
        return Seen.OFF
    return Seen.RIGHT if abs(off) < NEAR else Seen.BETWEEN
