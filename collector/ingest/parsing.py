"""The first stage: topic and size are judged before a byte is parsed, then the envelope is taken apart.

Pure. Flow: `Received` -> here -> `Parsed` (still unverified) or `Rejection` -> signers and verification.
"""

from typing import Final

import msgspec

from collector.ingest.received import Reason, Received, Rejection
from protocol.envelope import EnvelopeError, EnvelopeFault, EnvelopeType, Unverified, read_envelope
from protocol.ids import CENTRE_PREFIX
from protocol.limits import MAX_BEAT_BYTES, MAX_BIRTH_BYTES, MAX_EVENTS_ENVELOPE_BYTES
from protocol.topics import Up, parse_up

_IN_BASE64: Final = 2
"""An envelope is a third larger than its payload; twice is generous and still a limit."""

LIMITS_BYTES: Final = {
    Up.EVENT: MAX_EVENTS_ENVELOPE_BYTES,
    Up.BEAT: MAX_BEAT_BYTES * _IN_BASE64,
    Up.BIRTH: MAX_BIRTH_BYTES * _IN_BASE64,
    Up.DEATH: MAX_BEAT_BYTES * _IN_BASE64,
}

TYPES: Final = {
    Up.EVENT: EnvelopeType.EVENTS,
    Up.BEAT: EnvelopeType.BEAT,
    Up.BIRTH: EnvelopeType.BIRTH,
    Up.DEATH: EnvelopeType.DEATH,
}

NOBODY: Final = "unknown"
"""The claimed box of a topic that names none."""

_REASONS: Final = {
    EnvelopeFault.TOO_LARGE: Reason.TOO_LARGE,
    EnvelopeFault.MALFORMED: Reason.MALFORMED,
    EnvelopeFault.WRONG_TYPE: Reason.WRONG_TYPE,
    EnvelopeFault.BAD_SIGNATURE: Reason.BAD_SIGNATURE,
}


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """An envelope of the right form on the topic of a box; whose it is, nobody has checked."""

    box: str
    up: Up
    unverified: Unverified
    received: Received


def parse(received: Received) -> Parsed | Rejection:
    """Judge topic, size and form."""
    named = parse_up(received.topic)
    if named is None:
        return Rejection(reason=Reason.BAD_TOPIC, claimed_box=NOBODY, received=received)
    box, up = named
    if box.startswith(CENTRE_PREFIX):
        return Rejection(reason=Reason.BAD_TOPIC, claimed_box=box, received=received)
    try:
        unverified = read_envelope(received.payload, LIMITS_BYTES[up])
    except EnvelopeError as error:
        return Rejection(reason=reason_of(error), claimed_box=box, received=received)
    if unverified.typ is not TYPES[up]:
        return Rejection(reason=Reason.WRONG_TYPE, claimed_box=box, received=received)
    return Parsed(box=box, up=up, unverified=unverified, received=received)


def reason_of(error: EnvelopeError) -> Reason:
    """The ingest's word for a fault of an envelope."""
    return _REASONS[error.fault]
