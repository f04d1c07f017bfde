"""The evidence server over real TLS: what boxes bring, and what is not taken, from whomever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from collector.evidence.files import Part
from collector.evidence.service import WRITE_BYTES
from collector.evidence.serving import Patience
from collector.storage.evidence import State
from protocol.certificates import Role
from protocol.uploads import MIN_PIECE_BYTES, UPLOAD_PATH, Upload, content_range, seal_upload, slot_of
from provisioning.authority import Authority
from tests.collecting import Box
from tests.pictures import CLIP, JPEG
from tests.uploading import EvidenceWorld, upload_of, write_credential
from tests.waiting import eventually


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Its certificates hold now."""
    return Authority.create(now=datetime.now(UTC) - timedelta(hours=1))


@pytest.fixture
def world(tmp_path: Path, authority: Authority) -> Iterator[EvidenceWorld]:
    """A centre that takes pictures."""
    made = EvidenceWorld(tmp_path, authority)
    yield made
    made.centre.close()


async def test_a_still_that_was_promised_and_sealed_is_here(world: EvidenceWorld) -> None:
    """Its bytes come, its hash is right and stands in the ledger: it is here, under its hash, with mode 0600."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    assert world.row(box, slot).state == State.PROMISED
    world.seal(box, slot, JPEG)
    assert world.row(box, slot).state == State.SEALED
    async with world.serving(), world.client() as client:
        assert (await world.ask(client, box, slot, JPEG)).json() == {"have": 0}
        answer = await world.put(client, box, slot, JPEG)
        assert (answer.status_code, answer.json()) == (201, {"have": len(JPEG)})
        assert (await world.ask(client, box, slot, JPEG)).json() == {"have": len(JPEG)}
    row = world.row(box, slot)
    assert row.state == State.HERE
    path = world.files.path_of(row.sha256)
    assert path is not None
    assert path.read_bytes() == JPEG
    assert path.stat().st_mode & 0o777 == 0o600
    assert world.changes


async def test_bytes_may_come_before_the_line_that_seals_them(world: EvidenceWorld) -> None:
    """Until the line is there it is not shown; with it, it is."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    async with world.serving(), world.client() as client:
        assert (await world.put(client, box, slot, JPEG)).status_code == 201
    assert world.row(box, slot).state == State.PROMISED
    world.seal(box, slot, JPEG)
    assert world.row(box, slot).state == State.HERE


async def test_bytes_that_are_not_what_was_sealed_are_never_shown_and_are_told(world: EvidenceWorld) -> None:
    """The line says another hash than the bytes have: they go, and an alarm of the centre says so."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    other = JPEG + b"another"
    async with world.serving(), world.client() as client:
        assert (await world.put(client, box, slot, other)).status_code == 201
        world.seal(box, slot, JPEG)
        assert (world.row(box, slot).state, world.row(box, slot).came_sha256) == (State.SEALED, "")
        assert (await world.put(client, box, slot, other)).status_code == 409
        assert (await world.put(client, box, slot, JPEG)).status_code == 201
    assert world.row(box, slot).state == State.HERE
    (alarm,) = world.centre.alarms(kind="envelope.rejected")
    assert (alarm.facts["reason"], alarm.facts["claimed_box"]) == ("evidence_hash", box.id)


async def test_a_picture_that_would_fill_a_screens_memory_is_not_taken(world: EvidenceWorld) -> None:
    """A stolen box seals four thousand million pixels, or a page: 413, nothing is kept, and nobody is shown it."""
    box = world.box()
    huge = JPEG.replace(b"\x00\x40\x00\x40", b"\xff\xdc\xff\xdc", 1)
    page = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    for data in (huge, page):
        slot = slot_of(world.promise(box).id, 1)
        world.seal(box, slot, data)
        async with world.serving(), world.client() as client:
            assert (await world.put(client, box, slot, data)).status_code == 413
            assert (await world.ask(client, box, slot, data)).json() == {"have": 0}
        assert world.row(box, slot).state == State.SEALED


async def test_a_file_whose_bytes_rotted_on_the_box_is_dropped_and_told(world: EvidenceWorld) -> None:
    """What it says and what it sends differ: 422, nothing is kept, an alarm tells of it."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    async with world.serving(), world.client() as client:
        rotten = JPEG[:-1] + b"!"
        good = upload_of(box, slot, JPEG)
        answer = await world.put(client, box, slot, rotten, sha256=good.sha256)
        assert (answer.status_code, answer.json()) == (422, {"error": "hash"})
        assert (await world.ask(client, box, slot, JPEG)).json() == {"have": 0}
    world.centre.tick()
    (alarm,) = world.centre.alarms(kind="envelope.rejected")
    assert alarm.facts["reason"] == "evidence_hash"


