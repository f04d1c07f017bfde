"""Who of the collectors is gone, and who is back: decided from rows and the time, and said on the health page."""

from __future__ import annotations

import pytest

from collector import health
from collector.fleet.collectors import Seen, judge
from protocol.texts import Said

NOW = 1_800_000_000_000


def row(name: str, seen_s: float = 0, steady_s: float = 3600, ended_s: float | None = None) -> Seen:
    """Seen so long ago, there for so long, ended so long ago."""
    return Seen(
        id=name,
        steady_ms=NOW - round(steady_s * 1000),
        seen_ms=NOW - round(seen_s * 1000),
        ended_ms=None if ended_s is None else NOW - round(ended_s * 1000),
    )


ME = row("centre-1", 2)


def told(*rows: Seen, known: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Who is told to be gone, and why; who is told to be back."""
    verdict = judge(rows, known, NOW)
    return [*((each.id, why.value) for each, why in verdict.gone), *((each, "back") for each in verdict.back)]


def test_one_that_was_not_seen_for_thirty_seconds_is_gone() -> None:
    """Not a moment before; what was told is not told again; and nobody is gone while all are there."""
    assert told(ME, row("centre-2", 29.9)) == []
    assert told(ME, row("centre-2", 30)) == [("centre-2", "silent")]
    assert told(ME, row("centre-2", 30), row("centre-3", 300)) == [("centre-2", "silent"), ("centre-3", "silent")]
    assert told(ME, row("centre-2", 86_400), known=("centre-2",)) == []
    assert not judge((ME, row("centre-2", 4)), (), NOW)


def test_one_that_is_seen_again_is_back() -> None:
    """Whoever sees it, also one that has only just begun; one that nobody missed is no news."""
    assert told(row("centre-1", 0, steady_s=0), known=("centre-1",)) == [("centre-1", "back")]
    assert told(ME, row("centre-2", 1, steady_s=1), known=("centre-2",)) == [("centre-2", "back")]
    assert told(ME, row("centre-2", 31), known=("centre-2",)) == []


@pytest.mark.parametrize("steady_s", [0, 5, 59.9])
def test_who_was_not_there_itself_accuses_nobody(steady_s: float) -> None:
    """After a power cut, or when the database was away, everybody's row is old; the others may start more slowly."""
    begun = row("centre-1", 0, steady_s=steady_s)
    assert told(begun, row("centre-2", 7200)) == []
    assert told(row("centre-1", 0, steady_s=60), row("centre-2", 7200)) == [("centre-2", "silent")]
    assert told(begun, row("centre-2", 7200), row("centre-3", 1)) == [("centre-2", "silent")], "another was there"


def test_a_centre_that_was_down_says_nothing_of_itself() -> None:
    """Nobody was there to see it: its own row, and an older one's beside it, prove nothing."""
    assert told(row("centre-1", 7200)) == []
    assert told(row("centre-1", 7200), row("centre-2", 7200)) == []


def test_one_that_was_ended_on_purpose_has_ten_minutes() -> None:
    """Whoever ended it knows; forgotten for longer, it is told, and as what it is."""
    assert told(ME, row("centre-2", 599, ended_s=599)) == []
    assert told(ME, row("centre-2", 600, ended_s=600)) == [("centre-2", "ended")]
    assert told(ME, row("centre-2", 1, ended_s=1), known=("centre-2",)) == [], "told before, and still not there"


def test_a_clock_that_was_set_back_hides_nobody_for_long() -> None:
    """Rows from the time that is undone count as old ones, once somebody was there for a minute of the new time."""
    assert told(ME, row("centre-2", -3600)) == [("centre-2", "silent")]
    assert told(row("centre-1", 0, steady_s=5), row("centre-2", -3600)) == []
    assert told(ME, row("centre-2", -3600, ended_s=-3600)) == [("centre-2", "ended")]


def test_the_health_page_says_when_each_was_seen() -> None:
    """All of them there; one missing, which the centre can do without; one ended lately, which nobody need miss."""
    well = health.collectors([ME, row("centre-2", 4)], NOW)
    assert (well.works, Said(well.said, well.values).told(str)) == (True, "Seen: centre-1 (2 s), centre-2 (4 s)")
    sick = health.collectors([ME, row("centre-2", 41)], NOW)
    assert (sick.works, sick.needed, sick.age_s) == (False, False, 41.0)
    assert Said(sick.said, sick.values).told(str) == "Not seen: centre-2 (41 s); seen: centre-1 (2 s)"
    assert health.collectors([ME, row("centre-2", 41, ended_s=41)], NOW).works
