"""People's moves on alarms through the store: what each writes, who is a handler, two at once, the journal's chain."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import msgspec
import pytest

from collector.alarms.lifecycle import Move, Refusal
from collector.alarms.service import AlarmService, RefusedError
from collector.alarms.unparking import unpark
from collector.alarms.words import Came, Way
from collector.people import Person, PersonRole
from collector.storage import alarm_writing, evidence, writing
from collector.storage.evidence import EvidenceRow, Over
from collector.storage.journal import first_break
from collector.storage.orders import ApprovalRow, OrderRow, add_approval, add_order
from collector.storage.records import AlarmDetail, AlarmRow, AlarmState, Sight
from collector.storage.withholding import Withheld, keep_withheld
from collector.times import unix_ms
from protocol.kinds import Lane
from provisioning.authority import Authority
from tests.collecting import PaperCentre
from tests.escalating import people_of, person
from tests.ledgers import NOW

LI, WANG = person("li", PersonRole.OPERATOR), person("wang", PersonRole.OPERATOR)
ZHAO = person("zhao", PersonRole.SHIFT_LEADER)
SUN, QIAN = person("sun", PersonRole.REVIEWER), person("qian", PersonRole.REVIEWER)
CHEN = person("chen", PersonRole.CENTRE_DIRECTOR)
EAST = person("east", PersonRole.OPERATOR, unit="市分行/东区支行")
WU = person("wu", PersonRole.SECURITY_OFFICER)
EVERYBODY = (LI, WANG, ZHAO, SUN, QIAN, CHEN, EAST, WU)
CLOSED: dict[str, Any] = {"corrected": True, "verified_by": "on_site", "text": "lock changed"}
RESOLVED: dict[str, Any] = {"resolution": "real", "text": "seen on site"}


class World:
    """One alarm and the people around it; `do` acts at the version that stands now."""

    def __init__(self, folder: Path, kind: str = "door.dual_open") -> None:
        self.centre = PaperCentre(folder=folder, authority=Authority.create(now=NOW), people=people_of(*EVERYBODY))
        self.box = self.centre.box()
        self.centre.take(
            self.box.birth(),
            self.box.events(self.box.opened(Lane.URGENT)),
            self.box.events(self.box.opened(Lane.ROUTINE)),
        )
        self.centre.take(self.box.events(self.box.line(kind)))
        self.service = AlarmService(self.centre.store, lambda: self.centre.now, lambda: None, self.centre.around)

    @property
    def row(self) -> AlarmRow:
        """The alarm as it stands."""
        (row,) = self.centre.alarms()
        return row

    def do(self, who: Person, move: Move, version: int | None = None, **said: Any) -> AlarmDetail:
        """A move, at the version that stands now unless another is given."""
        at = self.row.version if version is None else version
        return self.service.move(self.row.id, who, move, version=at, **said)

    def refused(self, who: Person, move: Move, **said: Any) -> Refusal:
        """Why a move is not done."""
        before = self.row
        with pytest.raises(RefusedError) as caught:
            self.do(who, move, **said)
        assert self.row == before
        return caught.value.refusal

    def actions(self) -> list[tuple[str, str]]:
        """What people did, as the journal has it."""
        with self.centre.store.read() as reading:
            rows = reading.journal_after(0, unit="")
        return [(row.action, row.person) for row in rows if row.subject == self.row.id and row.person != self.centre.id]

    def facts(self) -> dict[str, Any]:
        """The facts of the last entry about the alarm that a person made."""
        with self.centre.store.read() as reading:
            rows = reading.journal_after(0, unit="")
        return dict([row.facts for row in rows if row.subject == self.row.id and row.person != self.centre.id][-1])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An alarm of level 2 that nobody has."""
    made = World(tmp_path)
    yield made
    made.centre.close()


