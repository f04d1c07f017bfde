"""An output that was asked for does not read back: refused by its module, or stuck. Pure; one table.

What is asked for stands in `agent/outputs.py`. An output that is not read is no proof of anything: it starts and ends
nothing, its device is told instead.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.findings import Finding, Phase, because
from agent.signals import Moment, State

OUTPUT_REFUSED: Final = "device.output_refused"

PATIENCE: Final = timedelta(seconds=3)
"""So long an output may read otherwise than asked: three writings, and a module that takes its time."""


class Stage(StrEnum):
    """Where an output stands."""

    FINE = "fine"  # it reads as asked, or nobody asks for it
    LATE = "late"  # it does not, within the patience
    REFUSED = "refused"  # told


class Seen(StrEnum):
    """What it shows now."""

    FOLLOWS = "follows"  # also when nobody asks any more
    LAGS = "lags"
    OVERDUE = "overdue"  # the same, for the patience or longer
    UNKNOWN = "unknown"


TABLE: Final[Mapping[tuple[Stage, Seen], tuple[Stage, Phase | None]]] = MappingProxyType(
    {
        (Stage.FINE, Seen.FOLLOWS): (Stage.FINE, None),
        (Stage.FINE, Seen.LAGS): (Stage.LATE, None),
        (Stage.FINE, Seen.OVERDUE): (Stage.REFUSED, Phase.RAISED),
        (Stage.FINE, Seen.UNKNOWN): (Stage.FINE, None),
        (Stage.LATE, Seen.FOLLOWS): (Stage.FINE, None),
        (Stage.LATE, Seen.LAGS): (Stage.LATE, None),
        (Stage.LATE, Seen.OVERDUE): (Stage.REFUSED, Phase.RAISED),
        (Stage.LATE, Seen.UNKNOWN): (Stage.FINE, None),  # nobody knows what it did meanwhile: counted anew
        (Stage.REFUSED, Seen.FOLLOWS): (Stage.FINE, Phase.ENDED),
        (Stage.REFUSED, Seen.LAGS): (Stage.REFUSED, None),
        (Stage.REFUSED, Seen.OVERDUE): (Stage.REFUSED, None),
        (Stage.REFUSED, Seen.UNKNOWN): (Stage.REFUSED, None),
    }
)


class OutputState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stage: Stage = Stage.FINE
    since: Moment | None = None  # when it was first seen not to follow


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at an output."""

    point: str
    asked: State | None  # None: nobody asks for anything
    reads: State
    reads_since: Moment


def observe(state: OutputState, sight: Sight, now: Moment) -> tuple[OutputState, tuple[Finding, ...]]:
    """What this look at the output, or the passing of time, changes."""
    since = state.since or now
    stage, phase = TABLE[state.stage, _seen(sight, since, now)]
    kept = OutputState() if stage is Stage.FINE else OutputState(stage=stage, since=since)
    if phase is None:
        return kept, ()
    facts = {"asked": sight.asked, "reads": sight.reads, "late_s": now.since(since).total_seconds()}
    finding = Finding(
        kind=OUTPUT_REFUSED,
        source=sight.point,
        phase=phase,
        at=now,
        facts={name: value for name, value in facts.items() if value is not None},
        because=(because(sight.point, sight.reads, sight.reads_since),),
    )
    return kept, (finding,)


def wake_at(state: OutputState) -> int | None:
    """When the patience ends, in monotonic milliseconds."""
    return state.since.after(PATIENCE).mono_ms if state.stage is Stage.LATE and state.since else None


def _seen(sight: Sight, since: Moment, now: Moment) -> Seen:
    if sight.asked is None or sight.reads is sight.asked:
        return Seen.FOLLOWS
    if sight.reads is State.UNKNOWN:
        return Seen.UNKNOWN
    return Seen.OVERDUE if now.since(since) >= PATIENCE else Seen.LAGS
