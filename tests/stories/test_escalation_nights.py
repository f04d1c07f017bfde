"""Nights at a desk where nobody takes an alarm, told to the second: who hears of it when, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from collector.alarms.service import RefusedError
from collector.alarms.words import Move, Refusal, Resolution, Way
from collector.people import Person
from collector.rules.shapes import Policy, Rules, When
from collector.storage.schema import alarms
from collector.times import unix_ms
from tests.nights import (
    CONTACTS,
    DIRECTOR,
    LEADER,
    OPERATOR,
    OTHER_LEADER,
    REVIEWER,
    ROTA,
    RULES,
    SECOND,
    TEN_PAST_TWO,
    Night,
    after,
    bank,
    box_of,
    night,
)

__all__ = ["bank", "night"]
END = {"resolution": Resolution.FALSE_ALARM, "text": "a cleaner"}


def ended(night: Night, alarm: str, who: Person = OPERATOR) -> None:
    """Somebody takes it and ends it."""
    night.does(who, Move.ACKNOWLEDGE, alarm)
    night.does(who, Move.RESOLVE, alarm, **END)


def test_a_hold_up_while_the_operator_sleeps(night: Night) -> None:
    """Hold-up at 02:10:00: desk and police receiver at once and in parallel, 02:10:30 the shift leader's phone, 02:12
    the director. Then the last step again every five minutes, until somebody takes it; then nobody.
    """
    alarm = night.happens(box_of(night), "zone.hold_up", "zone/counter")
    night.pass_seconds(130)
    assert night.lines(alarm) == [
        "02:10:00 desk",
        "02:10:00 receiver/110",
        "02:10:30 leader-1",
        "02:12:00 director-1",
    ]
    night.pass_seconds(600)
    assert night.lines(alarm)[4:] == ["02:17:00 director-1", "02:22:00 director-1"]
    assert night.faults() == []
    night.does(LEADER, Move.ACKNOWLEDGE, alarm)
    night.pass_seconds(240)
    assert len(night.lines(alarm)) == 6


def test_an_answer_to_the_gravest_only_pauses(night: Night) -> None:
    """Level 1: whoever opens the link at 02:10:40 holds the chain for three minutes; then the director is told."""
    alarm = night.happens(box_of(night), "zone.hold_up", "zone/counter")
    night.pass_seconds(40)
    assert night.answers(alarm, LEADER) == "paused"
    night.pass_seconds(179)
    assert night.state(alarm) == ("new", None)
    assert night.lines(alarm)[-1] == "02:10:30 leader-1"
    assert night.faults() == []
    night.pass_seconds(2)
    assert night.lines(alarm)[-1] == "02:13:40 director-1"


def test_who_answered_and_did_not_come_is_told_again(night: Night) -> None:
    """The director answers the last step and nobody takes it: told again after the pause, and after a release."""
    alarm = night.happens(box_of(night), "zone.hold_up", "zone/counter")
    night.pass_seconds(125)
    assert night.lines(alarm)[-1] == "02:12:00 director-1"
    assert night.answers(alarm, DIRECTOR) == "paused"
    night.pass_seconds(600)
    assert night.state(alarm) == ("new", None)
    told = night.lines(alarm)
    assert told[-1].endswith("director-1")
    assert told[-1] > "02:15:05"
    night.does(LEADER, Move.ACKNOWLEDGE, alarm)
    night.does(LEADER, Move.RELEASE, alarm, text="another call")
    before = len(night.lines(alarm))
    night.pass_seconds(130)
    assert any(line.endswith("director-1") for line in night.lines(alarm)[before:])


def test_an_answer_takes_what_may_be_taken_from_afar(night: Night) -> None:
    """Level 2: the director's answer pauses, for a director handles nothing; the shift leader's takes the alarm."""
    alarm = night.happens(box_of(night))
    night.pass_seconds(70)
    assert night.answers(alarm, DIRECTOR) == "paused"
    assert night.state(alarm) == ("new", None)
    assert night.answers(alarm, LEADER, Way.REPLY) == "took"
    assert night.state(alarm) == ("acknowledged", "leader-1")
    told = night.lines(alarm)
    night.pass_seconds(280)
    assert night.lines(alarm) == told
    assert night.answers(alarm, SECOND) == "over"


def test_a_taken_alarm_is_not_forgotten(night: Night) -> None:
    """Taken, and nothing done for five minutes: the holder is told, after five more the shift leaders with him."""
    alarm = night.happens(box_of(night))
    night.pass_seconds(10)
    night.does(SECOND, Move.ACKNOWLEDGE, alarm)
    night.pass_seconds(299)
    assert night.lines(alarm) == ["02:10:00 desk"]
    night.pass_seconds(2)
    assert night.lines(alarm)[1:] == ["02:15:10 operator-2"]
    night.pass_seconds(300)
    assert set(night.lines(alarm)[2:]) == {"02:20:10 operator-2", "02:20:10 leader-1", "02:20:10 leader-2"}


def test_a_duress_never_reaches_whoever_acted_under_it(night: Night) -> None:
    """The shift leader's own code for duress was used: the director hears of it, the leader in no way, at no time."""
    alarm = night.happens(box_of(night), "zone.duress", "partition/hall", person="leader-1", way="code")
    night.pass_seconds(1800)
    told = {line.split()[1] for line in night.lines(alarm)}
    assert told == {"desk", "receiver/110", "director-1"}
    assert night.lines(alarm)[:3] == ["02:10:00 desk", "02:10:00 receiver/110", "02:10:30 director-1"]


