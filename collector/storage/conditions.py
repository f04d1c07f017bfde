"""What the centre itself has found and not yet seen end: one row each, in the transaction of its event.

It survives a restart, so a condition that was open stays open and is not told twice. Flow: telling.py -> here.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import and_, delete, func, insert, or_, select, update

from collector.storage.schema import conditions
from collector.storage.store import Transaction

Key = tuple[str, str, str]
"""Kind, box, detail."""


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
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), 100):
        condition = or_(*(_is(key) for key in wanted[start : start + 100]))
        for row in connection.execute(select(conditions).where(condition)):
            found[row.kind, row.box, row.detail] = _open(row)
    return found


def begun_before(connection: Transaction, kind: str, since_ms: int) -> dict[Key, Open]:
    """Conditions of one kind that began at `since_ms` or earlier."""
    statement = select(conditions).where(conditions.c.kind == kind, conditions.c.since_ms <= since_ms).limit(1000)
    return {(row.kind, row.box, row.detail): _open(row) for row in connection.execute(statement)}


def count_open(connection: Transaction, kind: str) -> int:
    """How many of one kind are open."""
    return int(connection.execute(select(func.count()).where(conditions.c.kind == kind)).scalar_one())


def begin(connection: Transaction, key: Key, fresh: Open) -> None:
    """Write a condition down."""
    connection.execute(
        insert(conditions).values(
            kind=key[0],
            box=key[1],
            detail=key[2],
            event_id=fresh.event_id,
            since_ms=fresh.since_ms,
            facts=_text(fresh.facts),
            site=fresh.site,
        )
    )


def change(connection: Transaction, key: Key, facts: dict[str, Any]) -> None:
    """Replace what the end will need."""
    connection.execute(update(conditions).where(_is(key)).values(facts=_text(facts)))


def end(connection: Transaction, key: Key) -> None:
    """Take a condition out."""
    connection.execute(delete(conditions).where(_is(key)))


def _is(key: Key) -> Any:
    return and_(conditions.c.kind == key[0], conditions.c.box == key[1], conditions.c.detail == key[2])


def _open(row: Any) -> Open:
    return Open(event_id=row.event_id, since_ms=row.since_ms, facts=msgspec.json.decode(row.facts), site=row.site)


def _text(facts: dict[str, Any]) -> str:
    return msgspec.json.encode(facts).decode("utf-8")
