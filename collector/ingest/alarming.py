"""Committed facts become alarms: the shell around alarms/correlation.py. Inside the transaction of their events.

Flow: events that concern somebody -> here -> rows of alarms, entries of the journal.
"""

from typing import Any

from collector.alarms.correlation import Correlation, Fact, correlate
from collector.alarms.scoring import columns_of, score_of
from collector.console.deadlines import due_ms
from collector.escalation.begin import begin
from collector.escalation.surroundings import Surroundings
from collector.ingest.work import Work
from collector.storage import alarm_writing
from collector.storage.journal import Entry
from collector.storage.records import Topic
from protocol.kinds import is_restore


def raise_alarms(work: Work, around: Surroundings) -> Correlation:
    """Open, join, and note what ended; whatever needs somebody from now on gets its timers."""
    collector = around.collector
    if not work.facts:
        return Correlation()
    opening = [fact for fact in work.facts if not is_restore(fact.kind)]
    ending = [fact for fact in work.facts if fact.restores is not None]
    made = correlate(
        work.facts,
        alarm_writing.still_new(work.connection, opening),
        alarm_writing.alarms_of(work.connection, [(fact.box, fact.restores or "") for fact in ending]),
        alarm_writing.ended_already(work.connection, [(fact.box, fact.event_id) for fact in opening]),
        alarm_writing.lasting(work.connection, ending),
        lambda: around.new_id(work.now_ms),
    )
    alarm_writing.note_restores(work.connection, ending)
    alarm_writing.save_correlation(work.connection, made, {each.alarm: _columns(each.fact) for each in made.openings})
    sites = {link.alarm: link.fact.site for link in made.links}
    opened = {opening.alarm for opening in made.openings}
    work.entries.extend(_entry(collector, alarm, "opened", sites[alarm]) for alarm in opened)
    work.entries.extend(
        _entry(collector, alarm, "joined" if change.joined else "restored", sites[alarm])
        for alarm, change in made.changes.items()
        if alarm not in opened
    )
    if opened:
        begin(work.connection, around, [opening.alarm for opening in made.openings], work.now_ms, work.entries)
    return made


def _columns(fact: Fact) -> dict[str, Any]:
    return {"respond_by_ms": due_ms(fact.level, fact.received_ms)} | columns_of(score_of([fact]))


def _entry(collector: str, alarm: str, action: str, site: str) -> Entry:
    return Entry(topic=Topic.ALARM, subject=alarm, action=action, site=site, person=collector)
