"""Which shelter takes an alarm that opens: none, or the first of this order. Pure.

First of all whether it breaks through (breaking.py); then the storm of its unit, the silence of its box, maintenance,
shelving, flapping. A test is decided before there is an alarm at all (`on_test`). Flow: quieting.py asks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from collector.alarms.correlation import Fact, Key
from collector.storms.breaking import breaks_through, is_untouchable
from collector.storms.incidents import CAUSES, over
from collector.storms.records import Cover, Incident, Sort, Suspension, Why
from protocol.kinds import EventClass, is_restore

TEST_TRAVEL_MS: Final = 60_000
"""So long after a test's end an event of its time may still arrive."""

FLAPS: Final = 5
FLAP_MS: Final = 600_000
"""What told itself five times in ten minutes and was handled meanwhile is quiet until ten minutes pass without it."""

BEFORE_MS: Final = 600_000
"""Faults this long before a box fell silent are its silence's too, while nobody took them."""

_WHYS: Final = {Sort.SHELVE: Why.SHELVED, Sort.MAINTENANCE: Why.MAINTENANCE, Sort.FLAPPING: Why.FLAPPING}
_ORDER: Final = (Sort.MAINTENANCE, Sort.SHELVE, Sort.FLAPPING)


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """An open alarm that says that a box is silent, or was until `restored_ms`."""

    alarm: str
    at_ms: int
    restored_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Shelters:
    """What could take alarms now: `units` of sites, `silences` by box, `flaps`: how often each told itself lately."""

    incidents: Iterable[Incident] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    silences: Mapping[str, Silence] = field(default_factory=dict)
    suspensions: Mapping[str, Iterable[Suspension]] = field(default_factory=dict)
    flaps: Mapping[Key, int] = field(default_factory=dict)


def on_test(facts: Iterable[Fact], suspensions: Mapping[str, Iterable[Suspension]]) -> dict[int, str]:
    """The test of each event whose very point is on a list now, by the event's number."""
    found: dict[int, str] = {}
    for fact in facts:
        if is_restore(fact.kind) or is_untouchable(fact.kind):
            continue
        for each in suspensions.get(fact.site, ()):
            if each.sort is Sort.TEST and takes_test(each, fact):
                found[fact.number] = each.id
                break
    return found


def takes_test(test: Suspension, fact: Fact) -> bool:
    """Only those points, only then: both the box's time and ours must lie inside."""
    return (
        fact.source in test.points
        and (not test.kind or test.kind == fact.kind)
        and test.holds_at(fact.at_ms)
        and test.from_ms <= fact.received_ms < test.over_ms + TEST_TRAVEL_MS
    )


def covers(each: Suspension, site: str, kind: str, source: str, now_ms: int) -> bool:
    """Whether a suspension other than a test is for an alarm."""
    return (
        each.sort is not Sort.TEST
        and each.site == site
        and each.holds_at(now_ms)
        and (not each.kind or each.kind == kind)
        and (not each.points or source in each.points)
    )


def cover_of(fact: Fact, shelters: Shelters, now_ms: int) -> Cover | None:
    """What takes the alarm that this event opens."""
    if breaks_through(fact.kind, fact.event_class):
        return None
    return _storm(fact, shelters, now_ms) or _silence(fact, shelters) or _suspended(fact, shelters, now_ms)


def flaps(fact: Fact, shelters: Shelters) -> bool:
    """Whether this came so often that it will be quiet from now on, if nothing else takes it."""
    return not breaks_through(fact.kind, fact.event_class) and shelters.flaps.get(fact.key, 0) + 1 >= FLAPS


def _storm(fact: Fact, shelters: Shelters, now_ms: int) -> Cover | None:
    cause = CAUSES.get(fact.kind)
    unit = shelters.units.get(fact.site)
    if cause is None or unit is None:
        return None
    incident = over(shelters.incidents, unit, cause, now_ms)
    return None if incident is None else Cover(id=incident.alarm, why=Why.STORM)


def _silence(fact: Fact, shelters: Shelters) -> Cover | None:
    silence = shelters.silences.get(fact.box)
    if silence is None or fact.event_class != EventClass.FAULT.value or fact.kind == "box.silent":
        return None
    ended = silence.restored_ms is not None and fact.at_ms >= silence.restored_ms
    if ended or fact.at_ms < silence.at_ms - BEFORE_MS:
        return None
    return Cover(id=silence.alarm, why=Why.INHIBITED)


def _suspended(fact: Fact, shelters: Shelters, now_ms: int) -> Cover | None:
    there = [
        each
        for each in shelters.suspensions.get(fact.site, ())
        if covers(each, fact.site, fact.kind, fact.source, now_ms)
    ]
    if not there:
        return None
    first = min(there, key=lambda each: (_ORDER.index(each.sort), each.number))
    return Cover(id=first.id, why=_WHYS[first.sort])
