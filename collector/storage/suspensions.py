"""Rows of `suspensions`: what is quiet for a time, by whom and why. Plain rows in and out, no decisions.

Flow: collector/storms/* and ingest/alarming.py -> here; the console's lists -> `list_suspensions`.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Select, insert, or_, select, update

from collector.storage.alarm_tables import suspensions
from collector.storage.paging import below
from collector.storage.reading import Reading
from collector.storage.records import MAX_LIMIT, Page, Sight
from collector.storage.schema import sites
from collector.storage.store import Transaction
from collector.storms.records import Sort, Suspension

MANY: Final = 400
"""Values of one IN list."""


def in_force(connection: Transaction, wanted: Iterable[str], since_ms: int, now_ms: int) -> dict[str, list[Suspension]]:
    """Those of these sites that hold now or held since `since_ms`, by site, the oldest first."""
    found: dict[str, list[Suspension]] = {}
    names = sorted(set(wanted))
    for start in range(0, len(names), MANY):
        statement = select(suspensions).where(
            suspensions.c.site.in_(names[start : start + MANY]),
            suspensions.c.from_ms <= now_ms,
            suspensions.c.until_ms > since_ms,
            or_(suspensions.c.ended_ms.is_(None), suspensions.c.ended_ms > since_ms),
        )
        for row in connection.execute(statement.order_by(suspensions.c.number)):
            found.setdefault(row.site, []).append(_suspension(row))
    return found


def add_suspensions(connection: Transaction, fresh: Iterable[Suspension]) -> None:
    """Write suspensions down."""
    rows = [_values(each) for each in fresh]
    if rows:
        connection.execute(insert(suspensions), rows)


def hold_suspension(connection: Transaction, suspension_id: str) -> Suspension | None:
    """One suspension, its row locked until the transaction ends."""
    statement = select(suspensions).where(suspensions.c.id == suspension_id).with_for_update()
    row = connection.execute(statement).first()
    return None if row is None else _suspension(row)


def end_row(connection: Transaction, suspension_id: str, now_ms: int, person: str) -> None:
    """It is over."""
    statement = update(suspensions).where(suspensions.c.id == suspension_id, suspensions.c.ended_ms.is_(None))
    connection.execute(statement.values(ended_ms=now_ms, ended_by=person))


def prolong(connection: Transaction, suspension_id: str, until_ms: int) -> None:
    """It lasts until then."""
    statement = update(suspensions).where(suspensions.c.id == suspension_id)
    connection.execute(statement.values(until_ms=until_ms))


def find_suspension(connection: Transaction, suspension_id: str, sight: Sight) -> Suspension | None:
    """One suspension of a site that is seen."""
    statement = (
        select(suspensions)
        .join(sites, sites.c.id == suspensions.c.site)
        .where(suspensions.c.id == suspension_id, below(sight.unit))
    )
    row = connection.execute(statement).first()
    return None if row is None else _suspension(row)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A suspension as lists show it."""

    suspension: Suspension
    site_name: str
    unit: str
    timezone: str


def shown_suspension(reading: Reading, suspension_id: str, sight: Sight) -> Shown | None:
    """One suspension of a site that is seen, as lists show it."""
    row = reading.connection.execute(_shown(sight).where(suspensions.c.id == suspension_id)).first()
    return None if row is None else _row_shown(row)


def list_suspensions(
    reading: Reading,
    sight: Sight,
    *,
    now_ms: int,
    site: str | None = None,
    over: bool = False,
    limit: int = 100,
    cursor: int | None = None,
) -> Page[Shown]:
    """Suspensions of sites that are seen, newest first: those that are not over, or all of them."""
    statement = _shown(sight)
    if not over:
        statement = statement.where(suspensions.c.ended_ms.is_(None), suspensions.c.until_ms > now_ms)
    if site is not None:
        statement = statement.where(suspensions.c.site == site)
    if cursor is not None:
        statement = statement.where(suspensions.c.number < cursor)
    most = max(1, min(limit, MAX_LIMIT))
    rows = reading.connection.execute(statement.order_by(suspensions.c.number.desc()).limit(most + 1)).all()
    shown = [_row_shown(row) for row in rows]
    more = len(shown) > most
    return Page(items=tuple(shown[:most]), next=shown[most - 1].suspension.number if more else None)


def _shown(sight: Sight) -> Select[Any]:
    return (
        select(suspensions, sites.c.name.label("site_name"), sites.c.unit, sites.c.timezone)
        .join(sites, sites.c.id == suspensions.c.site)
        .where(below(sight.unit))
    )


def _row_shown(row: Any) -> Shown:
    return Shown(suspension=_suspension(row), site_name=row.site_name, unit=row.unit, timezone=row.timezone)


def _values(each: Suspension) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(each),
        "sort": each.sort.value,
        "points": msgspec.json.encode(each.points).decode("utf-8"),
    }


def _suspension(row: Any) -> Suspension:
    return Suspension(
        id=row.id,
        number=row.number,
        sort=Sort(row.sort),
        site=row.site,
        kind=row.kind,
        points=msgspec.json.decode(row.points, type=tuple[str, ...]),
        person=row.person,
        reason=row.reason,
        from_ms=row.from_ms,
        until_ms=row.until_ms,
        ended_ms=row.ended_ms,
        ended_by=row.ended_by,
    )
