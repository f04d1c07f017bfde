"""Nights on which an alarm gets graver than what people were told: who hears of the rise, when, and in which words."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from sqlalchemy import select

from collector.alarms.words import Move
from collector.notify.records import NoticeState
from collector.rules.shapes import Policy, Rules, Until, When
from collector.storage.alarm_tables import notices
from collector.times import unix_ms
from tests.collecting import Box
from tests.nights import CONTACTS, DIRECTOR, LEADER, OPERATOR, RULES, Night, after, bank, box_of, night

__all__ = ["bank", "night"]

ONE_FOR_ALL = Policy(
    name="all",
    step=(
        after(0, "desk"),
        after(0, "receiver/110"),
        after(60, "person/leader-1", "site/contact"),
        after(300, "person/director-1"),
    ),
)


def under(night: Night, *policies: Policy, version: int = 2) -> None:
    """These policies hold, with everybody's telephones."""
    night.hold_rules(Rules(policy=policies, group=RULES.group, contact=CONTACTS, site=RULES.site), version=version)


def risen(night: Night, alarm: str) -> list[tuple[str, int]]:
    """Whom a notice told from which level it rose, in their order."""
    with night.store.read() as reading:
        statement = select(notices).where(notices.c.alarm == alarm).order_by(notices.c.number)
        rows = reading.connection.execute(statement).all()
    told = [(row.person or row.target, msgspec.json.decode(row.facts)["told"].get("risen")) for row in rows]
    return [(who, was) for who, was in told if was]


def test_whoever_was_told_hears_at_once_that_it_is_graver(night: Night) -> None:
    """A door of level III is told the shift leader and the branch, and rises to II and to I: each hears of each rise.

    The police receiver, which takes reports and not their levels, hears nothing twice; the director, told of nothing
    yet, hears no later than he would have.
    """
    under(night, ONE_FOR_ALL)
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back", level=3)
    night.pass_seconds(90)
    told = ["02:10:00 desk", "02:10:00 receiver/110", "02:11:00 leader-1", "02:11:00 site/0755-031"]
    assert night.lines(alarm) == told
    night.happens(box, "door.forced", "door/back")
    assert night.lines(alarm)[4:] == ["02:11:30 leader-1", "02:11:30 site/0755-031"]
    night.pass_seconds(10)
    night.happens(box, "presence.after_hours", "area/hall")
    assert night.lines(alarm)[6:] == ["02:11:40 leader-1", "02:11:40 site/0755-031"]
    assert risen(night, alarm) == [("leader-1", 3), ("site/0755-031", 3), ("leader-1", 2), ("site/0755-031", 2)]
    night.pass_seconds(300)
    assert "02:15:00 director-1" in night.lines(alarm)
    assert [each for each in night.lines(alarm) if "receiver" in each] == ["02:10:00 receiver/110"]
    assert night.faults() == []


def test_whoever_was_told_nothing_hears_of_no_rise(night: Night) -> None:
    """Ten seconds after the opening only the desk was told, whose pages show the level: the steps go their way."""
    under(night, ONE_FOR_ALL)
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back")
    night.pass_seconds(10)
    night.happens(box, "presence.after_hours", "area/hall")
    assert night.lines(alarm) == ["02:10:00 desk", "02:10:00 receiver/110"]
    night.pass_seconds(52)
    assert "02:11:00 leader-1" in night.lines(alarm)


def test_what_tells_the_same_again_is_no_rise(night: Night) -> None:
    """The door is forced a second time: one alarm, of the same level; nobody is told more."""
    under(night, ONE_FOR_ALL)
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back")
    night.pass_seconds(70)
    before = night.lines(alarm)
    night.happens(box, "door.forced", "door/back")
    assert night.lines(alarm) == before