def test_a_whole_life(world: World) -> None:
    """From new to closed by five people: states, clocks, columns and the journal's chain."""
    world.do(LI, Move.ACKNOWLEDGE, came=Came(way=Way.CONSOLE, address="192.0.2.7"))
    assert world.facts() == {"from": "new", "to": "acknowledged", "way": "console", "address": "192.0.2.7"}
    assert (world.row.holder, world.row.respond_by_ms) == ("li", None)
    world.do(LI, Move.VERIFY)
    world.do(LI, Move.DISPATCH, whom="police", text="sent to the vestibule")
    assert world.facts()["whom"] == "police"
    world.do(LI, Move.RESOLVE, **RESOLVED)
    assert (world.row.state, world.row.resolution, world.row.holder) == ("resolved", "real", "li")
    world.do(SUN, Move.REVIEW)
    assert (world.row.state, world.row.reviewer, world.row.handlers) == ("reviewed", "sun", ("li",))
    assert world.row.follow_by_ms is not None
    done = world.do(WU, Move.CLOSE, **CLOSED).alarm
    assert (done.state, done.version) == ("closed", 7)
    assert done.closed_ms == unix_ms(world.centre.now)
    assert world.facts()["verified_by"] == "on_site"
    assert [action for action, _ in world.actions()] == [
        "acknowledge",
        "verify",
        "dispatch",
        "resolve",
        "review",
        "close",
    ]
    with world.centre.store.read() as reading:
        assert first_break(reading.journal_lines()) is None


def test_everybody_who_held_it_is_a_handler(world: World) -> None:
    """Handed over, taken over, resolved: each of them is named, and none of them judges it."""
    world.do(LI, Move.ACKNOWLEDGE)
    world.do(LI, Move.HAND_OVER, to="wang", text="end of my shift")
    assert (world.row.holder, world.row.handlers) == ("wang", ("li", "wang"))
    assert world.facts()["given_to"] == "wang"
    world.do(ZHAO, Move.TAKE_OVER)
    assert (world.row.holder, world.row.handlers) == ("zhao", ("li", "wang", "zhao"))
    world.do(ZHAO, Move.RESOLVE, **RESOLVED)
    assert world.refused(ZHAO, Move.RETURN, text="again") is Refusal.HANDLED_IT
    world.do(CHEN, Move.RETURN, text="nobody went there")
    assert (world.row.state, world.row.holder, world.row.resolution) == ("returned", None, None)


def test_it_is_handed_only_to_who_handles_and_sees_it(world: World) -> None:
    """Not to a reviewer, a stranger, another unit's operator, or oneself."""
    world.do(LI, Move.ACKNOWLEDGE)
    for to in ("sun", "nobody", "east", "li", ""):
        assert world.refused(LI, Move.HAND_OVER, to=to) is Refusal.NO_HEIR
    world.do(LI, Move.HAND_OVER, to="zhao")


def test_a_duress_is_not_handed_to_whoever_acted_under_it(world: World) -> None:
    """WIRE 4.6: handing it over would show it; to others it can be handed."""
    world.do(LI, Move.ACKNOWLEDGE)
    with world.centre.store.read() as reading:
        number = world.row.cursor
        event = reading.event(number)
    assert event is not None
    with world.centre.store.write() as connection:
        writing.lock_counters(connection)
        keep_withheld(connection, [Withheld(number=number, person="wang", box=event.box, event_id=event.id)])
    assert world.refused(LI, Move.HAND_OVER, to="wang") is Refusal.NO_HEIR
    with pytest.raises(RefusedError) as caught:
        world.service.move(world.row.id, WANG, Move.NOTE, version=None, text="what is it?")
    assert caught.value.refusal is Refusal.NOT_FOUND
    world.do(LI, Move.HAND_OVER, to="zhao")


def test_a_released_alarm_is_everybodys_again(world: World) -> None:
    """Its clock begins anew, and who had it stays a handler."""
    world.do(LI, Move.ACKNOWLEDGE)
    assert world.refused(WANG, Move.RELEASE, text="not mine") is Refusal.NOT_HOLDER
    world.centre.now += timedelta(minutes=5)
    world.do(LI, Move.RELEASE, text="called away")
    assert (world.row.state, world.row.holder, world.row.handlers) == ("new", None, ("li",))
    assert world.row.respond_by_ms == unix_ms(world.centre.now) + 60_000
    world.do(WANG, Move.ACKNOWLEDGE)
    assert world.row.handlers == ("li", "wang")


def test_a_parked_alarm_comes_back(world: World) -> None:
    """Set aside until a time; the centre brings it back as new, once, and says so."""
    world.do(LI, Move.ACKNOWLEDGE)
    until_ms = unix_ms(world.centre.now) + 3_600_000
    world.do(LI, Move.PARK, until_ms=until_ms, text="technician comes at ten")
    assert (world.row.state, world.row.parked_until_ms) == ("parked", until_ms)
    with world.centre.store.write() as connection:
        writing.lock_counters(connection)
        assert unpark(connection, world.row.id, until_ms, "centre-1")
        assert not unpark(connection, world.row.id, until_ms, "centre-1")
    assert (world.row.state, world.row.holder, world.row.parked_until_ms) == ("new", None, None)
    assert world.row.respond_by_ms == until_ms + 60_000
    with world.centre.store.read() as reading:
        rows = reading.journal_after(0, unit="")
        assert first_break(reading.journal_lines()) is None
    assert [row.person for row in rows if row.action == "unparked"] == ["centre-1"]


