"""Notices on their way: claimed by one worker, taken back from one that died, their outcomes written. No decisions.

Claims and outcomes need no lock of the counters: rows are held by SKIP LOCKED on PostgreSQL and by the one writer of
SQLite. Only a new row (the next channel) takes its number under the lock. Flow: collector/notify/sender.py -> here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Boolean, ColumnElement, and_, bindparam, case, func, or_, select, update

from collector.notify.records import Notice, NoticeState
from collector.storage.alarm_tables import notices
from collector.storage.lines import event_of
from collector.storage.notices import notice_of, parts
from collector.storage.schema import alarms, envelopes, events, points, sites
from collector.storage.store import Transaction

OPEN_CODES: Final = 10_000


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker writes on a row that it takes."""

    id: str
    token_hash: str
    code: str
    answer_until_ms: int


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one try."""

    id: str
    state: NoticeState
    reason: str = ""
    due_ms: int | None = None  # of the next try
    perhaps: bool = False  # this try may have arrived
    sent_ms: int | None = None
    delivered_ms: int | None = None


class AlarmFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as notices tell of it: columns, the facts of the event that opened it, names of its box's points."""

    id: str
    number: int
    site: str
    site_name: str
    unit: str
    timezone: str
    box: str
    kind: str
    event_class: str
    level: int
    source: str
    state: str
    opened_ms: int
    at_ms: int
    respond_by_ms: int | None
    restored_ms: int | None
    holder: str | None
    score: int | None
    shelter: str | None
    facts: Mapping[str, Any]


def is_due(connection: Transaction, now_ms: int, *, gravest: int, full: Collection[str]) -> bool:
    """Whether `due` would find something."""
    statement = select(notices.c.id).where(*_due(now_ms, gravest, full)).limit(1)
    return connection.execute(statement).first() is not None


