"""The messages on the wire as frozen structs, and their one-line encoding (WIRE 1).

A decoded message has the right shape and sizes; whether it is authentic and whose it is, its envelope says. Unknown
fields are ignored, so that an older centre reads a newer box; the exact bytes are stored and are what is proven.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from protocol.ids import EVENT_ID_PATTERN, HASH_PATTERN, ID_PATTERN, RUN_PATTERN, SOURCE_PATTERN
from protocol.kinds import OPENED, Lane, is_known, is_restore, lane_of
from protocol.limits import (
    MAX_BEAT_BYTES,
    MAX_BIRTH_BYTES,
    MAX_CHAIN_CERTIFICATES,
    MAX_LINE_BYTES,
    MAX_ORDER_BYTES,
    MAX_POINTS,
)
from protocol.timestamps import TIME_PATTERN, parse_time

T = TypeVar("T")


def _whole(pattern: str) -> str:
    """`pattern` to the very end: Python's `$` would also match before a last line feed."""
    return pattern.removesuffix("$") + r"\Z"


Version = Literal[1]
Id = Annotated[str, Meta(pattern=_whole(ID_PATTERN))]
Source = Annotated[str, Meta(pattern=_whole(SOURCE_PATTERN), max_length=131)]
Run = Annotated[str, Meta(pattern=_whole(RUN_PATTERN))]
Hash = Annotated[str, Meta(pattern=_whole(HASH_PATTERN))]
EventId = Annotated[str, Meta(pattern=_whole(EVENT_ID_PATTERN))]
Time = Annotated[str, Meta(pattern=_whole(TIME_PATTERN))]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]  # exact in every JSON reader (RFC 8259 section 6)
Seq = Annotated[int, Meta(ge=1, le=2**53 - 1)]
KindName = Annotated[str, Meta(max_length=64, pattern=_whole(r"^[a-z]+\.[a-z_]+(\.restored)?$"))]
Word = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(max_length=512)]
Nonce = Annotated[str, Meta(max_length=43, pattern=_whole(r"^[A-Za-z0-9_-]*$"))]
"""A challenge: 128 random bits in base64url; empty where none was received yet."""
Machine = Annotated[str, Meta(max_length=16, pattern=_whole(r"^([0-9a-f]{16})?$"))]
"""What tells this hardware from a copy's; empty where nothing does."""
Chain = Annotated[tuple[Annotated[str, Meta(max_length=11_000)], ...], Meta(max_length=MAX_CHAIN_CERTIFICATES)]
"""Certificates in base64 DER, leaf first (`x5c`, RFC 7515 section 4.1.6)."""

Fact = None | bool | int | float | Text | list[Any] | dict[str, Any]
BecauseRow = tuple[Time, Source, Word, Text]
"""When, which point, what it became, why or how: (time, point, state, reason)."""


class Clock(StrEnum):
    """How far a box believes its own wall clock."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    SUSPECT = "suspect"


class MessageError(Exception):
    """The peer sent a line that is no message of this protocol; the text says where."""


class EvidenceSlot(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or clip promised by an event; `evidence.sealed` gives its hash later (docs/eyes.md 7)."""

    slot: Word
    camera: Id
    kind: Literal["still", "clip", "reference"]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a box's ledger."""

    v: Version
    id: EventId
    site: Id
    box: Id
    run: Run
    lane: Lane
    seq: Seq
    prev: Hash
    kind: KindName
    level: Annotated[int, Meta(ge=1, le=5)]
    at: Time
    mono_ms: Count
    clock: Clock
    source: Source
    facts: Annotated[dict[Word, Fact], Meta(max_length=40)] = {}
    because: Annotated[tuple[BecauseRow, ...], Meta(max_length=24)] = ()
    evidence: Annotated[tuple[EvidenceSlot, ...], Meta(max_length=8)] = ()
    restores: EventId | None = None


