"""Rows of `incidents`: storms under way, and how many sites stand in each. No decisions.

Flow: collector/storms/* -> here; the console's list -> `list_incidents`.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import distinct, func, insert, select, update

from collector.storage.alarm_tables import incidents
from collector.storage.reading import Reading
from collector.storage.records import OPEN_STATES, Sight
from collector.storage.schema import alarm_events, alarms, sites
from collector.storage.seeing import seen_alarms
from collector.storage.store import Transaction
from collector.storms.records import Cause, Incident

OPEN: Final = tuple(state.value for state in OPEN_STATES)
MOST: Final = 500
"""Incidents that are looked at; a bank with more under way has no use for the rest."""


def open_incidents(connection: Transaction) -> list[Incident]:
    """Those whose alarm is open, the oldest first."""
    statement = (
        select(incidents, alarms.c.restored_ms, alarms.c.shelter)
        .join(alarms, alarms.c.id == incidents.c.alarm)
        .where(alarms.c.state.in_(OPEN))
        .order_by(incidents.c.first_ms)
        .limit(MOST)
    )
    return [_incident(row) for row in connection.execute(statement)]


def note_incident(connection: Transaction, incident: Incident) -> None:
    """Write an incident down, or that it goes on."""
    there = connection.execute(select(incidents.c.alarm).where(incidents.c.alarm == incident.alarm)).first()
    if there is not None:
        touch_incidents(connection, [incident.alarm], incident.last_ms)
        return
    connection.execute(
        insert(incidents).values(
            alarm=incident.alarm,
            cause=incident.cause.value,
            unit=incident.unit,
            first_ms=incident.first_ms,
            last_ms=incident.last_ms,
            sites=incident.sites,
        )
    )


def touch_incidents(connection: Transaction, ids: Iterable[str], now_ms: int) -> None:
    """These took something just now: their last loss, and their sites counted anew."""
    for alarm in sorted(set(ids)):
        under = (
            select(incidents.c.alarm).join(alarms, alarms.c.id == incidents.c.alarm).where(alarms.c.shelter == alarm)
        )
        deeper = list(connection.execute(under.limit(MOST)).scalars())
        count = select(func.count(distinct(alarms.c.site))).where(
            alarms.c.shelter.in_([alarm, *deeper]), alarms.c.id.not_in(deeper)
        )
        number = int(connection.execute(count).scalar_one())
        connection.execute(update(incidents).where(incidents.c.alarm == alarm).values(last_ms=now_ms, sites=number))


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """An incident of which every member has been restored; `event_id` is what its restore names."""

    incident: Incident
    event_id: str


def ended_incidents(connection: Transaction) -> list[Ended]:
    """Open incidents that are not restored and have no member left that is not."""
    member = alarms.alias()
    lasting = select(member.c.id).where(member.c.shelter == incidents.c.alarm, member.c.restored_ms.is_(None))
    statement = (
        select(incidents, alarms.c.restored_ms, alarms.c.shelter)
        .join(alarms, alarms.c.id == incidents.c.alarm)
        .where(alarms.c.state.in_(OPEN), alarms.c.restored_ms.is_(None), ~lasting.exists())
        .order_by(incidents.c.first_ms)
        .limit(MOST)
    )
    found = [_incident(row) for row in connection.execute(statement)]
    return [Ended(incident=each, event_id=event) for each in found if (event := _told(connection, each.alarm))]


class ShownIncident(msgspec.Struct, frozen=True, kw_only=True):
    """A storm as the list shows it: how many alarms stand under it, and how many of them are not restored."""

    incident: Incident
    number: int
    state: str
    holder: str | None
    members: int
    lasting: int


def list_incidents(reading: Reading, sight: Sight) -> tuple[ShownIncident, ...]:
    """Storms under way that a person sees, newest first."""
    connection = reading.connection
    statement = (
        select(incidents, alarms.c.restored_ms, alarms.c.shelter, alarms.c.number, alarms.c.state, alarms.c.holder)
        .join(alarms, alarms.c.id == incidents.c.alarm)
        .join(sites, sites.c.id == alarms.c.site)
        .where(alarms.c.state.in_(OPEN), seen_alarms(sight))
        .order_by(alarms.c.number.desc())
        .limit(MOST)
    )
    rows = connection.execute(statement).all()
    ids = [row.alarm for row in rows]
    counted = (
        select(alarms.c.shelter, func.count().label("members"), func.count(alarms.c.restored_ms).label("restored"))
        .where(alarms.c.shelter.in_(ids))
        .group_by(alarms.c.shelter)
    )
    counts = {row.shelter: row for row in connection.execute(counted)} if ids else {}
    return tuple(
        ShownIncident(
            incident=_incident(row),
            number=row.number,
            state=row.state,
            holder=row.holder,
            members=int(counts[row.alarm].members) if row.alarm in counts else 0,
            lasting=int(counts[row.alarm].members - counts[row.alarm].restored) if row.alarm in counts else 0,
        )
        for row in rows
    )


def _told(connection: Transaction, alarm: str) -> str | None:
    statement = (
        select(alarm_events.c.event_id)
        .where(alarm_events.c.alarm == alarm, alarm_events.c.part.in_(("opened", "joined")))
        .order_by(alarm_events.c.number.desc())
        .limit(1)
    )
    return connection.execute(statement).scalar()


def _incident(row: Any) -> Incident:
    return Incident(
        alarm=row.alarm,
        cause=Cause(row.cause),
        unit=row.unit,
        first_ms=row.first_ms,
        last_ms=row.last_ms,
        sites=row.sites,
        restored=row.restored_ms is not None,
        shelter=row.shelter,
    )
