"""From storage rows to what the API says: names, words, deadlines put beside the facts.

Reads nothing but the cache of point names and the list of people. Flow: rows -> shapes -> JSON, pages, live feed.
"""

from collections.abc import Sequence
from typing import Any, Final

from collector.alarms import clocks
from collector.console import shapes
from collector.console.life_words import RECORD
from collector.console.names import PointNames
from collector.console.record_telling import Around, about
from collector.console.wording import Wording
from collector.people import People
from collector.storage.records import (
    AlarmDetail,
    AlarmRow,
    AlarmState,
    BoxRow,
    ConfigRow,
    EventRow,
    JournalRow,
    SiteRow,
)
from collector.times import moment
from protocol.ids import CENTRE_PREFIX
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import texts_for
from protocol.timestamps import format_time

_CENTRE: Final = N_("Centre")


class Telling:
    """Makes shapes in a language."""

    def __init__(self, people: People, names: PointNames) -> None:
        self._people = people
        self._names = names

    def wording(self, box: str, language: str, now_ms: int) -> Wording:
        """Sentences about one box in one language."""
        known = self._names.of(box, now_ms)
        return Wording(texts=texts_for(language), names=known.names, people=self.person, zone=known.zone)

    def alarm(
        self, row: AlarmRow, language: str, now_ms: int, still: str | None = None, members: int = 0
    ) -> shapes.Alarm:
        """An alarm as lists and the live feed show it; `still` is the address of its picture for this reader."""
        told = self._alarm(row, self.wording(row.box, language, now_ms))
        return shapes.Alarm(**told, still=still, members_count=members)

    def whole(
        self, detail: AlarmDetail, language: str, now_ms: int, pieces: Sequence[shapes.Piece] = ()
    ) -> shapes.AlarmWhole:
        """An alarm with its explanation in words, its record, and its pictures as this reader may see them."""
        row = detail.alarm
        wording = self.wording(row.box, language, now_ms)
        steps = list(wording.timeline(row.kind, row.source, iso(row.at_ms), row.facts, row.because))
        for part in detail.parts:
            event = part.event
            if part.part == "restored":
                steps += wording.timeline(event.kind, event.source, iso(event.at_ms), event.facts, event.because)
        steps.sort(key=lambda step: step.at)  # a zone may be at rest before the alarm that it led to
        return shapes.AlarmWhole(
            **self._alarm(row, wording),
            timeline=[shapes.Step(at=step.at, text=step.text) for step in steps],
            next_step=wording.next_step(row.kind, row.site, row.facts),
            record=self._record(detail, language),
            event_ids=[part.event.id for part in detail.parts],
            evidence=list(pieces),
            still=next((each.href for each in pieces if each.kind == "still" and each.href), None),
        )

    def event(self, row: EventRow, language: str) -> shapes.Event:
        """A line of a ledger."""
        return shapes.Event(
            number=row.number,
            id=row.id,
            site=row.site,
            box=row.box,
            run=row.run,
            lane=row.lane,  # type: ignore[arg-type]  # a lane's word, checked when it was decoded
            seq=row.seq,
            hash=row.hash,
            kind=row.kind,
            event_class=row.event_class,
            level=row.level,
            source=row.source,
            clock=row.clock,
            at=iso(row.at_ms),
            received_at=iso(row.received_ms),
            delay_ms=row.delay_ms,
            facts=dict(row.facts),
            because=list(row.because),
            restores=row.restores,
            flags=list(row.flags),
            words=Wording(texts=texts_for(language)).title(row.kind),
        )

    def person(self, person_id: str | None) -> str | None:
        """The name of a person; its id once it is no longer in the configuration."""
        if person_id is None:
            return None
        known = self._people.by_id(person_id)
        return known.name if known else person_id

    def _alarm(self, row: AlarmRow, wording: Wording) -> dict[str, Any]:
        due = respond_by_ms(row)
        return {
            "id": row.id,
            "number": row.cursor,
            "site": row.site,
            "box": row.box,
            "kind": row.kind,
            "event_class": row.event_class,
            "level": row.level,
            "source": row.source,
            "state": row.state.value,
            "opened_at": iso(row.opened_ms),
            "at": iso(row.at_ms),
            "delay_ms": row.delay_ms,
            "due_at": None if due is None else iso(due),
            "due_from": None if due is None else iso(clocks.respond_from_ms(row.level, due)),
            "restored_at": None if row.restored_ms is None else iso(row.restored_ms),
            "facts": dict(row.facts),
            "because": list(row.because),
            "events": row.events,
            "holder": row.holder,
            "resolution": row.resolution,
            "narrative": row.narrative,
            "flags": list(row.flags),
            "version": row.version,
            "handlers": list(row.handlers),
            "raised_at": _iso(row.raised_ms),
            "follow_by": _iso(row.follow_by_ms),
            "parked_until": _iso(row.parked_until_ms) if row.state is AlarmState.PARKED else None,
            "reviewer": row.reviewer,
            "score": row.score,
            "shelter": row.shelter,
            "shelter_why": row.shelter_why or None,
            "words": shapes.AlarmWords(
                title=wording.title(row.kind),
                headline=wording.headline(row.kind, row.source, row.facts),
                place=f"{row.site_name} · {wording.source(row.source, row.facts)}",
                holder=self.person(row.holder),
            ),
        }

    def _record(self, detail: AlarmDetail, language: str) -> list[shapes.Entry]:
        around = Around(
            texts=texts_for(language),
            person=self.person,
            timezone=detail.alarm.timezone,
            steps={step.position: step for step in detail.steps},
        )
        return [self._entry(entry, around) for entry in detail.history]

    def _entry(self, entry: JournalRow, around: Around) -> shapes.Entry:
        texts = around.texts
        known = self._people.by_id(entry.person)
        who = known.name if known else texts(_CENTRE) if entry.person.startswith(CENTRE_PREFIX) else entry.person
        did = texts(RECORD[entry.action]) if entry.action in RECORD else entry.action
        return shapes.Entry(
            at=iso(entry.at_ms),
            person=entry.person,
            action=entry.action,
            text=f"{did} · {who}",
            about=about(entry.action, entry.facts, around),
            note=entry.facts.get("text"),
            way=entry.facts.get("way"),
        )


