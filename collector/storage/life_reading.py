"""What the desk's own pages ask of the tables of an alarm's life: rules that hold, proven channels, counts, members.

Reads only. Flow: console pages -> here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import func, select

from collector.storage.alarm_tables import proofs, rules, suspensions
from collector.storage.records import OPEN_STATES, Sight
from collector.storage.schema import alarm_events, alarms, sites
from collector.storage.seeing import seen_alarms
from collector.storage.store import Transaction

MOST_MEMBERS: Final = 50
MOST_LINKS: Final = 100
_OPEN: Final = [state.value for state in OPEN_STATES]


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """Which rules hold, and who loaded them."""

    version: int
    hash: str
    person: str
    loaded_ms: int


class Shelter(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps an alarm quiet: another alarm, or a suspension."""

    alarm: str = ""
    kind: str = ""
    source: str = ""
    suspension: str = ""
    until_ms: int | None = None
    person: str = ""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm under a shelter."""

    id: str
    site_name: str
    kind: str
    level: int
    source: str
    state: str
    opened_ms: int
    restored_ms: int | None


def loaded_rules(connection: Transaction) -> Loaded | None:
    """The version that holds; None while the built-in rules do."""
    row = connection.execute(select(rules).order_by(rules.c.version.desc()).limit(1)).first()
    if row is None:
        return None
    return Loaded(version=row.version, hash=row.hash, person=row.person, loaded_ms=row.loaded_ms)


def proven(connection: Transaction) -> Mapping[tuple[str, str], int]:
    """(Person, channel) -> when it was proven last."""
    return {(row.person, row.channel): row.proven_ms for row in connection.execute(select(proofs))}


def members_of(connection: Transaction, alarm_id: str, sight: Sight) -> tuple[tuple[Member, ...], int]:
    """The first alarms under this one that are seen, and how many there are."""
    under = (alarms.c.shelter == alarm_id, seen_alarms(sight))
    count = connection.execute(
        select(func.count()).select_from(alarms).join(sites, sites.c.id == alarms.c.site).where(*under)
    ).scalar_one()
    statement = (
        select(alarms, sites.c.name.label("site_name"))
        .join(sites, sites.c.id == alarms.c.site)
        .where(*under)
        .order_by(alarms.c.restored_ms.is_not(None), alarms.c.level, alarms.c.number)
        .limit(MOST_MEMBERS)
    )
    return tuple(
        Member(
            id=row.id,
            site_name=row.site_name,
            kind=row.kind,
            level=row.level,
            source=row.source,
            state=row.state,
            opened_ms=row.opened_ms,
            restored_ms=row.restored_ms,
        )
        for row in connection.execute(statement)
    ), count


def member_counts(connection: Transaction, alarm_ids: Iterable[str]) -> Mapping[str, int]:
    """How many open alarms each of these keeps quiet."""
    wanted = list(alarm_ids)[:500]
    if not wanted:
        return {}
    statement = (
        select(alarms.c.shelter, func.count().label("many"))
        .where(alarms.c.shelter.in_(wanted), alarms.c.state.in_(_OPEN))
        .group_by(alarms.c.shelter)
    )
    return {row.shelter: row.many for row in connection.execute(statement)}


def quiet_counts(connection: Transaction, sight: Sight) -> Mapping[str, int]:
    """How many open alarms are kept quiet, by reason, of those a person may see."""
    statement = (
        select(alarms.c.shelter_why, func.count().label("many"))
        .join(sites, sites.c.id == alarms.c.site)
        .where(alarms.c.shelter.is_not(None), alarms.c.state.in_(_OPEN), seen_alarms(sight))
        .group_by(alarms.c.shelter_why)
    )
    return {row.shelter_why: row.many for row in connection.execute(statement)}


def shelter_of(connection: Transaction, alarm_id: str, sight: Sight) -> Shelter | None:
    """What keeps this alarm quiet; None for one that stands in the queue. An alarm that is not seen is not named."""
    shelter = connection.execute(select(alarms.c.shelter).where(alarms.c.id == alarm_id)).scalar()
    if shelter is None:
        return None
    over = select(alarms).join(sites, sites.c.id == alarms.c.site).where(alarms.c.id == shelter, seen_alarms(sight))
    if (row := connection.execute(over).first()) is not None:
        return Shelter(alarm=row.id, kind=row.kind, source=row.source)
    row = connection.execute(select(suspensions).where(suspensions.c.id == shelter)).first()
    if row is None:
        return Shelter()
    return Shelter(suspension=row.id, until_ms=row.until_ms, person=row.person)


def links_of(connection: Transaction, alarm_id: str) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """(Part, why) of what belongs to an alarm, oldest first."""
    statement = (
        select(alarm_events.c.part, alarm_events.c.why)
        .where(alarm_events.c.alarm == alarm_id)
        .order_by(alarm_events.c.number)
        .limit(MOST_LINKS)
    )
    return tuple((row.part, msgspec.json.decode(row.why)) for row in connection.execute(statement))
