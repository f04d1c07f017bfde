"""Nights when much happens at once, or nothing should be told: storms, tests, shelves; and what breaks through them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from collector.alarms.words import Move
from collector.people import Person
from collector.storage.records import OPEN_STATES
from collector.storms.records import Sort, Suspension
from collector.storms.service import NotSuspendedError, SuspensionService
from collector.storms.suspending import Wish
from collector.times import unix_ms
from tests.nights import LEADER, OPERATOR, Night, bank, box_of, night

__all__ = ["bank", "night"]
REGION = "市分行"
SITES = 24


def suspended(night: Night, who: Person, sort: Sort, minutes: int, *points: str, kind: str = "") -> Suspension:
    """Somebody keeps something quiet from now on, for so long."""
    now_ms = unix_ms(night.now)
    wish = Wish(
        sort=sort,
        site="0755-031",
        kind=kind,
        points=points,
        reason="announced",
        from_ms=now_ms,
        until_ms=now_ms + minutes * 60_000,
    )
    return SuspensionService(night.store, night.around, lambda: night.now, lambda: None).begin(wish, who)


def live(night: Night, seconds: int) -> None:
    """Time passes for boxes, desk and timers alike."""
    for _ in range(seconds):
        night.pass_time(1)
        night.sit()
        night.runner.tick(unix_ms(night.now))


def test_a_storm_with_three_intrusions(night: Night) -> None:
    """A region goes dark with three intrusions inside: one incident, three alarms beside it, ten notices to nobody.

    Each intrusion goes its own way up: nobody takes it, so the shift leader hears of it after its minute.
    """
    boxes = [
        box_of(night, name=f"0755-{number:03d}-a", site=f"0755-{number:03d}", unit=f"{REGION}/{number // 8}支行")
        for number in range(100, 100 + SITES)
    ]
    intrusions = [night.happens(box, "zone.intrusion", "zone/hall") for box in boxes[::8]]
    live(night, 150)
    queue = [alarm for alarm in night.alarms(states=OPEN_STATES, sheltered=False) if alarm.kind != "escalation.broken"]
    assert Counter(alarm.kind for alarm in queue) == {"zone.intrusion": 3, "incident.link": 1}
    for alarm in intrusions:
        assert night.lines(alarm)[:2] == ["02:10:00 desk", "02:11:00 leader-1"]
    told = Counter(line.split()[1] for line in night.lines())
    assert max(many for who, many in told.items() if who != "desk") <= 10
    assert night.faults() == []


def test_a_window_of_tests_ends_in_the_middle(night: Night) -> None:
    """Until 02:20 the zone on the list is tested: marked, told nobody. At 02:20 the same zone is an alarm again."""
    box = box_of(night)
    suspended(night, OPERATOR, Sort.TEST, 10, "zone/hall")
    tested = night.happens(box)
    night.pass_seconds(300)
    assert night.lines(tested) == []
    assert night.state(tested)[0] == "closed"
    night.pass_seconds(301)
    real = night.happens(box)
    night.pass_seconds(61)
    assert real != tested
    assert night.lines(real) == ["02:20:01 desk", "02:21:01 leader-1"]
    assert night.faults() == []


def test_another_point_breaks_through_a_test(night: Night) -> None:
    """Only those points, only then: what is not on the list is told as always, and so is the same point elsewhere."""
    box = box_of(night)
    suspended(night, OPERATOR, Sort.TEST, 10, "zone/hall")
    beside = night.happens(box, "zone.intrusion", "zone/vault")
    elsewhere = night.happens(box_of(night, name="0755-032-a", site="0755-032"))
    night.pass_seconds(61)
    for alarm in (beside, elsewhere):
        assert night.lines(alarm) == ["02:10:00 desk", "02:11:00 leader-1"]


def test_a_shelf_takes_no_security_and_gives_back_what_lasts(night: Night) -> None:
    """Shelved for 20 minutes: a noisy camera is quiet and comes back by itself; an intrusion was never quiet."""
    box = box_of(night)
    noisy = night.happens(box, "camera.video_loss", "camera/03")
    suspended(night, LEADER, Sort.SHELVE, 20, "camera/03", "zone/hall")
    intrusion = night.happens(box)
    night.pass_seconds(1190)
    assert night.lines(noisy) == ["02:10:00 desk"]
    assert "02:11:00 leader-1" in night.lines(intrusion)
    assert night.faults() == []
    night.pass_seconds(110)
    assert night.lines(noisy)[1:] == ["02:30:00 desk", "02:31:30 leader-1"]


def test_what_is_in_hand_is_not_shelved_away(night: Night) -> None:
    """An alarm that somebody holds stays with its holder, whatever is shelved after."""
    alarm = night.happens(box_of(night), "camera.video_loss", "camera/03")
    night.does(OPERATOR, Move.ACKNOWLEDGE, alarm)
    suspended(night, LEADER, Sort.SHELVE, 60, "camera/03")
    assert night.state(alarm) == ("acknowledged", "operator-1")
    night.pass_seconds(1801)
    assert "02:40:00 operator-1" in night.lines(alarm)
    assert night.faults() == []


def test_nothing_is_quiet_for_longer_than_it_may(night: Night) -> None:
    """A shelf of two days is refused; one of 24 hours ends by itself, in the same second."""
    box = box_of(night)
    with pytest.raises(NotSuspendedError):
        suspended(night, LEADER, Sort.SHELVE, 48 * 60, "camera/03")
    suspended(night, LEADER, Sort.SHELVE, 24 * 60, "camera/03")
    alarm = night.happens(box, "camera.video_loss", "camera/03")
    night.pass_seconds(timedelta(hours=24).total_seconds() - 1, step=3600)
    assert night.lines(alarm) == []
    night.pass_seconds(1)
    assert night.lines(alarm) == ["02:10:00 desk"]
