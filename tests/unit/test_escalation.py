"""Escalation at work: alarms of the real ingest, the real runner, rules, desks and notices; time is virtual."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.alarms.words import Move
from collector.escalation.answering import Answer
from collector.escalation.records import Purpose, Timer
from collector.rules.builtin import BUILTIN
from collector.storage import timers
from collector.times import unix_ms
from provisioning.authority import Authority
from tests.collecting import Box
from tests.escalating import DIRECTOR, HELD, LEADER, OPERATOR, EscalatingCentre, people_of, purposes, ready


@pytest.fixture
def desk(tmp_path: Path, paper_authority: Authority) -> Iterator[EscalatingCentre]:
    """A centre with the built-in policies, and a telephone number for everybody."""
    made = EscalatingCentre(folder=tmp_path, authority=paper_authority)
    made.hold_rules(HELD)
    yield made
    made.close()


@pytest.fixture
def box(desk: EscalatingCentre) -> Box:
    """A branch that is alive."""
    return ready(desk)


def test_an_untaken_alarm_goes_up_step_by_step_and_on_and_on(desk: EscalatingCentre, box: Box) -> None:
    """Level 2: desk at once, the shift leader after 60 s, the director two minutes later, then again every 5 min."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box)
    desk.pass_seconds(800)
    first = desk.told(alarm)[0][0]
    told = [(at - first, who) for at, who in desk.told(alarm)]
    assert told == [(0, "desk"), (60, "zhao"), (180, "chen"), (480, "chen"), (780, "chen")]


def test_whoever_takes_it_ends_the_chain_and_silence_is_reminded(desk: EscalatingCentre, box: Box) -> None:
    """Acknowledged within the minute: the shift leader hears nothing, until nothing was done for five minutes."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box)
    desk.pass_seconds(20)
    desk.act(alarm, OPERATOR, Move.ACKNOWLEDGE)
    assert purposes(desk.timers_of(alarm)) == ["stall"]
    desk.pass_seconds(290)
    assert [who for _, who in desk.told(alarm)] == ["desk"]
    desk.pass_seconds(20)
    assert [who for _, who in desk.told(alarm)] == ["desk", "li"]
    desk.pass_seconds(300)
    assert [who for _, who in desk.told(alarm)] == ["desk", "li", "li", "zhao"]


def test_whoever_takes_and_gives_back_keeps_no_alarm_to_himself(desk: EscalatingCentre, box: Box) -> None:
    """Given back once is nobody's fault; the second time the shift leader is told at once, each time."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box, "zone.hold_up")
    for leaders in (0, 1, 2):
        desk.pass_seconds(10)
        desk.act(alarm, OPERATOR, Move.ACKNOWLEDGE)
        desk.pass_seconds(240)
        desk.act(alarm, OPERATOR, Move.RELEASE, text="not mine")
        assert [who for _, who in desk.told(alarm)].count("zhao") == leaders


def test_what_is_only_written_is_nothing_that_was_done(desk: EscalatingCentre, box: Box) -> None:
    """Notes and answers, of others and of the holder too, put off no reminder of an alarm that lies in a hand."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box)
    desk.pass_seconds(61)
    desk.act(alarm, OPERATOR, Move.ACKNOWLEDGE)
    before = desk.timers_of(alarm)
    for _ in range(9):
        desk.pass_seconds(60)
        desk.act(alarm, DIRECTOR, Move.NOTE, text="and?")
        desk.act(alarm, OPERATOR, Move.NOTE, text="looking")
        desk.reply(alarm, LEADER)
    assert [who for _, who in desk.told(alarm)] == ["desk", "zhao", "li"]
    assert before != desk.timers_of(alarm)
    desk.pass_seconds(61)
    assert [who for _, who in desk.told(alarm)] == ["desk", "zhao", "li", "li", "zhao"]


def test_whose_holder_is_nobody_any_more_is_told_to_whoever_is_left(desk: EscalatingCentre, box: Box) -> None:
    """The shift leader holds it, and leaves the bank the same day; there is no other: the director is told."""
    alarm = desk.alarm(box)
    desk.act(alarm, LEADER, Move.ACKNOWLEDGE)
    desk.people = people_of(OPERATOR, DIRECTOR)
    desk.restart()
    desk.pass_seconds(301)
    assert [who for at, who in desk.told(alarm) if at >= 300] == [DIRECTOR.id]


def test_a_desk_where_nobody_sits_is_passed_over_at_once(desk: EscalatingCentre, box: Box) -> None:
    """No live session within 15 s: the next step is told in the very transaction that opened the alarm."""
    alarm = desk.alarm(box)
    assert [who for _, who in desk.told(alarm)] == ["zhao"]
    (entry,) = desk.entries("told")
    assert entry.facts["missed"] == {"desk": "desk"}
    desk.pass_seconds(181)
    assert [who for _, who in desk.told(alarm)] == ["zhao", "chen"]


def test_an_answer_by_whoever_may_not_take_it_holds_the_chain_for_three_minutes(
    desk: EscalatingCentre, box: Box
) -> None:
    """The director answers: nobody else is told for three minutes, then what fell due meanwhile is told at once."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box)
    desk.pass_seconds(61)
    said = desk.reply(alarm, DIRECTOR)
    assert said.outcome is Answer.PAUSED
    assert [who for _, who in desk.told(alarm)] == ["desk", "zhao"]
    desk.pass_seconds(178)
    assert [who for _, who in desk.told(alarm)] == ["desk", "zhao"]
    desk.pass_seconds(3)
    assert [who for _, who in desk.told(alarm)] == ["desk", "zhao", "chen"]


