"""Pictures over HTTP: who may look, what the bytes go out as, and what stands in the journal afterwards."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from collector.console.asking import Asker
from collector.console.live import stream
from collector.console.names import PointNames
from collector.console.telling import Telling
from collector.evidence.looking import Belonging, may_look
from collector.people import Person, PersonRole
from collector.storage.evidence import EvidenceRow
from collector.storage.records import AlarmState, Topic
from tests.console import PEOPLE, ConsoleWorld
from tests.pictures import CLIP, JPEG

OPEN, TAKEN, DONE = AlarmState.NEW, AlarmState.ACKNOWLEDGED, AlarmState.RESOLVED


def _row(**unlike: object) -> EvidenceRow:
    slot = "0190c2d5-7b1e-7c3a-9f00-0123456789ab-1"
    row = EvidenceRow(box="b", slot=slot, site="s", owner=slot[:-2], request=False, camera="03", kind="still")
    return msgspec.structs.replace(row, **({"about": "presence.loitering"} | unlike))


def _person(role: PersonRole) -> Person:
    return Person(id="wang", name="Wang", roles=frozenset({role}), unit="", language="zh")


@pytest.mark.parametrize(
    ("role", "of", "may"),
    [
        *((role, (state, holder), True) for role in ("shift_leader", "security_officer", "reviewer", "auditor")
          for state, holder in ((OPEN, None), (TAKEN, "chen"), (DONE, "chen"))),
        ("operator", (OPEN, None), True),
        ("operator", (TAKEN, "wang"), True),
        ("operator", (TAKEN, "chen"), False),
        ("operator", (DONE, "wang"), False),
        ("engineer", (OPEN, None), False),
        ("administrator", (OPEN, None), False),
    ],
)  # fmt: skip
def test_who_looks_at_an_alarms_pictures(role: str, of: tuple[AlarmState, str | None], may: bool) -> None:
    """Leaders, the security department and those who check always; an operator what is nobody's yet, or its own."""
    assert may_look(_person(PersonRole(role)), _row(kind="clip"), Belonging(alarms=(of,))) is may


def test_an_engineer_sees_the_pictures_of_a_picture_fault_and_no_clip() -> None:
    """They are the fault; people are in clips."""
    engineer, belongs = _person(PersonRole.ENGINEER), Belonging(alarms=((OPEN, None),))
    assert may_look(engineer, _row(about="camera.covered"), belongs)
    assert may_look(engineer, _row(about="camera.covered", kind="reference"), belongs)
    assert not may_look(engineer, _row(about="camera.covered", kind="clip"), belongs)


def test_who_asked_sees_the_still_and_leaders_the_clip() -> None:
    """A clip of the past is not for an operator, whoever asked."""
    operator = _person(PersonRole.OPERATOR)
    assert may_look(operator, _row(request=True), Belonging(asked_by="wang"))
    assert not may_look(operator, _row(request=True), Belonging(asked_by="chen"))
    assert not may_look(operator, _row(request=True, kind="clip"), Belonging(asked_by="wang"))
    assert may_look(_person(PersonRole.SHIFT_LEADER), _row(request=True, kind="clip"), Belonging(asked_by="chen"))


async def test_a_still_goes_out_as_what_was_sealed(world: ConsoleWorld) -> None:
    """Exact bytes, the sealed type, no sniffing, nothing kept; and it stands with its alarm and in its row."""
    slot = f"{world.pictured()}-1"
    sha256 = world.brought(slot, JPEG)
    async with world.client("li") as client:
        (listed,) = (await client.get("/api/v1/alarms")).json()["items"]
        whole = (await client.get(f"/api/v1/alarms/{listed['id']}")).json()
        (piece,) = whole["evidence"]
        assert (piece["state"], piece["sha256"], piece["href"]) == ("here", sha256, listed["still"])
        answer = await client.get(piece["href"])
        assert answer.content == JPEG
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        known = (await client.get(f"/api/v1/evidence/{world.box.id}/{slot}")).json()
        assert known == piece