def test_a_rise_repeats_no_last_step(night: Night) -> None:
    """All steps are told: who answered and the police receiver hear nothing of a rise to III, the repeat is on time."""
    under(night, Policy(name="all", step=(after(0, "desk"), after(20, "receiver/110", "person/director-1"))))
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back", level=4)
    night.pass_seconds(30)
    assert night.answers(alarm, DIRECTOR) == "paused"
    before = len(night.lines(alarm))
    night.happens(box, "door.forced", "door/back", level=3)
    assert night.lines(alarm)[before:] == []
    assert night.faults() == []
    night.pass_seconds(200)
    again = night.lines(alarm)[before:]
    assert [each.split()[1] for each in again if "leader" not in each] == ["receiver/110", "director-1"]


def test_no_step_is_told_again_by_a_rise_under_rules_that_were_loaded_anew(night: Night) -> None:
    """The same folder was loaded meanwhile: the police receiver hears nothing twice, the director is on time."""
    under(night, ONE_FOR_ALL)
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back", level=3)
    night.pass_seconds(90)
    before = len(night.lines(alarm))
    under(night, ONE_FOR_ALL, version=3)
    night.happens(box, "door.forced", "door/back")
    assert night.lines(alarm)[before:] == ["02:11:30 leader-1", "02:11:30 site/0755-031"]
    night.pass_seconds(215)
    assert night.lines(alarm)[before + 2 :] == ["02:15:00 director-1"]
    assert night.faults() == []


def test_another_policy_that_begins_with_them_tells_them_once(night: Night) -> None:
    """Its first step names the leader at once: that notice is the one that says from where it rose."""
    grave = Policy(name="gravest", when=When(levels=(1,)), step=(after(0, "desk", "person/leader-1"),))
    under(night, grave, ONE_FOR_ALL)
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back")
    night.pass_seconds(70)
    night.happens(box, "presence.after_hours", "area/hall")
    assert sorted(night.lines(alarm)[4:]) == ["02:11:10 desk", "02:11:10 leader-1", "02:11:10 site/0755-031"]
    assert ("leader-1", 2) in risen(night, alarm)


@pytest.mark.parametrize(("level", "heard"), [(3, []), (2, ["director-1"]), (1, ["director-1"])])
def test_who_answered_is_called_again_only_to_the_gravest(level: int, heard: list[str], night: Night) -> None:
    """Who answered comes anyway, and reads the level at the desk; I and II may change what is done on the way."""
    under(night, Policy(name="all", step=(after(0, "desk"), after(60, "person/director-1"), after(900, "desk"))))
    box = box_of(night)
    alarm = night.happens(box, "camera.video_loss", "camera/03", level=4)
    night.pass_seconds(70)
    assert night.answers(alarm, DIRECTOR) == "paused"
    before = len(night.lines(alarm))
    night.happens(box, "camera.video_loss", "camera/03", level=level)
    assert [each.split()[1] for each in night.lines(alarm)[before:]] == heard
    assert night.faults() == []


def test_the_leaders_are_reminded_as_ever_when_the_response_time_is_over(night: Night) -> None:
    """Whom a rise told is no step of the policy: at 02:10:40 it is level I, at 02:11:10 every shift leader is told."""
    gravest = Policy(name="gravest", when=When(levels=(1,)), step=(after(0, "desk"), after(200, "role/shift_leader")))
    under(night, gravest, Policy(name="all", step=(after(0, "desk"), after(20, "site/contact"))))
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back")
    night.pass_seconds(40)
    night.happens(box, "presence.after_hours", "area/hall")
    night.pass_seconds(31)
    told = ["02:10:40 desk", "02:10:40 site/0755-031", "02:11:10 leader-1", "02:11:10 leader-2"]
    assert night.lines(alarm)[2:] == told


def test_a_rise_counts_among_the_ten_unless_it_is_to_the_gravest(night: Night) -> None:
    """A leader who was told ten times in ten minutes has a rise to II in the digest, one to I at once."""
    under(night, Policy(name="all", step=(after(0, "desk", "person/leader-1"),)))
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/0", level=4)
    for number in range(1, 10):
        night.happens(box, "door.forced", f"door/{number}", level=4)
    states = [_rise_state(night, box, alarm, level) for level in (2, 1)]
    assert states == [NoticeState.HELD, NoticeState.QUEUED]


