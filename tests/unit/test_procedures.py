"""Procedures: the one that is chosen, what each step needs, and an alarm that is not resolved before they are done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.alarms.lifecycle import Asked, Move, Refusal
from collector.alarms.service import AlarmService, RefusedError
from collector.escalation.records import Watched
from collector.people import PersonRole
from collector.procedures.choosing import choose
from collector.procedures.progress import NEEDED, judge, open_steps
from collector.rules.builtin import BUILTIN
from collector.rules.shapes import Procedure, ProcedureStep, Rules, StepKind, When
from collector.storage.alarm_reading import alarm_detail
from collector.storage.records import AlarmDetail, AlarmState, Sight
from collector.times import unix_ms
from protocol.kinds import Lane
from provisioning.authority import Authority
from tests.escalating import LEADER, OPERATOR, REVIEWER, EscalatingCentre
from tests.ledgers import NOW

NOON_MS = unix_ms(NOW.replace(hour=4, minute=0))  # 12:00 in Shanghai
NIGHT_MS = unix_ms(NOW.replace(hour=18, minute=0))  # 02:00
A_STEP = (ProcedureStep(kind=StepKind.NOTE, text="x"),)


def procedure(name: str, **when: Any) -> Procedure:
    """One that is for these alarms."""
    return Procedure(name=name, when=When(**when), step=A_STEP)


def alarm(**other: Any) -> Watched:
    """A dual opening at an outlet."""
    fields: dict[str, Any] = {
        "id": "a",
        "number": 1,
        "site": "0755-031",
        "unit": "市分行/西区支行",
        "timezone": "Asia/Shanghai",
        "kind": "door.dual_open",
        "event_class": "security",
        "level": 2,
        "source": "interlock/v",
        "state": AlarmState.NEW,
        "opened_ms": 0,
    }
    return Watched(**(fields | other))


ALL = procedure("all")
UNIT = procedure("unit", unit="市分行")
DEEPER = procedure("deeper", unit="市分行/西区支行")
HOURS = procedure("hours", hours="20:00-08:00")
KIND = procedure("kind", kinds=("door.dual_open", "door.forced"))
KIND_AT_NIGHT = procedure("kind at night", kinds=("door.dual_open",), hours="20:00-08:00")
SITE = procedure("site", sites=("0755-031",))
SITE_AND_KIND = procedure("site and kind", sites=("0755-031",), kinds=("door.dual_open",))


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ([ALL], "all"),
        ([ALL, UNIT], "unit"),
        ([UNIT, DEEPER, ALL], "deeper"),
        ([DEEPER, HOURS], "hours"),
        ([HOURS, KIND], "kind"),
        ([KIND, KIND_AT_NIGHT], "kind at night"),
        ([KIND_AT_NIGHT, SITE], "site"),
        ([SITE, SITE_AND_KIND], "site and kind"),
        ([ALL, procedure("later")], "all"),
        ([procedure("other site", sites=("0755-099",)), ALL], "all"),
        ([procedure("grave", levels=(1,)), ALL], "all"),
        ([procedure("other kind", kinds=("zone.fire",))], None),
        ([procedure("sibling", unit="市分行/西区")], None),
    ],
)
def test_the_most_specific_procedure_is_taken(given: list[Procedure], chosen: str | None) -> None:
    """Sites before kinds before hours before the depth of the unit; among equals the first of the file."""
    found = choose(given, alarm(), NIGHT_MS)
    assert (found.name if found else None) == chosen
    equals = [each.when for each in given].count(given[0].when) > 1
    if not equals:
        assert choose(given[::-1], alarm(), NIGHT_MS) == found


def test_hours_are_those_of_the_site() -> None:
    """20:00-08:00 is night in Shanghai, whatever the collector's clock says."""
    assert choose([ALL, HOURS], alarm(), NOON_MS) is ALL
    assert choose([ALL, HOURS], alarm(timezone="America/New_York"), NOON_MS) is HOURS


SAID: dict[str, Any] = {"number": "110", "person": "Wang", "at": "2026-11-21T02:13:49.204Z", "result": "on their way"}


