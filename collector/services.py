"""What the console gets to work with: one frozen bundle, made by app.py, taken by `console.create_app(services)`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from collector.alarms.service import AlarmService
from collector.live import Feed
from collector.metrics import Metrics
from collector.people import People
from collector.storage.store import Store


@dataclass(frozen=True, kw_only=True)
class Services:
    """`health()` gives one sentence for every part that does not work; none means healthy.

    `export()` yields the lines of a ledger export (`GET /api/v1/ledger`); it reads the store, so run it off the loop.
    """

    collector: str
    store: Store
    people: People
    alarms: AlarmService
    feed: Feed
    metrics: Metrics
    now: Callable[[], datetime]
    health: Callable[[], tuple[str, ...]]
    export: Callable[[], Iterator[bytes]]