async def test_a_torn_line_costs_one_piece_at_most(world: EvidenceWorld) -> None:
    """What came of a torn piece stays; the box asks, goes on from there, and a piece at the wrong place says where."""
    box, clip = world.box(), CLIP * 8
    slot = slot_of(world.promise(box, ("03", "clip")).id, 1)
    upload = upload_of(box, slot, clip, media_type="video/mp4")
    part = Part(box=box.id, slot=slot, sha256=upload.sha256)
    async with world.serving(), world.client() as client:
        _, writer = await world.connect(box)
        writer.write(put_head(box, upload) + clip[:500_000])
        await eventually(lambda: world.files.size_of(part))
        writer.transport.abort()
        have = world.files.size_of(part)
        await eventually(lambda: world.files.size_of(part) == have)
        assert have >= WRITE_BYTES

        async def asked() -> int:
            return int((await world.ask(client, box, slot, clip, media_type="video/mp4")).json()["have"])

        there = await asked()
        wrong = await world.put(client, box, slot, clip, media_type="video/mp4")
        while wrong.status_code == 429:  # the torn one is still being put away
            wrong = await world.put(client, box, slot, clip, media_type="video/mp4")
            there = await asked()
        assert (wrong.status_code, wrong.json()) == (409, {"have": there})
        right = await world.put(client, box, slot, clip, first=there, media_type="video/mp4")
        assert right.status_code == 201
    world.seal(box, slot, clip, kind="clip")
    assert world.row(box, slot).state == State.HERE


async def test_who_is_not_the_box_is_nobody(world: EvidenceWorld) -> None:
    """Another box's connection, another box's word, a collector's certificate, no word: 401, and nothing changes."""
    box, other = world.box(), world.box("0755-032-a")
    slot = slot_of(world.promise(box).id, 1)
    stranger = world.authority.issue(Role.COLLECTOR, "centre-2", now=world.centre.now)
    write_credential(world.folder, "centre-2", world.authority, stranger)
    async with world.serving():
        async with world.client(other.id) as client:
            assert (await world.put(client, box, slot, JPEG)).status_code == 401  # a stolen word on another's line
            assert (await world.put(client, other, slot, JPEG, box=box.id)).status_code == 401
            assert (await world.put(client, other, slot, JPEG)).status_code == 404  # its own word: it has no such slot
            assert (await client.get(UPLOAD_PATH + slot)).status_code == 401
            assert (await client.get("/")).status_code == 404
        async with world.client("centre-2") as client:
            assert (await world.put(client, box, slot, JPEG)).status_code == 401
        async with world.client("") as client:
            with pytest.raises(httpx.TransportError):  # TLS 1.3 tells of it with the first read
                await world.put(client, box, slot, JPEG)
    assert world.row(box, slot).came_sha256 == ""


async def test_a_box_that_never_gave_birth_is_not_known(world: EvidenceWorld) -> None:
    """A certificate under our root alone brings nothing."""
    box = world.centre.box()
    write_credential(world.folder, box.id, world.authority, box.credential)
    async with world.serving(), world.client() as client:
        assert (
            await world.put(client, box, slot_of("0190c2d5-7b1e-7c3a-9f00-0123456789ab", 1), JPEG)
        ).status_code == 401


async def test_a_revoked_box_is_refused_from_then_on(tmp_path: Path) -> None:
    """Its connection still holds; its word counts no more."""
    world = EvidenceWorld(tmp_path, Authority.create(now=datetime.now(UTC) - timedelta(hours=1)))
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    async with world.serving(), world.client() as client:
        assert (await world.ask(client, box, slot, JPEG)).status_code == 200
        world.revoke(box)
        assert (await world.ask(client, box, slot, JPEG)).status_code == 401
        assert (await world.put(client, box, slot, JPEG)).status_code == 401
    world.centre.close()


async def test_slots_that_nobody_promised_and_types_that_do_not_fit_are_refused(world: EvidenceWorld) -> None:
    """A slot of another event: 404, try later; a clip in a still's place: 400; a path in a slot: 400 or 404."""
    box = world.box()
    event = world.promise(box)
    async with world.serving(), world.client() as client:
        assert (await world.put(client, box, slot_of(event.id, 2), JPEG)).status_code == 404
        wrong = await world.put(client, box, slot_of(event.id, 1), CLIP, media_type="video/mp4")
        assert (wrong.status_code, wrong.json()) == (400, {"error": "media_type"})
        authorization = seal_upload(box.sealer, upload_of(box, slot_of(event.id, 1), JPEG))
        for path in (slot_of(event.id, 2), "..%2f..%2fetc%2fpasswd", slot_of(event.id, 1) + "%00"):
            answer = await client.get(UPLOAD_PATH + path, headers={"Authorization": authorization})
            assert answer.status_code in (400, 404), path


