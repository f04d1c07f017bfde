"""One transaction for everything that arrived together: events, boxes, alarms, journal. All of it or nothing.

The steps stand here in their order, each in a file of its own; what is sent afterwards is in the `Outcome`. Flow:
pipeline -> here -> database; then receipts, requests and the live feed.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collector.escalation.surroundings import Surroundings
from collector.fleet.records import Ask, BoxState, Condition
from collector.fleet.supervision import supervise
from collector.ingest.alarming import raise_alarms
from collector.ingest.answering import join_answers
from collector.ingest.auditing import note_findings
from collector.ingest.ending import tell_over
from collector.ingest.enrolling import note_entries, refusals_over
from collector.ingest.ordering import look_at_orders
from collector.ingest.picturing import note_evidence
from collector.ingest.placing import place_events
from collector.ingest.received import Rejection
from collector.ingest.receiver_findings import Changes, note_receivers
from collector.ingest.rejecting import incidents_over, note_rejections
from collector.ingest.revoking import note_revoked
from collector.ingest.sequence import Standing
from collector.ingest.set_back import note_set_back
from collector.ingest.signs_of_life import Hearing, Sign, box_of
from collector.ingest.telling import tell, tell_drafts
from collector.ingest.verification import VerifiedBirth, VerifiedEvents
from collector.ingest.withholding import withhold
from collector.ingest.work import DURESS, Work
from collector.ledger import CentreLedger
from collector.orders.posting import Post
from collector.storage import evidence, writing
from collector.storage.journal import Entry, write_journal
from collector.storage.record_positions import position_of, save_position
from collector.storage.records import Topic
from collector.storage.schema import envelopes
from collector.storage.store import Store
from collector.storms.finding import find_storms, storms_over
from protocol.certificates import Trust
from protocol.enrolment import RecordLine
from protocol.ledger import Position

ENROLMENT = "enrolment"
"""The name of the enrolment's record among positions."""

