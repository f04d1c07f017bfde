"""The record of a walk test: built from events alone, signed by exactly its box and its installer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from protocol import acceptance
from protocol.acceptance import AcceptanceError, ListedPoint, Noticed, Record, Result
from protocol.certificates import Role
from protocol.limits import MAX_LINE_BYTES
from protocol.messages import decode_event, encode
from provisioning.authority import Authority
from tests.ledgers import NOW, trust_of
from tests.walks import INSTALLER, PaperWalk, signer

AUTHORITY = Authority.create(now=NOW - timedelta(days=1))
TRUST = trust_of(AUTHORITY)
BOX = signer(AUTHORITY, Role.BOX, "0755-031-a", "0755-031")
OTHER_BOX = signer(AUTHORITY, Role.BOX, "0755-032-a", "0755-032")
PERSON = signer(AUTHORITY, Role.PERSON, INSTALLER)
SIGNS_SITES = signer(AUTHORITY, Role.PROVISIONING, INSTALLER)


def _fault(walk: PaperWalk) -> str:
    with pytest.raises(AcceptanceError) as refused:
        walk.open(TRUST)
    return refused.value.fault


def _walked() -> PaperWalk:
    walk = PaperWalk()
    walk.point("device/io1", noticed=Noticed.BOX)
    walk.point("door/outer", Result.FAILED, noticed=Noticed.BOX)
    walk.point(acceptance.DESK, None, asked="number", number="0417")
    walk.point("door/outer", noticed=Noticed.BOX)
    return walk


def test_a_record_tells_each_point_in_the_order_of_the_settings() -> None:
    """The last result of a point counts; what only asked is no result; the rest is untested, with the reason."""
    walk = _walked()
    walk.finish(BOX, PERSON)
    found = walk.open(TRUST)
    told = [(point.id, point.result.value, point.why) for point in found.record.points]
    assert told == [
        ("device/io1", "passed", ""),
        ("door/outer", "passed", ""),
        ("camera/03", "untested", "not_watched"),
        ("desk/operator", "untested", ""),
    ]
    door = found.record.points[1]
    assert (door.event, door.at) == (walk.events[4].id, walk.events[4].at)
    assert (found.box.id, found.installer and found.installer.id) == ("0755-031-a", INSTALLER)
    assert found.record.started == walk.events[0].at


def test_the_canonical_bytes_stand_still() -> None:
    """Another implementation must come to these bytes, or its hash is another."""
    walk = PaperWalk(points=(ListedPoint(id="door/outer", name="外门"), ListedPoint(id="camera/3", why="not_watched")))
    walk.point("door/outer", noticed=Noticed.BOX)
    walk.test, event = "019aa43a-0000-7000-8000-000000000000", "019aa43a-0001-7000-8000-000000000000"
    for number, each in enumerate(walk.events):
        walk.alter(number, facts={**each.facts, "test": walk.test}, id=event)
    assert acceptance.record_bytes(walk.record()).decode() == (
        '{"v":1,"test":"019aa43a-0000-7000-8000-000000000000","site":"0755-031","box":"0755-031-a",'
        '"config":{"version":7,"hash":"' + "ab" * 32 + '"},"started":"2026-11-21T02:13:49.454Z",'
        '"finished":"2026-11-21T02:13:50.704Z","installer":"li-na","points":['
        '{"id":"door/outer","name":"外门","result":"passed","at":"2026-11-21T02:13:49.704Z",'
        '"event":"019aa43a-0001-7000-8000-000000000000","noticed":"box"},'
        '{"id":"camera/3","name":"","result":"untested","why":"not_watched"}]}'
    )


def test_a_record_without_an_installer_says_so() -> None:
    """The box alone may sign; then the record names nobody, and nobody is found in it."""
    walk = _walked()
    walk.finish(BOX, None)
    found = walk.open(TRUST)
    assert (found.record.installer, found.installer) == ("", None)


def test_two_thousand_points_fit_into_lines() -> None:
    """The largest site with the longest names: every line holds, and the list comes back whole and in order."""
    points = [ListedPoint(id=f"zone/{'z' * 27}{n:05d}", name='"' * 64, why="not_watched") for n in range(2000)]
    walk = PaperWalk(points=points)
    walk.finish(BOX, PERSON)
    assert max(len(encode(event)) for event in walk.events) < MAX_LINE_BYTES
    assert [point.id for point in walk.open(TRUST).record.points] == [point.id for point in points]
    assert len(walk.events) < 60


def test_after_its_end_nothing_is_added() -> None:
    """A `test.point` behind `test.finished` changes nothing: the record is what was signed."""
    walk = _walked()
    walk.finish(BOX, PERSON)
    before = walk.open(TRUST).payload
    walk.point("device/io1", Result.FAILED)
    assert walk.open(TRUST).payload == before


def _abandoned(walk: PaperWalk) -> None:
    facts = acceptance.FinishedFacts(test=walk.test, abandoned=True)
    walk.write(acceptance.FINISHED, acceptance.SOURCE, acceptance.as_facts(facts))


def _foreign_point(walk: PaperWalk) -> None:
    walk.point("door/inner")
    walk.write(acceptance.FINISHED, acceptance.SOURCE, {"test": walk.test, "finished": "2026-11-21T02:14:00.000Z"})


def _no_such_day(walk: PaperWalk) -> None:
    walk.write(acceptance.FINISHED, acceptance.SOURCE, {"test": walk.test, "finished": "2026-06-31T02:14:00.000Z"})


def _dropped_facts(walk: PaperWalk) -> None:
    walk.finish(BOX, PERSON)
    walk.alter(0, facts={"facts_dropped": "too large or malformed"})


def _other_result(walk: PaperWalk) -> None:
    walk.finish(BOX, PERSON)
    walk.alter(2, facts={**walk.events[2].facts, "result": "passed"})
    walk.alter(4, facts={**walk.events[4].facts, "result": "failed"})


def _two_lines_in_one_place(walk: PaperWalk) -> None:
    walk.finish(BOX, PERSON)
    walk.events.append(msgspec.structs.replace(walk.events[1], source="door/outer"))


def _second_start(walk: PaperWalk) -> None:
    walk.write(acceptance.STARTED, acceptance.SOURCE, walk.events[0].facts)
    walk.write(acceptance.FINISHED, acceptance.SOURCE, {"test": walk.test, "finished": "2026-11-21T02:14:00.000Z"})


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda walk: None, "unfinished"),
        (_abandoned, "abandoned"),
        (_foreign_point, "contradicts"),
        (_no_such_day, "malformed"),
        (_dropped_facts, "incomplete"),
        (_other_result, "record_differs"),
        (_two_lines_in_one_place, "contradicts"),
        (_second_start, "contradicts"),
        (lambda walk: walk.finish(BOX, PERSON, name="zhang-wei"), "foreign_signer"),
        (lambda walk: walk.finish(OTHER_BOX, PERSON), "foreign_signer"),
        (lambda walk: walk.finish(BOX, SIGNS_SITES), "certificate_wrong_role"),
        (lambda walk: walk.finish(PERSON, None), "foreign_signer"),
    ],
)
def test_what_is_wrong_is_named(spoil: Any, fault: str) -> None:
    """A test that is open, given up, altered, or signed by another makes no record, and the word says why."""
    walk = _walked()
    spoil(walk)
    assert _fault(walk) == fault


def test_a_lost_part_makes_no_record() -> None:
    """Where a part of the list is missing, nobody says that the rest was untested."""
    walk = PaperWalk(points=[ListedPoint(id=f"zone/z{n}", name="名" * 60) for n in range(300)])
    walk.finish(BOX, PERSON)
    del walk.events[1]
    assert _fault(walk) == "incomplete"


def test_a_certificate_may_end_after_the_test_but_not_before() -> None:
    """A record that comes late out of a backlog is still good; one signed with an ended certificate never was."""
    walk = _walked()
    walk.finish(BOX, PERSON)
    assert walk.open(TRUST, NOW + timedelta(days=5000)).record.installer == INSTALLER
    late = PaperWalk(now=NOW + timedelta(days=366))
    late.finish(BOX, PERSON)
    assert _fault(late) == "certificate_expired"


def test_another_root_is_nobody() -> None:
    """Signatures count only up to the root that the reader holds."""
    walk = _walked()
    walk.finish(BOX, PERSON)
    with pytest.raises(AcceptanceError, match="certificate_untrusted"):
        walk.open(trust_of(Authority.create(now=NOW)))


def test_the_record_can_be_read_back() -> None:
    """What is kept on disk is what was meant; another line is refused."""
    record = _walked().record()
    assert acceptance.read_record(acceptance.record_bytes(record)) == record
    with pytest.raises(AcceptanceError, match="malformed"):
        acceptance.read_record(b"[" * 5000)
    assert isinstance(decode_event(encode(_walked().events[0])).facts["points"], list)
    assert record.count(Result.UNTESTED) == 2
    assert isinstance(record, Record)