def site(row: SiteRow) -> shapes.Site:
    """A guarded place."""
    return shapes.Site(
        id=row.id,
        name=row.name,
        unit=row.unit,
        timezone=row.timezone,
        boxes=row.boxes,
        silent=row.silent,
        alarms=row.alarms,
    )


def box(row: BoxRow) -> shapes.Box:
    """A box and its points, as it told them: how far they can still be believed, `state` and `since` say."""
    return shapes.Box(
        id=row.id,
        site=row.site,
        state="silent" if row.silent else "heard",
        software=row.software,
        run=row.run,
        heard_at=iso(row.heard_ms),
        clock=row.clock,
        offset_ms=row.offset_ms,
        delayed=row.delayed,
        forked=row.forked,
        health=dict(row.health),
        points=[
            shapes.Point(
                id=each.id,
                name=each.name,
                state=each.state,
                since=iso(each.since_ms),
                cause=each.cause,
                marks=list(each.marks),
            )
            for each in row.points
        ],
        heads=[
            shapes.LaneHead(lane=each.lane, run=each.run, seq=each.seq, hash=each.hash, claimed_seq=each.claimed_seq)
            for each in row.heads
        ],
        config=_config(row.config),
        wanted=_wanted(row.config),
        drift=row.config.drift or None,  # type: ignore[arg-type]  # a word of ours from our own table
        refused_reason=row.config.refused_reason or None,
        machine=row.config.machine or None,
        certificate_ends_at=None if row.config.certificate_ends_ms is None else iso(row.config.certificate_ends_ms),
        revoked=row.config.revoked,
    )


def _config(row: ConfigRow) -> shapes.BoxConfig | None:
    if not row.hash:
        return None
    return shapes.BoxConfig(
        version=row.version,
        hash=row.hash,
        roster_version=row.roster_version,
        roster_not_after=row.roster_not_after,
    )


def _wanted(row: ConfigRow) -> shapes.WantedConfig | None:
    if not row.wanted_hash:
        return None
    sent = None if row.delivered_ms is None else iso(row.delivered_ms)
    return shapes.WantedConfig(
        version=row.wanted_version, hash=row.wanted_hash, stored_at=iso(row.wanted_ms), sent_at=sent
    )


def respond_by_ms(row: AlarmRow) -> int | None:
    """When an alarm must be taken in hand; None when no clock runs: somebody has it, or it is quiet for a while."""
    if row.state not in (AlarmState.NEW, AlarmState.RETURNED) or row.shelter is not None:
        return None
    return row.respond_by_ms or clocks.respond_by_ms(row.level, row.opened_ms)


def _iso(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)


def iso(ms: int) -> str:
    """Unix milliseconds as on the wire."""
    return format_time(moment(ms))
