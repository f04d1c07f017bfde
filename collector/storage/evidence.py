"""Rows of pictures and clips: promised, sealed, come, told over. Plain rows in and out; the files stand elsewhere.

Who may see a row is decided by its site's unit, and by the event it belongs to: the pictures of a withheld duress are
withheld with it. Flow: ingest/picturing.py and collector/evidence/ -> here -> the desk, the export.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, update

from collector.storage.evidence_table import evidence
from collector.storage.paging import below
from collector.storage.reading import Reading
from collector.storage.records import MAX_LIMIT, OPEN_STATES, Sight, Topic
from collector.storage.schema import alarm_events, alarms, events, journal, sites, withheld
from collector.storage.store import Transaction
from collector.storage.writing import MANY

Key = tuple[str, str]
"""Box and slot."""


class State(StrEnum):
    """Where a piece stands; shown to people, so words are never changed."""

    PROMISED = "promised"  # its event came, nothing else
    SEALED = "sealed"  # its hash stands in the ledger, the file is on its way
    HERE = "here"  # the file is here and is what was sealed
    MISSING = "missing"  # its box says that there is none, and why
    REMOVED = "removed"  # it was here, and its days are over


class Over(IntEnum):
    """What the box knows of the end of a piece's alarm."""

    HELD = 0  # it is open, or there is none
    TO_TELL = 1
    TOLD = 2


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `evidence`."""

    box: str
    slot: str
    site: str
    owner: str
    request: bool
    camera: str
    kind: str
    about: str = ""
    level: int = 5
    state: str = State.PROMISED.value
    reason: str = ""
    media_type: str = ""
    sha256: str = ""
    sealed_number: int | None = None
    size_bytes: int = 0
    from_ms: int | None = None
    to_ms: int | None = None
    masked: bool = False
    came_sha256: str = ""
    came_bytes: int = 0
    promised_ms: int = 0
    came_ms: int | None = None
    over: int = 0
    over_request: str = ""
    over_tries: int = 0
    over_due_ms: int = 0

    @property
    def key(self) -> Key:
        """What tells two rows apart."""
        return self.box, self.slot


def evidence_of(connection: Transaction, keys: Iterable[Key]) -> dict[Key, EvidenceRow]:
    """Rows by box and slot."""
    wanted = set(keys)
    found: dict[Key, EvidenceRow] = {}
    slots = sorted({slot for _, slot in wanted})
    for start in range(0, len(slots), MANY):
        statement = select(evidence).where(evidence.c.slot.in_(slots[start : start + MANY]))
        for row in connection.execute(statement):
            if (row.box, row.slot) in wanted:
                found[row.box, row.slot] = _row(row)
    return found


def add_evidence(connection: Transaction, fresh: Sequence[EvidenceRow]) -> None:
    """Write rows that are new."""
    if fresh:
        connection.execute(insert(evidence), [msgspec.structs.asdict(row) for row in fresh])


def save_evidence(connection: Transaction, changed: Iterable[EvidenceRow]) -> None:
    """Write rows that have changed."""
    for row in changed:
        mine = and_(evidence.c.box == row.box, evidence.c.slot == row.slot)
        connection.execute(update(evidence).where(mine).values(**msgspec.structs.asdict(row)))


def sealed_of(connection: Transaction, owners: Sequence[str]) -> list[EvidenceRow]:
    """Pieces of these events that were sealed, or told missing."""
    found: list[EvidenceRow] = []
    for start in range(0, len(owners), MANY):
        statement = select(evidence).where(evidence.c.owner.in_(owners[start : start + MANY]))
        found.extend(map(_row, connection.execute(statement.where(evidence.c.sealed_number.is_not(None)))))
    return found


def alarms_of(connection: Transaction, box: str, event_id: str) -> tuple[str, ...]:
    """The alarms that an event belongs to."""
    statement = select(alarm_events.c.alarm).where(alarm_events.c.event_id == event_id, alarm_events.c.box == box)
    return tuple(dict.fromkeys(connection.execute(statement).scalars()))


def is_held(connection: Transaction, row: EvidenceRow) -> bool:
    """Whether a piece belongs to an alarm that somebody still has to handle."""
    statement = select(evidence.c.slot).where(evidence.c.box == row.box, evidence.c.slot == row.slot, _held())
    return connection.execute(statement).first() is not None


def bytes_of_box(connection: Transaction, box: str) -> int:
    """What the files of a box take; a file that two of its slots share counts twice."""
    statement = select(func.coalesce(func.sum(evidence.c.came_bytes), 0)).where(evidence.c.box == box)
    return int(connection.execute(statement).scalar_one())


def bytes_of_all(connection: Transaction) -> int:
    """What all files take."""
    return int(connection.execute(select(func.coalesce(func.sum(evidence.c.came_bytes), 0))).scalar_one())


def may_go(connection: Transaction, *, box: str | None, before_ms: int | None, limit: int) -> list[EvidenceRow]:
    """Pieces with a file that no open alarm holds: routine before grave, old before new."""
    statement = select(evidence).where(evidence.c.came_sha256 != "", ~_held())
    if box is not None:
        statement = statement.where(evidence.c.box == box)
    if before_ms is not None:
        statement = statement.where(evidence.c.promised_ms < before_ms)
    statement = statement.order_by(evidence.c.level.desc(), evidence.c.promised_ms, evidence.c.slot).limit(limit)
    return [_row(row) for row in connection.execute(statement)]


def sealed_with(connection: Transaction, hashes: Sequence[str]) -> list[EvidenceRow]:
    """Pieces that were sealed with one of these hashes and wait for their file."""
    found: list[EvidenceRow] = []
    for start in range(0, len(hashes), MANY):
        statement = select(evidence).where(evidence.c.state == State.SEALED)
        part = hashes[start : start + MANY]
        found.extend(map(_row, connection.execute(statement.where(evidence.c.sha256.in_(part)))))
    return found


def hashes_in_use(connection: Transaction, hashes: Sequence[str]) -> set[str]:
    """Those of these hashes that some slot's file has."""
    found: set[str] = set()
    for start in range(0, len(hashes), MANY):
        part = hashes[start : start + MANY]
        found.update(
            connection.execute(select(evidence.c.came_sha256).where(evidence.c.came_sha256.in_(part))).scalars()
        )
    return found


