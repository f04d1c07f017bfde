"""The auditor of escalation finds each thing that can fail, by its name, and says nothing of a sound night."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete, update

from collector.alarms.words import Move, Resolution
from collector.escalation import audit
from collector.escalation.records import Purpose
from collector.rules.builtin import BUILTIN
from collector.storage.alarm_tables import timers
from collector.storage.schema import alarms
from collector.times import unix_ms
from provisioning.authority import Authority
from tests.escalating import people_of
from tests.nights import LEADER, OPERATOR, REVIEWER, RULES, SEATS, Night, bank, box_of, night

__all__ = ["bank", "night"]
SETTLED_S = audit.SETTLED_MS // 1000 + 1


def found(night: Night) -> list[str]:
    """What fails."""
    with night.store.read() as reading:
        return [each.what.value for each in audit.audit(reading.connection, night.around, unix_ms(night.now))]


@pytest.mark.parametrize(
    ("gone", "wanted"),
    [
        (tuple(Purpose), ["no_step", "no_watch"]),
        ((Purpose.RESPOND,), ["no_watch"]),
        ((Purpose.ESCALATE, Purpose.RESPOND), ["no_step", "no_watch"]),
    ],
)
def test_an_untaken_alarm_needs_its_next_step_and_a_watcher(
    gone: tuple[Purpose, ...], wanted: list[str], night: Night
) -> None:
    """Without any timer it has no next step; without the one of its response clock nobody watches that."""
    alarm = night.happens(box_of(night))
    assert found(night) == []
    with night.store.write() as connection:
        words = [purpose.value for purpose in gone]
        connection.execute(delete(timers).where(timers.c.alarm == alarm, timers.c.purpose.in_(words)))
    assert found(night) == wanted


@pytest.mark.parametrize(("far", "what"), [(1, "no_review"), (2, "no_follow")])
def test_what_waits_for_a_review_or_a_follow_up_needs_its_watcher(far: int, what: str, night: Night) -> None:
    """Resolved and reviewed alarms are open ends too."""
    alarm = night.happens(box_of(night))
    night.does(OPERATOR, Move.ACKNOWLEDGE, alarm)
    night.does(OPERATOR, Move.RESOLVE, alarm, resolution=Resolution.FALSE_ALARM, text="a cleaner")
    if far > 1:
        night.does(REVIEWER, Move.REVIEW, alarm)
    assert found(night) == []
    with night.store.write() as connection:
        connection.execute(delete(timers).where(timers.c.alarm == alarm))
    assert found(night) == [what]


def test_what_is_late_or_quiet_under_nothing_is_found(night: Night) -> None:
    """A step that nobody fired for ten seconds; an alarm whose shelter is not there."""
    night.runs = False
    alarm = night.happens(box_of(night))
    night.pass_seconds(80)
    assert found(night) == ["late"]
    with night.store.write() as connection:
        connection.execute(update(alarms).where(alarms.c.id == alarm).values(shelter="nothing", shelter_why="storm"))
        connection.execute(delete(timers).where(timers.c.alarm == alarm))
    assert found(night) == ["shelter"]


def test_rules_with_a_hole_that_came_past_the_loading_are_found(night: Night) -> None:
    """An untaken alarm for which no policy is."""
    night.happens(box_of(night))
    night.pass_seconds(SETTLED_S)
    night.hold_rules(msgspec.structs.replace(RULES, policy=RULES.policy[:1]), version=2)
    assert found(night) == ["hole"]


@pytest.mark.parametrize("missing", ["director-1", "receiver", "nobody"])
def test_a_step_behind_which_nobody_is_any_more_is_found(missing: str, tmp_path: Path, bank: Authority) -> None:
    """The desk is there and hears of everything; still each later step must reach somebody: who left is told of."""
    made = Night(
        folder=tmp_path,
        authority=bank,
        people=people_of(*(each for each in SEATS if each.id != missing)),
        receivers=() if missing == "receiver" else ("110",),
    )
    made.hold_rules(RULES)
    made.happens(box_of(made), "zone.hold_up")
    made.pass_seconds(SETTLED_S, step=5)
    assert found(made) == ([] if missing == "nobody" else ["deaf"])
    made.close()


def test_a_step_that_reaches_another_place_only_is_found(tmp_path: Path, bank: Authority) -> None:
    """A shift leader of one unit is nobody for an alarm of another, whatever the loading could know."""
    policy = msgspec.structs.replace(RULES.policy[2], step=(RULES.policy[2].step[0], BUILTIN.policy[0].step[1]))
    north = msgspec.structs.replace(LEADER, unit="北分行")
    made = Night(folder=tmp_path, authority=bank, people=people_of(OPERATOR, north))
    made.hold_rules(msgspec.structs.replace(RULES, policy=(policy,)))
    made.happens(box_of(made))
    made.pass_seconds(SETTLED_S, step=5)
    assert found(made) == ["deaf"]
    with made.store.read() as reading:
        (finding,) = audit.audit(reading.connection, made.around, unix_ms(made.now))
    number, _, who = finding.examples[0].partition(" ")
    assert (number.isdecimal(), who) == (True, "[role/shift_leader]")  # which alarm, and whom it asks for in vain
    made.close()


def test_a_bank_without_rules_of_its_own_has_the_desk_alone(tmp_path: Path, bank: Authority) -> None:
    """Nobody has a contact before rules were loaded: a desk that is there is enough."""
    made = Night(folder=tmp_path, authority=bank)
    made.happens(box_of(made))
    made.pass_seconds(SETTLED_S, step=5)
    assert found(made) == []
    made.at_desk = set()
    made.pass_seconds(SETTLED_S, step=5)
    assert found(made) == ["unreachable"]
    made.close()
