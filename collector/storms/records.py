"""The words and shapes of storms and shelters (docs/alarms.md 4). Shapes only."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec


class Why(StrEnum):
    """Why an alarm is kept quiet: column `shelter_why`."""

    STORM = "storm"
    INHIBITED = "inhibited"
    FLAPPING = "flapping"
    SHELVED = "shelved"
    TEST = "test"
    MAINTENANCE = "maintenance"


class Sort(StrEnum):
    """Suspensions."""

    SHELVE = "shelve"  # 限时屏蔽: at most 24 h
    TEST = "test"  # points on test
    MAINTENANCE = "maintenance"  # at most 7 d
    FLAPPING = "flapping"  # the centre's own: what was handled and keeps coming back, until ten quiet minutes


LONGEST: Final = {
    Sort.SHELVE: timedelta(hours=24),
    Sort.TEST: timedelta(hours=24),
    Sort.MAINTENANCE: timedelta(days=7),
    Sort.FLAPPING: timedelta(hours=24),
}
"""From the beginning of a suspension to its end, at most."""

FARTHEST: Final = timedelta(days=30)
"""How far ahead one may begin."""

MOST_POINTS: Final = 500
MAX_REASON: Final = 500
"""Characters."""


class Cause(StrEnum):
    """What a unit lost."""

    LINK = "link"
    POWER = "power"


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps an alarm quiet: the id of an alarm or a suspension."""

    id: str
    why: Why


class Suspension(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `suspensions`. Empty `kind`: every kind; empty `points`: the whole site."""

    id: str
    number: int
    sort: Sort
    site: str
    kind: str
    points: tuple[str, ...]
    person: str
    reason: str
    from_ms: int
    until_ms: int
    ended_ms: int | None = None
    ended_by: str = ""

    def holds_at(self, at_ms: int) -> bool:
        """Whether it is in force at a moment; its end does not belong to it."""
        return self.from_ms <= at_ms < self.over_ms

    @property
    def over_ms(self) -> int:
        """When it ended, or will."""
        return self.until_ms if self.ended_ms is None else min(self.until_ms, self.ended_ms)


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that lost something: what the centre tells as `incident.*`, and the event that tells it."""

    unit: str
    cause: Cause
    sites: int
    event_id: str = ""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `incidents` with what its alarm says; open."""

    alarm: str
    cause: Cause
    unit: str
    first_ms: int
    last_ms: int
    sites: int
    restored: bool = False
    shelter: str | None = None


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """A site that lost something; `alarm` is the untaken alarm that says so, none while it is being opened."""

    site: str
    unit: str
    cause: Cause
    timezone: str = "UTC"
    alarm: str | None = None