def test_an_answer_takes_it_but_never_the_gravest(desk: EscalatingCentre, box: Box) -> None:
    """Level 2 is taken by the shift leader's answer; level 1 must be taken at the desk, the answer only pauses."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box)
    assert desk.reply(alarm, LEADER).outcome is Answer.TOOK
    assert desk.reply(alarm, LEADER).outcome is Answer.OVER
    grave = desk.alarm(box, "zone.hold_up")
    assert desk.reply(grave, LEADER).outcome is Answer.PAUSED
    assert purposes(desk.timers_of(grave)) == ["respond", "resume"]


def test_nobody_at_all_to_tell_is_itself_an_alarm_and_over_when_somebody_sits_down(
    desk: EscalatingCentre, box: Box
) -> None:
    """The auditor finds an alarm that reaches nobody: told once, at level 2, and restored when the desk is manned."""
    desk.hold_rules(BUILTIN, version=2)
    desk.alarm(box)
    desk.pass_seconds(60)
    desk.tick()
    broken = [each for each in desk.alarms() if each.kind == "escalation.broken"]
    assert [(each.level, each.source, each.facts["what"]) for each in broken] == [
        (2, "audit/unreachable", "unreachable")
    ]
    desk.at_desk = {OPERATOR.id}
    desk.pass_seconds(120)
    desk.tick()
    broken = [each for each in desk.alarms() if each.kind == "escalation.broken"]
    assert [each.restored_ms is not None for each in broken] == [True]


def test_a_row_that_trips_over_a_fault_holds_up_no_other_and_is_told(desk: EscalatingCentre, box: Box) -> None:
    """A timer whose facts nobody understands stays and becomes late; the others are fired; the auditor names it."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box)
    with desk.store.write() as connection:
        bad = Timer(id="bad", alarm=alarm, purpose=Purpose.ESCALATE, due_ms=0, facts={"policy": 7})
        timers.put_timers(connection, [bad], 0)
    desk.pass_seconds(62)
    assert [who for _, who in desk.told(alarm)] == ["desk", "zhao"]
    desk.tick()
    assert "audit/late" in {each.source for each in desk.alarms()}


@pytest.mark.parametrize("when", [1, 45, 59, 61, 170])
def test_a_worker_that_dies_inside_a_wait_is_replaced_by_another_on_time(
    desk: EscalatingCentre, box: Box, when: int
) -> None:
    """FIELD-FAULTS 8: the worker ends inside a wait and another begins; the next steps happen on time, once."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box)
    desk.pass_seconds(when)
    desk.restart()
    desk.pass_seconds(200 - when)
    first = desk.told(alarm)[0][0]
    assert [(at - first, who) for at, who in desk.told(alarm)] == [(0, "desk"), (60, "zhao"), (180, "chen")]


def test_a_worker_killed_in_the_middle_of_a_step_leaves_it_to_another(desk: EscalatingCentre, box: Box) -> None:
    """FIELD-FAULTS 8: SIGKILL after the step was taken and told, before its commit: another tells it, and once."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box)
    desk.runs = False
    desk.pass_seconds(60)
    killed = subprocess.run(
        [sys.executable, "-m", "tests.dying_worker", desk.url, str(unix_ms(desk.now))], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert [who for _, who in desk.told(alarm)] == ["desk"]
    desk.runner.tick(unix_ms(desk.now))
    assert [who for _, who in desk.told(alarm)] == ["desk", "zhao"]
    desk.runner.tick(unix_ms(desk.now))
    assert [who for _, who in desk.told(alarm)] == ["desk", "zhao"]
