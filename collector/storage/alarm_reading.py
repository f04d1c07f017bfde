"""Questions about alarms: the queue, the history, one alarm with everything that belongs to it.

Beside storage/reading.py, whose rules of units and pages hold here too. Flow: asked by the console and the alarm
service.
"""

from typing import Any, Final

from sqlalchemy import Row, Select, select

from collector.storage.alarm_moves import order_givers, read_handlers
from collector.storage.alarm_steps import steps_of
from collector.storage.lines import event_of, event_row, event_statement
from collector.storage.paging import filtered, page
from collector.storage.reading import Reading, journal_row
from collector.storage.records import (
    MAX_LIMIT,
    AlarmDetail,
    AlarmPart,
    AlarmRow,
    AlarmState,
    Filter,
    Flag,
    Note,
    Page,
    Sight,
    Topic,
)
from collector.storage.schema import alarm_events, alarms, envelopes, events, journal, notes, sites
from collector.storage.seeing import seen_alarms


def list_alarms(reading: Reading, wanted: Filter) -> Page[AlarmRow]:
    """Alarms in the states asked for (all when none is named), newest first."""
    statement = filtered(_statement(), wanted, alarms.c, alarms.c.number, seen_alarms(wanted.sight))
    if wanted.states:
        statement = statement.where(alarms.c.state.in_([state.value for state in wanted.states]))
    if wanted.number is not None:
        statement = statement.where(alarms.c.number == wanted.number)
    if wanted.sheltered is not None:
        quiet = alarms.c.shelter.is_not(None)
        statement = statement.where(quiet if wanted.sheltered else ~quiet)
    rows = [_alarm_row(row) for row in reading.connection.execute(statement)]
    return page(wanted, rows, lambda row: row.cursor)


def alarm_row(reading: Reading, alarm_id: str, sight: Sight) -> AlarmRow | None:
    """One alarm as lists show it; None when it is not there or not seen."""
    row = reading.connection.execute(_statement().where(alarms.c.id == alarm_id, seen_alarms(sight))).first()
    return None if row is None else _alarm_row(row)


def alarm_detail(reading: Reading, alarm_id: str, sight: Sight) -> AlarmDetail | None:
    """One alarm with its events, notes and history; None when it is not there or not seen."""
    connection = reading.connection
    row = connection.execute(_statement().where(alarms.c.id == alarm_id, seen_alarms(sight))).first()
    if row is None:
        return None
    parts = (
        event_statement()
        .add_columns(alarm_events.c.part)
        .join(alarm_events, alarm_events.c.number == events.c.number)
        .where(alarm_events.c.alarm == alarm_id)
        .order_by(events.c.number)
        .limit(MAX_LIMIT)
    )
    history = (
        select(journal)
        .where(journal.c.topic == Topic.ALARM, journal.c.subject == alarm_id)
        .order_by(journal.c.number)
        .limit(MAX_LIMIT)
    )
    written = select(notes).where(notes.c.alarm == alarm_id).order_by(notes.c.number).limit(MAX_LIMIT)
    return AlarmDetail(
        alarm=_alarm_row(row),
        parts=tuple(AlarmPart(part=each.part, event=event_row(each)) for each in connection.execute(parts)),
        notes=tuple(Note(person=each.person, at_ms=each.at_ms, text=each.text) for each in connection.execute(written)),
        history=tuple(journal_row(each) for each in connection.execute(history)),
        steps=steps_of(connection, alarm_id),
        order_givers=frozenset()
        if row.resolved_ms is None
        else order_givers(connection, row.site, row.opened_ms, row.resolved_ms),
    )


_AS_THEY_ARE: Final = (
    "raised_ms",
    "respond_by_ms",
    "follow_by_ms",
    "parked_until_ms",
    "reviewed_ms",
    "reviewer",
    "closed_ms",
    "score",
    "score_why",
    "score_by",
    "procedure",
    "shelter",
    "shelter_why",
)


def _statement() -> Select[Any]:
    return (
        select(
            alarms,
            sites.c.name.label("site_name"),
            sites.c.unit,
            sites.c.timezone,
            events.c.received_ms,
            events.c.line_no,
            events.c.flags,
            envelopes.c.body,
        )
        .join_from(alarms, sites, sites.c.id == alarms.c.site)
        .join(events, events.c.number == alarms.c.number)
        .join(envelopes, envelopes.c.id == events.c.envelope)
    )


def _alarm_row(row: Row[Any]) -> AlarmRow:
    event = event_of(row.body, row.line_no)
    return AlarmRow(
        id=row.id,
        cursor=row.number,
        site=row.site,
        site_name=row.site_name,
        unit=row.unit,
        timezone=row.timezone,
        box=row.box,
        kind=row.kind,
        event_class=row.event_class,
        level=row.level,
        source=row.source,
        state=AlarmState(row.state),
        opened_ms=row.opened_ms,
        at_ms=row.at_ms,
        last_ms=row.last_ms,
        delay_ms=row.received_ms - row.at_ms,
        events=row.events,
        restored_ms=row.restored_ms,
        holder=row.holder,
        acknowledged_ms=row.acknowledged_ms,
        resolved_ms=row.resolved_ms,
        resolution=row.resolution,
        narrative=row.narrative,
        version=row.version,
        facts={} if event is None else event.facts,
        because=() if event is None else event.because,
        flags=tuple(Flag(word) for word in row.flags.split()),
        handlers=read_handlers(row.handlers),
        **{name: getattr(row, name) for name in _AS_THEY_ARE},
    )
