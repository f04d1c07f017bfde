"""Walk tests under way, followed by their events: what the desk tells an operator about each. Pure, and one thin shell.

A box has one walk test at a time; what its events say wrongly is passed over, for nothing is decided by it. The signed
record is built elsewhere, from the ledger.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock
from typing import Final

import msgspec

from collector.storage.records import EventRow
from collector.storage.store import Store
from collector.storage.walk_reading import walk_events_after
from protocol import acceptance
from protocol.acceptance import FinishedFacts, PointFacts, Result, StartedFacts

QUIET_MS: Final = timedelta(hours=4) // timedelta(milliseconds=1)
"""A walk test of which nothing was heard for so long was left off; the box can go on with it all the same."""

NUMBER_MS: Final = timedelta(minutes=15) // timedelta(milliseconds=1)
"""A number that nobody came back with is no longer shown after so long."""

MOST: Final = 500
"""Walk tests shown and remembered at once; the quietest go first."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One walk test under way."""

    test: str
    site: str
    box: str
    heard_ms: int
    count: int = 0
    done: frozenset[str] = frozenset()
    number: str = ""
    number_ms: int = 0


Walks = Mapping[str, Walk]
"""By box."""


def followed(walks: Walks, events: Iterable[EventRow]) -> Walks:
    """The walk tests after these events, which come in the order of their commits."""
    known = dict(walks)
    for event in events:
        walk = _after(known.get(event.box), event)
        if walk is None:
            known.pop(event.box, None)
        else:
            known[event.box] = walk
    latest = sorted(known.values(), key=lambda walk: walk.heard_ms, reverse=True)[:MOST]
    return {walk.box: walk for walk in latest}


def under_way(walks: Walks, now_ms: int) -> tuple[Walk, ...]:
    """Those that go on, the latest first; a number only while somebody may come back with it."""
    going = [walk for walk in walks.values() if now_ms - walk.heard_ms < QUIET_MS]
    shown = [walk if now_ms - walk.number_ms < NUMBER_MS else replace(walk, number="") for walk in going]
    return tuple(sorted(shown, key=lambda walk: (not walk.number, -walk.heard_ms, walk.box)))


class WalkFollowing:
    """Keeps up with the journal of events; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._walks: Walks = {}
        self._position: int | None = None
        self._lock = Lock()

    def under_way(self, now_ms: int) -> tuple[Walk, ...]:
        """The walk tests that go on now."""
        with self._lock:
            with self._store.read() as reading:
                events, self._position = walk_events_after(reading, self._position)
            self._walks = followed(self._walks, events)
            return under_way(self._walks, now_ms)


def _after(walk: Walk | None, event: EventRow) -> Walk | None:
    """A box's walk test after one more of its events; None: none goes on."""
    test = event.facts.get("test")
    if not isinstance(test, str):
        return walk
    own = walk if walk is not None and walk.test == test else None
    try:
        match event.kind:
            case acceptance.STARTED:
                started = msgspec.convert(event.facts, StartedFacts)
                own = own or Walk(test=test, site=event.site, box=event.box, heard_ms=event.received_ms)
                return replace(own, heard_ms=event.received_ms, count=started.count)
            case acceptance.POINT:
                point = msgspec.convert(event.facts, PointFacts)
                # Its beginning may lie before what was looked back to: the number must be seen all the same.
                own = own or Walk(test=test, site=event.site, box=event.box, heard_ms=event.received_ms)
                return _with_point(own, event, point)
            case _:
                msgspec.convert(event.facts, FinishedFacts)
                return None if own else walk
    except msgspec.ValidationError:
        return walk


def _with_point(walk: Walk, event: EventRow, point: PointFacts) -> Walk:
    walk = replace(walk, heard_ms=event.received_ms)
    if point.number:
        return replace(walk, number=point.number, number_ms=event.received_ms)
    if point.result in {Result.PASSED, Result.FAILED}:
        number = "" if event.source == acceptance.DESK else walk.number
        return replace(walk, done=walk.done | {event.source}, number=number)
    return walk
