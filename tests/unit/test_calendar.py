"""Which hours a day has: holidays, working weekends, exceptions, corrections, and the year that nobody knows yet."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from agent.arming.calendar import Timetable, within
from agent.findings import Phase
from protocol.site.schema import Calendar, Opening, OpeningException
from protocol.workdays import published
from protocol.workdays.days import DayKind
from tests.branch_hours import OPENING, SHANGHAI, BranchHours, at

UNKNOWN = published.LATEST + 1


def timetable(calendar: Calendar | None = None, opening: Opening = OPENING) -> Timetable:
    """A site's days."""
    return Timetable(opening, calendar, SHANGHAI)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2026-11-20", DayKind.WORKING),
        ("2026-11-21", DayKind.WEEKEND),
        ("2026-10-01", DayKind.HOLIDAY),
        ("2026-10-06", DayKind.HOLIDAY),  # a Tuesday given free
        ("2026-02-14", DayKind.WORKING),  # a Saturday worked for it
        ("2026-10-03", DayKind.HOLIDAY),  # a Saturday within the holiday
    ],
)
def test_published_days_are_known(day: str, kind: DayKind) -> None:
    """Holidays, days off given in their stead, and weekends that are worked."""
    assert timetable().kind(date.fromisoformat(day)) is kind
    assert not timetable().plan(date.fromisoformat(day)).provisional


def test_the_site_files_word_wins() -> None:
    """`[calendar]` makes a working day of a holiday, and the other way round."""
    table = timetable(Calendar(holidays=("2026-11-20",), working=("2026-10-01", "2026-11-22")))
    assert table.kind(date(2026, 11, 20)) is DayKind.HOLIDAY
    assert table.kind(date(2026, 10, 1)) is DayKind.WORKING
    assert table.kind(date(2026, 11, 22)) is DayKind.WORKING
    assert table.kind(date(2026, 11, 23)) is DayKind.WORKING


def test_a_year_that_nobody_knows_is_monday_to_friday_less_the_laws_days() -> None:
    """It is marked provisional, and the days that every year has are holidays all the same."""
    table = timetable()
    for day, kind in (
        (date(UNKNOWN, 1, 1), DayKind.HOLIDAY),
        (date(UNKNOWN, 5, 1), DayKind.HOLIDAY),
        (date(UNKNOWN, 10, 1), DayKind.HOLIDAY),
        (date(UNKNOWN, 3, 1), DayKind.WORKING if date(UNKNOWN, 3, 1).weekday() < 5 else DayKind.WEEKEND),
    ):
        assert table.kind(day) is kind
        assert table.plan(day).provisional
    saturdays = [day for week in range(52) if (day := _saturday(UNKNOWN, week)).year == UNKNOWN]
    assert DayKind.WORKING not in {table.kind(day) for day in saturdays}


def test_a_year_that_the_site_file_says_whole_is_not_provisional() -> None:
    """`years` says that both lists hold everything: the program adds nothing of its own."""
    table = timetable(Calendar(years=(UNKNOWN,), holidays=(f"{UNKNOWN}-01-01",)))
    assert not table.plan(date(UNKNOWN, 5, 3)).provisional
    assert table.kind(date(UNKNOWN, 1, 1)) is DayKind.HOLIDAY
    labour_day = date(UNKNOWN, 5, 1)
    assert table.kind(labour_day) is (DayKind.WORKING if labour_day.weekday() < 5 else DayKind.WEEKEND)


def test_a_country_without_a_calendar_has_weeks_only() -> None:
    """country = "none": Monday to Friday, nothing provisional, no holiday but those named."""
    table = timetable(Calendar(country="none", holidays=(f"{UNKNOWN}-06-01",)))
    assert table.kind(date(2026, 10, 1)) is DayKind.WORKING
    assert table.kind(date(UNKNOWN, 6, 1)) is DayKind.HOLIDAY
    assert not table.plan(date(UNKNOWN, 5, 1)).provisional