DUE_AT_ONCE = 1_000
"""Boxes judged in one transaction of the tick."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What arrived together, verified or rejected."""

    events: Sequence[VerifiedEvents] = ()
    signs: Sequence[Sign] = ()
    rejections: Sequence[Rejection] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What follows from a commit: heads to receipt, answers, requests and bundles to send, numbers to count."""

    heads: Mapping[str, Mapping[str, Standing]] = field(default_factory=dict)
    answers: Sequence[tuple[str, bytes]] = ()
    asks: Sequence[tuple[str, Ask]] = ()
    deliveries: Sequence[tuple[str, bytes]] = ()
    posts: Sequence[Post] = ()
    events: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    dropped: int = 0
    alarm_levels: tuple[int, ...] = ()
    changed: bool = False
    revoked: frozenset[str] = frozenset()  # keys


class Committer:
    """Writes what arrives, and what the passing of time shows."""

    def __init__(self, *, store: Store, ledger: CentreLedger, hearing: Hearing, around: Surroundings) -> None:
        self._store, self._ledger, self._hearing, self._around = store, ledger, hearing, around
        self.receivers: Changes = deque()
        """What the receivers of this collector told of themselves since the last look."""
        self._listening_ms = 0

    def commit(self, batch: Batch, *, now_ms: int, mono_ms: int, listening_ms: int) -> Outcome:
        """Store a batch."""
        with self._store.write() as connection:
            work = Work(connection=connection, now_ms=now_ms, number=writing.lock_counters(connection))
            boxes = {verified.box for verified in batch.events} | {box_of(sign) for sign in batch.signs}
            work.known = writing.standings(connection, boxes)
            offsets = writing.clock_offsets(connection, {verified.box for verified in batch.events})
            place_events(work, batch.events, offsets)
            heard = self._hearing.hear(work, batch.signs, listening_ms)
            collector = self._ledger.collector
            evidence.tell_again(
                work.connection, [box_of(sign) for sign in batch.signs if isinstance(sign, VerifiedBirth)], now_ms
            )
            note_rejections(work, (*batch.rejections, *note_evidence(work, collector)), collector)
            levels = self._finish(work, mono_ms)
        answered = {box for box, _ in heard.receipts}
        receipted = {verified.box for verified in batch.events} - answered
        return Outcome(
            heads={box: work.heads(box) for box in receipted},
            answers=heard.receipts,
            asks=work.asks,
            deliveries=heard.deliveries,
            events=work.events_by_lane,
            duplicates=work.duplicates,
            dropped=heard.dropped,
            alarm_levels=levels,
            changed=bool(work.entries),
        )

    def look(self, *, now_ms: int, mono_ms: int, listening_ms: int) -> Outcome | None:
        """Judge the boxes that are due and the incidents that are over; None when nothing was."""
        with self._store.write() as connection:
            work = Work(connection=connection, now_ms=now_ms, number=writing.lock_counters(connection))
            if listening_ms != self._listening_ms:
                # Listening begins anew, perhaps because the clock was set back.
                writing.nothing_heard_after(connection, now_ms)
                self._listening_ms = listening_ms
                note_set_back(work, self._ledger)
            due = writing.due_boxes(connection, now_ms, DUE_AT_ONCE)
            incidents_over(work, self._ledger.collector)
            refusals_over(work, self._ledger)
            note_findings(work, self._around)
            forget = note_receivers(work, self.receivers, self._ledger.collector)
            storms_over(work, self._around)
            posts: list[Post] = list(look_at_orders(work, self._ledger.collector))
            posts.extend(tell_over(work, lambda: self._ledger.new_id(now_ms)))
            if not due and not work.found and not work.drafts and not work.entries and not posts:
                return None
            self._judge(work, due, listening_ms)
            levels = self._finish(work, mono_ms)
        forget()
        return Outcome(asks=work.asks, posts=posts, alarm_levels=levels, changed=bool(work.entries))

    def renewed(self, trust: Trust, *, now_ms: int, mono_ms: int) -> Outcome:
        """Other revocation lists hold from now on: tell of the boxes that they name."""
        with self._store.write() as connection:
            work = Work(connection=connection, now_ms=now_ms, number=writing.lock_counters(connection))
            revoked = note_revoked(work, trust)
            levels = self._finish(work, mono_ms)
        return Outcome(alarm_levels=levels, changed=bool(work.entries), revoked=revoked)

    def enrolled(
        self, entries: Sequence[RecordLine], before: Position | None, behind: Position, *, now_ms: int, mono_ms: int
    ) -> Outcome:
        """The enrolment's record goes on with `entries`; nothing where another collector took them meanwhile."""
        with self._store.write() as connection:
            work = Work(connection=connection, now_ms=now_ms, number=writing.lock_counters(connection))
            if position_of(connection, ENROLMENT) != before:
                return Outcome()
            note_entries(work, self._ledger, entries)
            save_position(connection, ENROLMENT, behind)
            levels = self._finish(work, mono_ms)
        return Outcome(alarm_levels=levels, changed=bool(work.entries))

    def _judge(self, work: Work, due: Sequence[BoxState], listening_ms: int) -> None:
        work.known = writing.standings(work.connection, [state.id for state in due])
        fresh: dict[str, tuple[BoxState, int]] = {}
        for state in due:
            verdict = supervise(state, work.heads(state.id), work.now_ms, listening_ms)
            fresh[state.id] = (verdict.state, verdict.due_ms)
            work.found.extend((state.id, state.site, found) for found in verdict.found)
            work.asks.extend((state.id, ask) for ask in verdict.asks)
            if verdict.found:
                work.entries.append(
                    Entry(
                        topic=Topic.BOX,
                        subject=state.id,
                        action="changed",
                        site=state.site,
                        person=self._ledger.collector,
                    )
                )
        writing.save_boxes(work.connection, fresh, fresh)

    def _finish(self, work: Work, mono_ms: int) -> tuple[int, ...]:
        """What is the same for everything: the centre's own events, alarms, the rows, the journal."""
        doubled = {box for box, _, found in work.found if found.condition is Condition.FORK}
        if doubled:
            writing.mark_forked(work.connection, doubled)
        tell(work, self._ledger, mono_ms)
        storms = find_storms(work, self._around)
        if storms:
            tell_drafts(work, self._ledger, mono_ms)
        withhold(work)
        join_answers(work, self._ledger.collector)
        made = raise_alarms(work, self._around, storms)
        writing.insert_many(work.connection, envelopes, work.envelopes)
        work.flush_events()
        writing.save_standings(work.connection, work.fresh, work.known)
        if work.first_event:
            subject = f"{work.first_event}-{work.last_event}"
            work.entries.append(
                Entry(topic=Topic.EVENT, subject=subject, action="committed", site="", person=self._ledger.collector)
            )
        write_journal(work.connection, work.entries, work.now_ms)
        writing.save_counter(work.connection, work.number)
        return tuple(opening.fact.level for opening in made.openings if opening.fact.kind not in DURESS)