@pytest.mark.parametrize("there", [False, True])
def test_a_holder_hears_of_a_rise_unless_the_page_shows_it(there: bool, night: Night) -> None:
    """Taken by reply at level III; at level I the holder is told by telephone, or sees it at an open page."""
    under(night, ONE_FOR_ALL)
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back", level=3)
    night.pass_seconds(65)
    night.does(LEADER, Move.ACKNOWLEDGE, alarm)
    night.pass_seconds(10)
    night.at_desk = {"operator-1", LEADER.id} if there else {"operator-1"}
    before = len(night.lines(alarm))
    night.happens(box, "presence.after_hours", "area/hall")
    assert night.lines(alarm)[before:] == ([] if there else ["02:11:15 leader-1"])
    assert risen(night, alarm) == ([] if there else [("leader-1", 3)])
    assert night.faults() == []


def test_a_chain_beside_the_holder_outlives_a_rise(night: Night) -> None:
    """Told until it is resolved: the director is due at 02:15:00, whoever has it, and though it rose meanwhile."""
    under(night, msgspec.structs.replace(ONE_FOR_ALL, until=Until.RESOLVED))
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back")
    night.pass_seconds(30)
    night.does(OPERATOR, Move.ACKNOWLEDGE, alarm)
    night.happens(box, "presence.after_hours", "area/hall")
    night.pass_seconds(275)
    assert "02:11:00 leader-1" in night.lines(alarm)
    assert "02:15:00 director-1" in night.lines(alarm)
    assert night.faults() == []


def test_a_graver_policy_begins_beside_the_holder_where_it_lasts_longer(night: Night) -> None:
    """Level I is told until somebody is sent: taken at level II, risen to I, the director hears of it."""
    steps = (after(0, "desk"), after(20, "person/director-1"))
    gravest = Policy(name="gravest", when=When(levels=(1,)), step=steps, until=Until.DISPATCHED)
    under(night, gravest, ONE_FOR_ALL)
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back")
    night.pass_seconds(30)
    night.does(OPERATOR, Move.ACKNOWLEDGE, alarm)
    night.happens(box, "presence.after_hours", "area/hall")
    night.pass_seconds(22)
    assert [each for each in night.lines(alarm) if "director" in each] == ["02:10:50 director-1"]
    night.does(OPERATOR, Move.VERIFY, alarm)
    night.does(OPERATOR, Move.DISPATCH, alarm, whom="police", text="on their way")
    before = night.lines(alarm)
    night.pass_seconds(290)
    assert night.lines(alarm) == before
    assert night.faults() == []


def test_three_rises_in_a_storm_call_nobody_more_than_ten_times(night: Night) -> None:
    """A region goes dark, and each of three intrusions inside has a second sense: all told, nobody flooded."""
    boxes = [
        box_of(night, name=f"0755-{number}-a", site=f"0755-{number}", unit=f"市分行/{number // 8}支行")
        for number in range(100, 124)
    ]
    intrusions = [night.happens(box) for box in boxes[::8]]
    for second in range(150):
        night.pass_time(1)
        night.sit()
        night.runner.tick(unix_ms(night.now))
        if second == 70:
            for box in boxes[::8]:
                night.happens(box, "presence.after_hours", "area/hall")
    for alarm in intrusions:
        assert ("leader-1", 2) in risen(night, alarm)
    told = Counter(line.split()[1] for line in night.lines())
    assert 0 < max(many for who, many in told.items() if who != "desk") <= 10
    assert night.faults() == []


def _rise_state(night: Night, box: Box, alarm: str, level: int) -> str:
    """What became of the notice that tells this rise."""
    night.happens(box, "door.forced", "door/0", level=level)
    with night.store.read() as reading:
        statement = select(notices.c.state).where(notices.c.alarm == alarm, notices.c.person == "leader-1")
        return str(reading.connection.execute(statement.order_by(notices.c.number.desc()).limit(1)).scalar_one())
