"""Urgent events that are only counted because even their own room is used up, told once there is room again.

The first of a kind at a source is always tried; what repeats a pending one gives way to it (WIRE 2.4).
"""

import sqlite3
from collections.abc import Sequence

from agent.clocks import Reading
from agent.outbox.ledger import Ledger
from agent.outbox.lines import event_id
from agent.reporting import Draft
from protocol.kinds import Lane, kind_of
from protocol.timestamps import format_time


def without_repeats(ledger: Ledger, drafts: Sequence[Draft]) -> tuple[list[Draft], list[Draft]]:
    """What must be written, and what repeats an urgent event that still waits for its receipt."""
    written: list[Draft] = []
    repeats: list[Draft] = []
    seen: set[tuple[str, str]] = set()
    for draft in drafts:
        known = (draft.kind, draft.source) in seen or (draft.lane is Lane.URGENT and _pending(ledger, draft))
        (repeats if known else written).append(draft)
        seen.add((draft.kind, draft.source))
    return written, repeats


def count(connection: sqlite3.Connection, drafts: Sequence[Draft]) -> None:
    """Count these events instead of writing them."""
    for draft in drafts:
        at = format_time(draft.at.wall)
        connection.execute(
            "INSERT INTO repeats (kind, source, count, first_at, last_at) VALUES (?, ?, 1, ?, ?)"
            " ON CONFLICT (kind, source) DO UPDATE SET count = count + 1, last_at = excluded.last_at",
            (draft.kind, draft.source, at, at),
        )


def counted(connection: sqlite3.Connection) -> int:
    """How many events wait to be told by their number."""
    return int(connection.execute("SELECT coalesce(sum(count), 0) FROM repeats").fetchone()[0])


def tell(ledger: Ledger, reading: Reading) -> int:
    """Write one event for each kind and source that was counted; returns how many."""
    rows = ledger.connection.execute("SELECT kind, source, count, first_at, last_at FROM repeats").fetchall()
    drafts = [
        Draft(
            id=event_id(reading, ledger.random(10)),
            kind=kind,
            level=kind_of(kind).level,
            lane=kind_of(kind).lane,
            source=source,
            at=reading.moment,
            facts={"coalesced": number, "first_at": first_at, "last_at": last_at},
        )
        for kind, source, number, first_at, last_at in rows
    ]
    ledger.append(drafts, reading)
    ledger.connection.execute("DELETE FROM repeats")
    return len(drafts)


def _pending(ledger: Ledger, draft: Draft) -> bool:
    row = ledger.connection.execute(
        "SELECT 1 FROM events WHERE lane = 'urgent' AND state = 'pending' AND kind = ? AND source = ? LIMIT 1",
        (draft.kind, draft.source),
    ).fetchone()
    return row is not None
