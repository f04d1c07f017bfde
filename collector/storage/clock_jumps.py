"""Rows that a clock which was set back has left in the future: they are drawn back to now. No decisions here.

Flow: collector/escalation/set_back.py -> here.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import exists, select, update

from collector.escalation.records import Purpose
from collector.storage.alarm_tables import notices, timers
from collector.storage.records import AlarmState
from collector.storage.schema import alarms
from collector.storage.store import Transaction
from collector.storage.timers import facts_of


def draw_back_timers(connection: Transaction, purposes: Iterable[Purpose], beyond_ms: int, now_ms: int) -> int:
    """Timers of these purposes made after `beyond_ms` count from now; how many."""
    words = [purpose.value for purpose in purposes]
    statement = select(timers).where(timers.c.made_ms > beyond_ms, timers.c.purpose.in_(words))
    rows = connection.execute(statement).all()
    for row in rows:
        ahead_ms = row.made_ms - now_ms
        facts = facts_of(row.facts)
        if isinstance(facts.get("from_ms"), int):
            facts["from_ms"] -= ahead_ms
        values = {"due_ms": row.due_ms - ahead_ms, "made_ms": now_ms, "facts": msgspec.json.encode(facts).decode()}
        connection.execute(update(timers).where(timers.c.id == row.id).values(**values))
    return len(rows)


def draw_back_clocks(connection: Transaction, beyond_ms: int, now_ms: int) -> int:
    """Response clocks end when their timers do; those of alarms opened after `beyond_ms` that were over stay over."""
    watch = (timers.c.alarm == alarms.c.id, timers.c.purpose == Purpose.RESPOND.value)
    ahead = (
        alarms.c.state.in_([AlarmState.NEW.value, AlarmState.RETURNED.value]),
        alarms.c.respond_by_ms > now_ms,
    )
    due = select(timers.c.due_ms).where(*watch).limit(1).scalar_subquery()
    moved = connection.execute(
        update(alarms)
        .where(*ahead, exists().where(*watch, timers.c.due_ms < alarms.c.respond_by_ms))
        .values(respond_by_ms=due)
    )
    over = connection.execute(
        update(alarms)
        .where(*ahead, alarms.c.opened_ms > beyond_ms, alarms.c.shelter.is_(None), ~exists().where(*watch))
        .values(respond_by_ms=now_ms)
    )
    return int(moved.rowcount) + int(over.rowcount)


def draw_back_notices(connection: Transaction, beyond_ms: int, now_ms: int) -> int:
    """Notices queued after `beyond_ms` may leave now; claims made after it count from now, so that a dead worker's are
    taken back in time. How many."""
    waiting = (notices.c.state == "queued", notices.c.queued_ms > beyond_ms, notices.c.due_ms > now_ms)
    claimed = (notices.c.state == "sending", notices.c.claimed_ms > beyond_ms)
    many = int(connection.execute(update(notices).where(*waiting).values(due_ms=now_ms)).rowcount)
    return many + int(connection.execute(update(notices).where(*claimed).values(claimed_ms=now_ms)).rowcount)
