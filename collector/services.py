"""What the console gets to work with: one frozen bundle, made by app.py, taken by `console.create_app(services)`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from collector.acceptance.records import WalkTests
from collector.alarms.service import AlarmService
from collector.bundles import BundleService
from collector.evidence.showing import Showing
from collector.health import Check
from collector.live import Feed
from collector.metrics import Metrics
from collector.notify.answers import AnswerService
from collector.orders.requests import RequestService
from collector.orders.service import OrderService
from collector.people import People
from collector.registering import Registry
from collector.storage.store import Store
from collector.storms.service import SuspensionService


@dataclass(frozen=True, kw_only=True)
class Services:
    """`health()` looks at every part now; it asks the database, so run it off the loop.

    `gateways`: channel -> the key that its messages are signed with.
    `export()` yields the lines of a ledger export (`GET /api/v1/ledger`); it reads the store, so run it off the loop.
    """

    collector: str
    store: Store
    people: People
    alarms: AlarmService
    bundles: BundleService
    suspensions: SuspensionService
    walk_tests: WalkTests
    registry: Registry
    orders: OrderService
    requests: RequestService
    evidence: Showing
    answers: AnswerService
    gateways: Mapping[str, bytes]
    feed: Feed
    metrics: Metrics
    now: Callable[[], datetime]
    health: Callable[[], tuple[Check, ...]]
    export: Callable[[], Iterator[bytes]]
