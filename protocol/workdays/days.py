"""What a day is: worked, weekend or holiday, by the published calendar and what a `[calendar]` corrects in it. Pure.

What the program knows comes from two adapters (`published.py`, `statutory.py`); a file beats both. A year that nobody
knows is provisional: Monday to Friday, less the days that are holidays by law. Flow: the box's opening hours
(agent/arming/calendar.py) and the centre's deadlines (collector/alarms/clocks.py) ask here.
"""

from datetime import date
from enum import StrEnum

from protocol.site.schema import Calendar
from protocol.workdays import published, statutory

_SATURDAY = 5


class DayKind(StrEnum):
    """What a day is."""

    WORKING = "working"  # Monday to Friday, and weekends that are worked
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


class Workdays:
    """The days of one calendar."""

    def __init__(self, calendar: Calendar | None) -> None:
        calendar = calendar or Calendar()
        self._chinese = calendar.country == "CN"
        self._years = frozenset(calendar.years)
        self._off = frozenset(date.fromisoformat(day) for day in calendar.holidays)
        self._worked = frozenset(date.fromisoformat(day) for day in calendar.working)

    def kind(self, day: date) -> DayKind:
        """What a day is: the file's word, else the published one, else the law's."""
        if day in self._off:
            return DayKind.HOLIDAY
        if day in self._worked:
            return DayKind.WORKING
        plain = DayKind.WEEKEND if day.weekday() >= _SATURDAY else DayKind.WORKING
        if not self._chinese or day.year in self._years:
            return plain
        if published.knows(day.year):
            if published.is_off(day):
                return DayKind.HOLIDAY
            return DayKind.WORKING if published.is_worked(day) else plain
        return DayKind.HOLIDAY if statutory.is_statutory(day) else plain

    def is_provisional(self, year: int) -> bool:
        """Whether nobody has said yet which days of it are worked."""
        return self._chinese and year not in self._years and not published.knows(year)

    def unknown_year(self, today: date) -> int:
        """The first year that is needed by now (the next one from December), later than published, unknown; 0: none."""
        needed = (today.year, today.year + 1) if today.month == 12 else (today.year,)
        return next((year for year in needed if year > published.LATEST and self.is_provisional(year)), 0)
