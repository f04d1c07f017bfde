"""What the collector tells systemd: ready when boxes can be heard, alive while the ingest moves.

`word` decides; `tell` says it once a second, and only where systemd listens. An ingest that stands still is not called
alive, so that systemd starts the collector anew; one that waits for its database is. While no broker can be reached the
start is not yet done, but it is not late either: each word extends the time it may take. Flow: app.py -> here.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from collector.health import STUCK_AFTER_S, IngestSeen
from protocol.systemd import notify, watchdog_interval

TICK_S: Final = 1.0

START_WAIT: Final = timedelta(seconds=30)
"""A start that says nothing for so long has hung."""

READY: Final = "READY=1\nSTATUS=serving"
ALIVE: Final = "WATCHDOG=1"
WAITING: Final = f"EXTEND_TIMEOUT_USEC={START_WAIT // timedelta(microseconds=1)}\nSTATUS=waiting for a broker"
ENDING: Final = "STOPPING=1"


def word(seen: IngestSeen, *, serving: bool, ready: bool) -> str | None:
    """What is to be said now; None when it would be untrue that all is well."""
    if not _moves(seen):
        return None
    if ready:
        return ALIVE
    heard = any(connected for connected, _ in seen.brokers)
    return READY if serving and heard else WAITING


async def tell(seen: Callable[[], IngestSeen], serving: Callable[[], bool]) -> None:
    """Say it until cancelled; returns at once where nobody listens."""
    if not notify("STATUS=starting"):
        return
    watchdog = watchdog_interval()
    wait_s = min(TICK_S, watchdog.total_seconds()) if watchdog else TICK_S
    ready = False
    while True:
        said = word(seen(), serving=serving(), ready=ready)
        if said is not None:
            notify(said)
        ready = ready or said == READY
        await asyncio.sleep(wait_s)


def _moves(seen: IngestSeen) -> bool:
    if not seen.alive:
        return False
    return bool(seen.fault) or seen.turned_s is None or seen.turned_s <= STUCK_AFTER_S
