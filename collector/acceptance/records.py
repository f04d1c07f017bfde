"""Which walk tests there are, and whether each one's record holds: rebuilt from the ledger every time it is asked for.

Nothing is stored twice: the ledger's lines are the record, and hash and signatures are judged with today's revocations.
A record that does not hold is shown all the same, with the fault: what was walked does not become unsaid.
Flow: console -> here -> storage, protocol/acceptance.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from collector.storage.records import MAX_LIMIT, Filter, Page, Sight
from collector.storage.store import Store
from collector.storage.walk_tests import events_of_tests, every_finished_test, finished_tests
from protocol.acceptance import AcceptanceError, AcceptanceFault, FinishedFacts, Record, open_acceptance, record_from
from protocol.certificates import Trust
from protocol.messages import Event


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One walk test of a list: what its end says. `record_sha256` is empty for an abandoned one."""

    test: str
    site: str
    box: str
    at: str
    installer: str
    passed: int
    failed: int
    untested: int
    abandoned: bool
    record_sha256: str


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A record, and the fault of its proof; `document` is the signed form, None where it does not hold."""

    record: Record
    fault: str | None
    document: bytes | None
    installer: str


class WalkTests:
    """Questions about walk tests, within a person's unit."""

    def __init__(self, store: Store, trusted: Callable[[], Trust], now: Callable[[], datetime]) -> None:
        self._store, self._trusted, self._now = store, trusted, now

    def listed(self, wanted: Filter) -> Page[Listed]:
        """A page of finished and abandoned tests, newest first."""
        with self._store.read() as reading:
            ends = finished_tests(reading, wanted)
        return Page(items=tuple(made for end in ends.items if (made := listed(end)) is not None), next=ends.next)

    def kept(self, test: str, unit: str) -> Kept | None:
        """The record of one finished test; None where the unit has none of that name."""
        with self._store.read() as reading:
            ends = every_finished_test(reading, Filter(sight=Sight(unit=unit), limit=MAX_LIMIT))
            end = next((each for each in ends if each.facts.get("test") == test), None)
            if end is None:
                return None
            events = events_of_tests(reading, end.box, end.site)
        return kept(events, test, self._trusted(), self._now())


def listed(end: Event) -> Listed | None:
    """What a `test.finished` says for a list; None for one that is not of our shape."""
    try:
        facts = msgspec.convert(end.facts, FinishedFacts)
    except msgspec.ValidationError:
        return None
    return Listed(
        test=facts.test,
        site=end.site,
        box=end.box,
        at=facts.finished or end.at,
        installer=facts.installer,
        passed=facts.passed,
        failed=facts.failed,
        untested=facts.untested,
        abandoned=facts.abandoned,
        record_sha256=facts.record_sha256 or "",
    )


def kept(events: Iterable[Event], test: str, trust: Trust, now: datetime) -> Kept | None:
    """The record that these events make, judged; None where they make none, as an abandoned test's do. Pure."""
    own = tuple(events)
    try:
        record = record_from(own, test)
    except AcceptanceError:
        return None
    try:
        opened = open_acceptance(own, test, trust, now)
    except AcceptanceError as error:
        return Kept(record=record, fault=error.fault, document=None, installer=record.installer)
    # A record that no installer signed holds as the box's word alone; that is a fault of an acceptance.
    fault = None if opened.installer is not None else AcceptanceFault.UNSIGNED.value
    return Kept(record=record, fault=fault, document=opened.document, installer=record.installer)