def alarm_is_over(connection: Transaction, alarm_id: str, now_ms: int) -> None:
    """An alarm was handled: the boxes of its pieces are to be told, unless another alarm still holds them."""
    alarms_are_over(connection, [alarm_id], now_ms)


def alarms_are_over(connection: Transaction, alarm_ids: Sequence[str], now_ms: int) -> None:
    """The same for many, their rows written."""
    for start in range(0, len(alarm_ids), MANY):
        some = alarm_ids[start : start + MANY]
        connection.execute(
            update(evidence)
            .where(
                evidence.c.owner.in_(select(alarm_events.c.event_id).where(alarm_events.c.alarm.in_(some))),
                evidence.c.request.is_(False),
                evidence.c.over == Over.HELD,
                ~_held(),
            )
            .values(over=Over.TO_TELL, over_due_ms=now_ms)
        )


def alarm_is_open_again(connection: Transaction, alarm_id: str) -> None:
    """An alarm was returned or reopened: boxes that were not told yet, or did not answer yet, are not told.

    A box that answered has its own days; the centre's files are held by the open alarm.
    """
    of_alarm = select(alarm_events.c.event_id).where(alarm_events.c.alarm == alarm_id)
    connection.execute(
        update(evidence)
        .where(evidence.c.owner.in_(of_alarm), evidence.c.request.is_(False), evidence.c.over == Over.TO_TELL)
        .values(over=Over.HELD, over_request="", over_tries=0, over_due_ms=0)
    )


def over_due(connection: Transaction, now_ms: int, limit: int) -> list[EvidenceRow]:
    """Pieces whose boxes are to be told now, those of one box together."""
    statement = (
        select(evidence)
        .where(evidence.c.over == Over.TO_TELL, evidence.c.over_due_ms <= now_ms)
        .order_by(evidence.c.box, evidence.c.slot)
        .limit(limit)
    )
    return [_row(row) for row in connection.execute(statement)]


def over_told(connection: Transaction, box: str, request: str) -> list[EvidenceRow]:
    """The pieces that a request told a box of."""
    statement = select(evidence).where(evidence.c.box == box, evidence.c.over_request == request)
    return [_row(row) for row in connection.execute(statement.where(evidence.c.over == Over.TO_TELL))]


def tell_again(connection: Transaction, boxes: Iterable[str], now_ms: int) -> None:
    """These boxes were born: what they were not told yet is told now."""
    for box in boxes:
        connection.execute(
            update(evidence).where(evidence.c.box == box, evidence.c.over == Over.TO_TELL).values(over_due_ms=now_ms)
        )


