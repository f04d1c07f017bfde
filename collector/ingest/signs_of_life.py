"""Beats, births and deaths into the rows of their boxes, each answered by a receipt: the shell around fleet/hearing.py.

Inside the transaction, after the events of the same moment were placed, so that an answer states them. Flow: verified
messages -> here -> rows of boxes, findings, receipts to send after the commit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from collector.fleet.hearing import hear_beat, hear_birth, hear_death
from collector.fleet.records import KEPT_CHALLENGES, BeatRun, BoxState, Heard
from collector.fleet.supervision import due_ms
from collector.ingest.configuring import Said, follow_configs
from collector.ingest.receipts import Receipts
from collector.ingest.site_facts import note_site
from collector.ingest.verification import VerifiedBeat, VerifiedBirth, VerifiedDeath
from collector.ingest.work import Work
from collector.storage import writing
from collector.storage.journal import Entry
from collector.storage.records import Topic
from collector.storage.writing import Key
from collector.times import unix_ms
from protocol.messages import PointState

Sign = VerifiedBeat | VerifiedBirth | VerifiedDeath

_TELLING: Final = ("silent", "delayed", "forked", "run")
"""Fields of a box whose change the desk wants to see at once."""


@dataclass
class Answers:
    """What the signs of life led to: answers and bundles to send, and messages dropped."""

    receipts: list[tuple[str, bytes]] = field(default_factory=list)
    dropped: int = 0
    deliveries: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass
class Hearing:
    """Hears in the name of one collector. `challenge` draws a new one; `listening_ms` is since when it can hear."""

    receipts: Receipts
    collector: str
    challenge: Callable[[], str]

    def hear(self, work: Work, signs: Sequence[Sign], listening_ms: int) -> Answers:
        """Take signs of life in the order they came."""
        answers = Answers()
        if not signs:
            answers.deliveries = follow_configs(work, (), self.collector)
            return answers
        boxes = {box_of(sign) for sign in signs}
        known = writing.box_states(work.connection, boxes)
        states = dict(known)
        counters = self._counters(work, signs, known)
        fresh_counters: dict[Key, BeatRun] = {}
        changed: dict[str, tuple[BoxState, int]] = {}
        latest: dict[Key, bytes] = {}
        told: dict[str, tuple[PointState, ...]] = {}
        born: set[str] = set()
        said: list[Said] = []
        for sign in signs:
            box = box_of(sign)
            before = states.get(box)
            heard = _heard(sign, before, counters | fresh_counters, work, listening_ms)
            work.asks.extend((box, ask) for ask in heard.asks)
            if heard.state is None:
                answers.dropped += 1
                continue
            if heard.beat_run is not None:
                fresh_counters[box, heard.beat_run.run] = heard.beat_run
            if isinstance(sign, VerifiedBirth):
                self._introduce(work, sign)
                born.add(box)
                told.pop(box, None)
            state = self._answered(work, heard, heard.state, sign, answers, latest)
            if heard.points:
                told[box] = (*told.get(box, ()), *heard.points)
            if _run(sign) == state.run and not isinstance(sign, VerifiedDeath):
                said.append(_said(sign, before, state))
            states[box] = state
            changed[box] = (state, due_ms(state, listening_ms))
            work.found.extend((box, state.site, found) for found in heard.found)
            if _shows(before, state) or heard.points:
                work.entries.append(_entry(self.collector, state, isinstance(sign, VerifiedBirth)))
        writing.save_boxes(work.connection, changed, known)
        writing.save_beat_runs(work.connection, fresh_counters, counters)
        writing.save_latest(work.connection, latest, work.now_ms)
        self._save_points(work, told, born)
        answers.deliveries = follow_configs(work, said, self.collector)
        return answers

    def _counters(self, work: Work, signs: Iterable[Sign], known: Mapping[str, BoxState]) -> dict[Key, BeatRun]:
        wanted = {(box_of(sign), _run(sign)) for sign in signs}
        wanted |= {(box, state.run) for box, state in known.items()}
        return writing.beat_runs_of(work.connection, wanted)

    def _answered(
        self,
        work: Work,
        heard: Heard,
        state: BoxState,
        sign: Sign,
        answers: Answers,
        latest: dict[Key, bytes],
    ) -> BoxState:
        if isinstance(sign, VerifiedDeath) or not heard.answer:
            return state
        challenge = self.challenge()
        issued = (*state.challenges, (challenge, work.now_ms))[-KEPT_CHALLENGES:]
        heads = work.heads(state.id)
        if isinstance(sign, VerifiedBirth):
            birth = sign.birth
            receipt = self.receipts.birth(state.id, birth.run, heads, birth.counter, challenge, work.now_ms)
            latest[state.id, "birth"] = sign.received.payload
        else:
            receipt = self.receipts.beat(state.id, heads, sign.beat.counter, challenge, work.now_ms)
            latest[state.id, "beat"] = sign.received.payload
        latest[state.id, "receipt"] = receipt
        answers.receipts.append((state.id, receipt))
        forked = state.forked or any(found.condition == "ledger.fork" for found in heard.found)
        return msgspec.structs.replace(state, challenges=issued, forked=forked)

    def _introduce(self, work: Work, sign: VerifiedBirth) -> None:
        birth, identity = sign.birth, sign.identity
        note_site(work, birth)
        writing.save_identity(
            work.connection,
            {
                "kid": identity.kid,
                "box": identity.id,
                "role": identity.role.value,
                "site": identity.site,
                "chain": msgspec.json.encode(birth.x5c),
                "not_after_ms": unix_ms(identity.not_after),
                "first_seen_ms": work.now_ms,
            },
        )

    def _save_points(self, work: Work, told: Mapping[str, tuple[PointState, ...]], born: set[str]) -> None:
        if not told:
            return
        there = writing.points_of(work.connection, told.keys() - born)
        fresh: dict[str, str] = {}
        for box, points in told.items():
            states: dict[str, list[Any]] = there.get(box, {})
            for point in points:
                name = point.name or (states[point.id][2] if point.id in states else "")
                states[point.id] = [point.state, work.now_ms - point.age_ms, name, point.cause, list(point.marks)]
            fresh[box] = msgspec.json.encode(states).decode("utf-8")
        writing.save_points(work.connection, fresh, work.now_ms)


def _heard(sign: Sign, state: BoxState | None, counters: Mapping[Key, BeatRun], work: Work, listening_ms: int) -> Heard:
    box = box_of(sign)
    known = counters.get((box, _run(sign)))
    current = counters.get((box, state.run)) if state is not None else None
    if isinstance(sign, VerifiedBirth):
        return hear_birth(state, known, current, sign.birth, work.heads(box), work.now_ms)
    if isinstance(sign, VerifiedDeath):
        return hear_death(state, sign.death, work.now_ms)
    since_ms = sign.received.heard_since_ms
    if since_ms <= work.now_ms:  # else the clock was set back, and listening began anew then
        listening_ms = max(listening_ms, since_ms)
    return hear_beat(state, known, current, sign.beat, work.heads(box), work.now_ms, listening_ms)


def box_of(sign: Sign) -> str:
    """The box whose sign of life this is."""
    if isinstance(sign, VerifiedBirth):
        return sign.birth.box
    return sign.beat.box if isinstance(sign, VerifiedBeat) else sign.death.box


def _run(sign: Sign) -> str:
    if isinstance(sign, VerifiedBirth):
        return sign.birth.run
    return sign.beat.run if isinstance(sign, VerifiedBeat) else sign.death.run


def _said(sign: VerifiedBirth | VerifiedBeat, before: BoxState | None, state: BoxState) -> Said:
    birth = sign.birth if isinstance(sign, VerifiedBirth) else None
    return Said(
        box=state.id,
        site=state.site,
        config=birth.config if birth is not None else sign.beat.config if isinstance(sign, VerifiedBeat) else None,
        machine=None if birth is None else birth.machine,
        returned=before is not None and before.silent,
        forked=state.forked,
    )


def _shows(before: BoxState | None, after: BoxState) -> bool:
    return before is None or any(getattr(before, name) != getattr(after, name) for name in _TELLING)


def _entry(collector: str, state: BoxState, born: bool) -> Entry:
    action = "born" if born else "changed"
    return Entry(topic=Topic.BOX, subject=state.id, action=action, site=state.site, person=collector)
