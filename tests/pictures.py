"""Lines that promise and seal pictures, as a box writes them; two files that could be such."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from protocol.ids import new_event_id
from protocol.kinds import KINDS, lane_of
from protocol.ledger import Link, after, line_hash
from protocol.messages import BecauseRow, Clock, Event, EvidenceSlot, encode
from protocol.timestamps import format_time
from protocol.uploads import slot_of
from tests.collecting import Box

JPEG = b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x40\x00\x40\x01\x01\x11\x00" + b"a still picture " * 3000 + b"\xff\xd9"
CLIP = b"\x00\x00\x00\x18ftypmp42" + b"a clip of half a minute " * 4000


def told(
    box: Box,
    kind: str,
    source: str,
    facts: dict[str, Any] | None = None,
    *,
    pictures: Sequence[tuple[str, str]] = (),
    because: tuple[BecauseRow, ...] = (),
    owner: str = "",
) -> tuple[bytes, Event]:
    """The next line of this kind, with slots of `pictures` (camera, kind) of the event, or of the request `owner`."""
    lane = lane_of(kind)
    tip = box.tips[lane]
    event_id = new_event_id(
        int(box.now.timestamp() * 1000), bytes.fromhex(line_hash(f"{box.id} {lane} {tip.seq}".encode()))[:10]
    )
    event = Event(
        v=1,
        id=event_id,
        site=box.site,
        box=box.id,
        run=box.run,
        lane=lane,
        seq=tip.seq + 1,
        prev=tip.hash,
        kind=kind,
        level=KINDS[kind.removesuffix(".restored")].level,
        at=format_time(box.now),
        mono_ms=1,
        clock=Clock.SYNCED,
        source=source,
        facts=facts or {},
        because=because,
        evidence=tuple(
            EvidenceSlot(slot=slot_of(owner or event_id, number), camera=camera, kind=what)  # type: ignore[arg-type]
            for number, (camera, what) in enumerate(pictures, start=1)
        ),
    )
    line = encode(event)
    box.tips[lane] = after(Link(run=box.run, seq=event.seq, prev=event.prev, hash=line_hash(line)))
    return line, event


def sealed_facts(slot: str, data: bytes, kind: str = "still", **unlike: Any) -> dict[str, Any]:
    """What `evidence.sealed` says of a file."""
    return {
        "event": slot.rpartition("-")[0],
        "slot": slot,
        "kind": kind,
        "sha256": sha256(data).hexdigest(),
        "bytes": len(data),
        "media_type": "video/mp4" if kind == "clip" else "image/jpeg",
        "masked": False,
    } | unlike