def test_what_was_parked_comes_back(night: Night) -> None:
    """Set aside until 02:30, it is new again then, with a chain of its own from there."""
    alarm = night.happens(box_of(night), "partition.late_to_close", "partition/hall")
    night.pass_seconds(60)
    night.does(OPERATOR, Move.ACKNOWLEDGE, alarm)
    until_ms = unix_ms(TEN_PAST_TWO + timedelta(minutes=20))
    night.does(OPERATOR, Move.PARK, alarm, until_ms=until_ms, text="the key is on its way")
    night.pass_seconds(1139)
    assert night.state(alarm)[0] == "parked"
    assert night.lines(alarm) == ["02:10:00 desk"]
    night.pass_seconds(92)
    assert night.state(alarm)[0] == "new"
    assert night.lines(alarm)[1:] == ["02:30:00 desk", "02:31:30 leader-1"]
    assert night.faults() == []


def test_what_was_returned_is_told_anew(night: Night) -> None:
    """A reviewer sends a resolved alarm back: it escalates as if it had just opened, and its handlers stay known."""
    alarm = night.happens(box_of(night))
    ended(night, alarm)
    night.pass_seconds(600)
    night.does(REVIEWER, Move.RETURN, alarm, text="nobody looked at camera 3")
    night.pass_seconds(61)
    assert night.lines(alarm) == ["02:10:00 desk", "02:20:00 desk", "02:21:00 leader-1"]
    assert night.state(alarm) == ("returned", None)
    assert night.faults() == []


def test_another_person_reviews_and_closes(night: Night) -> None:
    """Who handled an alarm neither reviews, returns nor closes it; each of that takes another person, in order."""
    alarm = night.happens(box_of(night))
    ended(night, alarm, LEADER)
    for who, what in ((LEADER, Move.REVIEW), (LEADER, Move.RETURN), (OPERATOR, Move.REVIEW)):
        with pytest.raises(RefusedError) as refused:
            night.does(who, what, alarm, text="well done")
        assert refused.value.refusal in {Refusal.HANDLED_IT, Refusal.NOT_ALLOWED}
    night.does(REVIEWER, Move.REVIEW, alarm)
    closing: dict[str, Any] = {"corrected": True, "verified_by": "phone", "text": "asked the manager"}
    with pytest.raises(RefusedError) as refused:
        night.does(LEADER, Move.CLOSE, alarm, **closing)
    assert refused.value.refusal is Refusal.HANDLED_IT
    night.does(OTHER_LEADER, Move.CLOSE, alarm, **closing)
    assert night.state(alarm)[0] == "closed"
    assert night.timers_of(alarm) == []


