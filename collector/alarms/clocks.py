"""The clocks of an alarm (DOMAIN 3): response in seconds, review the same day, follow-up in days. Pure.

The response clock runs day and night and is never paused. The follow-up counts days from the opening, to the end of the
last one on the site's clock; weekends and holidays extend it only where the level permits it. Flow: moving.py and
ingest/alarming.py write what these say; rules/checking.py asks whether the calendar knows its year.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final

import msgspec

from collector.times import day_end_ms, local, unix_ms, zone_of
from protocol.site.schema import Calendar
from protocol.texts import Said, said
from protocol.workdays.days import DayKind, Workdays

RESPONSE: Final[Mapping[int, timedelta]] = MappingProxyType(
    {
        1: timedelta(seconds=30),
        2: timedelta(seconds=60),
        3: timedelta(seconds=90),
        4: timedelta(minutes=10),
    }
)
"""Level -> by when it must be taken in hand; level 5 has none."""


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """How long the follow-up of a level may take, and whether only working days count."""

    days: int
    working_only: bool


FOLLOW_UP: Final[Mapping[int, FollowUp]] = MappingProxyType(
    {
        1: FollowUp(days=2, working_only=False),
        2: FollowUp(days=2, working_only=False),
        3: FollowUp(days=4, working_only=True),
        4: FollowUp(days=4, working_only=True),
        5: FollowUp(days=4, working_only=True),
    }
)
"""Level -> the follow-up where a central desk does it."""

OUTLETS: Final = FollowUp(days=3, working_only=True)
"""Levels 3-5 where the outlets do it."""

LONGEST_BREAK: Final = timedelta(days=60)
"""No calendar has more days in a row that nobody works; a file that says so ends the counting here."""

DECEMBER: Final = 12
_MS: Final = timedelta(milliseconds=1)


def respond_by_ms(level: int, from_ms: int) -> int | None:
    """When an alarm must be acknowledged: from its opening, a rise, or its return to the queue; None: no clock runs."""
    response = RESPONSE.get(level)
    return None if response is None else from_ms + response // _MS


def respond_from_ms(level: int, respond_by_ms: int) -> int:
    """When the response clock that ends then began: how warm a deadline is counts from there, not from the opening."""
    return respond_by_ms - RESPONSE.get(level, timedelta(0)) // _MS


def review_by_ms(resolved_ms: int, timezone: str) -> int:
    """When it must be reviewed: the end of the day on which it was resolved."""
    return day_end_ms(resolved_ms, timezone)


def follow_by_ms(level: int, opened_ms: int, timezone: str, workdays: Workdays, *, outlet: bool = False) -> int:
    """When its follow-up must be finished: the end of the last of its days, on the site's clock.

    `outlet`: whether the outlet follows up what is not of the gravest levels.
    """
    rule = OUTLETS if outlet and FOLLOW_UP[level].days > OUTLETS.days else FOLLOW_UP[level]
    day = local(opened_ms, timezone).date()
    latest = day + timedelta(days=rule.days) + LONGEST_BREAK
    left = rule.days
    while left and day < latest:
        day += timedelta(days=1)
        left -= not rule.working_only or workdays.kind(day) is DayKind.WORKING
    return unix_ms(datetime.combine(day + timedelta(days=1), time(), zone_of(timezone))) - 1


class CalendarFaults(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a calendar today: faults refuse the rules, warnings do not. Sentences for people."""

    faults: tuple[Said, ...] = ()
    warnings: tuple[Said, ...] = ()


def calendar_faults(calendar: Calendar, today: date) -> CalendarFaults:
    """Whether the working days of this year are known, and from December those of the next."""
    workdays = Workdays(calendar)
    if workdays.is_provisional(today.year):
        fault = said(
            "nobody knows which days of {year} are worked; write its holidays, its working weekends and the year "
            "into [calendar]",
            year=today.year,
        )
        return CalendarFaults(faults=(fault,))
    if today.month == DECEMBER and workdays.is_provisional(today.year + 1):
        warning = said(
            "the working days of {year} are not known yet; from 1 January rules without them are refused",
            year=today.year + 1,
        )
        return CalendarFaults(warnings=(warning,))
    return CalendarFaults()
