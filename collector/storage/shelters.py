"""Alarms under shelters, inside a transaction: what could take them, what stands under what, and moving them.

No decisions. Everything in batches: a storm is thousands of rows. Flow: collector/storms/* -> here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, func, select, update

from collector.alarms.correlation import Key
from collector.storage.paging import below
from collector.storage.records import OPEN_STATES, AlarmState, Sight
from collector.storage.schema import alarm_events, alarms, events, sites
from collector.storage.store import Transaction
from collector.storms.incidents import CAUSES
from collector.storms.records import Cover, Loss
from collector.storms.sheltering import Silence
from protocol.ids import CENTRE_PREFIX
from protocol.kinds import EventClass

MANY: Final = 400
"""Values of one IN list."""

CLOCKS_MS: Final = 3_600_000
"""By how much a box's time may lag behind ours where it only narrows a search."""

OPEN: Final = tuple(state.value for state in OPEN_STATES)
EVERY: Final = tuple(state.value for state in AlarmState)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a site stands in the bank."""

    unit: str
    timezone: str


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """An open alarm under a shelter, as its end looks at it."""

    id: str
    site: str
    kind: str
    level: int
    shelter: str
    restored_ms: int | None
    state: AlarmState


def site_is_seen(connection: Transaction, site: str, sight: Sight) -> bool:
    """Whether a person may do anything at a site."""
    return connection.execute(select(sites.c.id).where(sites.c.id == site, below(sight.unit))).first() is not None


def places_of(connection: Transaction, wanted: Iterable[str]) -> dict[str, Place]:
    """The unit and clock of sites."""
    found: dict[str, Place] = {}
    for some in _parts(sorted(set(wanted))):
        statement = select(sites.c.id, sites.c.unit, sites.c.timezone).where(sites.c.id.in_(some))
        for row in connection.execute(statement):
            found[row.id] = Place(unit=row.unit, timezone=row.timezone)
    return found


def recent_losses(connection: Transaction, since_ms: int, most: int) -> list[Loss]:
    """Untaken alarms under no shelter that tell of a lost link or power and opened since."""
    statement = (
        select(alarms.c.id, alarms.c.site, alarms.c.kind, sites.c.unit, sites.c.timezone)
        .join(sites, sites.c.id == alarms.c.site)
        .where(
            alarms.c.state == AlarmState.NEW.value,
            alarms.c.shelter.is_(None),
            alarms.c.kind.in_(sorted(CAUSES)),
            alarms.c.opened_ms >= since_ms,
        )
        .order_by(alarms.c.number)
        .limit(most)
    )
    return [
        Loss(site=row.site, unit=row.unit, timezone=row.timezone, cause=CAUSES[row.kind], alarm=row.id)
        for row in connection.execute(statement)
    ]


def silences_of(connection: Transaction, boxes: Iterable[tuple[str, str]]) -> dict[str, Silence]:
    """The open alarm of each silent box among these (site, box); the youngest of several."""
    wanted = sorted(set(boxes))
    found: dict[str, Silence] = {}
    columns = (alarms.c.id, alarms.c.source, alarms.c.at_ms, alarms.c.restored_ms)
    for some in _parts(wanted):
        statement = select(*columns).where(
            alarms.c.state.in_(OPEN),
            alarms.c.site.in_(sorted({site for site, _ in some})),
            alarms.c.kind == "box.silent",
            alarms.c.box.startswith(CENTRE_PREFIX),  # a box says no other's silence
            alarms.c.source.in_([f"box/{box}" for _, box in some]),
        )
        for row in connection.execute(statement.order_by(alarms.c.number)):
            silence = Silence(alarm=row.id, at_ms=row.at_ms, restored_ms=row.restored_ms)
            found[row.source.removeprefix("box/")] = silence
    return found


def untaken_faults(connection: Transaction, boxes: Iterable[tuple[str, str]], since_ms: int) -> dict[str, list[str]]:
    """The untaken fault alarms under no shelter that these (site, box) raised themselves since, by box."""
    found: dict[str, list[str]] = {}
    for some in _parts(sorted(set(boxes))):
        statement = select(alarms.c.id, alarms.c.box).where(
            alarms.c.state == AlarmState.NEW.value,
            alarms.c.site.in_(sorted({site for site, _ in some})),
            alarms.c.box.in_([box for _, box in some]),
            alarms.c.event_class == EventClass.FAULT.value,
            alarms.c.kind.not_in(sorted(CAUSES)),
            alarms.c.shelter.is_(None),
            alarms.c.opened_ms >= since_ms,
        )
        for row in connection.execute(statement.order_by(alarms.c.number)):
            found.setdefault(row.box, []).append(row.id)
    return found


def told_since(connection: Transaction, keys: Iterable[Key], since_ms: int) -> dict[Key, int]:
    """How often each site, kind and source opened or joined an alarm since."""
    wanted = set(keys)
    found: dict[Key, int] = {}
    names = (alarms.c.site, alarms.c.kind, alarms.c.source)
    for some in _parts(sorted({key[0] for key in wanted})):
        statement = (
            select(*names, func.count().label("times"))
            .join_from(alarms, alarm_events, alarm_events.c.alarm == alarms.c.id)
            .join(events, events.c.number == alarm_events.c.number)
            .where(
                alarms.c.state.in_(EVERY),  # any: it is what the index begins with
                alarms.c.site.in_(some),
                alarms.c.kind.in_(sorted({key[1] for key in wanted})),
                alarms.c.last_ms > since_ms - CLOCKS_MS,
                alarm_events.c.part.in_(("opened", "joined")),
                events.c.received_ms > since_ms,
            )
            .group_by(*names)
        )
        for row in connection.execute(statement):
            found[row.site, row.kind, row.source] = int(row.times)
    return {key: times for key, times in found.items() if key in wanted}


def shelter_rows(connection: Transaction, covers: Mapping[str, Cover]) -> None:
    """Put these alarms under these shelters."""
    if covers:
        rows = [{"b_id": alarm, "shelter": cover.id, "why": cover.why.value} for alarm, cover in covers.items()]
        connection.execute(_SHELTER, rows)


def members_of(connection: Transaction, shelters: Iterable[str]) -> list[Member]:
    """The open alarms right under these shelters, the oldest first."""
    found: list[Member] = []
    for some in _parts(sorted(set(shelters))):
        statement = select(*_MEMBER).where(alarms.c.shelter.in_(some), alarms.c.state.in_(OPEN))
        found.extend(_member(row) for row in connection.execute(statement.order_by(alarms.c.number)))
    return found


def sheltered(connection: Transaction, alarm_ids: Iterable[str]) -> list[Member]:
    """Those of these alarms that are open and stand under something."""
    found: list[Member] = []
    for some in _parts(sorted(set(alarm_ids))):
        statement = select(*_MEMBER).where(
            alarms.c.id.in_(some), alarms.c.shelter.is_not(None), alarms.c.state.in_(OPEN)
        )
        found.extend(_member(row) for row in connection.execute(statement.order_by(alarms.c.number)))
    return found


def matching(connection: Transaction, site: str, kind: str, points: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """Untaken alarms of a site under no shelter: id, kind, class, source; of one kind and of some points if named."""
    statement = select(alarms.c.id, alarms.c.kind, alarms.c.event_class, alarms.c.source).where(
        alarms.c.state == AlarmState.NEW.value, alarms.c.site == site, alarms.c.shelter.is_(None)
    )
    if kind:
        statement = statement.where(alarms.c.kind == kind)
    rows = connection.execute(statement.order_by(alarms.c.number)).all()
    return [(row.id, row.kind, row.event_class, row.source) for row in rows if not points or row.source in points]


def surface_rows(connection: Transaction, members: Iterable[tuple[str, int | None]]) -> None:
    """These stand under nothing any more; each with the end of its response clock."""
    rows = [{"b_id": alarm, "respond_by_ms": respond_by_ms} for alarm, respond_by_ms in members]
    if rows:
        connection.execute(_SURFACE, rows)


def close_rows(
    connection: Transaction, alarm_ids: Iterable[str], *, resolution: str, narrative: str, person: str, now_ms: int
) -> None:
    """These are over together with what they stood under."""
    for some in _parts(list(alarm_ids)):
        connection.execute(
            update(alarms)
            .where(alarms.c.id.in_(some))
            .values(
                state=AlarmState.CLOSED.value,
                resolution=resolution,
                narrative=narrative,
                holder=person,
                resolved_ms=now_ms,
                closed_ms=now_ms,
                respond_by_ms=None,
                parked_until_ms=None,
                version=alarms.c.version + 1,
            )
        )


_MEMBER: Final = tuple(alarms.c[name] for name in Member.__struct_fields__)
_SHELTER: Final = (
    update(alarms)
    .where(alarms.c.id == bindparam("b_id"))
    .values(shelter=bindparam("shelter"), shelter_why=bindparam("why"), respond_by_ms=None)
)
_SURFACE: Final = (
    update(alarms)
    .where(alarms.c.id == bindparam("b_id"))
    .values(shelter=None, shelter_why="", respond_by_ms=bindparam("respond_by_ms"))
)


def _member(row: Any) -> Member:
    return Member(**{**dict(row._mapping), "state": AlarmState(row.state)})


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + MANY] for start in range(0, len(values), MANY))