def test_an_unreviewed_alarm_is_told_at_the_end_of_its_day(night: Night) -> None:
    """Reviews are due the same day: at midnight the reviewer is told, a day later the director too."""
    alarm = night.happens(box_of(night))
    ended(night, alarm)
    before = len(night.lines(alarm))
    night.pass_seconds(22 * 3600 - 600, step=3600)
    assert [line.split()[1] for line in night.lines(alarm)[before:]] == ["reviewer-1"]
    night.pass_seconds(24 * 3600, step=3600)
    assert {line.split()[1] for line in night.lines(alarm)[before + 1 :]} == {"reviewer-1", "director-1"}


@pytest.mark.parametrize(
    ("kind", "outlet", "who", "days"),
    [
        ("zone.hold_up", "outlet", ["director-1"], 2),
        ("zone.intrusion", "outlet", ["leader-2"], 2),
        ("partition.late_to_close", "outlet", ["site/0755-031"], 3),
        ("partition.late_to_close", "desk", ["leader-1", "leader-2"], 4),
    ],
)
def test_who_follows_up_is_routed_by_level(kind: str, outlet: Any, who: list[str], days: int, night: Night) -> None:
    """DOMAIN 3: the responsible department, the functional one, the outlet within 3 days or the desk within 4."""
    site = msgspec.structs.replace(
        RULES.site[0], responsible=("director-1",), functional=("leader-2",), follow_up=outlet
    )
    night.hold_rules(msgspec.structs.replace(RULES, site=(site,)), version=2)
    alarm = night.happens(box_of(night), kind)  # on a Sunday
    ended(night, alarm)
    night.does(REVIEWER, Move.REVIEW, alarm)
    night.pass_seconds(1)
    begun = night.now
    midnight = (days + 1) * 86_400 - (2 * 3600 + 10 * 60) - 1
    night.pass_seconds(midnight - 1, step=3600)
    assert night.lines(alarm, since=begun) == []
    night.pass_seconds(2)
    assert [line.split()[1] for line in night.lines(alarm, since=begun)] == who


def test_a_rota_changes_hands_in_the_middle_of_a_chain(night: Night) -> None:
    """At 08:00 the shift changes: what was told leader-1 at 07:59:30 is told leader-2 five minutes later."""
    policy = Policy(name="grave", repeat=timedelta(minutes=5), step=(after(0, "desk"), after(60, "rota/leaders")))
    night.hold_rules(Rules(policy=(policy,), rota=(ROTA,), contact=CONTACTS), version=2)
    night.pass_seconds(5 * 3600 + 48 * 60 + 30, step=3600)
    alarm = night.happens(box_of(night))
    night.pass_seconds(365)
    assert night.lines(alarm) == ["07:58:30 desk", "07:59:30 leader-1", "08:04:30 leader-2"]


def test_other_rules_hold_for_what_is_open(night: Night) -> None:
    """Rules are replaced at 02:10:20: the desk is not told twice, the next step is that of the new rules."""
    alarm = night.happens(box_of(night))
    night.pass_seconds(20)
    policy = Policy(name="new", step=(after(0, "desk"), after(40, "person/leader-2")))
    night.hold_rules(Rules(policy=(policy,), contact=CONTACTS), version=2)
    night.pass_seconds(60)
    lines = night.lines(alarm)
    assert lines[0] == "02:10:00 desk"
    assert [line.split()[1] for line in lines] == ["desk", "leader-2"]
    assert night.faults() == []


