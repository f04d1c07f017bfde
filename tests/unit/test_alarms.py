"""Alarms: the table of moves, what opens and joins them, and people's actions on them."""

from __future__ import annotations

from itertools import count

import msgspec
import pytest
from sqlalchemy import update

from collector.alarms.correlation import Correlation, Fact, Known, Part, Place, correlate
from collector.alarms.lifecycle import Refusal
from collector.alarms.service import AlarmService, RefusedError
from collector.people import Person, PersonRole
from collector.storage.alarm_reading import alarm_detail
from collector.storage.journal import first_break
from collector.storage.records import Sight
from collector.storage.schema import journal
from collector.storage.soundness import journal_break
from protocol.kinds import Lane
from protocol.ledger import Link, after, line_hash
from protocol.messages import decode_event, encode
from tests.collecting import Box, PaperCentre

OPERATOR = Person(id="li", name="李", roles=frozenset({PersonRole.OPERATOR}), unit="市分行", language="zh")
OTHER = Person(id="wang", name="王", roles=frozenset({PersonRole.OPERATOR}), unit="", language="zh")
LEADER = Person(id="zhao", name="赵", roles=frozenset({PersonRole.SHIFT_LEADER}), unit="", language="zh")
AUDITOR = Person(id="sun", name="孙", roles=frozenset({PersonRole.AUDITOR}), unit="", language="zh")
STRANGER = Person(id="qian", name="钱", roles=frozenset({PersonRole.OPERATOR}), unit="市分行/东区支行", language="zh")


def fact(number: int, kind: str = "door.dual_open", level: int = 2, **other: object) -> Fact:
    """An event as correlation sees it."""
    fields = {
        "number": number,
        "box": "b-a",
        "event_id": f"id-{number}",
        "site": "b",
        "kind": kind,
        "event_class": "security",
        "level": level,
        "source": "interlock/vestibule",
        "at_ms": number,
        "received_ms": number,
        "restores": None,
    } | other
    return Fact(**fields)  # type: ignore[arg-type]


def correlated(*facts: Fact) -> Correlation:
    """What follows from events where no alarm is; alarms are a1, a2, ..."""
    numbers = count(1)
    return correlate(facts, Known(), lambda: f"a{next(numbers)}")


def test_levels_one_to_four_open_and_five_does_not() -> None:
    """DOMAIN 3: a person must handle levels 1 to 4."""
    facts = [fact(level, level=level, source=f"door/d{level}") for level in range(1, 6)]
    made = correlated(*facts)
    assert [opening.fact.level for opening in made.openings] == [1, 2, 3, 4]


def test_the_same_condition_joins_while_nobody_has_it() -> None:
    """Same site, kind and source join a new alarm; any difference opens another."""
    facts = [fact(1), fact(2), fact(3, source="interlock/back"), fact(4, site="c"), fact(5, kind="door.forced")]
    made = correlated(*facts)
    assert [opening.fact.number for opening in made.openings] == [1, 3, 4, 5]
    assert [(link.alarm, link.part) for link in made.links if link.fact.number == 2] == [("a1", Part.JOINED)]


def test_an_alarm_that_somebody_took_is_joined_for_ten_minutes(centre: PaperCentre) -> None:
    """Whoever has it in hand gets the same condition too; later it is a new alarm, so that nobody overlooks it."""
    box = ready(centre)
    centre.take(box.events(box.line("door.dual_open")))
    service(centre).acknowledge(centre.alarms()[0].id, OPERATOR, version=1)
    centre.take(box.events(box.line("door.dual_open")))
    assert [(alarm.state, alarm.events) for alarm in centre.alarms()] == [("acknowledged", 2)]
    centre.pass_time(601)
    centre.take(box.events(box.line("door.dual_open")))
    assert [alarm.state for alarm in centre.alarms(kind="door.dual_open")] == ["acknowledged", "new"]


@pytest.mark.parametrize("levels", [(3, 1, 2), (1, 3, 2), (3, 2, 1)])
def test_an_alarm_is_as_grave_as_the_gravest_that_joined(centre: PaperCentre, levels: tuple[int, ...]) -> None:
    """A graver event makes its alarm graver, a lighter one never lighter; it sorts and sounds by that."""
    changed = correlated(*(fact(number, level=level) for number, level in enumerate(levels, start=1))).changes["a1"]
    assert changed.level == min(levels[1:])
    box = ready(centre)
    for level in levels:
        centre.take(box.events(of_level(box, level)))
    (alarm,) = centre.alarms()
    assert alarm.level == 1


def test_a_joined_alarm_is_open_again() -> None:
    """A restore is noted; the same condition again takes the note away."""
    ended = fact(2, kind="door.dual_open.restored", restores="id-1")
    made = correlated(fact(1), ended, fact(3))
    assert made.changes["a1"].restored_ms is None
    made = correlated(fact(1), ended)
    assert made.changes["a1"].restored_ms == 2


