"""Shelters for what opens, and for what stands when a storm, a silence or a suspension begins; in a transaction.

`Quieting` gathers once what could take alarms; `cover` says what takes each opening before its row is written; `settle`
does the rest when the rows are there. Flow: ingest/alarming.py -> here -> sheltering.py decides -> storage.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from collector.alarms.correlation import Correlation, Fact, Opening
from collector.escalation.begin import quiet
from collector.escalation.records import Purpose, Timer
from collector.escalation.surroundings import Surroundings
from collector.storage import incidents as incident_rows
from collector.storage import shelters, suspensions
from collector.storage.journal import Entry
from collector.storage.records import Topic
from collector.storage.store import Transaction
from collector.storage.timers import delete_timers, put_timers
from collector.storms.breaking import breaks_through
from collector.storms.incidents import CAUSES, WINDOW_MS, is_within, over
from collector.storms.records import LONGEST, Cover, Incident, Sort, Storm, Suspension, Why
from collector.storms.sheltering import BEFORE_MS, FLAP_MS, Shelters, Silence, cover_of, flaps
from protocol.ids import CENTRE_PREFIX
from protocol.kinds import EventClass

MOST_LOSSES: Final = 20_000


@dataclass
class Quieting:
    """One transaction's shelters."""

    connection: Transaction
    around: Surroundings
    now_ms: int
    suspended: Mapping[str, list[Suspension]]
    covers: dict[str, Cover] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    _fresh: list[Incident] = field(default_factory=list)
    _shelters: Shelters = field(default_factory=Shelters)

    def cover(self, made: Correlation, storms: Sequence[Storm]) -> dict[str, Cover]:
        """What takes each alarm that opens; a test was decided before."""
        self._fresh = _incidents(made, storms, self.now_ms)
        touchable = [
            opening
            for opening in made.openings
            if opening.test is None and not breaks_through(opening.fact.kind, opening.fact.event_class)
        ]
        if touchable or self._fresh:
            self._shelters = self._gather(touchable, made)
        for opening in made.openings:
            cover = self._of(opening)
            if cover is not None:
                self.covers[opening.alarm] = cover
        self._flapping(touchable)
        return self.covers

    def settle(self, made: Correlation) -> None:
        """Write the incidents, and put what stands already under what began now."""
        under = {**self._before_storms(), **self._before_silences(made)}
        fresh = {opening.alarm for opening in made.openings}
        put_under(self.connection, self.around, under, self.entries, fresh)
        for incident in self._fresh:
            incident_rows.note_incident(self.connection, incident)
        touched = [cover.id for cover in (*self.covers.values(), *under.values()) if cover.why is Why.STORM]
        incident_rows.touch_incidents(self.connection, [*touched, *(each.alarm for each in self._fresh)], self.now_ms)
        self._prolong(made)

    def _of(self, opening: Opening) -> Cover | None:
        if opening.test is not None:
            return Cover(id=opening.test, why=Why.TEST)
        return cover_of(opening.fact, self._shelters, self.now_ms)

    def _gather(self, touchable: Sequence[Opening], made: Correlation) -> Shelters:
        facts = [opening.fact for opening in touchable]
        lost = {fact.site for fact in facts if fact.kind in CAUSES}
        incidents: list[Incident] = []
        units: dict[str, str] = {}
        if lost or self._fresh:
            there = {incident.alarm for incident in self._fresh}
            standing = incident_rows.open_incidents(self.connection)
            incidents = [*(each for each in standing if each.alarm not in there), *self._fresh]
            units = {site: place.unit for site, place in shelters.places_of(self.connection, lost).items()}
        faults = {
            (fact.site, fact.box)
            for fact in facts
            if fact.event_class == EventClass.FAULT.value and fact.box != self.around.collector
        }
        silences = shelters.silences_of(self.connection, faults)
        for opening in made.openings:
            if _tells_silence(opening.fact):
                box = opening.fact.source.removeprefix("box/")
                silences[box] = Silence(alarm=opening.alarm, at_ms=opening.fact.at_ms, restored_ms=None)
        often = shelters.told_since(self.connection, {fact.key for fact in facts}, self.now_ms - FLAP_MS)
        return Shelters(incidents=incidents, units=units, silences=silences, suspensions=self.suspended, flaps=often)

    def _flapping(self, touchable: Sequence[Opening]) -> None:
        """What was handled and keeps coming back stands under a suspension of the centre's own."""
        fresh: list[Suspension] = []
        for opening in touchable:
            if opening.alarm not in self.covers and flaps(opening.fact, self._shelters):
                fresh.append(_flapping(opening.fact, self.around, self.now_ms))
                self.covers[opening.alarm] = Cover(id=fresh[-1].id, why=Why.FLAPPING)
        suspensions.add_suspensions(self.connection, fresh)
        put_timers(self.connection, [timer_of(each) for each in fresh], self.now_ms)

    def _prolong(self, made: Correlation) -> None:
        """Whoever is told again waits ten minutes anew, but a day at most."""
        again = {link.fact.key: link.fact for link in made.links}
        for held in self.suspended.values():
            for each in held:
                key = (each.site, each.kind, each.points[0] if each.points else "")
                if each.sort is Sort.FLAPPING and each.ended_ms is None and key in again:
                    until_ms = min(self.now_ms + FLAP_MS, each.from_ms + _longest_ms(Sort.FLAPPING))
                    suspensions.prolong(self.connection, each.id, until_ms)
                    delete_timers(self.connection, [each.id])
                    put_timers(self.connection, [timer_of(each, until_ms)], self.now_ms)

    def _before_storms(self) -> dict[str, Cover]:
        """What was told in the minutes before an incident, and deeper incidents, go under it."""
        if not self._fresh:
            return {}
        under: dict[str, Cover] = {}
        incidents = list(self._shelters.incidents)
        for loss in shelters.recent_losses(self.connection, self.now_ms - WINDOW_MS, MOST_LOSSES):
            incident = over(incidents, loss.unit, loss.cause, self.now_ms)
            if loss.alarm is not None and incident is not None:
                under[loss.alarm] = Cover(id=incident.alarm, why=Why.STORM)
        for deeper in incidents:
            above = [
                each
                for each in self._fresh
                if each.cause is deeper.cause and each.unit != deeper.unit and is_within(deeper.unit, each.unit)
            ]
            if above and deeper.shelter is None:
                under[deeper.alarm] = Cover(id=above[0].alarm, why=Why.STORM)
        return under

    def _before_silences(self, made: Correlation) -> dict[str, Cover]:
        """What a box told of its devices before it fell silent, and nobody took."""
        silent = {
            (opening.fact.site, opening.fact.source.removeprefix("box/")): opening.alarm
            for opening in made.openings
            if _tells_silence(opening.fact)
        }
        if not silent:
            return {}
        faults = shelters.untaken_faults(self.connection, silent, self.now_ms - BEFORE_MS)
        by_box = {box: alarm for (_, box), alarm in silent.items()}
        return {fault: Cover(id=by_box[box], why=Why.INHIBITED) for box, found in faults.items() for fault in found}


