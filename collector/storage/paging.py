"""How lists are asked for: the person's unit, the filters of WIRE 5, a cursor, at most 500 rows.

Shared by the questions about events and about alarms.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_

from collector.storage.records import MAX_LIMIT, Filter, Page
from collector.storage.schema import sites

T = TypeVar("T")


def below(unit: str) -> ColumnElement[bool]:
    """The condition that a site belongs to `unit` or to something below it; the empty unit is the whole bank."""
    if not unit:
        return sites.c.id.is_not(None)
    # Compared as text, not by LIKE, which SQLite lets mix small and capital letters.
    prefix = unit + "/"
    return or_(sites.c.unit == unit, func.substr(sites.c.unit, 1, len(prefix)) == prefix)


def is_below(unit: str, above: str) -> bool:
    """The same question of two units in hand."""
    return not above or unit == above or unit.startswith(above + "/")


def filtered(
    statement: Select[Any], wanted: Filter, columns: Any, cursor: ColumnElement[int], seen: ColumnElement[bool]
) -> Select[Any]:
    """`statement`, which joins `sites`, limited to what is wanted and `seen` (storage/seeing.py).

    One row more than a page, so that its end shows.
    """
    conditions: list[ColumnElement[bool]] = [seen]
    for value, column in ((wanted.site, columns.site), (wanted.box, columns.box), (wanted.level, columns.level)):
        if value is not None:
            conditions.append(column == value)
    if wanted.kind is not None:
        conditions.append(columns.kind == wanted.kind)
    if wanted.since_ms is not None:
        conditions.append(columns.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        conditions.append(columns.at_ms < wanted.until_ms)
    if wanted.cursor is not None:
        conditions.append(cursor < wanted.cursor)
    return statement.where(*conditions).order_by(cursor.desc()).limit(_limit(wanted) + 1)


def _limit(wanted: Filter) -> int:
    return max(1, min(wanted.limit, MAX_LIMIT))


def page(wanted: Filter, rows: Sequence[T], cursor_of: Callable[[T], int]) -> Page[T]:
    """One page of the rows that a statement of `filtered` gave."""
    limit = _limit(wanted)
    more = len(rows) > limit
    return Page(items=tuple(rows[:limit]), next=cursor_of(rows[limit - 1]) if more else None)
