"""The record of a walk test, built from its test.* events alone, so that box and centre get the same bytes.

`test.started` says in parts which points there are, `test.point` how one was found, `test.finished` closes the test and
carries the hash of the record and the signatures over it (docs/trust.md 8). A point that no `test.point` names follows
as untested. The order in which events are handed in does not matter. Pure.
Flow: agent/acceptance writes events -> box signs what it rebuilds -> centre rebuilds, checks, keeps.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from protocol.certificates import Role, Trust, VerifiedIdentity
from protocol.documents import Document, DocumentError, open_document
from protocol.envelope import EnvelopeType, encode_base64url
from protocol.limits import MAX_POINTS
from protocol.messages import Count, Event, EventId, Hash, Id, Source, Text, Time, Version, Word
from protocol.timestamps import parse_time

T = TypeVar("T")

HashOrNone = Annotated[str, Meta(max_length=64, pattern=r"^([0-9a-f]{64})?\Z")]
IdOrNobody = Annotated[str, Meta(max_length=32, pattern=r"^([a-z0-9][a-z0-9-]{0,31})?\Z")]

STARTED: Final = "test.started"
POINT: Final = "test.point"
FINISHED: Final = "test.finished"
KINDS: Final = frozenset({STARTED, POINT, FINISHED})

SOURCE: Final = "box/acceptance"
"""Where `test.started` and `test.finished` come from; a `test.point` comes from its point."""

DESK: Final = "desk/operator"
"""The way to the operator's screen, as a point."""

NOT_WATCHED: Final = "not_watched"
"""Why a point must stay untested: this version of the box does not watch it."""

MAX_RECORD_POINTS: Final = MAX_POINTS + 1
"""Every point of a site, and the way to the operator."""

PART_BYTES: Final = 10 * 1024
"""Points of one `test.started`, encoded: with everything else it stays well below a line's 16 KiB."""

MAX_PARTS: Final = 200
MAX_SIGNATURE_BYTES: Final = 6 * 1024
"""One signature with its chain, encoded; two fit into the line of `test.finished`. Ours take some 2 KiB."""


class Result(StrEnum):
    """How a point was found."""

    PASSED = "passed"
    FAILED = "failed"
    UNTESTED = "untested"


class Noticed(StrEnum):
    """Who noticed it."""

    BOX = "box"  # the box saw it by itself
    INSTALLER = "installer"  # only a person there can: a siren heard, a bolt moving
    OPERATOR = "operator"  # the number on his screen came back by telephone


class AcceptanceFault(StrEnum):
    """Why events make no record, or a record is not taken."""

    UNFINISHED = "unfinished"  # its `test.finished` is not there
    INCOMPLETE = "incomplete"  # a part of `test.started` is not there
    ABANDONED = "abandoned"
    CONTRADICTS = "contradicts"  # two of its events cannot both be true
    MALFORMED = "malformed"
    RECORD_DIFFERS = "record_differs"  # another hash than `test.finished` names
    UNSIGNED = "unsigned"
    FOREIGN_SIGNER = "foreign_signer"  # signed by another box or person than it names


class AcceptanceError(Exception):
    """There is no record, or it cannot be taken; `fault` is a word for logs and facts."""

    def __init__(self, fault: str) -> None:
        super().__init__(str(fault))
        self.fault = str(fault)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Which settings were walked; version 0 and no hash where the box works with a plain site file."""

    version: Count = 0
    hash: HashOrNone = ""


class ListedPoint(msgspec.Struct, frozen=True, array_like=True):
    """A point as `test.started` lists it: id, name, and why it must stay untested, if so."""

    id: Source
    name: Text = ""
    why: Word = ""


class PointRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one point was found; `at` and `event` are those of the `test.point` that counts."""

    id: Source
    name: Text
    result: Result
    at: Time | None = None
    event: EventId | None = None
    noticed: Noticed | None = None
    why: Word = ""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One walk test. Its canonical bytes are `record_bytes`; `installer` is empty where nobody signs."""

    v: Version
    test: EventId
    site: Id
    box: Id
    config: Config
    started: Time
    finished: Time
    installer: IdOrNobody
    points: Annotated[tuple[PointRecord, ...], Meta(max_length=MAX_RECORD_POINTS)]

    def count(self, result: Result) -> int:
        """How many points were found so."""
        return sum(point.result is result for point in self.points)


class StartedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of one `test.started`."""

    test: EventId
    part: Annotated[int, Meta(ge=1, le=MAX_PARTS)]
    parts: Annotated[int, Meta(ge=1, le=MAX_PARTS)]
    count: Annotated[int, Meta(ge=0, le=MAX_RECORD_POINTS)]
    config: Config
    points: Annotated[tuple[ListedPoint, ...], Meta(max_length=MAX_RECORD_POINTS)]


class PointFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts of one `test.point`: a result, or (`asked`) that something was asked for: a siren, a number read out."""

    test: EventId
    result: Result | None = None
    noticed: Noticed | None = None
    asked: Word = ""
    number: Annotated[str, Meta(max_length=4, pattern=r"^([0-9]{4})?\Z")] = ""


class FinishedFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts of `test.finished`; `signatures` are those of the document over the record, as they stand in it."""

    test: EventId
    abandoned: bool = False
    finished: Time | None = None
    installer: IdOrNobody = ""
    record_sha256: Hash | None = None
    passed: Count = 0
    failed: Count = 0
    untested: Count = 0
    signatures: Annotated[tuple[dict[str, Any], ...], Meta(max_length=2)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How a test that is about to end will be closed: what its `test.finished` will say."""

    finished: str
    installer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A record whose hash and signatures were checked. Made by `open_acceptance` only."""

    record: Record
    payload: bytes
    document: bytes
    box: VerifiedIdentity
    installer: VerifiedIdentity | None


def announced(test: str, config: Config, points: Sequence[ListedPoint]) -> tuple[dict[str, Any], ...]:
    """The facts of the `test.started` events that begin a test of `points`, in this order."""
    parts: list[list[ListedPoint]] = [[]]
    room = PART_BYTES
    for point in points:
        size = len(msgspec.json.encode(point)) + 1
        if size > room and parts[-1]:
            parts.append([])
            room = PART_BYTES
        parts[-1].append(point)
        room -= size
    return tuple(
        as_facts(
            StartedFacts(
                test=test, part=number, parts=len(parts), count=len(points), config=config, points=tuple(listed)
            )
        )
        for number, listed in enumerate(parts, start=1)
    )


def as_facts(facts: StartedFacts | PointFacts | FinishedFacts) -> dict[str, Any]:
    """Facts as an event carries them: plain lists, dicts and texts."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(facts))
    return plain


def record_from(events: Iterable[Event], test: str, closing: Closing | None = None) -> Record:
    """The record that the events of `test` make; other events are passed over.

    `closing`: the test is still open and will be closed so.

    Raises:
        AcceptanceError: they make none.
    """
    own = _events_of(events, test)
    last, finish = _finish(own)
    if finish is not None and finish.abandoned:
        raise AcceptanceError(AcceptanceFault.ABANDONED)
    if closing is None:
        if finish is None:
            raise AcceptanceError(AcceptanceFault.UNFINISHED)
        closing = Closing(finished=finish.finished or "", installer=finish.installer)
    elif finish is not None:
        raise AcceptanceError(AcceptanceFault.CONTRADICTS)
    before = [event for seq, event in sorted(own.items()) if last is None or seq < last]
    first, starts = _starts(before)
    listed = [point for start in starts for point in start.points]
    found = _found(before, {point.id for point in listed})
    if len({point.id for point in listed}) != len(listed) or len(listed) != starts[0].count:
        raise AcceptanceError(AcceptanceFault.CONTRADICTS)
    try:
        parse_time(closing.finished)  # the pattern of a time cannot tell the 31st of June from a day that there is
        return msgspec.convert(
            {
                "v": 1,
                "test": test,
                "site": first.site,
                "box": first.box,
                "config": starts[0].config,
                "started": first.at,
                "finished": closing.finished,
                "installer": closing.installer,
                "points": tuple(_point(point, found.get(point.id)) for point in listed),
            },
            Record,
        )
    except (msgspec.ValidationError, ValueError):
        raise AcceptanceError(AcceptanceFault.MALFORMED) from None


def record_bytes(record: Record) -> bytes:
    """The record's one line of UTF-8 JSON: what is hashed and signed."""
    return msgspec.json.encode(record)


def read_record(payload: bytes) -> Record:
    """The record in `payload`; nothing of it is checked but its shape.

    Raises:
        AcceptanceError: it is none.
    """
    try:
        return msgspec.json.decode(payload, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AcceptanceError(AcceptanceFault.MALFORMED) from None


def finished_facts(record: Record, document: bytes) -> dict[str, Any]:
    """The facts of the `test.finished` that closes a test with the signed `document` over its record.

    Raises:
        AcceptanceError: a signature with its chain is too large for an event.
    """
    signatures = msgspec.json.decode(document)["signatures"]
    if any(len(msgspec.json.encode(each)) > MAX_SIGNATURE_BYTES for each in signatures):
        raise AcceptanceError(AcceptanceFault.MALFORMED)
    return as_facts(
        FinishedFacts(
            test=record.test,
            finished=record.finished,
            installer=record.installer,
            record_sha256=sha256(record_bytes(record)).hexdigest(),
            passed=record.count(Result.PASSED),
            failed=record.count(Result.FAILED),
            untested=record.count(Result.UNTESTED),
            signatures=tuple(signatures),
        )
    )


def open_acceptance(events: Iterable[Event], test: str, trust: Trust, now: datetime) -> Acceptance:
    """Rebuild the record of a finished test, and check its hash and who signed it.

    A signer's certificate may have ended since, never before the test did.

    Raises:
        AcceptanceError: the fault of the events, of a signature, or of a signer's certificate.
    """
    record, document = document_from(events, test)
    box, installer = open_record(document, record, trust, now)
    return Acceptance(record=record, payload=record_bytes(record), document=document, box=box, installer=installer)


def document_from(events: Iterable[Event], test: str) -> tuple[Record, bytes]:
    """The record of a finished test and the document over it, whose signatures nobody has looked at.

    Raises:
        AcceptanceError: the events make none, or another than was signed.
    """
    own = _events_of(events, test)
    record = record_from(own.values(), test)
    payload = record_bytes(record)
    _, finish = _finish(own)
    if finish is None or finish.record_sha256 != sha256(payload).hexdigest():
        raise AcceptanceError(AcceptanceFault.RECORD_DIFFERS)
    if not finish.signatures:
        raise AcceptanceError(AcceptanceFault.UNSIGNED)
    document = {"payload": encode_base64url(payload).decode("ascii"), "signatures": finish.signatures}
    return record, msgspec.json.encode(document)


def open_record(
    document: bytes, record: Record, trust: Trust, now: datetime
) -> tuple[VerifiedIdentity, VerifiedIdentity | None]:
    """Who signed `record`: its box, and the installer where it names one.

    Raises:
        AcceptanceError: not exactly they, not this record, or not with certificates that were good when it ended.
    """
    opened = _opened(document, trust, now)
    if opened.payload != record_bytes(record):
        raise AcceptanceError(AcceptanceFault.RECORD_DIFFERS)
    boxes = [each for each in opened.signers if each.role is Role.BOX]
    people = [each for each in opened.signers if each.role is Role.PERSON]
    if [(each.id, each.site) for each in boxes] != [(record.box, record.site)]:
        raise AcceptanceError(AcceptanceFault.FOREIGN_SIGNER)
    if [each.id for each in people] != ([record.installer] if record.installer else []):
        raise AcceptanceError(AcceptanceFault.FOREIGN_SIGNER)
    finished = parse_time(record.finished)
    if any(each.expired(finished) for each in opened.signers):
        raise AcceptanceError("certificate_expired")
    return boxes[0], people[0] if people else None


def _opened(document: bytes, trust: Trust, now: datetime) -> Document:
    try:
        return open_document(document, EnvelopeType.ACCEPTANCE, trust, now, Role.BOX, Role.PERSON, expired_ok=True)
    except DocumentError as error:
        raise AcceptanceError(error.fault) from None


def _events_of(events: Iterable[Event], test: str) -> dict[int, Event]:
    """The events of one test by their places in the box's ledger."""
    own: dict[int, Event] = {}
    for event in events:
        ours = event.kind in KINDS and event.facts.get("test") == test
        if ours and own.setdefault(event.seq, event) != event:
            raise AcceptanceError(AcceptanceFault.CONTRADICTS)
    if len({(event.site, event.box) for event in own.values()}) > 1:
        raise AcceptanceError(AcceptanceFault.CONTRADICTS)
    return own


def _finish(own: Mapping[int, Event]) -> tuple[int | None, FinishedFacts | None]:
    """The first `test.finished`: what comes after it is no part of the test."""
    ends = [seq for seq, event in own.items() if event.kind == FINISHED]
    return (min(ends), _facts(own[min(ends)], FinishedFacts)) if ends else (None, None)


def _starts(events: Sequence[Event]) -> tuple[Event, list[StartedFacts]]:
    """Every part of `test.started`, in order, and the event of the first."""
    parts: dict[int, tuple[Event, StartedFacts]] = {}
    for event in events:
        if event.kind == STARTED:
            facts = _facts(event, StartedFacts)
            if facts.part in parts:
                raise AcceptanceError(AcceptanceFault.CONTRADICTS)
            parts[facts.part] = event, facts
    if not parts or set(parts) < set(range(1, next(iter(parts.values()))[1].parts + 1)):
        raise AcceptanceError(AcceptanceFault.INCOMPLETE)
    starts = [parts[number][1] for number in sorted(parts)]
    if {(each.parts, each.count, each.config) for each in starts} != {(len(starts), starts[0].count, starts[0].config)}:
        raise AcceptanceError(AcceptanceFault.CONTRADICTS)
    return parts[min(parts)][0], starts


def _found(events: Iterable[Event], listed: set[str]) -> dict[str, tuple[Event, PointFacts]]:
    """By point, the latest `test.point` that states a result."""
    found: dict[str, tuple[Event, PointFacts]] = {}
    for event in events:
        if event.kind == POINT:
            facts = _facts(event, PointFacts)
            if event.source not in listed:
                raise AcceptanceError(AcceptanceFault.CONTRADICTS)
            if facts.result in {Result.PASSED, Result.FAILED}:
                found[event.source] = event, facts
    return found


def _point(listed: ListedPoint, found: tuple[Event, PointFacts] | None) -> PointRecord:
    if found is None:
        return PointRecord(id=listed.id, name=listed.name, result=Result.UNTESTED, why=listed.why)
    event, facts = found
    return PointRecord(
        id=listed.id,
        name=listed.name,
        result=facts.result or Result.UNTESTED,
        at=event.at,
        event=event.id,
        noticed=facts.noticed,
    )


def _facts(event: Event, kind: type[T]) -> T:
    try:
        return msgspec.convert(event.facts, kind)
    except msgspec.ValidationError:
        raise AcceptanceError(AcceptanceFault.MALFORMED) from None
