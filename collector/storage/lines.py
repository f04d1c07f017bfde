"""Events read back from the envelopes they came in: their bytes are stored once.

The envelope was verified when it was committed; nothing is verified again here. Flow: storage questions -> rows.
"""

from typing import Any

from sqlalchemy import Row, Select, select

from collector.storage.records import EventRow, Flag
from collector.storage.schema import envelopes, events
from protocol.envelope import EnvelopeError, read_envelope
from protocol.limits import MAX_EVENTS_ENVELOPE_BYTES
from protocol.messages import Clock, Event, MessageError, decode_event


def line_of(body: bytes, line_no: int) -> bytes:
    """Line `line_no` of a stored envelope."""
    payload: bytes = read_envelope(body, MAX_EVENTS_ENVELOPE_BYTES).claimed_payload
    return payload.split(b"\n")[line_no]


def event_of(body: bytes, line_no: int) -> Event | None:
    """The event that a stored envelope holds; None where its bytes are damaged.

    `verify` names the damage; here it hides neither the rest of a page nor the alarm's own row.
    """
    try:
        return decode_event(line_of(body, line_no))
    except (EnvelopeError, MessageError, IndexError):
        return None


def event_statement() -> Select[Any]:
    """Every column of an event with the body of its envelope."""
    return select(events, envelopes.c.body).join_from(events, envelopes, envelopes.c.id == events.c.envelope)


def event_row(row: Row[Any]) -> EventRow:
    """The event that a row of `event_statement` holds."""
    event = event_of(row.body, row.line_no)
    return EventRow(
        number=row.number,
        id=row.id,
        site=row.site,
        box=row.box,
        run=row.run,
        lane=row.lane,
        seq=row.seq,
        hash=row.hash,
        kind=row.kind,
        level=row.level,
        event_class=row.event_class,
        source=row.source,
        clock=Clock.SUSPECT if event is None else event.clock,
        at_ms=row.at_ms,
        received_ms=row.received_ms,
        facts={} if event is None else event.facts,
        because=() if event is None else event.because,
        evidence=() if event is None else event.evidence,
        restores=None if event is None else event.restores,
        flags=tuple(Flag(word) for word in row.flags.split()),
    )
