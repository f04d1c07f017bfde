"""What the ledger says of pictures becomes rows, whatever comes first; and boxes hear when their alarms are over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from collector.evidence.files import Part
from collector.orders.posting import RequestPost
from collector.storage.evidence import Over, State
from collector.storage.upkeep import note_restore
from protocol.uploads import slot_of
from provisioning.authority import Authority
from tests.collecting import Box
from tests.pictures import CLIP, JPEG, sealed_facts, told
from tests.uploading import EvidenceWorld


@pytest.fixture
def world(tmp_path: Path, paper_authority: Authority) -> Iterator[EvidenceWorld]:
    """A centre that takes pictures; its server does not run."""
    made = EvidenceWorld(tmp_path, paper_authority)
    yield made
    made.centre.close()


def _answer(world: EvidenceWorld, box: Box, request: str, reason: str = "served") -> None:
    facts = {"request": request, "action": "evidence_over", "collector": "centre-1", "reason": reason}
    line, _ = told(box, "request.answered", "box/requests", facts)
    world.centre.take(box.events(line))


def _here(world: EvidenceWorld, box: Box, slot: str, data: bytes) -> str:
    """A file is here, as if it had been uploaded."""
    row = world.row(box, slot)
    part = Part(box=box.id, slot=slot, sha256=row.sha256)
    world.files.append(part, 0, data)
    assert world.files.finish(part)
    world.came(box, slot, row.sha256, len(data))
    return row.sha256


def test_a_seal_may_come_before_its_promise(world: EvidenceWorld) -> None:
    """The lanes of a box do not wait for each other: both lines together say everything, in either order."""
    box = world.box()
    line, event = told(box, "presence.loitering", "area/atm-hall", pictures=(("03", "still"),))
    slot = slot_of(event.id, 1)
    world.seal(box, slot, JPEG)
    assert (world.row(box, slot).state, world.row(box, slot).about) == (State.SEALED, "")
    world.centre.take(box.events(line))
    row = world.row(box, slot)
    assert (row.state, row.about, row.level, row.camera) == (State.SEALED, "presence.loitering", 3, "03")


def test_the_first_hash_counts(world: EvidenceWorld) -> None:
    """A box that seals a slot twice does not change what is shown; what it called missing it may still seal."""
    box = world.box()
    event = world.promise(box, ("03", "still"), ("03", "still"))
    first, second = slot_of(event.id, 1), slot_of(event.id, 2)
    world.seal(box, first, JPEG)
    sha256 = world.row(box, first).sha256
    world.seal(box, first, JPEG + b"another")
    assert world.row(box, first).sha256 == sha256
    world.missing(box, second, "restart")
    assert (world.row(box, second).state, world.row(box, second).reason) == (State.MISSING, "restart")
    world.seal(box, second, JPEG)
    assert world.row(box, second).state == State.SEALED


@pytest.mark.parametrize(
    "unlike",
    [
        {"sha256": "ABC"},
        {"sha256": None},
        {"bytes": 0},
        {"bytes": True},
        {"bytes": 2**40},
        {"media_type": "text/html"},
        {"media_type": "video/mp4"},
        {"missing": ""},
    ],
)
def test_a_seal_that_says_nothing_sensible_seals_nothing(world: EvidenceWorld, unlike: dict[str, object]) -> None:
    """The piece is missing, and why; nothing of it is ever shown."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    line, _ = told(box, "evidence.sealed", "camera/03", sealed_facts(slot, JPEG) | unlike)
    world.centre.take(box.events(line))
    assert (world.row(box, slot).state, world.row(box, slot).reason) == (State.MISSING, "malformed")


def test_nobody_promises_another_events_slots(world: EvidenceWorld) -> None:
    """A slot bears the id of its event; others, and those of another box, make no row of it."""
    box, other = world.box(), world.box("0755-032-a")
    mine = world.promise(box)
    line, event = told(other, "presence.loitering", "area/x", pictures=(("03", "still"),), owner=mine.id)
    world.centre.take(other.events(line))
    with pytest.raises(KeyError):
        world.row(other, slot_of(mine.id, 1))
    world.seal(other, slot_of(mine.id, 1), JPEG)
    assert world.row(box, slot_of(mine.id, 1)).state == State.PROMISED
    assert event.evidence


def test_a_box_hears_that_an_alarm_is_over_until_it_answers(world: EvidenceWorld) -> None:
    """One request for all events of it, again under the same id ever more seldom, and none after the answer."""
    box = world.box()
    event = world.promise(box)
    slot = slot_of(event.id, 1)
    assert not world.centre.pass_time(2).posts
    world.resolve("presence.loitering")
    (post,) = world.centre.pass_time(1).posts
    assert isinstance(post, RequestPost)
    assert (post.box, post.action, post.args) == (box.id, "evidence_over", {"events": [event.id]})
    world.centre.take(box.beat())
    assert not world.beating(box, 55).posts
    (again,) = world.beating(box, 10).posts
    assert isinstance(again, RequestPost)
    assert again.id == post.id
    _answer(world, box, post.id)
    assert world.row(box, slot).over == Over.TOLD
    assert not world.beating(box, 300).posts