def test_a_parked_alarm_may_be_taken_before_its_time(world: World) -> None:
    """By any operator; nothing of the parking is left."""
    world.do(LI, Move.ACKNOWLEDGE)
    world.do(LI, Move.PARK, until_ms=unix_ms(world.centre.now) + 60_000, text="later")
    world.do(WANG, Move.ACKNOWLEDGE)
    assert (world.row.state, world.row.holder, world.row.parked_until_ms) == ("acknowledged", "wang", None)


def test_nobody_parks_an_alarm_day_after_day(world: World) -> None:
    """Once its follow-up time is over it stays in hand, where its holder and the shift leader are reminded of it."""
    for _ in range(3):
        world.do(LI, Move.ACKNOWLEDGE)
        world.do(LI, Move.PARK, until_ms=unix_ms(world.centre.now) + 86_400_000, text="tomorrow")
        world.centre.now += timedelta(days=1)
    world.do(LI, Move.ACKNOWLEDGE)
    until_ms = unix_ms(world.centre.now) + 60_000
    assert world.refused(LI, Move.PARK, until_ms=until_ms, text="tomorrow") is Refusal.PARKED_LONG


def test_level_one_is_never_parked(tmp_path: Path) -> None:
    """A hold-up stays in hand."""
    world = World(tmp_path, "zone.hold_up")
    world.do(LI, Move.ACKNOWLEDGE)
    until_ms = unix_ms(world.centre.now) + 1000
    assert world.refused(ZHAO, Move.PARK, until_ms=until_ms, text="x") is Refusal.NEVER_PARKED
    world.centre.close()


def test_what_is_returned_or_reopened_loses_its_ending(world: World) -> None:
    """Columns of the ending are gone, the journal keeps what was said; a second ending stands alone."""
    world.do(LI, Move.ACKNOWLEDGE)
    world.do(LI, Move.RESOLVE, resolution="false_alarm", text="the cleaner")
    world.do(WANG, Move.REOPEN, text="it was not the cleaner")
    row = world.row
    assert (row.state, row.holder, row.resolution, row.narrative, row.resolved_ms) == (
        "acknowledged",
        "wang",
        None,
        None,
        None,
    )
    world.do(WANG, Move.RESOLVE, **RESOLVED)
    world.do(SUN, Move.REVIEW)
    world.do(CHEN, Move.RETURN, text="where is the report?")
    assert (world.row.reviewer, world.row.reviewed_ms) == (None, None)
    assert [action for action, _ in world.actions()].count("resolve") == 2


def test_whoever_gave_an_order_meanwhile_does_not_review(world: World) -> None:
    """Drawn up or approved for this site while the alarm was open; another site's and older ones do not count."""
    world.centre.now += timedelta(minutes=1)
    now_ms = unix_ms(world.centre.now)
    world.do(LI, Move.ACKNOWLEDGE)
    world.do(LI, Move.RESOLVE, **RESOLVED)
    draft = OrderRow(
        id="o1",
        number=1,
        site="elsewhere",
        box="b",
        run="r",
        action="arm",
        person="sun",
        line=b"{}",
        needed=1,
        state="draft",
        drafted_ms=now_ms,
        stale_ms=now_ms,
    )
    older = msgspec.structs.replace(draft, id="o2", number=2, site="0755-031", drafted_ms=world.row.opened_ms - 1)
    here = msgspec.structs.replace(draft, id="o3", number=3, site="0755-031", person="wu")
    approval = ApprovalRow(order_id="o3", person="qian", method="k", line=b"{}", at_ms=now_ms, brought_by="qian")
    with world.centre.store.write() as connection:
        writing.lock_counters(connection)
        for row in (draft, older, here):
            add_order(connection, row)
        add_approval(connection, approval)
    assert world.refused(QIAN, Move.REVIEW) is Refusal.ORDERED_THERE
    world.do(SUN, Move.REVIEW)


