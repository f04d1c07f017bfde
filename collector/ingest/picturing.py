"""What events promise of pictures and what `evidence.sealed` says of them, in the transaction of the event itself.

The first word about a slot counts; a second one stands in the ledger, and `branchwatch verify` tells of it. A promise
may arrive after the line that seals it: the two lanes of a box do not wait for each other. Flow: events -> here -> rows
of evidence, entries of the journal; what came with another hash than was sealed is told as rejected.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from collector.ingest.received import Reason, Received, Rejection
from collector.ingest.work import SEALED, Work
from collector.storage import evidence
from collector.storage.evidence import EvidenceRow, Key, State
from collector.storage.journal import Entry
from collector.storage.records import Topic
from collector.times import wire_ms
from protocol.ids import EVENT_ID_PATTERN, HASH_PATTERN, is_id
from protocol.messages import Event
from protocol.uploads import MAX_BYTES_OF, MEDIA_OF, is_slot, owner_of

MALFORMED: Final = "malformed"
"""Why a piece is missing whose sealing line does not say what it must."""
MAX_REASON: Final = 64

_HASH: Final = re.compile(HASH_PATTERN)
_EVENT: Final = re.compile(EVENT_ID_PATTERN)


def note_evidence(work: Work, collector: str) -> list[Rejection]:
    """Write what was promised and sealed; what is set aside because its bytes are not what was sealed."""
    if not work.pictured:
        return []
    keys = [(event.box, slot) for _, event in work.pictured for slot in _slots(event)]
    known = evidence.evidence_of(work.connection, keys)
    rows = dict(known)
    rejected: list[Rejection] = []
    for number, event in work.pictured:
        for fresh in _told(event, number, rows, work.now_ms):
            before = rows.get(fresh.key)
            rows[fresh.key] = fresh
            if before is None or before.state != fresh.state:
                work.entries.append(entry_of(fresh, collector))
            if before is not None and before.came_sha256 and not fresh.came_sha256:
                rejected.append(mismatch(fresh, work.now_ms))
    evidence.add_evidence(work.connection, [row for key, row in rows.items() if key not in known])
    evidence.save_evidence(work.connection, [row for key, row in rows.items() if key in known and row != known[key]])
    return rejected


def entry_of(row: EvidenceRow, collector: str) -> Entry:
    """The journal's entry of a piece that has come to another state."""
    facts: dict[str, Any] = {"box": row.box, "owner": row.owner, "camera": row.camera, "kind": row.kind}
    if row.sha256:
        facts["sha256"] = row.sha256
    if row.reason:
        facts["reason"] = row.reason
    return Entry(topic=Topic.EVIDENCE, subject=row.slot, action=row.state, site=row.site, person=collector, facts=facts)


def mismatch(row: EvidenceRow, now_ms: int) -> Rejection:
    """What is told when bytes are not what their box sealed."""
    received = Received(topic=f"evidence/{row.slot}", payload=b"", received_ms=now_ms)
    detail = f"{row.slot} camera/{row.camera}"
    return Rejection(reason=Reason.EVIDENCE_HASH, claimed_box=row.box, received=received, detail=detail)


def _slots(event: Event) -> list[str]:
    if event.kind == SEALED:
        slot = event.facts.get("slot")
        return [slot] if isinstance(slot, str) and is_slot(slot) else []
    owner = _owner(event)
    return [each.slot for each in event.evidence if is_slot(each.slot) and owner_of(each.slot) == owner]


def _owner(event: Event) -> str:
    """Whose slots an event may promise: its own, or those of the request that it answers."""
    asked = event.facts.get("request") if event.kind == "request.answered" else None
    return asked if isinstance(asked, str) and _EVENT.fullmatch(asked) else event.id


def _told(event: Event, number: int, rows: Mapping[Key, EvidenceRow], now_ms: int) -> list[EvidenceRow]:
    if event.kind == SEALED:
        return [_sealed(event, number, slot, rows.get((event.box, slot)), now_ms) for slot in _slots(event)]
    slots = set(_slots(event))
    return [
        _promised(event, each.slot, each.camera, each.kind, rows.get((event.box, each.slot)), now_ms)
        for each in event.evidence
        if each.slot in slots
    ]


def _promised(event: Event, slot: str, camera: str, kind: str, before: EvidenceRow | None, now_ms: int) -> EvidenceRow:
    if before is not None and before.about:
        return before
    owner = _owner(event)
    row = before or EvidenceRow(
        box=event.box,
        slot=slot,
        site=event.site,
        owner=owner,
        request=owner != event.id,
        camera=camera,
        kind=kind,
        promised_ms=now_ms,
    )
    return msgspec.structs.replace(row, about=event.kind, level=event.level)


def _sealed(event: Event, number: int, slot: str, before: EvidenceRow | None, now_ms: int) -> EvidenceRow:
    facts = event.facts
    family, _, camera = event.source.partition("/")
    row = before or EvidenceRow(
        box=event.box,
        slot=slot,
        site=event.site,
        owner=owner_of(slot),
        request="request" in facts,
        camera=camera if family == "camera" and is_id(camera) else "unknown",
        kind=str(facts.get("kind"))[:16],
        promised_ms=now_ms,
    )
    if row.state not in (State.PROMISED, State.MISSING) or (row.state == State.MISSING and "missing" in facts):
        return row
    row = msgspec.structs.replace(row, sealed_number=number)
    if "missing" in facts:
        return _missing(row, str(facts["missing"]))
    sha256, size, media_type = facts.get("sha256"), facts.get("bytes"), facts.get("media_type")
    if (
        not isinstance(sha256, str)
        or not _HASH.fullmatch(sha256)
        or not isinstance(media_type, str)
        or MEDIA_OF.get(row.kind) != media_type
        or type(size) is not int
        or not 0 < size <= MAX_BYTES_OF[str(media_type)]
    ):
        return _missing(row, MALFORMED)
    same = row.came_sha256 == sha256
    return msgspec.structs.replace(
        row,
        state=State.HERE.value if same else State.SEALED.value,
        reason="",
        media_type=media_type,
        sha256=sha256,
        size_bytes=size,
        from_ms=_time(facts.get("from")),
        to_ms=_time(facts.get("to")),
        masked=facts.get("masked") is True,
        came_sha256=sha256 if same else "",
        came_bytes=row.came_bytes if same else 0,
        came_ms=row.came_ms if same else None,
    )


def _missing(row: EvidenceRow, reason: str) -> EvidenceRow:
    return msgspec.structs.replace(row, state=State.MISSING.value, reason=reason[:MAX_REASON] or MALFORMED)


def _time(text: object) -> int | None:
    try:
        return wire_ms(text) if isinstance(text, str) else None
    except ValueError:
        return None