def test_one_restore_ends_what_was_told_again() -> None:
    """A hold-up that is told again opens an alarm of its own once somebody took the first: its reset ends both."""
    reset = fact(9, kind="zone.hold_up.restored", source="zone/button", restores="id-1")
    elsewhere = ("b", "zone.hold_up", "zone/back")
    lasting = {("b", "zone.hold_up", "zone/button"): ["a1", "a2"], elsewhere: ["a3"]}
    made = correlate([reset], Known(places={("b-a", "id-1"): Place(alarm="a1")}, lasting=lasting), lambda: "a4")
    assert {alarm: change.restored_ms for alarm, change in made.changes.items()} == {"a1": 9, "a2": 9}
    assert [(link.alarm, link.part) for link in made.links] == [("a1", Part.RESTORED), ("a2", Part.RESTORED)]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_only_supports_an_alarm_ends_without_it(centre: PaperCentre, at_once: bool) -> None:
    """A covered lens that is cleared says nothing of the door that was forced; the door's own restore does."""
    box = ready(centre)
    forced, covered = box.line("door.forced"), box.line("camera.covered", source="camera/01")
    cleared = box.line("camera.covered.restored", source="camera/01", restores=decode_event(covered).id)
    lines = (forced, covered, cleared)
    for some in [lines] if at_once else [(line,) for line in lines]:
        centre.take(box.events(*some))
    (alarm,) = centre.alarms()
    assert (alarm.kind, alarm.events, alarm.restored_ms) == ("door.forced", 2, None)
    if not at_once:
        assert "lapsed" in told_of(centre, alarm.id)
    centre.take(box.events(box.line("door.forced.restored", restores=decode_event(forced).id)))
    assert centre.alarms()[0].restored_ms is not None
    assert told_of(centre, alarm.id)[-1] == "restored"


def test_two_alarms_rise_in_one_envelope(centre: PaperCentre) -> None:
    """Two doors told at level IV, then both at III in one message: both are graver, and nothing is set aside."""
    box = ready(centre)
    doors = ("door/back", "door/front")
    for level in (4, 3):
        centre.take(box.events(*(box.line("door.held_open", source=door, level=level) for door in doors)))
    assert [(alarm.source, alarm.level, alarm.events) for alarm in centre.alarms()] == [(door, 3, 2) for door in doors]


def test_a_restore_that_names_what_supports_is_noted_once(centre: PaperCentre) -> None:
    """The door's own restore with the id of the covered lens, from a box that errs: it ends the door, and is stored."""
    box = ready(centre)
    forced, covered = box.line("door.forced"), box.line("camera.covered", source="camera/01")
    centre.take(box.events(forced, covered))
    centre.take(box.events(box.line("door.forced.restored", restores=decode_event(covered).id)))
    (alarm,) = centre.alarms()
    assert alarm.restored_ms is not None


def test_what_was_told_again_and_taken_ends_with_its_reset(centre: PaperCentre) -> None:
    """The same through the store: taken, told again, reset; nothing stands there for ever."""
    box = ready(centre)
    first = box.line("zone.hold_up")
    centre.take(box.events(first))
    service(centre).acknowledge(centre.alarms()[0].id, OPERATOR, version=1)
    centre.pass_time(121)
    centre.take(box.events(box.line("zone.hold_up")))
    assert [alarm.restored_ms for alarm in centre.alarms(kind="zone.hold_up")] == [None, None]
    reset = changed(box, "zone.hold_up.restored", restores=decode_event(first).id)
    centre.take(box.events(reset))
    assert all(alarm.restored_ms is not None for alarm in centre.alarms(kind="zone.hold_up"))


def test_the_life_of_an_alarm_stands_in_the_journal(centre: PaperCentre) -> None:
    """Acknowledge, note, resolve: each with its person, and the journal's chain holds."""
    box = ready(centre)
    centre.take(box.events(box.line("door.dual_open")))
    acting, alarm = service(centre), centre.alarms()[0].id
    assert acting.acknowledge(alarm, OPERATOR, version=1).alarm.holder == "li"
    acting.note(alarm, OPERATOR, text="  called the branch ")
    detail = acting.resolve(alarm, OPERATOR, version=2, resolution="false_alarm", narrative="a delivery")
    assert (detail.alarm.state, detail.alarm.resolution, detail.alarm.version) == ("resolved", "false_alarm", 3)
    assert [(row.action, row.person) for row in detail.history] == [
        ("opened", centre.id),
        ("told", centre.id),
        ("acknowledge", "li"),
        ("note", "li"),
        ("resolve", "li"),
    ]
    assert [(note.person, note.text) for note in detail.notes] == [("li", "called the branch")]
    with centre.store.read() as reading:
        lines = list(reading.journal_lines())
    assert first_break(lines) is None
    lines[2] = lines[2].replace(b'"li"', b'"me"') if b'"li"' in lines[2] else lines[2].replace(b"a", b"b", 1)
    assert first_break(lines) is not None