def done(kind: StepKind, text: str = "seen", **result: Any) -> Asked:
    """A step done with everything but what the test leaves out."""
    given = SAID | result
    return Asked(
        move=Move.STEP,
        person="li",
        roles=frozenset({PersonRole.OPERATOR}),
        position=1,
        outcome="done",
        text=text,
        result=given,
    )


@pytest.mark.parametrize("kind", list(StepKind))
def test_each_kind_of_step_needs_its_own(kind: StepKind) -> None:
    """Whatever NEEDED names is asked for: empty, it is refused; the police desk needs number, person, time, result."""
    step = ProcedureStep(kind=kind, text="x")
    assert judge(step, done(kind), 0, 1) is None
    for name in NEEDED[kind]:
        lacking = done(kind, text="") if name == "text" else done(kind, **{name: ""})
        assert judge(step, lacking, 0, 1) is Refusal.STEP_INCOMPLETE
    assert set(NEEDED[StepKind.POLICE]) == {"number", "person", "at", "result"}


@pytest.mark.parametrize("kind", list(StepKind))
def test_a_step_is_skipped_with_a_reason_only(kind: StepKind) -> None:
    """A wait too, and before its time: the reason stands in the record."""
    step = ProcedureStep(kind=kind, text="x", wait=timedelta(minutes=5))
    skipped = msgspec.structs.replace(done(kind), outcome="skipped", result={})
    assert judge(step, skipped, 0, 1) is None
    assert judge(step, msgspec.structs.replace(skipped, text="  "), 0, 1) is Refusal.STEP_INCOMPLETE


def test_a_wait_is_not_done_before_its_time() -> None:
    """To the millisecond, from when the step before it was settled."""
    step = ProcedureStep(kind=StepKind.WAIT, text="x", wait=timedelta(minutes=5))
    assert judge(step, done(StepKind.WAIT), 1_000, 300_999) is Refusal.STEP_TOO_EARLY
    assert judge(step, done(StepKind.WAIT), 1_000, 301_000) is None


STEPS = (
    ProcedureStep(kind=StepKind.LOOK, text="看通道摄像机", camera="03"),
    ProcedureStep(kind=StepKind.CALL, text="打网点电话", number="0755-1234"),
    ProcedureStep(kind=StepKind.WAIT, text="等五分钟", wait=timedelta(minutes=5)),
    ProcedureStep(kind=StepKind.NOTE, text="写下情况", required=False),
)
RULES = Rules(
    policy=BUILTIN.policy, procedure=(Procedure(name="双开", when=When(kinds=("door.dual_open",)), step=STEPS),)
)


