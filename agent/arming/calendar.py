"""Which hours a day has: working days, weekends, holidays, exceptions, on the site's own clock. Pure.

What the program knows of holidays comes from two adapters (`workdays.py`, `statutory.py`); `[calendar]` corrects both,
and an exception of `[opening]` beats everything. A year that neither knows is provisional: Monday to Friday, less the
days that are holidays by law. Flow: site file -> `Timetable.days(wall)` -> `hours.py`.
"""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from protocol.site.schema import Calendar, Opening, OpeningException


class DayKind(StrEnum):
    """What a day is, for opening hours."""

    WORKING = "working"  # Monday to Friday, and weekends that are worked
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


class DayPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One day of a site, its times as instants."""

    date: date
    kind: DayKind
    begins: datetime
    ends: datetime
    provisional: bool = False
    opens: datetime | None = None  # None: closed all day
    closes: datetime | None = None
    early_from: datetime | None = None  # from then on opening is not early
    open_by: datetime | None = None
    arm_by: datetime | None = None
    warn_at: datetime | None = None
    auto_arm: datetime | None = None


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """The day that it is and the one before, and a year that matters and has no calendar (0: none)."""

    today: DayPlan
    yesterday: DayPlan
    unknown_year: int = 0
    scheduled: bool = True
    """The site file has opening hours."""


class Timetable:
    """The days of one site."""

    def __init__(self, opening: Opening | None, calendar: Calendar | None, timezone: str) -> None:
        self._opening = opening
        self._calendar = calendar or Calendar()
        self._zone = ZoneInfo(timezone)

    def days(self, wall: datetime) -> Days:
        """The day that it is at the site, and the one before."""
        raise NotImplementedError