def test_a_second_sense_makes_it_the_gravest(night: Night) -> None:
    """A forced door is level 2; a person where nobody may be makes it level 1: the chain begins anew from the rise."""
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back")
    night.pass_seconds(90)
    assert night.lines(alarm) == ["02:10:00 desk", "02:11:00 leader-1"]
    night.happens(box, "presence.after_hours", "area/hall")
    night.pass_seconds(10)
    assert [row.level for row in night.alarms()] == [1]
    assert night.faults() == []
    night.pass_seconds(200)
    told = [line for line in night.lines(alarm) if line > "02:11:30"]
    assert any(line.endswith("director-1") for line in told)


@pytest.mark.parametrize("policies", ["one a level", "one for all"])
def test_nobody_hears_later_because_it_got_graver(night: Night, policies: str) -> None:
    """The shift leader is due at 02:11:00; it rises to level 1 ten seconds before: at 02:11:00 all the same."""
    if policies == "one for all":
        steps = (after(0, "desk"), after(60, "person/leader-1"), after(120, "person/director-1"))
        night.hold_rules(Rules(policy=(Policy(name="all", step=steps),), contact=CONTACTS), version=2)
    box = box_of(night)
    alarm = night.happens(box, "door.forced", "door/back")
    night.pass_seconds(50)
    night.happens(box, "presence.after_hours", "area/hall")
    night.pass_seconds(12)
    assert "02:11:00 leader-1" in night.lines(alarm)
    assert night.faults() == []


def test_a_group_answers_to_the_last(night: Night) -> None:
    """Where all of a group must answer, one answer stops nobody else: the other is told again until both have."""
    policy = Policy(
        name="all", when=When(), repeat=timedelta(minutes=2), step=(after(0, "desk"), after(10, "group/both"))
    )
    night.hold_rules(msgspec.structs.replace(RULES, policy=(policy,)), version=2)
    alarm = night.happens(box_of(night), "zone.hold_up", "zone/counter")
    night.pass_seconds(15)
    assert set(night.lines(alarm)[1:]) == {"02:10:10 leader-1", "02:10:10 director-1"}
    night.answers(alarm, LEADER)
    night.pass_seconds(400)
    again = [line.split()[1] for line in night.lines(alarm)[3:]]
    assert again
    assert set(again) == {"director-1"}


@pytest.mark.parametrize("hours", [-1, 1], ids=["set back an hour", "set ahead an hour"])
def test_the_centres_clock_jumps(hours: int, night: Night) -> None:
    """Somebody sets the centre's clock: nobody waits an hour longer for it, and no step is skipped."""
    alarm = night.happens(box_of(night), "zone.hold_up", "zone/counter")
    night.pass_seconds(10)
    night.now += timedelta(hours=hours)
    night.pass_seconds(150)
    assert [line.split()[1] for line in night.lines(alarm)][:4] == ["desk", "receiver/110", "leader-1", "director-1"]


@pytest.mark.parametrize("seconds", [10, 90], ids=["while its response time runs", "when it was over"])
def test_a_response_time_does_not_wait_for_a_clock_that_was_set_back(seconds: int, night: Night) -> None:
    """What the desk shows as its end is drawn back with the timer that watches it: no alarm has an hour to be taken."""
    alarm = night.happens(box_of(night), "zone.hold_up", "zone/counter")
    night.pass_seconds(seconds)
    night.now -= timedelta(hours=1)
    night.pass_seconds(20)
    with night.store.read() as reading:
        due_ms = reading.connection.execute(select(alarms.c.respond_by_ms).where(alarms.c.id == alarm)).scalar_one()
    assert due_ms <= unix_ms(night.now) + 20_000
    assert night.faults() == []


def test_a_killed_process_skips_no_step(night: Night) -> None:
    """The centre dies at 02:10:20 and comes back at 02:11:00: the shift leader is told then, the director on time."""
    alarm = night.happens(box_of(night), "zone.hold_up", "zone/counter")
    night.pass_seconds(20)
    night.close()
    night.now += timedelta(seconds=40)
    night.start()
    night.pass_seconds(70)
    assert night.lines(alarm)[2:] == ["02:11:00 leader-1", "02:12:00 director-1"]
