"""Loitering: who stays past the limit is told, spoken to first where the box may speak, and who leaves ends it."""

from __future__ import annotations

from itertools import product

import pytest

from agent.detectors.loitering import TABLE, Seen, Stage
from agent.eyes.told import Told
from agent.findings import Phase
from tests.scenes import Scene, person, site_of

RULE = 'loitering_after = "15s"'
SPEAKING = 'loitering_after = "15s"\nspeak = "leave"\nspeak_wait = "10s"'


def test_the_table_is_whole() -> None:
    """Every stage of a stay has an answer to everything that can be seen."""
    assert set(TABLE) == set(product(Stage, Seen))


def test_who_stays_is_told_with_how_long_and_who_leaves_ends_it() -> None:
    """One finding after the limit, with the dwell and why; its end five seconds after the person left."""
    scene = Scene(site_of(RULE))
    scene.after(1)
    scene.after(15, person())
    assert scene.told() == []
    scene.after(0.5, person())
    assert scene.told() == ["presence.loitering"]
    (finding,) = scene.findings
    assert finding.source == "area/hall"
    assert finding.facts == {"dwell_s": 15.0, "limit_s": 15.0, "track": 1, "model": "2004-int8"}
    assert [(row[1], row[2], row[3]) for row in finding.because] == [
        ("area/hall", "occupied", "track 1"),
        ("area/hall", "occupied", "track 1"),
    ]
    assert scene.points["area/hall"] == "active"
    scene.after(20, person())
    assert len(scene.findings) == 1
    scene.after(4.5)
    assert scene.told() == ["presence.loitering"]
    scene.after(0.5)
    assert scene.told() == ["presence.loitering", "presence.loitering.restored"]
    assert scene.points["area/hall"] == "normal"


def test_who_sits_still_is_told_where_looks_are_seldom() -> None:
    """A quiet eye looks for people every four seconds, a busy box as seldom: who stays is told all the same."""
    for seconds in (3, 4, 5):
        scene = Scene(site_of('loitering_after = "60s"'))
        scene.after(1)
        for _ in range(80 // seconds):
            scene.after(seconds, person(score=0.38), step_ms=seconds * 1_000)
        assert scene.told() == ["presence.loitering"]


def test_who_walks_through_is_none() -> None:
    """Many people in a row are no loiterer."""
    scene = Scene(site_of(RULE))
    for _ in range(5):
        scene.after(10, person())
        scene.after(6)
    assert scene.told() == []


def test_beside_the_area_is_not_in_it() -> None:
    """Feet decide: who stands right of the line is nobody's loiterer."""
    scene = Scene(site_of(RULE))
    scene.after(60, person(0.7))
    assert scene.told() == []


def test_a_second_one_is_told_again_and_one_end_ends_both() -> None:
    """Two loiterers are two findings of one condition."""
    scene = Scene(site_of(RULE))
    scene.after(5, person(0.1))
    scene.after(30, person(0.1), person(0.4))
    assert [each.phase for each in scene.findings] == [Phase.RAISED, Phase.AGAIN]
    scene.after(10, person(0.4))
    assert len(scene.findings) == 2
    scene.after(6)
    assert scene.findings[-1].phase is Phase.ENDED


def test_a_transaction_counts_the_time_anew() -> None:
    """Who draws money may stay; who then hangs about is told."""
    scene = Scene(site_of(RULE))
    scene.after(14, person())
    scene.transaction()
    scene.after(14, person())
    assert scene.told() == []
    scene.after(2, person())
    assert scene.told() == ["presence.loitering"]


def test_who_goes_when_spoken_to_is_no_alarm() -> None:
    """The box speaks first; a look again later finds nobody."""
    scene = Scene(site_of(SPEAKING))
    scene.after(16, person())
    assert [each.announcement for each in scene.spoken] == ["leave"]
    scene.after(5, person())
    scene.after(30)
    assert scene.told() == []
    assert len(scene.spoken) == 1


def test_who_stays_when_spoken_to_is_told_after_the_wait() -> None:
    """Deaf ears: the alarm comes `speak_wait` later and says that they were spoken to."""
    scene = Scene(site_of(SPEAKING))
    scene.after(25, person())
    assert scene.told() == []
    scene.after(1, person())
    assert scene.told() == ["presence.loitering"]
    assert scene.findings[0].facts["spoken_to"] is True
    assert [row[2] for row in scene.findings[0].because] == ["occupied", "spoken to", "occupied"]


def test_where_nothing_can_be_said_the_alarm_comes_at_once() -> None:
    """A broken loudspeaker is no reason to wait."""
    scene = Scene(site_of(SPEAKING))
    scene.after(16, person())
    scene.mind.unspoken("hall")
    scene.after(0.5, person())
    assert scene.told() == ["presence.loitering"]
    assert scene.findings[0].facts["spoken_to"] is False


@pytest.mark.parametrize(("there", "ends"), [(True, []), (False, ["presence.loitering.restored"])])
def test_after_a_restart_what_stood_stands_until_they_are_gone(there: bool, ends: list[str]) -> None:
    """The agent that starts anew tells nothing twice, and the end of what the one before told."""
    told = Told(kind="presence.loitering", source="area/hall")
    scene = Scene(site_of(RULE), [told])
    assert scene.told() == []
    scene.after(20, *([person()] if there else []))
    assert scene.told() == ends
    if there:
        scene.after(7)
        assert scene.told() == ["presence.loitering.restored"]