def test_a_box_that_was_away_hears_it_when_it_is_born(world: EvidenceWorld) -> None:
    """While it is silent nobody speaks to it; with its birth it is told at once."""
    box = world.box()
    event = world.promise(box)
    world.centre.pass_time(60)
    world.resolve("presence.loitering")
    assert not world.centre.pass_time(30).posts
    box.restart()
    world.centre.take(box.birth())
    (post,) = world.centre.pass_time(1).posts
    assert isinstance(post, RequestPost)
    assert post.args == {"events": [event.id]}


def test_a_box_that_refuses_for_now_is_asked_again_under_another_id(world: EvidenceWorld) -> None:
    """And one that does not know the request is left in peace."""
    box = world.box()
    world.promise(box)
    world.resolve("presence.loitering")
    (first,) = world.beating(box, 1).posts
    assert isinstance(first, RequestPost)
    _answer(world, box, first.id, "busy")
    (second,) = world.beating(box, 65).posts
    assert isinstance(second, RequestPost)
    assert second.id != first.id
    _answer(world, box, second.id, "unknown_request")
    assert not world.beating(box, 300).posts


def test_files_go_when_their_days_are_over_but_never_those_of_an_open_alarm(world: EvidenceWorld) -> None:
    """After 90 days the handled one goes and its row says so; the open one stays, whatever its age."""
    box = world.box()
    slots = [slot_of(world.promise(box, kind=kind).id, 1) for kind in ("presence.loitering", "presence.crowd")]
    for slot, data in zip(slots, (JPEG, CLIP), strict=True):
        world.seal(box, slot, data)
    handled, held = (_here(world, box, slot, data) for slot, data in zip(slots, (JPEG, CLIP), strict=True))
    world.resolve("presence.loitering")
    world.centre.stand_still(timedelta(days=89))
    world.keeping.round()
    assert world.files.path_of(handled) is not None
    world.centre.stand_still(timedelta(days=2))
    world.keeping.round()
    assert world.files.path_of(handled) is None
    assert world.files.path_of(held) is not None
    assert [world.row(box, slot).state for slot in slots] == [State.REMOVED, State.HERE]


def test_a_file_that_two_slots_share_stays_until_both_are_gone(world: EvidenceWorld) -> None:
    """The same bytes are kept once."""
    box = world.box()
    slots = [slot_of(world.promise(box, kind=kind).id, 1) for kind in ("presence.loitering", "presence.crowd")]
    for slot in slots:
        world.seal(box, slot, JPEG)
    sha256 = {_here(world, box, slot, JPEG) for slot in slots}.pop()
    world.resolve("presence.loitering")
    world.centre.stand_still(timedelta(days=91))
    world.keeping.round()
    assert world.files.path_of(sha256) is not None
    world.resolve("presence.crowd")
    world.keeping.round()
    assert world.files.path_of(sha256) is None


def test_parts_and_strays_do_not_stay(world: EvidenceWorld) -> None:
    """A part at which nothing came for two days goes; so does a file that no row names."""
    box = world.box()
    part = Part(box=box.id, slot=slot_of(world.promise(box).id, 1), sha256="0" * 64)
    world.files.append(part, 0, b"begun")
    stray = Part(box=box.id, slot=slot_of(world.promise(box).id, 1), sha256=sealed_facts("x-1", JPEG)["sha256"])
    world.files.append(stray, 0, JPEG)
    assert world.files.finish(stray)
    world.keeping.round()
    assert world.files.size_of(part)
    assert world.files.path_of(stray.sha256) is not None
    world.centre.stand_still(timedelta(days=3))
    world.keeping.round()
    assert not world.files.size_of(part)
    assert world.files.path_of(stray.sha256) is None


def test_a_file_that_was_changed_at_the_centre_is_not_shown(world: EvidenceWorld) -> None:
    """Though it was checked before: a flipped byte is seen, whatever the clock of the file says."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    world.seal(box, slot, JPEG)
    sha256 = _here(world, box, slot, JPEG)
    path = world.files.path_of(sha256)
    assert path is not None
    changed = bytearray(JPEG)
    changed[100] ^= 1
    path.write_bytes(bytes(changed))
    assert world.files.path_of(sha256) is None


def test_a_restored_centre_takes_up_what_lies_in_its_folder(world: EvidenceWorld) -> None:
    """Its database is older than its files: they wait until the boxes have told of them again, and are not fetched."""
    box = world.box()
    stray = Part(box=box.id, slot=slot_of(world.promise(box).id, 1), sha256=sealed_facts("x-1", JPEG)["sha256"])
    world.files.append(stray, 0, JPEG)
    assert world.files.finish(stray)
    world.centre.stand_still(timedelta(hours=5))
    note_restore(world.centre.store, "wang", {}, round(world.centre.now.timestamp() * 1000))
    world.centre.stand_still(timedelta(hours=5))
    world.keeping.round()
    assert world.files.path_of(stray.sha256) is not None
    world.seal(box, stray.slot, JPEG)
    world.keeping.round()
    assert world.row(box, stray.slot).state == State.HERE
