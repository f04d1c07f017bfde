"""Rows of orders and their approvals. Plain rows in and out, no decisions.

Writers come after `lock_counters`. Flow: collector/orders and collector/ingest/answering.py -> here.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, insert, or_, select, update

from collector.storage.paging import below, filtered, page
from collector.storage.reading import Reading
from collector.storage.records import Filter, Page, Sight
from collector.storage.schema import approvals, boxes, orders, sites
from collector.storage.store import Transaction
from collector.storage.writing import MANY


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `orders`; `line` is what people sign, byte for byte."""

    id: str
    number: int
    site: str
    box: str
    run: str
    action: str
    person: str
    line: bytes
    needed: int
    state: str
    drafted_ms: int
    stale_ms: int
    sent_ms: int | None = None
    sends: int = 0
    again_ms: int | None = None
    settled_ms: int | None = None
    reason: str = ""
    facts: dict[str, Any] = {}
    event_id: str | None = None


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `approvals`; `line` is what goes down to the box."""

    order_id: str
    person: str
    method: str
    line: bytes
    at_ms: int
    brought_by: str


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """An order with its approvals, the oldest first."""

    order: OrderRow
    site_name: str
    approvals: tuple[ApprovalRow, ...]


def add_order(connection: Transaction, fresh: OrderRow) -> None:
    """Keep a draft."""
    connection.execute(insert(orders).values(**_values(fresh)))


def save_orders(connection: Transaction, changed: Iterable[OrderRow]) -> None:
    """Write rows that have changed."""
    for row in changed:
        connection.execute(update(orders).where(orders.c.id == row.id).values(**_values(row)))


def orders_of(connection: Transaction, ids: Iterable[str]) -> dict[str, OrderRow]:
    """Orders by their ids."""
    found: dict[str, OrderRow] = {}
    for part in _parts(ids):
        for row in connection.execute(select(orders).where(orders.c.id.in_(part))):
            found[row.id] = _row(row)
    return found


def order_in(connection: Transaction, order_id: str, unit: str) -> OrderRow | None:
    """One order of a unit or below."""
    statement = select(orders).join(sites, sites.c.id == orders.c.site).where(orders.c.id == order_id, below(unit))
    row = connection.execute(statement).first()
    return None if row is None else _row(row)


def boxes_at(connection: Transaction, site: str) -> list[str]:
    """The boxes that were ever heard of a site."""
    return list(connection.execute(select(boxes.c.id).where(boxes.c.site == site)).scalars())


def add_approval(connection: Transaction, fresh: ApprovalRow) -> None:
    """Keep an approval."""
    connection.execute(insert(approvals).values(**msgspec.structs.asdict(fresh)))


def approvals_of(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[ApprovalRow, ...]]:
    """The approvals of orders, the oldest first."""
    found: dict[str, list[ApprovalRow]] = {}
    for part in _parts(ids):
        statement = (
            select(approvals).where(approvals.c.order_id.in_(part)).order_by(approvals.c.at_ms, approvals.c.person)
        )
        for row in connection.execute(statement):
            found.setdefault(row.order_id, []).append(ApprovalRow(**row._mapping))
    return {order: tuple(rows) for order, rows in found.items()}


def count_drafted(connection: Transaction, person: str, since_ms: int) -> int:
    """How many orders a person has drafted since."""
    statement = select(func.count()).where(orders.c.person == person, orders.c.drafted_ms > since_ms)
    return int(connection.execute(statement).scalar_one())


def due_again(connection: Transaction, state: str, now_ms: int, limit: int) -> list[OrderRow]:
    """Orders that nothing answered in their time."""
    statement = (
        select(orders)
        .where(orders.c.state == state, orders.c.again_ms <= now_ms)
        .order_by(orders.c.again_ms)
        .limit(limit)
    )
    return [_row(row) for row in connection.execute(statement)]


def lapsed(connection: Transaction, open_states: Sequence[str], now_ms: int, limit: int) -> list[OrderRow]:
    """Open orders whose time is over, or whose box began another run and so forgot its challenges."""
    statement = (
        select(orders)
        .outerjoin(boxes, boxes.c.id == orders.c.box)
        .where(orders.c.state.in_(list(open_states)), or_(orders.c.stale_ms <= now_ms, boxes.c.run != orders.c.run))
        .order_by(orders.c.stale_ms)
        .limit(limit)
    )
    return [_row(row) for row in connection.execute(statement)]


def list_orders(reading: Reading, wanted: Filter, states: Sequence[str] = ()) -> Page[Whole]:
    """Orders, newest first."""
    statement = select(orders, sites.c.name.label("site_name")).join(sites, sites.c.id == orders.c.site)
    statement = filtered(statement, wanted, _COLUMNS, orders.c.number, below(wanted.sight.unit))
    if states:
        statement = statement.where(orders.c.state.in_(list(states)))
    rows = reading.connection.execute(statement).all()
    brought = approvals_of(reading.connection, [row.id for row in rows])
    return page(wanted, [_whole(row, brought) for row in rows], lambda each: each.order.number)


def order_whole(reading: Reading, order_id: str, sight: Sight) -> Whole | None:
    """One order; None when it is not there or not for this unit."""
    statement = select(orders, sites.c.name.label("site_name")).join(sites, sites.c.id == orders.c.site)
    row = reading.connection.execute(statement.where(orders.c.id == order_id, below(sight.unit))).first()
    return None if row is None else _whole(row, approvals_of(reading.connection, [order_id]))


_COLUMNS: Final = SimpleNamespace(
    site=orders.c.site, box=orders.c.box, kind=orders.c.action, at_ms=orders.c.drafted_ms, level=None
)
"""What `filtered` looks at, under the names that it knows."""


def _whole(row: Any, brought: Mapping[str, tuple[ApprovalRow, ...]]) -> Whole:
    return Whole(order=_row(row), site_name=row.site_name, approvals=brought.get(row.id, ()))


def _row(row: Any) -> OrderRow:
    fields = {str(name): value for name, value in row._mapping.items() if name in OrderRow.__struct_fields__}
    return OrderRow(**(fields | {"facts": msgspec.json.decode(row.facts)}))


def _values(row: OrderRow) -> dict[str, Any]:
    return msgspec.structs.asdict(row) | {"facts": msgspec.json.encode(row.facts).decode("utf-8")}


def _parts(values: Iterable[str]) -> Iterable[list[str]]:
    whole = sorted(set(values))
    return (whole[start : start + MANY] for start in range(0, len(whole), MANY))