def test_hours_follow_the_kind_of_day_and_exceptions_beat_them() -> None:
    """Weekdays, weekends and holidays have hours of their own; an exception has its own or none at all."""
    opening = replace(
        OPENING,
        weekends="09:00-16:00",
        exception=(
            OpeningException(date="2026-11-23"),
            OpeningException(date="2026-11-24", hours="10:00-22:00", arm_by="22:30"),
            OpeningException(date="2026-11-25", hours="10:00-22:00"),
        ),
    )
    table = timetable(opening=opening)
    assert table.plan(date(2026, 11, 20)).opens == at("2026-11-20 08:30")
    assert table.plan(date(2026, 11, 21)).closes == at("2026-11-21 16:00")
    assert table.plan(date(2026, 10, 1)).opens is None
    assert table.plan(date(2026, 11, 23)).opens is None
    long = table.plan(date(2026, 11, 24))
    assert (long.opens, long.arm_by, long.auto_arm) == (
        at("2026-11-24 10:00"),
        at("2026-11-24 22:30"),
        at("2026-11-24 22:30"),  # never before people must have armed it
    )
    assert long.open_by == at("2026-11-24 10:00")  # 08:50 would be before it opens
    plain = table.plan(date(2026, 11, 25))
    assert (plain.arm_by, plain.auto_arm) == (at("2026-11-25 22:00"), at("2026-11-25 22:00"))


def test_an_hour_in_the_night_stays_where_it_is() -> None:
    """auto_arm at half past midnight is no reason to arm at the closing."""
    plan = timetable(opening=replace(OPENING, auto_arm="00:30")).plan(date(2026, 11, 20))
    assert plan.auto_arm == at("2026-11-20 00:30")


def test_a_day_is_as_long_as_it_is_there() -> None:
    """Midnight to midnight on the site's own clock, 23 and 25 hours where it is set."""
    berlin = Timetable(OPENING, Calendar(country="none"), "Europe/Berlin")
    lengths = {day: berlin.plan(date.fromisoformat(day)) for day in ("2026-03-29", "2026-10-25", "2026-11-20")}
    assert [(plan.ends - plan.begins) / timedelta(hours=1) for plan in lengths.values()] == [23, 25, 24]


def test_the_day_changes_at_the_sites_midnight() -> None:
    """Sixteen hundred UTC is midnight in Shanghai."""
    table = timetable()
    assert table.days(at("2026-11-20 23:59")).today.date == date(2026, 11, 20)
    days = table.days(at("2026-11-21 00:00"))
    assert (days.yesterday.date, days.today.date) == (date(2026, 11, 20), date(2026, 11, 21))


def test_the_unknown_calendar_is_told_from_december_on_and_ended_by_a_corrected_site_file() -> None:
    """Raised once on 1 December, standing through New Year, ended when the new file says the year."""
    branch = BranchHours(f"{UNKNOWN - 1}-11-30 12:00", replace(OPENING, auto_arm=None, arm_by=None))
    branch.until(f"{UNKNOWN - 1}-11-30 23:59")
    assert branch.kinds == []
    branch.until(f"{UNKNOWN - 1}-12-01 00:00")
    finding = branch.findings[0]
    assert (finding.kind, finding.source, finding.phase) == ("calendar.unknown", "box/calendar", Phase.RAISED)
    assert finding.facts == {"year": UNKNOWN}
    branch.restart(timedelta(days=36))
    assert branch.kinds == ["calendar.unknown"]
    branch.site(replace(OPENING, auto_arm=None, arm_by=None), Calendar(years=(UNKNOWN,)))
    branch.restart(timedelta(minutes=1))
    assert branch.kinds == ["calendar.unknown", "calendar.unknown.restored"]


def test_a_box_with_a_dead_clock_does_not_ask_for_the_calendar_of_1970() -> None:
    """Only a year that is still to be published is unknown."""
    assert BranchHours("1970-01-01 12:00").kinds == []


@pytest.mark.parametrize(
    ("when", "inside"),
    [("2026-11-20 07:59", False), ("2026-11-20 08:00", True), ("2026-11-20 17:59", True), ("2026-11-20 18:00", False)],
)
def test_hours_of_people_are_those_of_the_site(when: str, inside: bool) -> None:
    """From the first minute, until the last is over."""
    assert within("08:00-18:00", at(when), SHANGHAI) is inside


@pytest.mark.parametrize(
    ("when", "inside"),
    [("2026-11-20 21:59", False), ("2026-11-20 22:00", True), ("2026-11-21 05:59", True), ("2026-11-21 06:00", False)],
)
def test_hours_may_go_over_midnight(when: str, inside: bool) -> None:
    """A night guard's code counts from the evening to the morning."""
    assert within("22:00-06:00", at(when), SHANGHAI) is inside


def _saturday(year: int, week: int) -> date:
    first = date(year, 1, 1)
    return first + timedelta(days=(5 - first.weekday()) % 7 + 7 * week)