def due(connection: Transaction, now_ms: int, *, gravest: int, full: Collection[str], limit: int) -> list[Notice]:
    """Rows that may leave now, by level, then age, locked; of channels that are `full` only the gravest."""
    statement = (
        select(notices)
        .where(*_due(now_ms, gravest, full))
        .order_by(notices.c.level, notices.c.number)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [notice_of(row) for row in connection.execute(statement)]


def _due(now_ms: int, gravest: int, full: Collection[str]) -> list[ColumnElement[bool]]:
    conditions = [notices.c.state == NoticeState.QUEUED.value, notices.c.due_ms <= now_ms]
    if full:
        conditions.append(or_(notices.c.level <= gravest, notices.c.channel.not_in(sorted(full))))
    return conditions


def claim(connection: Transaction, claims: Sequence[Claim], worker: str, now_ms: int) -> None:
    """These rows are this worker's now."""
    if claims:
        connection.execute(
            _CLAIM,
            [
                {
                    "b_id": each.id,
                    "token_hash": each.token_hash,
                    "code": each.code,
                    "answer_until_ms": each.answer_until_ms,
                    "claimed_by": worker,
                    "claimed_ms": now_ms,
                }
                for each in claims
            ],
        )


def refuse(connection: Transaction, notice_ids: Sequence[str], reason: str) -> None:
    """These never leave."""
    for some in parts(notice_ids):
        connection.execute(
            update(notices).where(notices.c.id.in_(some)).values(state=NoticeState.CANCELLED.value, reason=reason)
        )


def codes_in_use(connection: Transaction, people: Iterable[str], now_ms: int) -> set[tuple[str, str]]:
    """(Person, code) that an answer could still name."""
    found: set[tuple[str, str]] = set()
    for some in parts(sorted(set(people))):
        statement = (
            select(notices.c.person, notices.c.code)
            .where(
                notices.c.person.in_(some),
                notices.c.queued_ms > now_ms - 2 * 24 * 3600_000,
                notices.c.answer_until_ms > now_ms,
                notices.c.code != "",
            )
            .limit(OPEN_CODES)
        )
        found |= {(row.person, row.code) for row in connection.execute(statement)}
    return found


def take_back(connection: Transaction, now_ms: int, *, before_ms: int, own: str, worker: str) -> int:
    """Rows whose worker is gone wait again, marked `perhaps`; how many.

    Gone: it renewed nothing since `before_ms`, or it was an earlier process of this collector (`own`).
    """
    statement = (
        update(notices)
        .where(
            notices.c.state == NoticeState.SENDING.value,
            or_(
                notices.c.claimed_ms < before_ms,
                and_(func.substr(notices.c.claimed_by, 1, len(own)) == own, notices.c.claimed_by != worker),
            ),
        )
        .values(state=NoticeState.QUEUED.value, perhaps=True, due_ms=now_ms, claimed_by="")
    )
    return int(connection.execute(statement).rowcount)


def renew(connection: Transaction, worker: str, notice_ids: Sequence[str], now_ms: int) -> None:
    """This worker lives and still sends these."""
    for some in parts(notice_ids):
        connection.execute(
            update(notices)
            .where(
                notices.c.id.in_(some),
                notices.c.claimed_by == worker,
                notices.c.state == NoticeState.SENDING.value,
            )
            .values(claimed_ms=now_ms)
        )


def write_outcomes(connection: Transaction, worker: str, done: Sequence[Done]) -> None:
    """What became of them; a receipt or an opened link that was faster stays."""
    if done:
        connection.execute(
            _OUTCOME,
            [
                {
                    "b_id": each.id,
                    "b_worker": worker,
                    "b_state": each.state.value,
                    "b_reason": each.reason,
                    "b_due": each.due_ms,
                    "b_perhaps": each.perhaps,
                    "b_sent": each.sent_ms,
                    "b_delivered": each.delivered_ms,
                }
                for each in done
            ],
        )


def alarms_told(connection: Transaction, alarm_ids: Iterable[str]) -> dict[str, AlarmFacts]:
    """What notices say of these alarms."""
    found: dict[str, AlarmFacts] = {}
    for some in parts(sorted(set(alarm_ids))):
        for row in connection.execute(_ABOUT.where(alarms.c.id.in_(some))):
            values = dict(row._mapping)
            event = event_of(values.pop("body"), values.pop("line_no"))
            found[row.id] = AlarmFacts(facts={} if event is None else event.facts, **values)
    return found


def point_names(connection: Transaction, boxes: Iterable[str]) -> dict[str, dict[str, str]]:
    """What people called the points of these boxes."""
    found: dict[str, dict[str, str]] = {}
    for some in parts(sorted(set(boxes))):
        for row in connection.execute(select(points.c.box, points.c.states).where(points.c.box.in_(some))):
            states = msgspec.json.decode(row.states)
            found[row.box] = {point: entry[2] for point, entry in states.items() if len(entry) > 2 and entry[2]}
    return found


def count_waiting(connection: Transaction) -> int:
    """How many wait to leave."""
    statement = select(func.count()).where(notices.c.state == NoticeState.QUEUED.value)
    return int(connection.execute(statement).scalar_one())


_CLAIM: Final = (
    update(notices)
    .where(notices.c.id == bindparam("b_id"))
    .values(
        state=NoticeState.SENDING.value,
        tries=notices.c.tries + 1,
        token_hash=bindparam("token_hash"),
        code=bindparam("code"),
        answer_until_ms=bindparam("answer_until_ms"),
        claimed_by=bindparam("claimed_by"),
        claimed_ms=bindparam("claimed_ms"),
    )
)

_OUTCOME: Final = (
    update(notices)
    .where(notices.c.id == bindparam("b_id"), notices.c.claimed_by == bindparam("b_worker"))
    .values(
        state=case(
            (notices.c.state == NoticeState.SENDING.value, bindparam("b_state")),
            else_=notices.c.state,
        ),
        reason=bindparam("b_reason"),
        due_ms=func.coalesce(bindparam("b_due"), notices.c.due_ms),
        perhaps=or_(notices.c.perhaps, bindparam("b_perhaps", type_=Boolean)),
        sent_ms=func.coalesce(bindparam("b_sent"), notices.c.sent_ms),
        delivered_ms=func.coalesce(notices.c.delivered_ms, bindparam("b_delivered")),
    )
)

_ABOUT: Final = (
    select(
        alarms.c.id,
        alarms.c.number,
        alarms.c.site,
        sites.c.name.label("site_name"),
        sites.c.unit,
        sites.c.timezone,
        alarms.c.box,
        alarms.c.kind,
        alarms.c.event_class,
        alarms.c.level,
        alarms.c.source,
        alarms.c.state,
        alarms.c.opened_ms,
        alarms.c.at_ms,
        alarms.c.respond_by_ms,
        alarms.c.restored_ms,
        alarms.c.holder,
        alarms.c.score,
        alarms.c.shelter,
        events.c.line_no,
        envelopes.c.body,
    )
    .join_from(alarms, sites, sites.c.id == alarms.c.site)
    .join(events, events.c.number == alarms.c.number)
    .join(envelopes, envelopes.c.id == events.c.envelope)
)