def put_under(
    connection: Transaction,
    around: Surroundings,
    covers: Mapping[str, Cover],
    entries: list[Entry],
    fresh: Iterable[str] = (),
    person: str = "",
) -> None:
    """Put alarms that are there under shelters: no timer of theirs is left. Entries for the journal are added."""
    if not covers:
        return
    shelters.shelter_rows(connection, covers)
    known = set(fresh)
    for member in shelters.sheltered(connection, covers):
        if member.id not in known:
            cover = covers[member.id]
            entries.append(_entry(member.id, member.site, person or around.collector, cover))
    quiet(connection, list(covers))


def timer_of(suspension: Suspension, until_ms: int | None = None) -> Timer:
    """What ends a suspension by itself; it has the suspension's own id."""
    return Timer(
        id=suspension.id,
        alarm=None,
        purpose=Purpose.SUSPEND,
        due_ms=suspension.until_ms if until_ms is None else until_ms,
        facts={"suspension": suspension.id},
    )


def _incidents(made: Correlation, storms: Sequence[Storm], now_ms: int) -> list[Incident]:
    """The incidents that the storms of this transaction opened or joined."""
    alarm_of = {link.fact.event_id: link.alarm for link in made.links}
    return [
        Incident(
            alarm=alarm_of[storm.event_id],
            cause=storm.cause,
            unit=storm.unit,
            first_ms=now_ms,
            last_ms=now_ms,
            sites=storm.sites,
        )
        for storm in storms
        if storm.event_id in alarm_of
    ]


def _tells_silence(fact: Fact) -> bool:
    """Whether the centre itself misses a box: one that says it of another would keep that one's faults quiet."""
    return fact.kind == "box.silent" and fact.box.startswith(CENTRE_PREFIX)


def _flapping(fact: Fact, around: Surroundings, now_ms: int) -> Suspension:
    return Suspension(
        id=around.new_id(now_ms),
        number=fact.number,
        sort=Sort.FLAPPING,
        site=fact.site,
        kind=fact.kind,
        points=(fact.source,),
        person=around.collector,
        reason="",
        from_ms=now_ms,
        until_ms=now_ms + FLAP_MS,
    )


def _longest_ms(sort: Sort) -> int:
    return int(LONGEST[sort].total_seconds() * 1000)


def _entry(alarm: str, site: str, person: str, cover: Cover) -> Entry:
    facts = {"shelter": cover.id, "why": cover.why.value}
    return Entry(topic=Topic.ALARM, subject=alarm, action="sheltered", site=site, person=person, facts=facts)
