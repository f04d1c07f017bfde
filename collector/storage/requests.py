"""Rows of requests: what people asked of boxes that changes nothing there. Plain rows in and out, no decisions."""

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, Final

import msgspec
from sqlalchemy import func, insert, select, update

from collector.storage.paging import below, filtered, page
from collector.storage.reading import Reading
from collector.storage.records import Filter, Page
from collector.storage.schema import requests, sites
from collector.storage.store import Transaction
from collector.storage.writing import MANY


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `requests`."""

    id: str
    number: int
    site: str
    box: str
    action: str
    args: dict[str, Any]
    person: str
    at_ms: int
    state: str
    reason: str = ""
    answered_ms: int | None = None
    facts: dict[str, Any] = {}
    event_id: str | None = None


def add_request(connection: Transaction, fresh: RequestRow) -> None:
    """Keep a request."""
    connection.execute(insert(requests).values(**_values(fresh)))


def save_requests(connection: Transaction, changed: Iterable[RequestRow]) -> None:
    """Write rows that have changed."""
    for row in changed:
        connection.execute(update(requests).where(requests.c.id == row.id).values(**_values(row)))


def requests_of(connection: Transaction, ids: Iterable[str]) -> dict[str, RequestRow]:
    """Requests by their ids."""
    found: dict[str, RequestRow] = {}
    whole = sorted(set(ids))
    for start in range(0, len(whole), MANY):
        for row in connection.execute(select(requests).where(requests.c.id.in_(whole[start : start + MANY]))):
            found[row.id] = _row(row)
    return found


def count_requested(connection: Transaction, column: str, value: str, since_ms: int) -> int:
    """How many requests a `person` made, or a `box` was sent, since."""
    statement = select(func.count()).where(requests.c[column] == value, requests.c.at_ms > since_ms)
    return int(connection.execute(statement).scalar_one())


def unanswered(connection: Transaction, state: str, before_ms: int, limit: int) -> list[RequestRow]:
    """Requests in `state` since before `before_ms`."""
    statement = (
        select(requests)
        .where(requests.c.state == state, requests.c.at_ms <= before_ms)
        .order_by(requests.c.at_ms)
        .limit(limit)
    )
    return [_row(row) for row in connection.execute(statement)]


def list_requests(reading: Reading, wanted: Filter, states: Sequence[str] = ()) -> Page[RequestRow]:
    """Requests, newest first."""
    statement = select(requests).join(sites, sites.c.id == requests.c.site)
    statement = filtered(statement, wanted, _COLUMNS, requests.c.number, below(wanted.sight.unit))
    if states:
        statement = statement.where(requests.c.state.in_(list(states)))
    return page(wanted, [_row(row) for row in reading.connection.execute(statement)], lambda row: row.number)


_COLUMNS: Final = SimpleNamespace(
    site=requests.c.site, box=requests.c.box, kind=requests.c.action, at_ms=requests.c.at_ms, level=None
)
"""What `filtered` looks at, under the names that it knows."""


_JSON: Final = ("args", "facts")


def _row(row: Any) -> RequestRow:
    decoded = {name: msgspec.json.decode(row._mapping[name]) for name in _JSON}
    return RequestRow(**(dict(row._mapping) | decoded))


def _values(row: RequestRow) -> dict[str, Any]:
    encoded = {name: msgspec.json.encode(getattr(row, name)).decode("utf-8") for name in _JSON}
    return msgspec.structs.asdict(row) | encoded
