"""The clocks of an alarm: seconds to respond, the day to review, days to follow up; and the years that nobody knows.

The days of 2026 are those of the State Council's notice on holidays of November 2025: Spring Festival 15-23 February
with 14 and 28 February worked, National Day 1-7 October with 20 September and 10 October worked.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from collector.alarms.clocks import FOLLOW_UP, calendar_faults, follow_by_ms, respond_by_ms, review_by_ms
from collector.times import unix_ms
from protocol.site.schema import Calendar
from protocol.workdays.days import DayKind, Workdays
from protocol.workdays.published import LATEST

SHANGHAI = "Asia/Shanghai"
CHINA = Workdays(None)


def at(text: str, zone: str = SHANGHAI) -> int:
    """A local time."""
    return unix_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def ends(ms: int, zone: str = SHANGHAI) -> str:
    """The day at whose very end an instant lies."""
    local = datetime.fromtimestamp((ms + 1) / 1000, ZoneInfo(zone))
    assert (local.hour, local.minute, local.second) == (0, 0, 0)
    return datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)).date().isoformat()


@pytest.mark.parametrize(("level", "seconds"), [(1, 30), (2, 60), (3, 90), (4, 600)])
def test_the_response_clock_of_each_level(level: int, seconds: int) -> None:
    """DOMAIN 3: 30 s, 60 s, 90 s, 10 min, from the opening."""
    assert respond_by_ms(level, 5_000) == 5_000 + seconds * 1000


def test_level_five_has_no_response_clock() -> None:
    """DOMAIN 3: none for level 5."""
    assert respond_by_ms(5, 5_000) is None


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2026-02-13", DayKind.WORKING),
        ("2026-02-14", DayKind.WORKING),  # a Saturday
        ("2026-02-15", DayKind.HOLIDAY),
        ("2026-02-23", DayKind.HOLIDAY),
        ("2026-02-24", DayKind.WORKING),
        ("2026-02-28", DayKind.WORKING),  # a Saturday
        ("2026-03-01", DayKind.WEEKEND),
        ("2026-09-20", DayKind.WORKING),  # a Sunday
        ("2026-10-07", DayKind.HOLIDAY),
        ("2026-10-10", DayKind.WORKING),  # a Saturday
    ],
)
def test_the_days_of_2026(day: str, kind: DayKind) -> None:
    """The calendar that box and centre share has the working weekends of the notice."""
    assert CHINA.kind(date.fromisoformat(day)) is kind


@pytest.mark.parametrize(
    ("level", "opened", "last"),
    [
        (1, "2026-03-02T09:00", "2026-03-04"),
        (2, "2026-03-06T09:00", "2026-03-08"),  # over a weekend, which extends nothing
        (2, "2026-02-14T23:59", "2026-02-16"),  # into the Spring Festival
        (3, "2026-03-02T09:00", "2026-03-06"),
        (3, "2026-03-06T09:00", "2026-03-12"),  # a weekend in between
        (4, "2026-02-13T09:00", "2026-02-26"),  # 14 February is worked, 15-23 are free
        (5, "2026-02-26T09:00", "2026-03-03"),  # 28 February is worked
        (4, "2026-09-30T18:00", "2026-10-12"),  # the 8th, the 9th, the worked 10th, Monday
        (3, "2026-02-17T03:00", "2026-02-27"),  # opened within the holiday
    ],
)
def test_the_follow_up_of_each_level(level: int, opened: str, last: str) -> None:
    """2 days for levels 1-2 whatever they are, 4 working days for 3-5, to the end of the last."""
    assert ends(follow_by_ms(level, at(opened), SHANGHAI, CHINA)) == last


@pytest.mark.parametrize(
    ("level", "last"),
    [(1, "2026-03-08"), (2, "2026-03-08"), (3, "2026-03-11"), (4, "2026-03-11"), (5, "2026-03-11")],
)
def test_an_outlet_has_three_days(level: int, last: str) -> None:
    """DOMAIN 3: 3 working days where the outlets follow up levels 3-5; the gravest are theirs never."""
    assert ends(follow_by_ms(level, at("2026-03-06T23:59"), SHANGHAI, CHINA, outlet=True)) == last


def test_the_day_is_that_of_the_site() -> None:
    """An opening after midnight in Shanghai counts from that day, though it is yesterday in UTC."""
    opened = unix_ms(datetime(2026, 3, 2, 17, tzinfo=UTC))  # 3 March, 01:00
    assert ends(follow_by_ms(2, opened, SHANGHAI, CHINA)) == "2026-03-05"
    assert ends(follow_by_ms(2, opened, "UTC", CHINA), "UTC") == "2026-03-04"
    assert ends(review_by_ms(opened, SHANGHAI)) == "2026-03-03"


def test_a_bank_corrects_the_calendar_by_its_file() -> None:
    """A day that the file gives free extends a follow-up, one that it works ends the extension."""
    opened = at("2026-03-02T09:00")
    free = Workdays(Calendar(holidays=("2026-03-04",)))
    assert ends(follow_by_ms(3, opened, SHANGHAI, free)) == "2026-03-09"
    worked = Workdays(Calendar(holidays=("2026-03-04",), working=("2026-03-07",)))
    assert ends(follow_by_ms(3, opened, SHANGHAI, worked)) == "2026-03-07"
    assert ends(follow_by_ms(2, opened, SHANGHAI, free)) == "2026-03-04"


def test_a_follow_up_ends_whatever_a_file_says() -> None:
    """A calendar without a single working day is a fault of its writer, not a loop of ours."""
    never = Workdays(
        Calendar(country="none", holidays=tuple(f"2026-{m:02}-{d:02}" for m in range(3, 8) for d in range(1, 29)))
    )
    assert follow_by_ms(3, at("2026-03-02T09:00"), SHANGHAI, never) < at("2026-06-01T00:00")


@pytest.mark.parametrize("level", sorted(FOLLOW_UP))
def test_only_levels_three_to_five_are_extended(level: int) -> None:
    """The permission to extend stands per level, off for 1-2."""
    assert FOLLOW_UP[level].working_only == (level >= 3)


def test_an_unknown_year_is_a_fault_when_it_has_come() -> None:
    """Rules are refused in a year whose days neither the library nor the file knows, and never for a known one."""
    unknown = LATEST + 1
    assert calendar_faults(Calendar(), date(unknown, 3, 1)).faults
    assert not calendar_faults(Calendar(years=(unknown,)), date(unknown, 3, 1)).faults
    assert not calendar_faults(Calendar(country="none"), date(unknown, 3, 1)).faults
    assert calendar_faults(Calendar(), date(LATEST, 11, 30)) == calendar_faults(Calendar(), date(LATEST, 6, 1))


def test_the_next_year_is_warned_of_in_december() -> None:
    """From 1 December its days are published; who has not got them is warned, not refused."""
    december = calendar_faults(Calendar(), date(LATEST, 12, 1))
    assert not december.faults
    assert str(LATEST + 1) in str(december.warnings[0])
    assert not calendar_faults(Calendar(years=(LATEST + 1,)), date(LATEST, 12, 1)).warnings
    assert not calendar_faults(Calendar(), date(LATEST, 11, 30)).warnings