class LaneHead(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of a lane, as a box claims it or as the centre has committed it."""

    lane: Lane
    run: Run
    seq: Count
    hash: Hash


class PointState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point's state and for how many milliseconds it has been so; `cause` says why it is unknown."""

    id: Source
    state: Word
    age_ms: Count
    name: Text = ""
    cause: Word = ""
    marks: Annotated[tuple[Word, ...], Meta(max_length=8)] = ()
    """What else is true of it: `alarm`, `bypassed`, `shut_down`, `test`, `not_ready`, `late`, `warned`."""


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A box's own condition, one glance."""

    pending_urgent: Count
    pending_routine: Count
    store_bytes: Count
    store_limit_bytes: Count
    memory_bytes: Count
    uptime_s: Count
    devices_offline: Count
    broker: Count = 0  # index of the address in use
    last_error: Text = ""
    evidence_waiting: Count = 0  # pictures and clips that the centre has not got
    evidence_bytes: Count = 0  # what the box keeps of them
    people_model: Text = ""  # what finds people; "none": nothing does; empty: nobody is looked for


class SiteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a box tells of its site, so that the centre needs no site file to show it."""

    id: Id
    name: Text
    unit: Text
    timezone: Word


class ConfigState(msgspec.Struct, frozen=True, kw_only=True):
    """The signed site bundle that a box works with, and the roster inside; the hash is that of the bundle's payload."""

    version: Seq
    hash: Hash
    roster_version: Count
    roster_not_after: Time


class Birth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who I am, where my ledger stands, and the present state of every point (WIRE 2.8)."""

    v: Version
    box: Id
    run: Run
    counter: Seq
    at: Time
    mono_ms: Count
    clock: Clock
    site: SiteFacts
    software: Word
    beat_s: Annotated[float, Meta(ge=1, le=60)]
    silent_after_s: Annotated[float, Meta(ge=3, le=300)]
    heads: Annotated[tuple[LaneHead, ...], Meta(max_length=2)]
    x5c: Chain
    points: Annotated[tuple[PointState, ...], Meta(max_length=MAX_POINTS)] = ()
    config: ConfigState | None = None  # none where the box works with a plain site file
    machine: Machine = ""


class Beat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Alive: a rising counter, both heads, health, the order challenge and the echo of the last receipt's challenge."""

    v: Version
    box: Id
    run: Run
    counter: Seq
    at: Time
    mono_ms: Count
    clock: Clock
    heads: Annotated[tuple[LaneHead, ...], Meta(max_length=2)]
    health: Health
    challenge: Nonce
    echo: Nonce = ""
    points: Annotated[tuple[PointState, ...], Meta(max_length=MAX_POINTS)] = ()
    config: ConfigState | None = None


class Death(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The will of one connection of one run: it only shortens the wait for silence."""

    v: Version
    box: Id
    run: Run
    counter: Seq
    at: Time


class Answers(StrEnum):
    """What a receipt answers: only the answer to a birth may set a box back."""

    EVENTS = "events"
    BEAT = "beat"
    BIRTH = "birth"


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The centre's signed word: committed up to these heads. `x5c` is sent only in answer to a birth."""

    v: Version
    collector: Id
    box: Id
    at: Time
    answers: Answers
    heads: Annotated[tuple[LaneHead, ...], Meta(max_length=2)]
    challenge: Nonce = ""
    counter: Count = 0
    x5c: Chain = ()


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that only asks (WIRE 4.1), signed by the collector and logged by the box."""

    v: Version
    id: EventId
    collector: Id
    box: Id
    at: Time
    action: Word
    args: Annotated[dict[Word, Fact], Meta(max_length=16)] = {}


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that changes protection or moves something; worth nothing without approvals (WIRE 4.2)."""

    v: Version
    id: EventId
    box: Id
    challenge: Nonce
    roster_version: Count
    action: Word
    at: Time
    by: Word
    args: Annotated[dict[Word, Fact], Meta(max_length=16)] = {}
    expires: Time | None = None


class Approval(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's signature over exactly an order's bytes: a key file's JWS, or the three parts of WebAuthn."""

    v: Version
    order: EventId
    person: Word
    credential: Word
    method: Literal["key_file", "webauthn"]
    jws: Annotated[str, Meta(max_length=1024)] = ""
    client_data: Annotated[str, Meta(max_length=2048)] = ""
    authenticator_data: Annotated[str, Meta(max_length=2048)] = ""
    signature: Annotated[str, Meta(max_length=512)] = ""


def encode(message: msgspec.Struct) -> bytes:
    """One line of UTF-8 JSON without a line feed; the fields stand in the order of the struct."""
    return _ENCODER.encode(message)


def decode_event(line: bytes) -> Event:
    """The event that a ledger line holds.

    Raises:
        MessageError: too long, not one line, wrong shape, or a known kind in the wrong lane.
    """
    event = _decode(line, _EVENT, MAX_LINE_BYTES)
    # A kind that only a newer box knows is taken with the lane it states: nothing is lost for being new.
    if is_known(event.kind) and event.lane is not lane_of(event.kind) and event.kind != OPENED:
        raise MessageError("a kind belongs to its lane")
    if event.restores is not None and not is_restore(event.kind):
        raise MessageError("only a restore names what it restores")
    for step in event.because:
        _check_time(step[0])
    return event


def decode_birth(line: bytes) -> Birth:
    """Raises: MessageError."""
    return _decode(line, _BIRTH, MAX_BIRTH_BYTES)


def decode_beat(line: bytes) -> Beat:
    """Raises: MessageError."""
    return _decode(line, _BEAT, MAX_BEAT_BYTES)


def decode_death(line: bytes) -> Death:
    """Raises: MessageError."""
    return _decode(line, _DEATH, MAX_BEAT_BYTES)


def decode_receipt(line: bytes) -> Receipt:
    """Raises: MessageError."""
    return _decode(line, _RECEIPT, MAX_BEAT_BYTES)


def decode_request(line: bytes) -> Request:
    """Raises: MessageError."""
    return _decode(line, _REQUEST, MAX_BEAT_BYTES)


def decode_order(line: bytes) -> Order:
    """Raises: MessageError."""
    return _decode(line, _ORDER, MAX_ORDER_BYTES)


def decode_approval(line: bytes) -> Approval:
    """Raises: MessageError."""
    return _decode(line, _APPROVAL, MAX_BEAT_BYTES)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads`: of a name that stands twice one reader takes the first and another the last.

    Raises:
        ValueError: one does.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _decode(line: bytes, decoder: "msgspec.json.Decoder[T]", limit_bytes: int) -> T:
    if len(line) > limit_bytes:
        raise MessageError(f"longer than {limit_bytes} bytes")
    if b"\n" in line:
        raise MessageError("a message is one line")
    try:
        message = decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # msgspec names the field and the rule; free text of the peer does not follow into a log.
        raise MessageError(str(error)) from None
    _check_time(getattr(message, "at", None))
    return message


def _check_time(text: str | None) -> None:
    """The pattern cannot tell the 31st of June from a day that there is.

    Any year that can be written is taken: a bad clock is flagged, never a reason to refuse (FIELD-FAULTS row 13).
    """
    try:
        if text is not None:
            parse_time(text)
    except ValueError:
        raise MessageError("no such date or time - at `$.at`") from None


_ENCODER = msgspec.json.Encoder()
_EVENT = msgspec.json.Decoder(Event)
_BIRTH = msgspec.json.Decoder(Birth)
_BEAT = msgspec.json.Decoder(Beat)
_DEATH = msgspec.json.Decoder(Death)
_RECEIPT = msgspec.json.Decoder(Receipt)
_REQUEST = msgspec.json.Decoder(Request)
_ORDER = msgspec.json.Decoder(Order)
_APPROVAL = msgspec.json.Decoder(Approval)
