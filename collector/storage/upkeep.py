"""What was done to the centre's own data: backups, restores, drills. Entries of the journal, under its chain.

Flow: collector/backup -> here; health, figures and the note of a centre that was set back read them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import delete, select

from collector.storage.journal import Entry, write_journal
from collector.storage.reading import Reading
from collector.storage.records import Topic
from collector.storage.schema import journal, sessions
from collector.storage.store import Store, Transaction
from collector.storage.writing import lock_counters


class Upkeep(StrEnum):
    """What was done; the subject of its journal entry."""

    BACKUP = "backup"
    RESTORE = "restore"
    DRILL = "drill"


DONE, FAILED = "done", "failed"


class UpkeepRow(msgspec.Struct, frozen=True, kw_only=True):
    """One such entry."""

    number: int
    action: str
    person: str
    at_ms: int
    facts: dict[str, Any]


class _Line(msgspec.Struct, frozen=True):
    facts: dict[str, Any]


def note_upkeep(store: Store, what: Upkeep, action: str, person: str, facts: Mapping[str, Any], now_ms: int) -> None:
    """Write down what was done, by whom, and how it ended."""
    with store.write() as connection:
        _note(connection, what, action, person, facts, now_ms)


def note_restore(store: Store, person: str, facts: Mapping[str, Any], now_ms: int) -> None:
    """Write down that this database was restored, and end its logins: one that was ended since must not live again."""
    with store.write() as connection:
        _note(connection, Upkeep.RESTORE, DONE, person, facts, now_ms)
        connection.execute(delete(sessions))


def last_upkeep(reading: Reading, what: Upkeep, action: str | None = None) -> UpkeepRow | None:
    """The latest entry, or the latest that ended so."""
    return _last(reading.connection, what, action)


def last_restore(connection: Transaction) -> UpkeepRow | None:
    """The restore that this database came from; None for one that was never restored."""
    return _last(connection, Upkeep.RESTORE, DONE)


def _last(connection: Transaction, what: Upkeep, action: str | None) -> UpkeepRow | None:
    statement = select(journal).where(journal.c.topic == Topic.UPKEEP, journal.c.subject == what)
    if action is not None:
        statement = statement.where(journal.c.action == action)
    row = connection.execute(statement.order_by(journal.c.number.desc()).limit(1)).first()
    if row is None:
        return None
    facts = msgspec.json.decode(row.line, type=_Line).facts
    return UpkeepRow(number=row.number, action=row.action, person=row.person, at_ms=row.at_ms, facts=facts)


def _note(
    connection: Transaction, what: Upkeep, action: str, person: str, facts: Mapping[str, Any], now_ms: int
) -> None:
    lock_counters(connection)
    entry = Entry(topic=Topic.UPKEEP, subject=what, action=action, site="", person=person[:64], facts=dict(facts))
    write_journal(connection, [entry], now_ms)