class World:
    """An alarm of a centre with a procedure."""

    def __init__(self, folder: Path) -> None:
        self.centre = EscalatingCentre(folder=folder, authority=Authority.create(now=NOW))
        self.box = self.centre.box()
        self.centre.take(self.box.birth(), self.box.events(self.box.opened(Lane.URGENT)))
        self.centre.hold_rules(RULES)
        self.centre.take(self.box.events(self.box.line("door.dual_open")))
        self.id = self.centre.alarms()[0].id
        self.service = AlarmService(self.centre.store, lambda: self.centre.now, lambda: None, self.centre.around)

    def do(self, move: Move, who: Any = OPERATOR, **said: Any) -> AlarmDetail:
        """A move at the version that stands."""
        version = self.centre.alarms()[0].version
        return self.service.move(self.id, who, move, version=version, **said)

    def step(self, position: int, outcome: str = "done", text: str = "", **result: Any) -> AlarmDetail:
        """A step of its procedure."""
        return self.do(Move.STEP, position=position, outcome=outcome, text=text, result=result)

    def refused(self, move: Move, who: Any = OPERATOR, **said: Any) -> RefusedError:
        """Why it is not done; nothing has changed."""
        before = self.detail()
        with pytest.raises(RefusedError) as caught:
            self.do(move, who, **said)
        assert self.detail() == before
        return caught.value

    def detail(self) -> AlarmDetail:
        """The alarm as it stands."""
        with self.centre.store.read() as reading:
            found = alarm_detail(reading, self.id, Sight())
        assert found is not None
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The alarm is new."""
    made = World(tmp_path)
    yield made
    made.centre.close()


def test_a_procedure_begins_when_the_alarm_is_taken(world: World) -> None:
    """None before, all steps after, as they stood in the rules at that moment; once only."""
    assert world.detail().steps == ()
    taken = world.do(Move.ACKNOWLEDGE)
    assert taken.alarm.procedure == "双开"
    assert [(row.position, row.kind, row.required) for row in taken.steps] == [
        (1, "look", True),
        (2, "call", True),
        (3, "wait", True),
        (4, "note", False),
    ]
    world.step(1)
    world.centre.hold_rules(Rules(policy=BUILTIN.policy), version=2)
    world.do(Move.RELEASE, text="called away")
    again = world.do(Move.ACKNOWLEDGE, LEADER)
    assert [row.state for row in again.steps] == ["done", "open", "open", "open"]


def test_an_alarm_is_resolved_when_its_steps_are_settled(world: World) -> None:
    """Blocked with the numbers of the open required steps; optional ones block nothing."""
    said = {"resolution": "false_alarm", "text": "a delivery"}
    world.do(Move.ACKNOWLEDGE)
    blocked = world.refused(Move.RESOLVE, **said)
    assert (blocked.refusal, blocked.more) == (Refusal.STEPS_OPEN, {"steps": [1, 2, 3]})
    world.step(1)
    world.step(2, number="0755-1234", result="nobody answers")
    too_early = world.refused(Move.STEP, position=3, outcome="done")
    assert too_early.refusal is Refusal.STEP_TOO_EARLY
    assert world.refused(Move.RESOLVE, **said).more == {"steps": [3]}
    world.centre.now += timedelta(minutes=5)
    world.step(3)
    with world.centre.store.read() as reading:
        assert open_steps(reading.connection, world.id) == 0
    assert world.do(Move.RESOLVE, **said).alarm.state == "resolved"


def test_what_was_done_stands_in_row_and_journal(world: World) -> None:
    """Who, when, the number reached and the result; whoever did a step is a handler."""
    world.do(Move.ACKNOWLEDGE)
    detail = world.do(
        Move.STEP, LEADER, position=2, outcome="done", result={"number": "0755-1234", "result": "guard goes"}
    )
    row = detail.steps[1]
    assert (row.state, row.person, row.at_ms) == ("done", "zhao", unix_ms(world.centre.now))
    assert row.facts == {"number": "0755-1234", "result": "guard goes"}
    assert detail.alarm.handlers == ("li", "zhao")
    entry = detail.history[-1]
    assert (entry.action, entry.person, entry.facts["step"], entry.facts["outcome"]) == ("step", "zhao", 2, "done")
    assert entry.facts["result"] == "guard goes"


def test_wrong_steps_are_refused(world: World) -> None:
    """One that is not there, one that is settled, one without what it needs, and anybody else's."""
    world.do(Move.ACKNOWLEDGE)
    assert world.refused(Move.STEP, position=9, outcome="done").refusal is Refusal.STEP_UNKNOWN
    assert world.refused(Move.STEP, position=2, outcome="done").refusal is Refusal.STEP_INCOMPLETE
    assert world.refused(Move.STEP, REVIEWER, position=1, outcome="done").refusal is Refusal.NOT_ALLOWED
    world.step(1, "skipped", text="camera is down")
    assert world.refused(Move.STEP, position=1, outcome="done").refusal is Refusal.STEP_SETTLED
    assert world.detail().steps[0].facts == {"text": "camera is down"}


def test_without_a_procedure_there_are_no_steps(tmp_path: Path) -> None:
    """The built-in rules have none: an alarm is resolved with its code and narrative alone."""
    world = World(tmp_path)
    world.centre.hold_rules(Rules(policy=BUILTIN.policy), version=2)
    taken = world.do(Move.ACKNOWLEDGE)
    assert (taken.alarm.procedure, taken.steps) == ("", ())
    assert world.do(Move.RESOLVE, resolution="real", text="x").alarm.state == "resolved"
    world.centre.close()