def test_a_score_is_a_persons_word(world: World) -> None:
    """An operator overrules the reckoned score with a text; both stand in the row and the journal."""
    assert world.row.score is not None
    world.do(LI, Move.ACKNOWLEDGE)
    world.do(LI, Move.SCORE, score=4, text="two men with a knife")
    assert (world.row.score, world.row.score_by) == (4, "li")
    assert "knife" in world.row.score_why
    assert world.facts()["score"] == 4
    assert world.refused(WANG, Move.SCORE, score=0, text="no") is Refusal.NOT_HOLDER


def test_evidence_is_held_again_by_a_returned_alarm(world: World) -> None:
    """Its boxes are told that it is over only once it is; what was not told yet is taken back."""
    with world.centre.store.read() as reading:
        event = reading.event(world.row.cursor)
    assert event is not None
    piece = EvidenceRow(
        box=event.box, slot="s1", site=event.site, owner=event.id, request=False, camera="03", kind="still"
    )

    def over() -> int:
        with world.centre.store.read() as reading:
            return evidence.evidence_of(reading.connection, [(event.box, "s1")])[event.box, "s1"].over

    with world.centre.store.write() as connection:
        evidence.add_evidence(connection, [piece])
    world.do(LI, Move.ACKNOWLEDGE)
    world.do(LI, Move.RESOLVE, **RESOLVED)
    assert over() == Over.TO_TELL
    world.do(SUN, Move.RETURN, text="again")
    assert over() == Over.HELD
    with world.centre.store.write() as connection:
        assert evidence.is_held(connection, piece)
    world.do(LI, Move.ACKNOWLEDGE)
    world.do(LI, Move.RESOLVE, **RESOLVED)
    assert over() == Over.TO_TELL
    world.do(SUN, Move.REVIEW)
    assert over() == Over.TO_TELL
    with world.centre.store.write() as connection:
        assert not evidence.is_held(connection, piece)


def test_of_two_at_once_one_wins(world: World) -> None:
    """Two operators on two threads press at the same moment: one holds it, the other is refused, one entry stands."""
    both = Barrier(2)

    def press(who: Person) -> str:
        both.wait(10)
        try:
            return str(world.service.move(world.row.id, who, Move.ACKNOWLEDGE, version=1).alarm.holder)
        except RefusedError as refused:
            return refused.refusal.value

    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(press, (LI, WANG)))
    winner = world.row.holder
    assert winner in {"li", "wang"}
    assert sorted(said) == sorted([str(winner), Refusal.WRONG_STATE.value])
    assert [action for action, _ in world.actions()] == ["acknowledge"]
    assert world.row.version == 2


def test_many_at_once_leave_one_chain(world: World) -> None:
    """Eight people write at the same moment: nothing is lost, and the journal is one chain."""
    world.do(LI, Move.ACKNOWLEDGE)
    start = Barrier(8)

    def write(number: int) -> bool:
        """Whether it was done; only a conflict is an answer."""
        start.wait(10)
        try:
            if number % 2:
                world.service.move(world.row.id, LI, Move.NOTE, version=None, text=f"note {number}")
            else:
                world.service.move(world.row.id, ZHAO, Move.SCORE, version=2, score=number % 5, text="seen")
        except RefusedError as refused:
            if refused.refusal is not Refusal.CONFLICT:
                raise
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(write, range(8)))
    assert done[1::2] == [True] * 4
    assert done[::2].count(True) == 1
    with world.centre.store.read() as reading:
        assert first_break(reading.journal_lines()) is None
    assert len(world.actions()) == 1 + 4 + 1


def test_an_old_resolved_alarm_goes_on(world: World) -> None:
    """A row from before this table, resolved and without any of its columns, is reviewed and closed like others."""
    with world.centre.store.write() as connection:
        writing.lock_counters(connection)
        values = {"state": AlarmState.RESOLVED.value, "holder": "li", "resolved_ms": 1, "resolution": "real"}
        alarm_writing.change_alarm(connection, world.row.id, values | {"follow_by_ms": None, "score": None})
    assert world.refused(LI, Move.REVIEW) is Refusal.NOT_ALLOWED
    world.do(SUN, Move.REVIEW)
    assert world.row.follow_by_ms is not None
    world.do(CHEN, Move.CLOSE, **CLOSED)


def test_an_unseen_alarm_is_not_there(world: World) -> None:
    """Whoever does not see the site is told that there is no such alarm, whatever the move."""
    for move in Move:
        assert world.refused(EAST, move, text="x", to="li", score=1) is Refusal.NOT_FOUND
    assert world.centre.alarms(sight=Sight(unit=EAST.unit)) == []
