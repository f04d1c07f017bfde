"""The box's own uploader and the centre's own server, over TLS: what was promised and sealed is there, byte by byte."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.evidence.describing import Description
from agent.evidence.folder import Shelf
from agent.identity import BoxIdentity, load_identity
from collector.storage.evidence import State
from protocol.messages import Event
from protocol.site.schema import Centre
from protocol.timestamps import format_time
from provisioning.authority import Authority
from tests.collecting import Box
from tests.conftest import Eventually
from tests.pictures import CLIP, JPEG, told
from tests.sending import Sender
from tests.uploading import EvidenceWorld


def identity_of(world: EvidenceWorld, box: Box) -> BoxIdentity:
    """The box's identity out of the world's files."""
    files = Centre(
        box=box.id, brokers=("x",), ca="root.pem", trust="root.pem", certificate=f"{box.id}.pem", key=f"{box.id}.key"
    )
    (world.folder / f"{box.id}.key").chmod(0o600)
    return load_identity(files, box.site, world.folder, datetime.now(UTC))


def put_down(shelf: Shelf, event: Event, number: int, data: bytes, kind: str) -> Description:
    """The picture of a slot, sealed in the box's folder."""
    slot = f"{event.id}-{number}"
    media_type = "video/mp4" if kind == "clip" else "image/jpeg"
    at = format_time(datetime.now(UTC))
    shelf.path.parent.mkdir(exist_ok=True)
    shelf.prepare()
    shelf.making_path(slot, media_type).write_bytes(data)
    description = Description(
        slot=slot,
        owner=event.id,
        camera="03",
        kind=kind,  # type: ignore[arg-type]
        about=event.kind,
        level=3,
        at=at,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        media_type=media_type,  # type: ignore[arg-type]
        since=at,
        until=at,
    )
    shelf.settle(description)
    return description


async def test_a_still_and_a_clip_are_at_the_centre_as_they_were_sealed(tmp_path: Path, eventually: Eventually) -> None:
    """Bytes may come before the sealing line or after it; they are the same, and the box knows that they are there."""
    world = EvidenceWorld(tmp_path, Authority.create(now=datetime.now(UTC) - timedelta(days=1)))
    box = world.box()
    async with world.serving():
        event = world.promise(box, ("03", "still"), ("03", "clip"))
        sender = Sender(Shelf(tmp_path / "box"), identity_of(world, box))
        still = put_down(sender.shelf, event, 1, JPEG, "still")
        clip = put_down(sender.shelf, event, 2, CLIP, "clip")
        world.seal(box, clip.slot, CLIP, kind="clip")
        async with sender.running(world.port, host="127.0.0.1") as uploader:
            uploader.offer(still)
            uploader.offer(clip)
            await eventually(lambda: len(sender.over) == 2)
        assert sender.over == [(still.slot, "sent", ""), (clip.slot, "sent", "")]
        assert world.row(box, clip.slot).state == State.HERE
        assert world.row(box, still.slot).state == State.PROMISED
        world.seal(box, still.slot, JPEG)
        assert world.row(box, still.slot).state == State.HERE


async def test_a_still_that_is_faster_than_its_event_waits_a_blink(tmp_path: Path, eventually: Eventually) -> None:
    """The centre does not know the slot yet: others go meanwhile, it is tried again a little later, and taken."""
    world = EvidenceWorld(tmp_path, Authority.create(now=datetime.now(UTC) - timedelta(days=1)))
    box = world.box()
    async with world.serving():
        sender = Sender(Shelf(tmp_path / "box"), identity_of(world, box))
        known = put_down(sender.shelf, world.promise(box), 1, JPEG, "still")
        line, event = told(box, "presence.loitering", "area/atm-hall", pictures=(("03", "still"),))
        early = put_down(sender.shelf, event, 1, JPEG, "still")
        async with sender.running(world.port, host="127.0.0.1") as uploader:
            uploader.offer(early)
            await eventually(lambda: uploader._files[early.slot].tries)
            uploader.offer(known)
            await eventually(lambda: sender.over == [(known.slot, "sent", "")])
            world.centre.take(box.events(line))
            await eventually(lambda: sender.over[1:] == [(early.slot, "sent", "")])


async def test_other_bytes_than_were_sealed_are_never_taken(tmp_path: Path, eventually: Eventually) -> None:
    """A file swapped together with its description meets the sealed line at the centre, and is given up."""
    world = EvidenceWorld(tmp_path, Authority.create(now=datetime.now(UTC) - timedelta(days=1)))
    box = world.box()
    async with world.serving():
        event = world.promise(box, ("03", "still"))
        world.seal(box, f"{event.id}-1", JPEG)
        sender = Sender(Shelf(tmp_path / "box"), identity_of(world, box))
        swapped = put_down(sender.shelf, event, 1, JPEG + b"another picture", "still")
        async with sender.running(world.port, host="127.0.0.1") as uploader:
            uploader.offer(swapped)

            def over() -> bool:
                sender.ahead_ms += 70_000
                uploader.offer(swapped)
                return bool(sender.over)

            await eventually(over)
        assert sender.over == [(swapped.slot, "refused", "409")]
        assert world.row(box, swapped.slot).state == State.SEALED
