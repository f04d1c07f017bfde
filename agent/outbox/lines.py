"""From a draft to a ledger line: its place in the chain, and the lines of the ledger's own book-keeping.

Pure: run, place, randomness and the clock's word are arguments. Flow: drafts of `agent/reporting.py` -> here -> store.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from agent.clocks import Reading
from agent.reporting import Draft
from protocol.ids import new_event_id
from protocol.kinds import OPENED, Lane, kind_of
from protocol.ledger import Hole, Link, Position, after, line_hash
from protocol.messages import Event, MessageError, decode_event, encode
from protocol.timestamps import format_time

SOURCE: Final = "box/ledger"
MARK: Final = "ledger.mark"
SHED: Final = "ledger.shed"
REJECTED: Final = "envelope.rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """In whose name lines are written."""

    box: str
    site: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A line, what it says, and the head that it makes."""

    event: Event
    line: bytes
    head: Position


def compose(draft: Draft, author: Author, run: str, head: Position, reading: Reading) -> Composed:
    """The line that follows `head`.

    A draft that makes no valid line loses its facts before it loses its place: that it happened is what counts.

    Raises:
        MessageError: even then it is no event (its kind, source or lane is wrong): a fault in our own code.
    """
    try:
        return _compose(draft, author, run, head, reading)
    except (MessageError, TypeError, ValueError, OverflowError):
        bare = msgspec.structs.replace(draft, facts={"facts_dropped": "too large or malformed"}, because=())
        return _compose(bare, author, run, head, reading)


def opened(lane: Lane, before: Position, set_aside: str, reading: Reading, random: bytes) -> Draft:
    """The first event of a run: it names the head that it continues (WIRE 2.2)."""
    facts: dict[str, Any] = {"run": before.run if before.seq else "", "seq": before.seq, "hash": before.hash}
    if set_aside:
        facts["set_aside"] = set_aside
    return _own(OPENED, lane, facts, reading, random)


def mark(urgent: Position, reading: Reading, random: bytes) -> Draft:
    """The routine lane notes where the urgent lane stands (WIRE 2.4): removing its end is then seen here."""
    return _own(MARK, Lane.ROUTINE, {"run": urgent.run, "seq": urgent.seq, "hash": urgent.hash}, reading, random)


def explanation(hole: Hole, counts: Mapping[str, int], reading: Reading, random: bytes) -> Draft:
    """The signed line that explains a hole in either lane; it always stands in the routine lane."""
    facts: dict[str, Any] = {
        "from": hole.first,
        "to": hole.last,
        "counts": dict(counts),
        "first_prev": hole.first_prev,
        "last_hash": hole.last_hash,
    }
    if hole.lane != Lane.ROUTINE:
        facts["lane"] = hole.lane
    return _own(SHED, Lane.ROUTINE, facts, reading, random)


def damaged(lane: Lane, seq: int, reading: Reading, random: bytes) -> Draft:
    """A record changed on the disk: told in the transaction that takes it out, for a hole alone is no alarm."""
    facts = {"reason": "damaged_on_disk", "count": 1, "lane": lane.value, "seq": seq}
    return msgspec.structs.replace(_own(REJECTED, kind_of(REJECTED).lane, facts, reading, random), source="box/outbox")


def event_id(reading: Reading, random: bytes) -> str:
    """A new event's id from the reading's wall time; a clock before 1970 counts as 1970."""
    return new_event_id(max(0, int(reading.moment.wall.timestamp() * 1000)), random)


def _own(kind: str, lane: Lane, facts: Mapping[str, Any], reading: Reading, random: bytes) -> Draft:
    return Draft(
        id=event_id(reading, random),
        kind=kind,
        level=kind_of(kind).level,
        lane=lane,
        source=SOURCE,
        at=reading.moment,
        facts=facts,
    )


def _compose(draft: Draft, author: Author, run: str, head: Position, reading: Reading) -> Composed:
    event = Event(
        v=1,
        id=draft.id,
        site=author.site,
        box=author.box,
        run=run,
        lane=draft.lane,
        seq=head.seq + 1,
        prev=head.hash,
        kind=draft.kind,
        level=draft.level,
        at=format_time(draft.at.wall),
        mono_ms=max(0, draft.at.mono_ms),
        clock=reading.clock,
        source=draft.source,
        facts=dict(draft.facts),
        because=draft.because,
        evidence=draft.evidence,
        restores=draft.restores,
    )
    line = encode(event)
    decode_event(line)  # what the centre would refuse is not written
    return Composed(
        event=event, line=line, head=after(Link(run=run, seq=event.seq, prev=head.hash, hash=line_hash(line)))
    )
