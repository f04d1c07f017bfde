"""How long one tick of the escalation takes over 100,000 open timers of which 100 are due, the auditor included.

Rows are written straight into the tables; the runner is the real one. On SQLite, and on PostgreSQL 15 that syncs every
commit. Each round has 100 other timers due.
"""

import time
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import insert, update

from benchmarks.bank import free_port
from benchmarks.figures import Figure, median
from collector.escalation.chains import Chain, facts_of
from collector.escalation.records import Purpose
from collector.escalation.runner import Runner
from collector.escalation.surroundings import Channel, Surroundings
from collector.people import Credentials, People, Person, PersonRole
from collector.rules.builtin import BUILTIN
from collector.rules.holding import hold
from collector.rules.shapes import Contact
from collector.storage.alarm_tables import timers
from collector.storage.migrating import migrate
from collector.storage.records import AlarmState
from collector.storage.schema import alarms, sites
from collector.storage.store import Store, sqlite_url
from protocol.ids import new_event_id
from tests.postgres_peer import cluster

BENCH: Final = "tick"
OPEN: Final = 100_000
SITES: Final = 5_000
DUE: Final = 100
ROUNDS: Final = 9
TARGET_MS: Final = 200.0
BEGUN_MS: Final = 1_800_000_000_000
HOUR_MS: Final = 3_600_000
MANY: Final = 5_000


def measure(folder: Path) -> list[Figure]:
    """Both databases."""
    figures = [_figure("SQLite", _rounds(sqlite_url(folder / "centre.db")))]
    with cluster(free_port(), honest=True) as server:
        figures.append(_figure("PostgreSQL 15", _rounds(server.database())))
    return figures


def _figure(name: str, taken_ms: list[float]) -> Figure:
    return Figure(
        bench=BENCH,
        name=f"one tick, {OPEN:,} open timers, {DUE} due, auditor included, {name}",
        value=median(taken_ms),
        unit="ms",
        target=TARGET_MS,
        limit="the auditor's look at every open alarm",
        samples=tuple(taken_ms),
    )


def _rounds(url: str) -> list[float]:
    store = Store(url)
    migrate(store)
    ids = _fill(store)
    leader = Person(id="zhao", name="", roles=frozenset({PersonRole.SHIFT_LEADER}), unit="", language="zh")
    numbers = count(1)
    around = Surroundings(
        collector="centre-1",
        people=People((Credentials(person=leader, password_hash=None, token_hash=None),)),
        new_id=lambda now_ms: new_event_id(now_ms, next(numbers).to_bytes(10, "big")),
        channels={"sms": Channel(name="sms")},
    )
    runner = Runner(store, around)
    runner.tick(BEGUN_MS)  # what is done once, at the start
    taken: list[float] = []
    for number in range(ROUNDS):
        now_ms = BEGUN_MS + (number + 1) * 10_000
        with store.write() as connection:
            some = ids[number * DUE : (number + 1) * DUE]
            connection.execute(update(timers).where(timers.c.alarm.in_(some)).values(due_ms=now_ms))
        begun = time.perf_counter()
        runner.tick(now_ms)
        taken.append((time.perf_counter() - begun) * 1000)
    store.close()
    return taken


def _fill(store: Store) -> list[str]:
    """Open alarms of all sites, each with a chain that waits."""
    contacts = (Contact(person="zhao", reach={"sms": "13900000001"}),)
    held = msgspec.structs.replace(BUILTIN, contact=contacts)
    ids = [f"a{number:035d}" for number in range(OPEN)]
    with store.write() as connection:
        hold(connection, 1, held, "", 0)
        names = [f"s{number}" for number in range(SITES)]
        places = [{"id": name, "name": name, "unit": f"u/{name}", "timezone": "Asia/Shanghai"} for name in names]
        connection.execute(insert(sites), places)
        for start in range(0, OPEN, MANY):
            some = range(start, start + MANY)
            connection.execute(insert(alarms), [_alarm(ids[number], number) for number in some])
            connection.execute(insert(timers), [_timer(ids[number], number) for number in some])
    return ids


def _alarm(name: str, number: int) -> dict[str, object]:
    return {
        "id": name,
        "number": number + 1,
        "site": f"s{number % SITES}",
        "box": f"b{number % SITES}",
        "kind": "zone.intrusion",
        "event_class": "security",
        "level": 2,
        "source": f"zone/{number // SITES}",
        "state": AlarmState.NEW.value,
        "opened_ms": BEGUN_MS - HOUR_MS,
        "at_ms": BEGUN_MS - HOUR_MS,
        "last_ms": BEGUN_MS - HOUR_MS,
        "events": 1,
        "version": 1,
    }


def _timer(alarm: str, number: int) -> dict[str, object]:
    chain = Chain(policy="built-in, level 2", rules=1, from_ms=BEGUN_MS - HOUR_MS, step=3, rounds=number % 5)
    return {
        "id": f"t{number:035d}",
        "alarm": alarm,
        "purpose": Purpose.ESCALATE.value,
        "due_ms": BEGUN_MS + HOUR_MS + number,
        "facts": msgspec.json.encode(facts_of(chain)).decode(),
        "made_ms": BEGUN_MS,
    }