def piece(reading: Reading, box: str, slot: str, sight: Sight) -> EvidenceRow | None:
    """One piece; None when it is not there or not seen."""
    row = reading.connection.execute(_seen(sight).where(evidence.c.box == box, evidence.c.slot == slot)).first()
    return None if row is None else _row(row)


def pieces_of_alarm(reading: Reading, alarm_id: str, sight: Sight) -> tuple[EvidenceRow, ...]:
    """What the events of an alarm promised, oldest first."""
    statement = (
        _seen(sight)
        .join(
            alarm_events,
            and_(alarm_events.c.event_id == evidence.c.owner, alarm_events.c.box == evidence.c.box),
        )
        .where(alarm_events.c.alarm == alarm_id, evidence.c.request.is_(False))
        .order_by(evidence.c.promised_ms, evidence.c.slot)
        .limit(MAX_LIMIT)
    )
    return tuple(_row(row) for row in reading.connection.execute(statement))


def first_stills(reading: Reading, alarm_ids: Sequence[str], sight: Sight) -> dict[str, EvidenceRow]:
    """The first still of each of these alarms that is here: the little picture of its row."""
    found: dict[str, EvidenceRow] = {}
    for start in range(0, len(alarm_ids), MANY):
        statement = (
            _seen(sight)
            .add_columns(alarm_events.c.alarm.label("alarm"))
            .join(
                alarm_events,
                and_(alarm_events.c.event_id == evidence.c.owner, alarm_events.c.box == evidence.c.box),
            )
            .where(
                alarm_events.c.alarm.in_(alarm_ids[start : start + MANY]),
                evidence.c.kind == "still",
                evidence.c.state == State.HERE,
            )
            .order_by(evidence.c.promised_ms.desc(), evidence.c.slot.desc())
        )
        for row in reading.connection.execute(statement):
            found[row.alarm] = _row(row)  # the earliest stands last
    return found


def pieces_of_requests(reading: Reading, requests: Sequence[str], sight: Sight) -> dict[str, EvidenceRow]:
    """What was promised in answer to these requests, by the request's id."""
    found: dict[str, EvidenceRow] = {}
    for start in range(0, len(requests), MANY):
        statement = _seen(sight).where(
            evidence.c.owner.in_(requests[start : start + MANY]), evidence.c.request.is_(True)
        )
        for row in reading.connection.execute(statement):
            found[row.owner] = _row(row)
    return found


def last_event(reading: Reading) -> int:
    """The number of the last event that is stored."""
    return int(reading.connection.execute(select(func.coalesce(func.max(events.c.number), 0))).scalar_one())


def sealed_pieces(reading: Reading, after: Key | None, upto: int, limit: int) -> tuple[EvidenceRow, ...]:
    """Pieces that are here and were sealed by event number `upto`, by box and slot, beginning behind `after`."""
    statement = select(evidence).where(evidence.c.state == State.HERE, evidence.c.sealed_number <= upto)
    if after is not None:
        box, slot = after
        statement = statement.where(or_(evidence.c.box > box, and_(evidence.c.box == box, evidence.c.slot > slot)))
    statement = statement.order_by(evidence.c.box, evidence.c.slot).limit(limit)
    return tuple(_row(row) for row in reading.connection.execute(statement))


def was_looked_at(connection: Transaction, slot: str, person: str) -> bool:
    """Whether the journal has this person's first look at this piece."""
    statement = select(journal.c.number).where(
        journal.c.topic == Topic.EVIDENCE,
        journal.c.subject == slot,
        journal.c.person == person,
        journal.c.action == "look",
    )
    return connection.execute(statement.limit(1)).first() is not None


def _seen(sight: Sight) -> Any:
    hidden = exists().where(
        withheld.c.event_id == evidence.c.owner,
        withheld.c.box == evidence.c.box,
        withheld.c.person == sight.person,
    )
    return select(evidence).join(sites, sites.c.id == evidence.c.site).where(below(sight.unit), ~hidden)


def _held() -> ColumnElement[bool]:
    """The condition that an open alarm has the event of this row."""
    return exists().where(
        alarm_events.c.event_id == evidence.c.owner,
        alarm_events.c.box == evidence.c.box,
        alarms.c.id == alarm_events.c.alarm,
        alarms.c.state.in_([state.value for state in OPEN_STATES]),
    )


def _row(row: Any) -> EvidenceRow:
    known = row._mapping
    return EvidenceRow(**{name: known[name] for name in EvidenceRow.__struct_fields__})
