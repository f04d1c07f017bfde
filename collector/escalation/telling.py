"""What one transaction of escalation will write: notices, timers, journal entries, collected and written at the end.

Steps and reminders become wishes for notices here; who a target is was looked up before. Flow: begin.py and firing.py
-> here -> notify/queueing.py, storage/timers.py, the journal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from collector.escalation.chains import (
    Advance,
    Chain,
    advance,
    again,
    chain_of,
    facts_of,
    not_later,
    start,
    steps_of,
)
from collector.escalation.plan import ENDED, again_ms, timer
from collector.escalation.records import Purpose, Timer, Watched
from collector.escalation.targets import Looked, Resolved, resolve
from collector.notify.queueing import queue
from collector.notify.records import DESK, RISEN, Sort, Wanted
from collector.rules.shapes import Policy, PolicyStep
from collector.storage import timers
from collector.storage.journal import Entry, write_journal
from collector.storage.records import HELD_STATES, Topic
from collector.storage.store import Transaction

LEADERS: Final = "role/shift_leader"
DIRECTORS: Final = "role/centre_director"


@dataclass
class Telling:
    """Collects; `write` writes."""

    looked: Looked
    answered: Mapping[str, frozenset[str]] = field(default_factory=dict)  # alarm -> who answered already
    risen: Mapping[str, int] = field(default_factory=dict)  # alarm -> its level before; each notice of it says so
    wanted: list[Wanted] = field(default_factory=list)
    fresh: list[Timer] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def begin_chain(self, alarm: Watched, policy: Policy, before: Timer | None) -> None:
        """Start an alarm's chain: what is due at once is told, the rest waits, no longer than `before` did."""
        held, now_ms, steps = self.looked.held, self.looked.now_ms, steps_of(policy, alarm)
        stood = None if before is None else chain_of(before.facts)
        if stood is not None and stood.policy == policy.name and stood.rules != held.version:
            stood = again(policy, alarm, held.version, stood)
        chain = start(policy, held.version, now_ms, stood)
        if before is not None:
            chain = not_later(steps, chain, now_ms, before.due_ms)
            if steps and chain.step >= len(steps):  # all told: the last is repeated when it is due
                self.set(alarm, Purpose.ESCALATE, before.due_ms, facts_of(chain))
                return
        self.go_on(alarm, policy, chain)

    def go_on(self, alarm: Watched, policy: Policy, chain: Chain) -> None:
        """Tell what is due of a chain, and set the next timer."""
        steps = steps_of(policy, alarm)
        told: list[tuple[PolicyStep, list[Resolved]]] = []

        def reached(step: PolicyStep) -> bool | None:
            resolved = [resolve(self.looked, alarm, target, step.by) for target in step.tell]
            told.append((step, resolved))
            if all(target.startswith("receiver/") for target in step.tell):
                return None
            return any(each.reaches_somebody for each in resolved)

        moved = advance(policy, steps, chain, self.looked.now_ms, reached)
        if told:
            facts = {"policy": policy.name, "steps": [position + 1 for position in moved.told]}
            self.tell(alarm, Sort.ALARM, [each for _, resolved in told for each in resolved], facts)
        self._next(alarm, moved)

    def _next(self, alarm: Watched, moved: Advance) -> None:
        if moved.due_ms is None:
            if alarm.state not in HELD_STATES:  # there one runs already
                self.set(alarm, Purpose.STALL, again_ms(Purpose.STALL, alarm, self.looked.now_ms), ENDED)
            return
        self.set(alarm, Purpose.ESCALATE, moved.due_ms, facts_of(moved.chain))

    def set(self, alarm: Watched, purpose: Purpose, due_ms: int, facts: Mapping[str, Any] | None = None) -> None:
        """A timer of this alarm."""
        self.fresh.append(timer(self.looked.around.new_id(self.looked.now_ms), alarm.id, purpose, due_ms, facts))

    def remind(self, alarm: Watched, why: str, *rungs: Sequence[str]) -> None:
        """Tell the first of these whom it reaches that something did not happen in time.

        Who should have acted may be nobody any more.
        """
        for targets in rungs:
            resolved = [resolve(self.looked, alarm, target) for target in targets]
            self.tell(alarm, Sort.REMINDER, resolved, {"why": why})
            if any(each.reaches_somebody for each in resolved):
                return

    def rise(self, alarm: Watched, targets: Sequence[str]) -> None:
        """Tell these that its level rose, by their usual ways; not whom a step tells at this moment."""
        there = {asked.person or asked.target for asked in self.wanted if asked.alarm == alarm.id}
        missing = [target for target in targets if target.removeprefix("person/") not in there]
        if missing:
            self.tell(alarm, Sort.ALARM, [resolve(self.looked, alarm, target) for target in missing], {"why": RISEN})

    def tell(
        self,
        alarm: Watched,
        sort: Sort,
        resolved: Sequence[Resolved],
        facts: dict[str, Any],
    ) -> None:
        """Notices for everybody of these targets who did not answer yet, and the entry that says so.

        While nobody has the alarm, an answer only pauses: who gave it is told again, unless of the same group others
        still owe theirs. Else an alarm that everybody answered and nobody took would be told to nobody.
        """
        if alarm.id in self.risen:
            facts = {**facts, "risen": self.risen[alarm.id]}
        people: dict[str, None] = {}
        for each in resolved:
            answered = self.answered.get(alarm.id, frozenset()) if sort is Sort.ALARM else frozenset()
            owed = each.need_all and any(reach.person not in answered for reach in each.people)
            if alarm.state not in HELD_STATES and not owed:
                answered = frozenset()
            if each.target == DESK and each.desk:
                self._want(alarm, sort, each.target, "", (DESK,), facts)
            for receiver in each.receivers:
                self._want(alarm, sort, each.target, "", (receiver,), facts)
            for reach in each.people:
                if reach.person and reach.person in answered:
                    continue
                self._want(alarm, sort, each.target, reach.person, reach.channels, facts)
                people[reach.person or each.target] = None
            people |= dict.fromkeys(person for person in each.desk if person not in answered)
        told: dict[str, Any] = {**facts, "targets": [each.target for each in resolved], "people": list(people)}
        if missed := {each.target: each.why for each in resolved if each.why}:
            told["missed"] = missed
        self.note(alarm, "told", told)

    def note(self, alarm: Watched, action: str, facts: dict[str, Any]) -> None:
        """An entry of the journal on an alarm."""
        collector = self.looked.around.collector
        self.entries.append(
            Entry(topic=Topic.ALARM, subject=alarm.id, action=action, site=alarm.site, person=collector, facts=facts)
        )

    def write(self, connection: Transaction, entries: list[Entry] | None = None) -> None:
        """Write all of it; the caller holds the counters' lock. Entries go behind the caller's own, if it has some."""
        queue(connection, self.wanted, self.looked.now_ms, self.looked.around)
        timers.put_timers(connection, self.fresh, self.looked.now_ms)
        if entries is None:
            write_journal(connection, self.entries, self.looked.now_ms)
        else:
            entries.extend(self.entries)

    def _want(
        self, alarm: Watched, sort: Sort, target: str, person: str, channels: tuple[str, ...], facts: dict[str, Any]
    ) -> None:
        self.wanted.append(
            Wanted(
                alarm=alarm.id,
                sort=sort,
                target=target,
                person=person,
                channels=channels,
                level=alarm.level,
                facts=facts,
            )
        )
