"""Rows that a clock which was set back has left in the future: they are drawn back to now. No decisions here.

Flow: collector/escalation/set_back.py -> here.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import select, update

from collector.escalation.records import Purpose
from collector.storage.alarm_tables import notices, timers
from collector.storage.store import Transaction


def draw_back_timers(connection: Transaction, purposes: Iterable[Purpose], beyond_ms: int, now_ms: int) -> int:
    """Timers of these purposes made after `beyond_ms` count from now; how many."""
    words = [purpose.value for purpose in purposes]
    statement = select(timers).where(timers.c.made_ms > beyond_ms, timers.c.purpose.in_(words))
    rows = connection.execute(statement).all()
    for row in rows:
        ahead_ms = row.made_ms - now_ms
        facts = msgspec.json.decode(row.facts)
        if isinstance(facts.get("from_ms"), int):
            facts["from_ms"] -= ahead_ms
        values = {"due_ms": row.due_ms - ahead_ms, "made_ms": now_ms, "facts": msgspec.json.encode(facts).decode()}
        connection.execute(update(timers).where(timers.c.id == row.id).values(**values))
    return len(rows)


def draw_back_notices(connection: Transaction, beyond_ms: int, now_ms: int) -> int:
    """Notices queued after `beyond_ms` that have not left may leave now; how many."""
    waiting = (notices.c.state == "queued", notices.c.queued_ms > beyond_ms, notices.c.due_ms > now_ms)
    return int(connection.execute(update(notices).where(*waiting).values(due_ms=now_ms)).rowcount)
