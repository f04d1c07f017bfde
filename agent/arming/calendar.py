"""Which hours a day has: working days, weekends, holidays, exceptions, on the site's own clock. Pure.

What a day is, `protocol/workdays/` says by the published days and the site's `[calendar]`; an exception of `[opening]`
beats everything. Flow: site file -> `Timetable.days(wall)` -> `hours.py`; `within` for people's hours.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from protocol.site.schema import Calendar, Opening
from protocol.workdays.days import DayKind, Workdays

_A_DAY = timedelta(days=1)


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
    busy_until: datetime | None = None  # until then a partition may be opened once more
    open_by: datetime | None = None
    arm_by: datetime | None = None
    warn_at: datetime | None = None
    auto_arm: datetime | None = None

    def is_business(self, at: datetime) -> bool:
        """Whether somebody may be expected to open then."""
        return bool(self.early_from and self.busy_until and self.early_from <= at < self.busy_until)


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """The day that it is and the one before."""

    today: DayPlan
    yesterday: DayPlan
    unknown_year: int = 0
    """A year that matters by now and has no calendar; 0: none."""
    scheduled: bool = True
    """The site file has opening hours."""


class Timetable:
    """The days of one site."""

    def __init__(self, opening: Opening | None, calendar: Calendar | None, timezone: str) -> None:
        self._opening = opening or Opening()
        self._scheduled = opening is not None
        self._workdays = Workdays(calendar)
        self._exceptions = {date.fromisoformat(each.date): each for each in self._opening.exception}
        self._zone = ZoneInfo(timezone)
        self._last: Days | None = None

    def days(self, wall: datetime) -> Days:
        """The day that it is at the site, and the one before."""
        if self._last is None or not self._last.today.begins <= wall < self._last.today.ends:
            today = wall.astimezone(self._zone).date()
            self._last = Days(
                today=self.plan(today),
                yesterday=self.plan(today - _A_DAY),
                unknown_year=self._workdays.unknown_year(today) if self._scheduled else 0,
                scheduled=self._scheduled,
            )
        return self._last

    def kind(self, day: date) -> DayKind:
        """What a day is."""
        return self._workdays.kind(day)

    def plan(self, day: date) -> DayPlan:
        """The hours of one day. What the box does, or calls late, never falls into hours that are open."""
        opening, exception, kind = self._opening, self._exceptions.get(day), self._workdays.kind(day)
        of_kind = {
            DayKind.WORKING: opening.weekdays,
            DayKind.WEEKEND: opening.weekends,
            DayKind.HOLIDAY: opening.holidays,
        }
        hours = exception.hours if exception else of_kind[kind]
        opens, closes = (self._at(day, text) for text in hours.split("-")) if hours else (None, None)
        own = exception.arm_by if exception else None
        arm_by = _after_hours(self._time(day, own or opening.arm_by), opens, closes)
        auto_arm = _after_hours(self._time(day, opening.auto_arm), opens, closes)
        if own and arm_by and auto_arm and closes and auto_arm >= closes:
            auto_arm = max(auto_arm, arm_by)
        open_by = self._time(day, opening.open_by)
        return DayPlan(
            date=day,
            kind=kind,
            provisional=self._workdays.is_provisional(day.year),
            begins=self._at(day, "00:00"),
            ends=self._at(day + _A_DAY, "00:00"),
            opens=opens,
            closes=closes,
            early_from=opens - opening.early if opens else None,
            busy_until=max(closes, arm_by or closes) if closes else None,
            open_by=max(opens, min(open_by, closes)) if open_by and opens and closes else None,
            arm_by=arm_by,
            warn_at=auto_arm - opening.auto_arm_warning if auto_arm else None,
            auto_arm=auto_arm,
        )

    def _time(self, day: date, text: str | None) -> datetime | None:
        return self._at(day, text) if text else None

    def _at(self, day: date, text: str) -> datetime:
        return datetime.combine(day, time.fromisoformat(text), self._zone).astimezone(UTC)


def within(hours: str, wall: datetime, timezone: str) -> bool:
    """Whether it is within these hours of the day there, like `08:30-17:00`, or over midnight `22:00-06:00`."""
    opens, closes = (time.fromisoformat(text) for text in hours.split("-"))
    clock = wall.astimezone(ZoneInfo(timezone)).time()
    return opens <= clock < closes if opens < closes else clock >= opens or clock < closes


def _after_hours(at: datetime | None, opens: datetime | None, closes: datetime | None) -> datetime | None:
    """Not while the site is open: at its closing then."""
    return closes if at and opens and closes and opens <= at < closes else at
