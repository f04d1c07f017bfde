"""Births, beats and deaths: what the box says of itself and of the present, made from a glance at everything. Pure.

The present does not wait for the backlog: a birth carries every point, a beat those that changed since the last beat
that was receipted (WIRE 2.8).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from agent.clocks import Reading
from agent.signals import Moment, PointView
from protocol.limits import MAX_POINTS
from protocol.messages import Beat, Birth, ConfigState, Death, Health, LaneHead, PointState, SiteFacts
from protocol.timestamps import format_time

MAX_CAUSE: Final = 64
"""Characters of a cause on the wire."""

MAX_BEAT_POINTS: Final = 150
"""Changed points of one beat; with names left out they take some 20 KiB. The rest follows with the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """What stays the same for one connection of one run."""

    box: str
    run: str
    site: SiteFacts
    software: str
    x5c: tuple[str, ...]
    beat_s: float
    silent_after_s: float
    config: ConfigState | None = None  # none where the box works with a plain site file
    machine: str = ""


def birth(me: Self, counter: int, heads: tuple[LaneHead, ...], points: Iterable[PointView], reading: Reading) -> Birth:
    """Who I am, where my ledger stands, and every point."""
    now = reading.moment
    return Birth(
        v=1,
        box=me.box,
        run=me.run,
        counter=counter,
        at=format_time(now.wall),
        mono_ms=now.mono_ms,
        clock=reading.clock,
        site=me.site,
        software=me.software,
        beat_s=me.beat_s,
        silent_after_s=me.silent_after_s,
        heads=heads,
        x5c=me.x5c,
        points=tuple(point_state(view, now, named=True) for view in points)[:MAX_POINTS],
        config=me.config,
        machine=me.machine,
    )


def beat(
    me: Self,
    counter: int,
    heads: tuple[LaneHead, ...],
    health: Health,
    challenge: str,
    echo: str,
    points: Iterable[PointView],
    reading: Reading,
) -> Beat:
    """Alive."""
    now = reading.moment
    return Beat(
        v=1,
        box=me.box,
        run=me.run,
        counter=counter,
        at=format_time(now.wall),
        mono_ms=now.mono_ms,
        clock=reading.clock,
        heads=heads,
        health=health,
        challenge=challenge,
        echo=echo,
        points=tuple(point_state(view, now, named=False) for view in points),
        config=me.config,
    )


def death(me: Self, counter: int, reading: Reading) -> Death:
    """The will of a connection; it only shortens the wait for silence."""
    return Death(v=1, box=me.box, run=me.run, counter=counter, at=format_time(reading.moment.wall))


def point_state(view: PointView, now: Moment, *, named: bool) -> PointState:
    """A point as it goes on the wire; an age is never negative, whatever the clocks did."""
    return PointState(
        id=view.id,
        state=view.state.value,
        age_ms=max(0, now.since(view.since) // timedelta(milliseconds=1)),
        name=view.name if named else "",
        cause=view.cause[:MAX_CAUSE],
        marks=view.marks,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Points that the centre does not know yet: id -> the counter of the beat that last carried it, 0 before any."""

    told_in: Mapping[str, int]

    def due(self) -> tuple[str, ...]:
        """What the next beat carries."""
        return tuple(self.told_in)[:MAX_BEAT_POINTS]


NO_CHANGES: Final = Changes(told_in={})


def changed(changes: Changes, ids: Iterable[str]) -> Changes:
    """With these points changed."""
    return Changes(told_in={**changes.told_in, **dict.fromkeys(ids, 0)})


def carried(changes: Changes, ids: Iterable[str], counter: int) -> Changes:
    """With these points told in beat `counter`."""
    return Changes(told_in={**changes.told_in, **dict.fromkeys(ids, counter)})


def answered(changes: Changes, counter: int) -> Changes:
    """Without what the beats up to `counter` told: the centre has it."""
    return Changes(told_in={each: told for each, told in changes.told_in.items() if not 0 < told <= counter})
