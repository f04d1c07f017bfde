"""Rows of `timers`: everything that will happen by itself, and the alarms that it happens to. No decisions here.

Whoever writes holds the counters' lock; due rows are taken with SKIP LOCKED on PostgreSQL, so that a worker that hangs
holds up only its own. Flow: collector/escalation/* -> here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, true, tuple_, update

from collector.escalation.records import Purpose, Timer, Watched
from collector.storage.alarm_tables import timers
from collector.storage.records import AlarmState
from collector.storage.schema import alarms, sites
from collector.storage.store import Transaction

MANY: Final = 400
"""Values of one IN list."""


def put_timers(connection: Transaction, fresh: Sequence[Timer], made_ms: int) -> None:
    """Write timers down."""
    if fresh:
        rows = [
            {
                "id": timer.id,
                "alarm": timer.alarm,
                "purpose": timer.purpose.value,
                "due_ms": timer.due_ms,
                "facts": msgspec.json.encode(timer.facts).decode("utf-8"),
                "made_ms": made_ms,
            }
            for timer in fresh
        ]
        connection.execute(insert(timers), rows)


def due_timers(
    connection: Transaction, now_ms: int, limit: int, purposes: Iterable[Purpose], behind: Timer | None = None
) -> list[Timer]:
    """The timers of these purposes that are due, the oldest first, those after `behind`; held until the transaction
    ends."""
    place = tuple_(timers.c.due_ms, timers.c.id)
    statement = (
        select(timers)
        .where(
            timers.c.due_ms <= now_ms,
            timers.c.purpose.in_([purpose.value for purpose in purposes]),
            true() if behind is None else place > tuple_(behind.due_ms, behind.id),
        )
        .order_by(timers.c.due_ms, timers.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_timer(row) for row in connection.execute(statement)]


def next_due(connection: Transaction, purposes: Iterable[Purpose]) -> int | None:
    """When the next of these timers is due; None when there is none."""
    words = [purpose.value for purpose in purposes]
    # Not min(): over the index of due_ms the first that fits is found without reading the others.
    statement = select(timers.c.due_ms).where(timers.c.purpose.in_(words)).order_by(timers.c.due_ms).limit(1)
    found = connection.execute(statement).scalar()
    return None if found is None else int(found)


def delete_timers(connection: Transaction, ids: Iterable[str]) -> None:
    """These timers are done."""
    for some in _parts(ids):
        connection.execute(delete(timers).where(timers.c.id.in_(some)))


def drop_timers(connection: Transaction, alarm_ids: Iterable[str], purposes: Iterable[Purpose]) -> None:
    """No timer of these purposes is left to these alarms."""
    words = [purpose.value for purpose in purposes]
    for some in _parts(alarm_ids):
        connection.execute(delete(timers).where(timers.c.alarm.in_(some), timers.c.purpose.in_(words)))


def timers_of(connection: Transaction, alarm_ids: Iterable[str]) -> dict[str, list[Timer]]:
    """The timers of each of these alarms, the earliest first."""
    found: dict[str, list[Timer]] = {}
    for some in _parts(alarm_ids):
        statement = select(timers).where(timers.c.alarm.in_(some)).order_by(timers.c.due_ms, timers.c.id)
        for row in connection.execute(statement):
            found.setdefault(row.alarm, []).append(_timer(row))
    return found


def chains(connection: Transaction) -> Iterator[list[Timer]]:
    """Every chain that waits for its next step, some at a time."""
    after = ""
    while True:
        statement = select(timers).where(timers.c.purpose == Purpose.ESCALATE.value, timers.c.id > after)
        some = [_timer(row) for row in connection.execute(statement.order_by(timers.c.id).limit(MANY))]
        if not some:
            return
        yield some
        after = some[-1].id


def bring_forward(connection: Transaction, due: Mapping[str, int]) -> None:
    """These timers are due at other times."""
    if due:
        statement = update(timers).where(timers.c.id == bindparam("b_id")).values(due_ms=bindparam("b_due"))
        connection.execute(statement, [{"b_id": timer, "b_due": at} for timer, at in due.items()])


def duty(connection: Transaction, purpose: Purpose) -> list[Timer]:
    """The timers of this purpose that belong to no alarm."""
    statement = select(timers).where(timers.c.alarm.is_(None), timers.c.purpose == purpose.value)
    return [_timer(row) for row in connection.execute(statement)]


def watched(connection: Transaction, alarm_ids: Iterable[str]) -> dict[str, Watched]:
    """These alarms, as far as their timers depend on them."""
    found: dict[str, Watched] = {}
    for some in _parts(alarm_ids):
        for row in connection.execute(_WATCHED.where(alarms.c.id.in_(some))):
            found[row.id] = _watched(row)
    return found


def adoptable(connection: Transaction, after: int, limit: int) -> list[tuple[int, str]]:
    """Alarms after this number that nobody plans for: neither over nor under a shelter, and without any timer."""
    has = select(timers.c.id).where(timers.c.alarm == alarms.c.id)
    statement = select(alarms.c.number, alarms.c.id).where(
        alarms.c.number > after,
        alarms.c.state.in_([state.value for state in AlarmState if state is not AlarmState.CLOSED]),
        alarms.c.shelter.is_(None),
        ~has.exists(),
    )
    rows = connection.execute(statement.order_by(alarms.c.number).limit(limit))
    return [(row.number, row.id) for row in rows]


_FIELDS: Final = tuple(name for name in Watched.__struct_fields__ if name not in ("unit", "timezone", "moved_ms"))
_WATCHED: Final = select(
    *(alarms.c[name] for name in _FIELDS),
    func.coalesce(sites.c.unit, "").label("unit"),
    func.coalesce(sites.c.timezone, "UTC").label("timezone"),
).join_from(alarms, sites, sites.c.id == alarms.c.site, isouter=True)


def _watched(row: Any) -> Watched:
    fields = dict(row._mapping)
    return Watched(**{**fields, "state": AlarmState(fields["state"])}, moved_ms=row.raised_ms or row.opened_ms)


def _timer(row: Any) -> Timer:
    return Timer(
        id=row.id,
        alarm=row.alarm,
        purpose=Purpose(row.purpose),
        due_ms=row.due_ms,
        facts=facts_of(row.facts),
    )


def facts_of(text: str) -> dict[str, Any]:
    """What a timer carries; nothing where that is damaged, so that a chain begins anew instead of standing still."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    whole = list(values)
    return (whole[start : start + MANY] for start in range(0, len(whole), MANY))
