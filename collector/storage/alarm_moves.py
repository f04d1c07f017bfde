"""Rows of alarms as people's moves look at them: one, locked, with what the table of moves asks of it. No decisions.

Flow: collector/alarms/moving.py -> here. Beside alarm_writing.py, which is correlation's.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, union

from collector.storage.records import AlarmState, Sight, Topic
from collector.storage.schema import alarms, approvals, journal, orders, sites
from collector.storage.seeing import seen_alarms
from collector.storage.store import Transaction


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as a move finds it, its row locked."""

    id: str
    number: int
    site: str
    unit: str
    timezone: str
    kind: str
    event_class: str
    level: int
    source: str
    state: AlarmState
    holder: str | None
    handlers: tuple[str, ...]
    version: int
    opened_ms: int
    acknowledged_ms: int | None
    resolved_ms: int | None
    raised_ms: int | None
    follow_by_ms: int | None
    procedure: str
    shelter: str | None


def hold(connection: Transaction, alarm_id: str, sight: Sight) -> Held | None:
    """An alarm that is seen, its row locked until the transaction ends."""
    statement = (
        select(alarms, sites.c.unit, sites.c.timezone)
        .join(sites, sites.c.id == alarms.c.site)
        .where(alarms.c.id == alarm_id, seen_alarms(sight))
        .with_for_update(of=alarms)
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    fields: dict[str, Any] = {name: row._mapping[name] for name in Held.__struct_fields__}
    fields["state"] = AlarmState(row.state)
    fields["handlers"] = read_handlers(row.handlers)
    return Held(**fields)


def is_seen(connection: Transaction, alarm_id: str, sight: Sight) -> bool:
    """Whether somebody sees this alarm: its unit is theirs, and it is not the duress that they acted under."""
    statement = (
        select(alarms.c.id)
        .join(sites, sites.c.id == alarms.c.site)
        .where(alarms.c.id == alarm_id, seen_alarms(sight))
        .limit(1)
    )
    return connection.execute(statement).first() is not None


def order_givers(connection: Connection, site: str, from_ms: int, to_ms: int) -> frozenset[str]:
    """Who drew up or approved an order for a site in this time."""
    drawn = select(orders.c.person).where(orders.c.site == site, orders.c.drafted_ms.between(from_ms, to_ms))
    approved = (
        select(approvals.c.person)
        .join(orders, orders.c.id == approvals.c.order_id)
        .where(orders.c.site == site, approvals.c.at_ms.between(from_ms, to_ms))
    )
    return frozenset(connection.execute(union(drawn, approved)).scalars())


def releases(connection: Transaction, alarm_id: str) -> int:
    """How often it was given back."""
    statement = select(func.count()).where(
        journal.c.topic == Topic.ALARM, journal.c.subject == alarm_id, journal.c.action == "release"
    )
    return int(connection.execute(statement).scalar_one())


def read_handlers(column: str) -> tuple[str, ...]:
    """The people whom the column `handlers` names."""
    return msgspec.json.decode(column, type=tuple[str, ...])


def handlers_column(people: Iterable[str]) -> str:
    """The same as a column, each once, in the order in which they came."""
    return msgspec.json.encode(list(dict.fromkeys(people))).decode("utf-8")
