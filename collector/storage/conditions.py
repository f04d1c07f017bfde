"""What the centre itself has found and not yet seen end: one row each, in the transaction of its event.

It survives a restart, so a condition that was open stays open and is not told twice. Flow: telling.py -> here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, select, update

from collector.storage.schema import conditions
from collector.storage.store import Transaction

Key = tuple[str, str, str]
"""Kind, box, detail."""

MANY: Final = 400
"""Values of one IN list."""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """A condition under way: the event that told it, since when, and what its end will need."""

    event_id: str
    since_ms: int
    facts: dict[str, Any]
    site: str = ""
    """Where it was told; empty in a row from before this was kept."""


def open_conditions(connection: Transaction, keys: Iterable[Key]) -> dict[Key, Open]:
    """Those of `keys` that are open."""
    found: dict[Key, Open] = {}
    wanted = set(keys)
    kinds, boxes = sorted({key[0] for key in wanted}), sorted({key[1] for key in wanted})
    for start in range(0, len(boxes), MANY):
        statement = select(conditions).where(
            conditions.c.kind.in_(kinds), conditions.c.box.in_(boxes[start : start + MANY])
        )
        for row in connection.execute(statement):
            found[row.kind, row.box, row.detail] = _open(row)
    return {key: known for key, known in found.items() if key in wanted}


def begun_before(connection: Transaction, kind: str, since_ms: int) -> dict[Key, Open]:
    """Conditions of one kind that began at `since_ms` or earlier."""
    return _some(connection, conditions.c.kind == kind, conditions.c.since_ms <= since_ms)


def standing(connection: Transaction, kind: str) -> dict[Key, Open]:
    """Conditions of one kind, whenever they began."""
    return _some(connection, conditions.c.kind == kind)


def count_open(connection: Transaction, kind: str) -> int:
    """How many of one kind are open."""
    return int(connection.execute(select(func.count()).where(conditions.c.kind == kind)).scalar_one())


def begin(connection: Transaction, fresh: Mapping[Key, Open]) -> None:
    """Write conditions down."""
    rows = [
        {
            "kind": kind,
            "box": box,
            "detail": detail,
            "event_id": each.event_id,
            "since_ms": each.since_ms,
            "facts": _text(each.facts),
            "site": each.site,
        }
        for (kind, box, detail), each in fresh.items()
    ]
    if rows:
        connection.execute(insert(conditions), rows)


def change(connection: Transaction, key: Key, facts: dict[str, Any]) -> None:
    """Replace what the end will need."""
    connection.execute(update(conditions).where(_is(key)).values(facts=_text(facts)))


def end(connection: Transaction, keys: Iterable[Key]) -> None:
    """Take conditions out."""
    rows = [{"b_kind": kind, "b_box": box, "b_detail": detail} for kind, box, detail in keys]
    if rows:
        connection.execute(_END, rows)


_END: Final = delete(conditions).where(
    conditions.c.kind == bindparam("b_kind"),
    conditions.c.box == bindparam("b_box"),
    conditions.c.detail == bindparam("b_detail"),
)


def _is(key: Key) -> Any:
    return and_(conditions.c.kind == key[0], conditions.c.box == key[1], conditions.c.detail == key[2])


def _open(row: Any) -> Open:
    return Open(event_id=row.event_id, since_ms=row.since_ms, facts=msgspec.json.decode(row.facts), site=row.site)


def _text(facts: dict[str, Any]) -> str:
    return msgspec.json.encode(facts).decode("utf-8")


def _some(connection: Transaction, *those: ColumnElement[bool]) -> dict[Key, Open]:
    statement = select(conditions).where(*those).limit(1000)
    return {(row.kind, row.box, row.detail): _open(row) for row in connection.execute(statement)}
