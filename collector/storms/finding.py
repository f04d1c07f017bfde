"""Storms become events of the centre's own ledger, told as `incident.*` and as their end. Inside the transaction.

Looks at what was lost in this transaction and in the two minutes before, asks incidents.py, and leaves drafts that
telling.py seals: an incident stands in the ledger like everything the centre finds. Flow: commit.py -> here -> drafts.
"""

from collections import Counter
from typing import Final

from collector.alarms.correlation import LOWEST_LEVEL
from collector.escalation.surroundings import Surroundings
from collector.ingest.work import Work
from collector.ledger import Draft
from collector.storage import incidents as rows
from collector.storage import shelters, writing
from collector.storms.incidents import (
    CAUSES,
    WINDOW_MS,
    is_within,
    kind_of_cause,
    named,
    site_of_unit,
    source_of_unit,
    storms,
)
from collector.storms.records import Incident, Loss, Storm
from protocol.kinds import RESTORED

MOST_LOSSES: Final = 20_000
"""Earlier losses that are looked at together."""


def find_storms(work: Work, around: Surroundings) -> list[Storm]:
    """Which units lost something: drafts of their incidents are left in `work`; with the events that will tell them."""
    lost = [fact for fact in work.facts if fact.kind in CAUSES and fact.level <= LOWEST_LEVEL]
    if not lost:
        return []
    losses = shelters.recent_losses(work.connection, work.now_ms - WINDOW_MS, MOST_LOSSES)
    places = shelters.places_of(work.connection, {fact.site for fact in lost})
    losses.extend(
        Loss(site=fact.site, unit=place.unit, timezone=place.timezone, cause=CAUSES[fact.kind])
        for fact in lost
        if (place := places.get(fact.site)) is not None
    )
    told = storms(losses, rows.open_incidents(work.connection), work.now_ms)
    return [_draft(work, around, storm, losses) for storm in told]


def storms_over(work: Work, around: Surroundings) -> None:
    """Tell the end of incidents whose every site has what it lost again."""
    for ended in rows.ended_incidents(work.connection):
        work.drafts.append(
            Draft(
                id=around.new_id(work.now_ms),
                kind=kind_of_cause(ended.incident.cause) + RESTORED,
                site=site_of_unit(ended.incident.unit),
                source=source_of_unit(ended.incident.unit),
                facts=_facts(ended.incident),
                restores=ended.event_id,
            )
        )


def _draft(work: Work, around: Surroundings, storm: Storm, losses: list[Loss]) -> Storm:
    inside = [loss for loss in losses if is_within(loss.unit, storm.unit)]
    clock = Counter(loss.timezone for loss in inside).most_common(1)[0][0]
    site, name = site_of_unit(storm.unit), storm.unit.rpartition("/")[2] or around.collector
    writing.save_site(work.connection, site, name, storm.unit, clock)
    event_id = around.new_id(work.now_ms)
    work.drafts.append(
        Draft(
            id=event_id,
            kind=kind_of_cause(storm.cause),
            site=site,
            source=source_of_unit(storm.unit),
            facts=_facts(storm),
        )
    )
    return named(storm, event_id)


def _facts(storm: Storm | Incident) -> dict[str, object]:
    return {"unit": storm.unit, "cause": storm.cause.value, "sites": storm.sites}
