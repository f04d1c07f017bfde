"""Rows of `withheld`: events that one person's session must not show. Plain rows in and out, no decisions."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import insert, select

from collector.storage.schema import withheld
from collector.storage.store import Transaction
from collector.storage.writing import MANY


class Withheld(msgspec.Struct, frozen=True, kw_only=True):
    """One row: event `number` is not shown to `person`."""

    number: int
    person: str
    box: str
    event_id: str


def withheld_of(connection: Transaction, event_ids: Sequence[str]) -> list[Withheld]:
    """The rows of these events, whatever their box."""
    found: list[Withheld] = []
    for start in range(0, len(event_ids), MANY):
        statement = select(withheld).where(withheld.c.event_id.in_(event_ids[start : start + MANY]))
        found.extend(Withheld(**row._mapping) for row in connection.execute(statement))
    return found


def keep_withheld(connection: Transaction, fresh: Sequence[Withheld]) -> None:
    """Write rows."""
    if fresh:
        connection.execute(insert(withheld), [msgspec.structs.asdict(row) for row in fresh])
