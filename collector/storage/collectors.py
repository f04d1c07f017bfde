"""Who runs on this database: a row a collector, renewed every five seconds by whoever fires its timers.

All times are those of the server's clock, for the clocks of two machines may differ; on SQLite there is one machine.
Bounded: a row an id, and ids are those of certificates. Flow: escalation/runner.py -> here -> fleet/collectors.py.
"""

from typing import Final

from sqlalchemy import case, insert, or_, select, text, update

from collector.fleet.collectors import GAP_MS, SHOWN_MS, Seen, is_there
from collector.storage.alarm_tables import collectors
from collector.storage.store import Store, Transaction

_CLOCK: Final = text("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)")


def clock_ms(connection: Transaction, own_ms: int) -> int:
    """The time by which collectors are judged; `own_ms` where the database has no machine of its own."""
    if connection.engine.dialect.name != "postgresql":
        return own_ms
    return int(connection.execute(_CLOCK).scalar_one())


def renew(connection: Transaction, collector: str, now_ms: int, *, fresh: bool = False) -> None:
    """It is there; `fresh`: for the first time since its process began."""
    away = or_(
        collectors.c.seen_ms < now_ms - GAP_MS, collectors.c.seen_ms > now_ms, collectors.c.ended_ms.is_not(None)
    )
    steady = now_ms if fresh else case((away, now_ms), else_=collectors.c.steady_ms)
    there = update(collectors).where(collectors.c.id == collector)
    if not connection.execute(there.values(steady_ms=steady, seen_ms=now_ms, ended_ms=None)).rowcount:
        connection.execute(insert(collectors).values(id=collector, steady_ms=now_ms, seen_ms=now_ms))


def leave(store: Store, collector: str, own_ms: int) -> None:
    """It is ended on purpose."""
    with store.write() as connection:
        now_ms = clock_ms(connection, own_ms)
        there = update(collectors).where(collectors.c.id == collector)
        connection.execute(there.values(seen_ms=now_ms, ended_ms=now_ms))


def everybody(connection: Transaction) -> tuple[Seen, ...]:
    """Every collector that ever ran."""
    rows = connection.execute(select(collectors).order_by(collectors.c.id))
    return tuple(Seen(id=row.id, steady_ms=row.steady_ms, seen_ms=row.seen_ms, ended_ms=row.ended_ms) for row in rows)


def seen_lately(connection: Transaction, now_ms: int) -> tuple[Seen, ...]:
    """Those that lists show."""
    return tuple(row for row in everybody(connection) if now_ms - row.seen_ms < SHOWN_MS)


def running(store: Store, own_ms: int) -> int:
    """How many are there."""
    with store.read() as reading:
        now_ms = clock_ms(reading.connection, own_ms)
        return sum(is_there(row, now_ms) for row in everybody(reading.connection))