async def test_a_promise_says_since_when_it_is_waited_for(world: ConsoleWorld) -> None:
    """A picture of which its box never speaks again does not look like one that comes any moment."""
    slot = f"{world.pictured()}-1"
    async with world.client("li") as client:
        answer = await client.get(f"/api/v1/evidence/{world.box.id}/{slot}", headers={"Accept-Language": "en"})
    assert answer.json()["state"] == "promised"
    assert re.fullmatch(r"being made at the site since \d\d-\d\d \d\d:\d\d:\d\d", answer.json()["words"]["state"])


async def test_a_player_gets_the_range_it_asks_for(world: ConsoleWorld) -> None:
    """Ranges of a clip, and an answer to one that is beyond its end."""
    slot = f"{world.pictured(('03', 'clip'))}-1"
    world.brought(slot, CLIP, "clip")
    address = f"/api/v1/evidence/{world.box.id}/{slot}/file"
    async with world.client("li") as client:
        answer = await client.get(address, headers={"Range": "bytes=100-199"})
        assert (answer.status_code, answer.content) == (206, CLIP[100:200])
        assert answer.headers["Content-Type"] == "video/mp4"
        beyond = await client.get(address, headers={"Range": f"bytes={len(CLIP)}-"})
        assert beyond.status_code == 416
        assert (await client.get(address, headers={"Range": "bytes=x"})).status_code == 400
        several = await client.get(address, headers={"Range": "bytes=0-1,5-6"})
        assert (several.status_code, several.headers["Content-Type"]) == (200, "video/mp4")


async def test_a_first_look_is_written_down_once_a_person(world: ConsoleWorld) -> None:
    """Who looked at what stands in the journal: one entry for each person and piece."""
    slot = f"{world.pictured()}-1"
    sha256 = world.brought(slot, JPEG)
    for who in ("wang", "wang", "li"):
        async with world.client(who) as client:
            assert (await client.get(f"/api/v1/evidence/{world.box.id}/{slot}/file")).status_code == 200
    with world.centre.store.read() as reading:
        entries = [each for each in reading.journal_after(0, unit="") if each.topic is Topic.EVIDENCE]
    looks = [(each.person, each.subject, each.facts["sha256"]) for each in entries if each.action == "look"]
    assert looks == [("wang", slot, sha256), ("li", slot, sha256)]


async def test_who_may_not_look_sees_that_there_is_one(world: ConsoleWorld) -> None:
    """Another operator holds the alarm: the piece is named, its bytes are refused, nothing is written down."""
    slot = f"{world.pictured()}-1"
    world.brought(slot, JPEG)
    (alarm,) = world.centre.alarms()
    async with world.client("wang", **{"If-Match": '"1"'}) as client:
        taken = (await client.post(f"/api/v1/alarms/{alarm.id}/acknowledge")).json()
        assert taken["evidence"][0]["href"]
    async with world.client("chen") as client:
        (piece,) = (await client.get(f"/api/v1/alarms/{alarm.id}")).json()["evidence"]
        assert (piece["state"], piece["href"]) == ("here", None)
        assert (await client.get("/api/v1/alarms")).json()["items"][0]["still"] is None
        answer = await client.get(f"/api/v1/evidence/{world.box.id}/{slot}/file")
        assert (answer.status_code, answer.json()["title"]) == (403, "没有权限")
    async with world.client("east") as client:
        assert (await client.get(f"/api/v1/evidence/{world.box.id}/{slot}/file")).status_code == 404
    async with world.client(None) as client:
        assert (await client.get(f"/api/v1/evidence/{world.box.id}/{slot}/file")).status_code == 401


