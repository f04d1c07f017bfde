"""Suspensions: what people keep quiet for a time, and how each ends by itself.

`begun` and `end_suspension` write inside a transaction; who may do it and within which limits is decided by `judge`,
which is pure. Flow: console -> service.py -> here; timers of `suspend` -> `end_suspension`.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from collector.alarms.lifecycle import Resolution
from collector.escalation.surroundings import Surroundings
from collector.people import Person, PersonRole
from collector.storage import shelters, suspensions
from collector.storage.journal import Entry, write_journal
from collector.storage.records import Topic
from collector.storage.store import Transaction
from collector.storage.timers import delete_timers, put_timers
from collector.storms.breaking import breaks_through
from collector.storms.quieting import put_under, timer_of
from collector.storms.records import FARTHEST, LONGEST, MAX_REASON, MOST_POINTS, Cover, Sort, Suspension, Why
from collector.storms.surfacing import release, surface

_DESK: Final = frozenset({PersonRole.OPERATOR, PersonRole.SHIFT_LEADER})

MAY: Final = {
    Sort.SHELVE: _DESK,
    Sort.TEST: _DESK,
    Sort.MAINTENANCE: frozenset({PersonRole.SHIFT_LEADER, PersonRole.ENGINEER, PersonRole.SECURITY_OFFICER}),
    Sort.FLAPPING: _DESK,  # to end one; only the centre begins one
}
"""Who begins and ends each sort."""


class No(StrEnum):
    """Why a suspension is refused."""

    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    NO_REASON = "no_reason"
    NO_POINTS = "no_points"
    TOO_WIDE = "too_wide"
    TOO_LONG = "too_long"
    TOO_FAR = "too_far"
    IN_PAST = "in_past"
    OVER = "over"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to keep quiet."""

    sort: Sort
    site: str
    kind: str = ""
    points: tuple[str, ...] = ()
    reason: str
    from_ms: int
    until_ms: int


def judge(wish: Wish, person: Person, now_ms: int) -> No | None:
    """Why this person may not do it; None when it may."""
    if wish.sort is Sort.FLAPPING or not MAY[wish.sort] & person.roles:
        return No.NOT_ALLOWED
    if not 0 < len(wish.reason.strip()) <= MAX_REASON:
        return No.NO_REASON
    if len(wish.points) > MOST_POINTS:
        return No.TOO_WIDE
    if wish.sort is Sort.TEST and not wish.points:
        return No.NO_POINTS
    if wish.sort is Sort.SHELVE and not wish.points and not wish.kind:
        return No.TOO_WIDE
    return _window(wish, now_ms)


def _window(wish: Wish, now_ms: int) -> No | None:
    if wish.until_ms <= now_ms or wish.until_ms <= wish.from_ms:
        return No.IN_PAST
    if wish.until_ms - wish.from_ms > LONGEST[wish.sort].total_seconds() * 1000:
        return No.TOO_LONG
    return No.TOO_FAR if wish.from_ms - now_ms > FARTHEST.total_seconds() * 1000 else None


def begun(
    connection: Transaction, around: Surroundings, wish: Wish, person: Person, number: int, now_ms: int
) -> Suspension:
    """Write it down with what ends it; untaken alarms that it is for go under it when it begins now."""
    fresh = Suspension(
        id=around.new_id(now_ms),
        number=number,
        sort=wish.sort,
        site=wish.site,
        kind=wish.kind,
        points=tuple(dict.fromkeys(wish.points)),
        person=person.id,
        reason=wish.reason.strip(),
        from_ms=max(wish.from_ms, now_ms),
        until_ms=wish.until_ms,
    )
    suspensions.add_suspensions(connection, [fresh])
    put_timers(connection, [timer_of(fresh)], now_ms)
    entries = [_entry(fresh, "begun", person.id, _facts(fresh))]
    if fresh.sort is not Sort.TEST and fresh.from_ms <= now_ms:
        why = Why.SHELVED if fresh.sort is Sort.SHELVE else Why.MAINTENANCE
        covers = {
            alarm: Cover(id=fresh.id, why=why)
            for alarm, kind, event_class, _ in shelters.matching(connection, fresh.site, fresh.kind, fresh.points)
            if not breaks_through(kind, event_class)
        }
        put_under(connection, around, covers, entries, person=person.id)
    write_journal(connection, entries, now_ms)
    return fresh


def end_suspension(
    connection: Transaction, around: Surroundings, suspension_id: str, now_ms: int, person: str = ""
) -> None:
    """It is over, by itself or by a person: what stood under it surfaces.

    After maintenance what was restored meanwhile is closed with it: it was announced, and its author answers for it.
    """
    held = suspensions.hold_suspension(connection, suspension_id)
    if held is None or held.ended_ms is not None:
        return
    who = person or around.collector
    suspensions.end_row(connection, held.id, min(now_ms, held.until_ms), who)
    delete_timers(connection, [held.id])
    write_journal(connection, [_entry(held, "ended", who, {})], now_ms)
    if held.sort is Sort.MAINTENANCE:
        release(
            connection,
            around,
            [held.id],
            resolution=Resolution.EQUIPMENT_FAULT.value,
            narrative=held.reason,
            person=held.person,
            now_ms=now_ms,
        )
        return
    surface(connection, around, _under(connection, [held.id]), now_ms)


def _under(connection: Transaction, ids: Sequence[str]) -> list[str]:
    return [member.id for member in shelters.members_of(connection, ids)]


def _facts(fresh: Suspension) -> dict[str, object]:
    return {
        "sort": fresh.sort.value,
        "kind": fresh.kind,
        "points": list(fresh.points),
        "reason": fresh.reason,
        "from_ms": fresh.from_ms,
        "until_ms": fresh.until_ms,
    }


def _entry(each: Suspension, action: str, person: str, facts: dict[str, object]) -> Entry:
    return Entry(topic=Topic.QUIET, subject=each.id, action=action, site=each.site, person=person, facts=facts)
