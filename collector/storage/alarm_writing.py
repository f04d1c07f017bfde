"""Alarm rows inside a transaction: what correlation and people's actions look at and write. No decisions.

Flow: collector/ingest/alarming.py and collector/alarms/service.py -> here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, case, func, insert, or_, select, update

from collector.alarms.composites import INVOLVED
from collector.alarms.correlation import Correlation, Fact, Key, Part, Place, Standing
from collector.storage.records import OPEN_STATES, AlarmState
from collector.storage.schema import alarm_events, alarms, events, notes, restores
from collector.storage.store import Transaction

MANY: Final = 400


def open_alarms(connection: Transaction, facts: Iterable[Fact]) -> list[Standing]:
    """Open alarms of the events' sites that such events could join or support, or that could support them."""
    there = list(facts)
    kinds = {fact.kind for fact in there}
    if kinds & INVOLVED:
        kinds |= INVOLVED
    found: list[Standing] = []
    names = ("id", "site", "kind", "source", "level", "state", "last_ms", "shelter", "restored_ms")
    columns = (*(alarms.c[name] for name in names), alarms.c.at_ms, alarms.c.number)
    for some in _parts(sorted({fact.site for fact in there})):
        statement = select(*columns).where(
            alarms.c.state.in_(_OPEN), alarms.c.site.in_(some), alarms.c.kind.in_(sorted(kinds))
        )
        for row in connection.execute(statement.order_by(alarms.c.number)):
            fields = {name: getattr(row, name) for name in names}
            found.append(Standing(**{**fields, "state": AlarmState(row.state)}, first_ms=row.at_ms))
    return found


def test_alarms(connection: Transaction, suspensions: Iterable[str]) -> dict[tuple[str, Key], str]:
    """The alarm that each of these tests has already, by its site, kind and source."""
    found: dict[tuple[str, Key], str] = {}
    columns = (alarms.c.id, alarms.c.shelter, alarms.c.site, alarms.c.kind, alarms.c.source)
    for some in _parts(sorted(set(suspensions))):
        statement = select(*columns).where(alarms.c.shelter.in_(some)).order_by(alarms.c.number)
        for row in connection.execute(statement):
            found[row.shelter, (row.site, row.kind, row.source)] = row.id
    return found


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """An event of an alarm as its score looks at it."""

    kind: str
    event_class: str
    source: str


def told_in(connection: Transaction, alarm_ids: Iterable[str]) -> dict[str, list[Scored]]:
    """What each of these alarms rests on, without its restores; only alarms whose score no person has said."""
    found: dict[str, list[Scored]] = {}
    for some in _parts(sorted(set(alarm_ids))):
        statement = (
            select(alarm_events.c.alarm, events.c.kind, events.c.event_class, events.c.source)
            .distinct()
            .join(events, events.c.number == alarm_events.c.number)
            .join(alarms, alarms.c.id == alarm_events.c.alarm)
            .where(alarm_events.c.alarm.in_(some), alarm_events.c.part != "restored", alarms.c.score_by == "")
        )
        for row in connection.execute(statement):
            scored = Scored(kind=row.kind, event_class=row.event_class, source=row.source)
            found.setdefault(row.alarm, []).append(scored)
    return found