async def test_a_missing_piece_is_not_wanted(world: EvidenceWorld) -> None:
    """The box said that there is none: what comes then is not taken."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    world.missing(box, slot, "no_picture")
    async with world.serving(), world.client() as client:
        assert (await world.put(client, box, slot, JPEG)).status_code == 410
    assert (world.row(box, slot).state, world.row(box, slot).reason) == (State.MISSING, "no_picture")


async def test_sizes_are_judged_before_a_byte_is_read(world: EvidenceWorld) -> None:
    """Too long a piece, too small a one, a length that is another, a body without a length: none is written."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    long = JPEG * 100
    word = {"Authorization": seal_upload(box.sealer, upload_of(box, slot, long))}

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    async with world.serving(), world.client() as client:
        for status, span, body in (
            (413, content_range(0, len(long), len(long)), b"x"),
            (400, content_range(0, 1, len(long)), b"x"),
            (400, content_range(0, MIN_PIECE_BYTES, len(long)), b"x"),
            (400, "bytes 0-99/100, 200-300/400", b"x"),
        ):
            answer = await client.put(UPLOAD_PATH + slot, content=body, headers={**word, "Content-Range": span})
            assert answer.status_code == status, span
        with_range = {**word, "Content-Range": content_range(0, MIN_PIECE_BYTES, len(long))}
        try:
            answer = await client.put(UPLOAD_PATH + slot, content=endless(), headers=with_range)
            assert answer.status_code == 400
        except httpx.TransportError:
            pass  # cut off while it still sends
        assert (await client.get(UPLOAD_PATH + slot, headers={**word, "X": "y" * 600_000})).status_code in (400, 431)
    assert world.files.open_parts(box.id) == 0


async def test_half_a_million_beginnings_come_to_sixteen(world: EvidenceWorld) -> None:
    """A box that begins one file after another and ends none is told to wait; what it began stays bounded."""
    box = world.box()
    events = [world.promise(box, *(("03", "clip"),) * 8) for _ in range(3)]
    slots = [slot_of(event.id, number) for event in events for number in range(1, 9)]
    async with world.serving(), world.client() as client:
        answers = [
            await world.put(client, box, slot, CLIP, size=MIN_PIECE_BYTES, media_type="video/mp4") for slot in slots
        ]
    assert [answer.status_code for answer in answers] == [200] * 16 + [429] * 8
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert world.files.open_parts(box.id) == 16


async def test_a_box_fills_no_more_than_its_share(tmp_path: Path, authority: Authority) -> None:
    """Older pieces that no open alarm holds make room; where all are held, it waits."""
    world = EvidenceWorld(tmp_path, authority, box_limit_bytes=2 * len(JPEG))
    box = world.box()
    slots = [slot_of(world.promise(box, kind=kind).id, 1) for kind in ("presence.loitering", "camera.covered")]
    third = slot_of(world.promise(box, kind="presence.crowd").id, 1)
    async with world.serving(), world.client() as client:
        for number, slot in enumerate(slots):
            assert (await world.put(client, box, slot, JPEG + bytes([number]) * 0)).status_code == 201
        full = await world.put(client, box, third, JPEG)
        assert (full.status_code, full.json()) == (429, {"error": "box_full"})
        world.resolve(kind="presence.loitering")
        assert (await world.put(client, box, third, JPEG)).status_code == 201
    assert [world.row(box, slot).state for slot in slots] == [State.REMOVED, State.PROMISED]


async def test_who_is_slow_ends_by_itself(world: EvidenceWorld) -> None:
    """Headers that never end, a body that trickles: both are cut off, and others are served meanwhile."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    async with world.serving(Patience(headers_s=0.3, idle_s=1)):
        reader, writer = await world.connect(box)
        writer.write(b"GET /v1/evidence/x HTTP/1.1\r\nX-Slow: ")
        await writer.drain()
        other, body = await world.connect(box)
        body.write(put_head(box, upload_of(box, slot, JPEG)) + JPEG[:100])
        await body.drain()
        with_answer = await asyncio.wait_for(other.read(), 10)
        assert with_answer.startswith(b"HTTP/1.1 408")
        assert await asyncio.wait_for(_all_of(reader), 10) == b""
        async with world.client() as client:
            assert (await world.ask(client, box, slot, JPEG)).json() == {"have": 100}
        body.close()
        writer.close()


async def test_one_address_cannot_take_every_connection(world: EvidenceWorld) -> None:
    """What is too much is closed before a handshake is spent on it; those that were there go on."""
    box = world.box()
    slot = slot_of(world.promise(box).id, 1)
    async with world.serving(Patience(most_of_one=4)), world.client() as client:
        assert (await world.ask(client, box, slot, JPEG)).status_code == 200
        idle = [await asyncio.open_connection("127.0.0.1", world.port) for _ in range(8)]
        ended = await asyncio.gather(
            *(asyncio.wait_for(_all_of(reader), 0.5) for reader, _ in idle), return_exceptions=True
        )
        assert sum(each == b"" for each in ended) == 5
        assert (await world.ask(client, box, slot, JPEG)).status_code == 200
        for _, writer in idle:
            writer.close()


def put_head(box: Box, upload: Upload) -> bytes:
    """The head of a call that brings a whole file in one piece."""
    span = content_range(0, upload.bytes, upload.bytes)
    return (
        f"PUT {UPLOAD_PATH}{upload.slot} HTTP/1.1\r\nHost: centre\r\nContent-Range: {span}\r\n"
        f"Authorization: {seal_upload(box.sealer, upload)}\r\nContent-Length: {upload.bytes}\r\n\r\n"
    ).encode()


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""
