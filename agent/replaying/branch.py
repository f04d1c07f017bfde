"""The rest of the branch while footage is replayed: doors, partitions and hours as the command line says. Pure.

A clip knows no doors: what is not said is closed and disarmed, and the site is open.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from agent.arming.calendar import Timetable
from agent.detectors.doors import DoorView
from agent.eyes.around import Armed, Around
from agent.eyes.hours import opened
from agent.replaying.spans import Span
from agent.signals import Moment, State
from protocol.site.schema import Site

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""When a clip begins that does not say when: then no hours are looked up."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says of the branch."""

    open: Sequence[Span] = ()  # doors
    released: Sequence[Span] = ()  # doors, at their `since_s`
    armed: Sequence[Span] = ()  # partitions
    closed: bool = False  # outside opening hours
    begins: datetime | None = None  # when the clip begins; None: `closed` says what hours would


def moment(said: Said, at_s: float) -> Moment:
    """A time in the clip on both clocks."""
    begins = said.begins or EPOCH
    return Moment(wall=begins + timedelta(seconds=at_s), mono_ms=round(at_s * 1000))


class Branch:
    """Everything around a camera at each time of a clip."""

    def __init__(self, site: Site, said: Said) -> None:
        self._site = site
        self._said = said
        self._timetable = Timetable(site.opening, site.calendar, site.timezone)

    def at(self, at_s: float) -> Around:
        """The branch then."""
        said = self._said
        is_open, business = not said.closed, not said.closed
        if said.begins is not None:
            hours = opened(self._timetable, moment(said, at_s).wall)
            is_open, business = hours if hours is not None else (True, True)
        return Around(
            doors={door.id: self._door(door.id, at_s) for door in self._site.door},
            released={
                door.id: sum(each.name == door.id and each.since_s <= at_s for each in said.released)
                for door in self._site.door
            },
            partitions={each.id: self._partition(each.id, at_s) for each in self._site.partition},
            open=is_open if self._site.opening else None,
            business=business,
            since=moment(said, 0.0),
        )

    def _door(self, name: str, at_s: float) -> DoorView:
        state, since_s = _stands(self._said.open, name, at_s)
        return DoorView(id=name, state=State.OPEN if state else State.CLOSED, since=moment(self._said, since_s))

    def _partition(self, name: str, at_s: float) -> Armed:
        state, since_s = _stands(self._said.armed, name, at_s)
        return Armed(state=State.ARMED_AWAY if state else State.DISARMED, since=moment(self._said, since_s))


def _stands(spans: Sequence[Span], name: str, at_s: float) -> tuple[bool, float]:
    """Whether it holds then, and since when."""
    own = [each for each in spans if each.name == name]
    for each in own:
        if each.holds(at_s):
            return True, each.since_s
    return False, max((each.until_s for each in own if each.until_s <= at_s), default=0.0)