@pytest.mark.parametrize(
    "forged", [{"person": "wang"}, {"at_ms": 5}, {"action": "note"}, {"subject": "other"}, {"hash": "0" * 64}]
)
def test_a_row_of_the_journal_that_says_otherwise_than_its_line_is_found(
    centre: PaperCentre, forged: dict[str, object]
) -> None:
    """Pages read columns and the chain holds lines: who edits a column in the database is found as well."""
    box = ready(centre)
    centre.take(box.events(box.line("door.dual_open")))
    service(centre).acknowledge(centre.alarms()[0].id, OPERATOR, version=1)
    with centre.store.read() as reading:
        assert journal_break(reading) is None
        head = reading.journal_head()
    with centre.store.write() as connection:
        connection.execute(update(journal).where(journal.c.number == head).values(**forged))
    with centre.store.read() as reading:
        assert journal_break(reading) == head


def test_two_people_at_once_meet_in_the_version(centre: PaperCentre) -> None:
    """WIRE 5: who looked at an older version is told, and nothing is overwritten."""
    box = ready(centre)
    centre.take(box.events(box.line("door.dual_open")))
    acting, alarm = service(centre), centre.alarms()[0].id
    acting.acknowledge(alarm, OPERATOR, version=1)
    with pytest.raises(RefusedError) as refused:
        acting.acknowledge(alarm, OTHER, version=1)
    assert refused.value.refusal is Refusal.WRONG_STATE
    with pytest.raises(RefusedError) as refused:
        acting.resolve(alarm, OPERATOR, version=1, resolution="real", narrative="x")
    assert refused.value.refusal is Refusal.CONFLICT
    assert centre.alarms()[0].holder == "li"


def test_an_alarm_is_its_holder_s_or_the_shift_leader_s(centre: PaperCentre) -> None:
    """Another operator may not resolve it; the shift leader may."""
    box = ready(centre)
    centre.take(box.events(box.line("door.dual_open")))
    acting, alarm = service(centre), centre.alarms()[0].id
    acting.acknowledge(alarm, OPERATOR, version=1)
    with pytest.raises(RefusedError) as refused:
        acting.resolve(alarm, OTHER, version=2, resolution="real", narrative="x")
    assert refused.value.refusal is Refusal.NOT_HOLDER
    assert acting.resolve(alarm, LEADER, version=2, resolution="real", narrative="x").alarm.state == "resolved"


def test_a_resolution_needs_its_code_and_its_story(centre: PaperCentre) -> None:
    """DOMAIN 3: a resolution code and a narrative."""
    box = ready(centre)
    centre.take(box.events(box.line("door.dual_open")))
    acting, alarm = service(centre), centre.alarms()[0].id
    acting.acknowledge(alarm, OPERATOR, version=1)
    for resolution, narrative in (("nonsense", "x"), ("real", "  "), ("real", "x" * 4001)):
        with pytest.raises(RefusedError) as refused:
            acting.resolve(alarm, OPERATOR, version=2, resolution=resolution, narrative=narrative)
        assert refused.value.refusal is Refusal.INCOMPLETE


def test_a_person_sees_its_unit_and_below_only(centre: PaperCentre) -> None:
    """DOMAIN 1: never above, never a sibling, not even by the alarm's id."""
    box = ready(centre)
    centre.take(box.events(box.line("door.dual_open")))
    alarm = centre.alarms()[0].id
    assert centre.alarms(sight=Sight(unit=OPERATOR.unit))
    assert not centre.alarms(sight=Sight(unit=STRANGER.unit))
    assert not centre.alarms(sight=Sight(unit="市分"))
    with pytest.raises(RefusedError) as refused:
        service(centre).acknowledge(alarm, STRANGER, version=1)
    assert refused.value.refusal is Refusal.NOT_FOUND
    with pytest.raises(RefusedError) as refused:
        service(centre).note(alarm, AUDITOR, text="x")
    assert refused.value.refusal is Refusal.NOT_ALLOWED


def of_level(box: Box, level: int) -> bytes:
    """The same condition with another level, as a box's settings may give it."""
    return changed(box, "door.dual_open", level=level)


def changed(box: Box, kind: str, **fields: object) -> bytes:
    """The box's next line, with fields of its own."""
    event = msgspec.structs.replace(decode_event(box.line(kind)), **fields)
    line = encode(event)
    box.tips[event.lane] = after(Link(run=event.run, seq=event.seq, prev=event.prev, hash=line_hash(line)))
    return line


def ready(centre: PaperCentre) -> Box:
    """A box with both lanes open."""
    box = centre.box()
    centre.take(box.birth(), box.events(box.opened(Lane.URGENT)), box.events(box.opened(Lane.ROUTINE)))
    return box


def told_of(centre: PaperCentre, alarm: str) -> list[str]:
    """What the journal says happened to it, oldest first."""
    with centre.store.read() as reading:
        detail = alarm_detail(reading, alarm, OPERATOR.sight)
    assert detail is not None
    return [row.action for row in detail.history]


def service(centre: PaperCentre) -> AlarmService:
    """People's actions on the centre's store."""
    return AlarmService(centre.store, lambda: centre.now, lambda: None, centre.around)
