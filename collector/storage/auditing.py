"""What the auditor asks: counts and examples, each one statement over indexes. No decisions here.

Flow: collector/escalation/audit.py -> here.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from collector.escalation.plan import KEEPS_OPEN
from collector.escalation.records import Purpose, Watched
from collector.storage.alarm_tables import suspensions, timers
from collector.storage.postgres import plan_for_many
from collector.storage.records import OPEN_STATES, AlarmState
from collector.storage.schema import alarms, sites
from collector.storage.store import Transaction

Found = tuple[int, Sequence[str]]
"""How many, and the numbers of some."""


class Untaken(msgspec.Struct, frozen=True, kw_only=True):
    """Untaken alarms that escalation treats alike; `alarm` stands for all."""

    alarm: Watched
    count: int


def without_step(connection: Transaction, examples: int) -> Found:
    """Open alarms under no shelter without a timer that goes on."""
    return _alarms(connection, and_(_lonely(OPEN_STATES, KEEPS_OPEN), alarms.c.shelter.is_(None)), examples)


def without_watch(connection: Transaction, after_ms: int, examples: int) -> Found:
    """Untaken ones under no shelter whose response clock ends after that, and which no timer watches."""
    untaken = _lonely((AlarmState.NEW, AlarmState.RETURNED), (Purpose.RESPOND,))
    return _alarms(connection, and_(untaken, alarms.c.shelter.is_(None), alarms.c.respond_by_ms > after_ms), examples)


def without_review(connection: Transaction, examples: int) -> Found:
    """Resolved ones without their timer."""
    return _alarms(connection, _lonely((AlarmState.RESOLVED,), (Purpose.REVIEW,)), examples)


def without_follow(connection: Transaction, examples: int) -> Found:
    """Reviewed ones without their timer."""
    return _alarms(connection, _lonely((AlarmState.REVIEWED,), (Purpose.FOLLOW,)), examples)


def shelters_over(connection: Transaction, before_ms: int, examples: int) -> Found:
    """Open alarms, sheltered and in nobody's hand, whose shelter does not stand: neither an open alarm that has a next
    step or a shelter itself, nor a suspension with an end."""
    above = alarms.alias("above")
    stands = exists().where(
        above.c.id == alarms.c.shelter,
        above.c.id != alarms.c.id,
        above.c.state.in_([state.value for state in OPEN_STATES]),
    )
    suspended = exists().where(
        suspensions.c.id == alarms.c.shelter,
        suspensions.c.ended_ms.is_(None),
        suspensions.c.until_ms >= before_ms,
    )
    surfacing = exists().where(timers.c.alarm == alarms.c.id, timers.c.purpose == Purpose.SURFACE.value)
    open_states = [state.value for state in OPEN_STATES]
    condition = and_(alarms.c.state.in_(open_states), alarms.c.shelter.is_not(None), ~or_(stands, suspended, surfacing))
    return _alarms(connection, condition, examples)


def late(connection: Transaction, before_ms: int, examples: int) -> Found:
    """Timers that should have been fired before."""
    condition = and_(timers.c.due_ms < before_ms, timers.c.purpose != Purpose.WATCH.value)
    count = int(connection.execute(select(func.count()).select_from(timers).where(condition)).scalar_one())
    if not count:
        return 0, ()
    rows = connection.execute(select(timers.c.purpose).where(condition).order_by(timers.c.due_ms).limit(examples))
    return count, tuple(dict.fromkeys(rows.scalars()))


def untaken_kinds(connection: Transaction, before_ms: int, levels: Iterable[int]) -> list[Untaken]:
    """Untaken alarms of these levels that opened before, under no shelter: one for each site, level and kind."""
    statement = (
        select(
            alarms.c.site,
            alarms.c.level,
            alarms.c.kind,
            func.count().label("many"),
            func.min(alarms.c.number).label("number"),
            func.min(alarms.c.opened_ms).label("opened_ms"),
            func.coalesce(func.max(sites.c.unit), "").label("unit"),
            func.coalesce(func.max(sites.c.timezone), "UTC").label("timezone"),
        )
        .join_from(alarms, sites, sites.c.id == alarms.c.site, isouter=True)
        .where(
            alarms.c.state.in_([AlarmState.NEW.value, AlarmState.RETURNED.value]),
            alarms.c.shelter.is_(None),
            alarms.c.opened_ms < before_ms,
            alarms.c.level.in_(list(levels)),
        )
        .group_by(alarms.c.site, alarms.c.level, alarms.c.kind)
    )
    return [Untaken(alarm=_like(row), count=int(row.many)) for row in connection.execute(statement)]


def open_alarms(connection: Transaction, examples: int) -> Found:
    """Open alarms."""
    return _alarms(connection, alarms.c.state.in_([state.value for state in OPEN_STATES]), examples)


def count_timers(connection: Transaction) -> int:
    """Everything that will happen by itself."""
    return int(connection.execute(select(func.count()).select_from(timers)).scalar_one())


def _like(row: Any) -> Watched:
    return Watched(
        id="",
        number=row.number,
        site=row.site,
        unit=row.unit,
        timezone=row.timezone,
        kind=row.kind,
        event_class="",
        level=row.level,
        source="",
        state=AlarmState.NEW,
        opened_ms=row.opened_ms,
    )


def _alarms(connection: Transaction, condition: ColumnElement[bool], examples: int) -> Found:
    plan_for_many(connection, True)
    count = int(connection.execute(select(func.count()).select_from(alarms).where(condition)).scalar_one())
    plan_for_many(connection, False)
    if not count:
        return 0, ()
    rows = connection.execute(select(alarms.c.number).where(condition).order_by(alarms.c.number).limit(examples))
    return count, tuple(str(number) for number in rows.scalars())


def _lonely(states: Iterable[AlarmState], purposes: Iterable[Purpose]) -> ColumnElement[bool]:
    """Alarms in these states without a timer of these purposes."""
    has = exists().where(timers.c.alarm == alarms.c.id, timers.c.purpose.in_([each.value for each in purposes]))
    return and_(alarms.c.state.in_([state.value for state in states]), ~has)