async def test_bytes_that_were_changed_at_the_centre_are_shown_to_nobody(world: ConsoleWorld) -> None:
    """The piece says so, its bytes are refused, and an alarm names the centre itself."""
    slot = f"{world.pictured()}-1"
    path = world.files.path_of(world.brought(slot, JPEG))
    assert path is not None
    path.write_bytes(JPEG[:-1] + b"!")
    async with world.client("li") as client:
        (alarm,) = (await client.get("/api/v1/alarms")).json()["items"]
        (piece,) = (await client.get(f"/api/v1/alarms/{alarm['id']}")).json()["evidence"]
        assert (piece["state"], piece["href"]) == ("changed", None)
        assert (await client.get(f"/api/v1/evidence/{world.box.id}/{slot}/file")).status_code == 409
    world.centre.tick()
    (told,) = world.centre.alarms(kind="envelope.rejected")
    assert (told.facts["claimed_box"], told.facts["reason"]) == ("centre-1", "evidence_hash")


async def test_a_piece_without_a_sealed_line_is_never_given_out(world: ConsoleWorld) -> None:
    """Promised only, missing, or none at all: no bytes."""
    slot = f"{world.pictured()}-1"
    async with world.client("li") as client:
        for address in (slot, slot[:-1] + "2"):
            answer = await client.get(f"/api/v1/evidence/{world.box.id}/{address}/file")
            assert answer.status_code in (404, 409)


async def test_the_live_feed_tells_of_a_picture_and_never_of_a_look(world: ConsoleWorld) -> None:
    """Promised, sealed, here: each with the alarm that it belongs to; who looked is for the journal."""
    slot = f"{world.pictured()}-1"
    world.brought(slot, JPEG)
    async with world.client("li") as client:
        await client.get(f"/api/v1/evidence/{world.box.id}/{slot}/file")
    (li,) = [each for each in PEOPLE if each.id == "li"]
    services = world.app.state.services
    world.feed.start()
    feed = stream(
        services,
        Telling(services.people, PointNames(services.store)),
        Asker(person=li, language="en", session=None),
        frozenset({"evidence"}),
        0,
    )
    told = []
    async for block in feed:
        if b"event: tick" in block:
            break
        told.append(json.loads(block.decode().split("data: ", 1)[1]))
    world.feed.stop()
    (alarm,) = world.centre.alarms()
    assert [(each["slot"], each["alarms"]) for each in told] == [(slot, [alarm.id])] * 3
    assert told[-1]["href"]


async def test_pictures_of_the_past_are_asked_for_by_leaders_with_a_purpose(world: ConsoleWorld) -> None:
    """An operator asks for a still only; the purpose stays at the centre, and the box is asked for the rest."""
    span = {"camera": "03", "from": "2026-11-21T02:00:00.000Z", "to": "2026-11-21T02:01:00.000Z"}

    async def asked(who: str, action: str, args: dict[str, str]) -> tuple[int, str]:
        async with world.client(who) as client:
            body = {"site": "0755-031", "action": action, "args": args}
            answer = await client.post("/api/v1/requests", json=body)
            return answer.status_code, answer.json().get("reason", "")

    assert await asked("wang", "still", {"camera": "03"}) == (201, "")
    assert await asked("wang", "clip", {**span, "purpose": "curious"}) == (403, "not_allowed")
    assert await asked("li", "clip", span) == (422, "purpose_missing")
    assert await asked("li", "clip", {**span, "purpose": "x"}) == (422, "purpose_missing")
    assert await asked("li", "clip", {**span, "to": "2026-11-21T02:03:00.000Z", "purpose": "a fall"}) == (
        422,
        "span_too_long",
    )
    assert await asked("li", "playback", {**span, "purpose": "a customer fell"}) == (201, "")
    assert await asked("li", "preset", {"camera": "03", "preset": "door; rm"}) == (422, "malformed_args")
    assert await asked("li", "preset", {"camera": "03", "preset": "door"}) == (201, "")
    posts = {post.action: post.args for post in world.outgoing.take()}  # type: ignore[union-attr]
    assert posts["playback"] == span
    async with world.client("qian") as client:
        items = (await client.get("/api/v1/requests?action=playback")).json()["items"]
        assert items[0]["args"]["purpose"] == "a customer fell"