def save_scores(connection: Transaction, columns: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the scores of alarms."""
    if columns:
        connection.execute(_SCORE, [{"b_id": alarm, **values} for alarm, values in columns.items()])


def sites_of(connection: Transaction, alarm_ids: Iterable[str]) -> dict[str, str]:
    """The site of each of these alarms."""
    found: dict[str, str] = {}
    for some in _parts(sorted(set(alarm_ids))):
        for row in connection.execute(select(alarms.c.id, alarms.c.site).where(alarms.c.id.in_(some))):
            found[row.id] = row.site
    return found


def lasting(connection: Transaction, facts: Iterable[Fact]) -> dict[Key, list[str]]:
    """Alarms of what these restores end, of which nothing has ended yet."""
    keys = {fact.key for fact in facts}
    found: dict[Key, list[str]] = {}
    names = (alarms.c.site, alarms.c.kind, alarms.c.source)
    for some in _parts(sorted({key[0] for key in keys})):
        statement = select(alarms.c.id, *names).where(
            alarms.c.state.in_([state.value for state in AlarmState]),  # any: it is what the index begins with
            alarms.c.site.in_(some),
            alarms.c.kind.in_(sorted({key[1] for key in keys})),
            alarms.c.restored_ms.is_(None),
        )
        for row in connection.execute(statement.order_by(alarms.c.number)):
            found.setdefault((row.site, row.kind, row.source), []).append(row.id)
    return {key: ids for key, ids in found.items() if key in keys}


def places_of(connection: Transaction, events: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Place]:
    """The alarm that each (box, event id) opened, joined or supports."""
    wanted = set(events)
    found: dict[tuple[str, str], Place] = {}
    for some in _parts(sorted({event for _, event in wanted})):
        # Ids are a box's own word: two boxes may use one, so the box is looked at too.
        statement = (
            select(alarm_events, alarms.c.restored_ms)
            .join(alarms, alarms.c.id == alarm_events.c.alarm)
            .where(alarm_events.c.event_id.in_(some), alarm_events.c.part != Part.RESTORED)
        )
        for row in connection.execute(statement):
            if (row.box, row.event_id) in wanted:
                supports = row.part == Part.SUPPORTS
                found[row.box, row.event_id] = Place(alarm=row.alarm, supports=supports, restored_ms=row.restored_ms)
    return found


def ended_already(connection: Transaction, events: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """When a restore that came first says that each (box, event id) ended."""
    wanted = set(events)
    found: dict[tuple[str, str], int] = {}
    for some in _parts(sorted({event for _, event in wanted})):
        for row in connection.execute(select(restores).where(restores.c.event_id.in_(some))):
            if (row.box, row.event_id) in wanted:
                found[row.box, row.event_id] = row.at_ms
    return found


def note_restores(connection: Transaction, facts: Iterable[Fact]) -> None:
    """Remember what has ended; the first restore of an event counts."""
    wanted = {(fact.box, fact.restores): fact for fact in reversed(list(facts)) if fact.restores is not None}
    there = ended_already(connection, wanted)
    fresh = [
        {"box": box, "event_id": event, "number": fact.number, "at_ms": fact.at_ms}
        for (box, event), fact in wanted.items()
        if (box, event) not in there
    ]
    if fresh:
        connection.execute(insert(restores), fresh)


def save_correlation(
    connection: Transaction,
    made: Correlation,
    columns: Mapping[str, Mapping[str, Any]],
    clocks: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write new alarms, what changed on others, and the events' places in them.

    `columns`: what each new alarm has of its own; `clocks`: when others rose, and until when they are to be taken.
    """
    if made.openings:
        connection.execute(
            insert(alarms),
            [{**_alarm(each.alarm, each.fact), "level": each.level, **columns[each.alarm]} for each in made.openings],
        )
    if made.changes:
        rows = [
            {
                "b_id": alarm,
                "joined": change.joined,
                "level": change.level,
                "last_ms": change.last_ms,
                "restored_ms": change.restored_ms,
            }
            for alarm, change in made.changes.items()
        ]
        connection.execute(_CHANGE, rows)
    unparking = [{"b_id": alarm} for alarm, change in made.changes.items() if change.unparks]
    if unparking:
        connection.execute(_UNPARK, unparking)
    begun = [{"b_id": alarm, **values} for alarm, values in clocks.items()]
    if begun:
        connection.execute(_BEGIN_CLOCK, begun)
    if made.links:
        connection.execute(
            insert(alarm_events),
            [
                {
                    "alarm": link.alarm,
                    "number": link.fact.number,
                    "box": link.fact.box,
                    "event_id": link.fact.event_id,
                    "part": link.part.value,
                    "why": msgspec.json.encode(link.why).decode("utf-8"),
                }
                for link in made.links
            ],
        )


def change_alarm(connection: Transaction, alarm_id: str, values: Mapping[str, Any]) -> None:
    """Write columns of one alarm."""
    connection.execute(update(alarms).where(alarms.c.id == alarm_id).values(**values))


def add_note(connection: Transaction, *, alarm_id: str, number: int, person: str, at_ms: int, text: str) -> None:
    """Keep what a person wrote; `number` is its journal entry."""
    connection.execute(insert(notes).values(alarm=alarm_id, number=number, person=person, at_ms=at_ms, text=text))


def _alarm(alarm: str, fact: Fact) -> dict[str, Any]:
    return {
        "id": alarm,
        "number": fact.number,
        "site": fact.site,
        "box": fact.box,
        "kind": fact.kind,
        "event_class": fact.event_class,
        "level": fact.level,
        "source": fact.source,
        "state": AlarmState.NEW.value,
        "opened_ms": fact.received_ms,
        "at_ms": fact.at_ms,
        "last_ms": fact.at_ms,
        "events": 1,
        "version": 1,
        "shelter": None,
        "shelter_why": "",
    }


_CHANGE: Final = (
    update(alarms)
    .where(alarms.c.id == bindparam("b_id"))
    .values(
        events=alarms.c.events + bindparam("joined"),
        level=case((alarms.c.level > bindparam("level"), bindparam("level")), else_=alarms.c.level),
        last_ms=case((alarms.c.last_ms < bindparam("last_ms"), bindparam("last_ms")), else_=alarms.c.last_ms),
        restored_ms=bindparam("restored_ms"),
    )
)
_OPEN: Final = tuple(state.value for state in OPEN_STATES)
# No `in`: a statement that runs once for several alarms cannot have one.
_IS_UNTAKEN: Final = or_(alarms.c.state == AlarmState.NEW.value, alarms.c.state == AlarmState.RETURNED.value)
_BEGIN_CLOCK: Final = (
    update(alarms)
    .where(alarms.c.id == bindparam("b_id"))
    .values(
        raised_ms=func.coalesce(bindparam("raised_ms"), alarms.c.raised_ms),
        respond_by_ms=case((_IS_UNTAKEN, bindparam("respond_by_ms")), else_=alarms.c.respond_by_ms),
    )
)
_UNPARK: Final = (
    update(alarms)
    .where(alarms.c.id == bindparam("b_id"))
    .values(state=AlarmState.NEW.value, parked_until_ms=None, holder=None, version=alarms.c.version + 1)
)
_SCORE: Final = (
    update(alarms)
    .where(alarms.c.id == bindparam("b_id"))
    .values(score=bindparam("score"), score_why=bindparam("score_why"))
)


def _parts(values: list[Any]) -> Iterable[list[Any]]:
    return (values[start : start + MANY] for start in range(0, len(values), MANY))
