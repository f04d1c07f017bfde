"""Committed facts become alarms: the shell around alarms/correlation.py and storms/, in their events' transaction.

Flow: events that concern somebody -> here -> rows of alarms, shelters, timers and notices, entries of the journal.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collector.alarms.clocks import follow_by_ms, respond_by_ms
from collector.alarms.correlation import Correlation, Fact, Known, Opening, Part, correlate
from collector.alarms.lifecycle import Resolution
from collector.alarms.scoring import columns_of, score_of
from collector.escalation.begin import begin
from collector.escalation.surroundings import Surroundings
from collector.escalation.targets import outlet_follows
from collector.ingest.work import Work
from collector.rules.holding import rules_now
from collector.storage import alarm_writing, shelters, suspensions
from collector.storage.journal import Entry, write_journal
from collector.storage.records import AlarmState, Topic
from collector.storms.quieting import Quieting
from collector.storms.records import Cover, Storm, Why
from collector.storms.sheltering import TEST_TRAVEL_MS, on_test
from protocol.kinds import is_restore
from protocol.workdays.days import Workdays


def raise_alarms(work: Work, around: Surroundings, storms: Sequence[Storm] = ()) -> Correlation:
    """Open, join, support, note what ended; whatever needs somebody from now on gets its timers and notices.

    `storms`: what finding.py told in this transaction; their incidents are alarms among the others.
    """
    if not work.facts:
        return Correlation()
    connection, now_ms = work.connection, work.now_ms
    opening = [fact for fact in work.facts if not is_restore(fact.kind)]
    sites = {fact.site for fact in opening}
    suspended = suspensions.in_force(connection, sites, now_ms - TEST_TRAVEL_MS, now_ms)
    known = _known(work, opening, on_test(opening, suspended))
    made = correlate(work.facts, known, lambda: around.new_id(now_ms))
    quieting = Quieting(connection=connection, around=around, now_ms=now_ms, suspended=suspended)
    covers = quieting.cover(made, storms)
    alarm_writing.note_restores(connection, [fact for fact in work.facts if fact.restores is not None])
    alarm_writing.save_correlation(
        connection,
        made,
        _columns(work, made.openings, covers),
        {
            alarm: {
                "raised_ms": now_ms if change.rises else None,
                "respond_by_ms": respond_by_ms(change.becomes, now_ms),
            }
            for alarm, change in made.changes.items()
            if change.rises or change.unparks
        },
    )
    _score_anew(work, made)
    _surface(work, made)
    quieting.settle(made)
    write_journal(connection, [*_entries(around, made, covers), *quieting.entries], now_ms)
    needing = {each.alarm for each in made.openings if each.alarm not in covers}
    needing |= {alarm for alarm, change in made.changes.items() if change.rises or change.unparks}
    stood = {alarm.id: alarm.level for alarm in known.open_alarms}
    rises = {alarm: stood[alarm] for alarm, change in made.changes.items() if change.rises and alarm in stood}
    begin(connection, around, sorted(needing), now_ms, rises=rises)
    return made


def _known(work: Work, opening: Sequence[Fact], testing: Mapping[int, str]) -> Known:
    connection = work.connection
    ending = [fact for fact in work.facts if fact.restores is not None]
    return Known(
        open_alarms=alarm_writing.open_alarms(connection, opening),
        places=alarm_writing.places_of(connection, [(fact.box, fact.restores or "") for fact in ending]),
        ended=alarm_writing.ended_already(connection, [(fact.box, fact.event_id) for fact in opening]),
        lasting=alarm_writing.lasting(connection, ending),
        testing=testing,
        tests=alarm_writing.test_alarms(connection, testing.values()) if testing else {},
    )


def _columns(work: Work, openings: Sequence[Opening], covers: Mapping[str, Cover]) -> dict[str, dict[str, Any]]:
    """What each new alarm has beside what its event says."""
    places = shelters.places_of(work.connection, {each.fact.site for each in openings})
    rules = rules_now(work.connection).rules
    workdays = Workdays(rules.calendar) if openings else None
    found: dict[str, dict[str, Any]] = {}
    for each in openings:
        place = places.get(each.fact.site)
        follow_ms = None
        if place is not None and workdays is not None:
            outlet = outlet_follows(rules, each.fact.site, place.unit)
            follow_ms = follow_by_ms(each.level, each.fact.received_ms, place.timezone, workdays, outlet=outlet)
        found[each.alarm] = _own(each, covers.get(each.alarm), work.now_ms) | {"follow_by_ms": follow_ms}
    return found


def _own(opening: Opening, cover: Cover | None, now_ms: int) -> dict[str, Any]:
    fact = opening.fact
    columns: dict[str, Any] = columns_of(score_of([fact], on_test=opening.test is not None))
    columns |= {"respond_by_ms": respond_by_ms(opening.level, fact.received_ms) if cover is None else None}
    columns |= {"resolution": None, "resolved_ms": None, "closed_ms": None}
    if cover is not None:
        columns |= {"shelter": cover.id, "shelter_why": cover.why.value}
        if cover.why is Why.TEST:
            over = {"resolution": Resolution.TEST.value, "resolved_ms": now_ms, "closed_ms": now_ms}
            columns |= {"state": AlarmState.CLOSED.value, **over}
    return columns


def _score_anew(work: Work, made: Correlation) -> None:
    """Another kind or source agrees: what joined with the same tells nothing new."""
    supported = {link.alarm for link in made.links if link.part is Part.SUPPORTS}
    if supported:
        work.flush_events()
        told = alarm_writing.told_in(work.connection, supported)
        scores = {alarm: columns_of(score_of(events)) for alarm, events in told.items()}
        alarm_writing.save_scores(work.connection, scores)


def _surface(work: Work, made: Correlation) -> None:
    """What rose stands under nothing any more."""
    rising = [
        (alarm, respond_by_ms(change.becomes, work.now_ms)) for alarm, change in made.changes.items() if change.surfaces
    ]
    shelters.surface_rows(work.connection, rising)


def _entries(around: Surroundings, made: Correlation, covers: Mapping[str, Cover]) -> list[Entry]:
    """The journal's words: one an alarm for what its events did, and one for each move of the centre's own."""
    sites = {link.alarm: link.fact.site for link in made.links}
    opened = {opening.alarm: opening for opening in made.openings}
    supported = {link.alarm for link in made.links if link.part is Part.SUPPORTS}
    entries: list[Entry] = []

    def tell(alarm: str, action: str, **facts: Any) -> None:
        entries.append(
            Entry(
                topic=Topic.ALARM,
                subject=alarm,
                action=action,
                site=sites[alarm],
                person=around.collector,
                facts=facts,
            )
        )

    for alarm in opened:
        cover = covers.get(alarm)
        tell(alarm, "opened", **({} if cover is None else {"shelter": cover.id, "why": cover.why.value}))
    for alarm, change in made.changes.items():
        if alarm in opened:
            continue
        done = "supported" if alarm in supported else "joined" if change.joined else None
        tell(alarm, done or ("restored" if change.ends else "lapsed"))
        if change.rises:
            tell(alarm, "raised", level=change.becomes)
        if change.surfaces:
            tell(alarm, "surfaced")
        if change.unparks:
            tell(alarm, "unparked")
    return entries
