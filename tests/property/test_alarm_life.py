"""Whatever happens to alarms, in whatever order: nobody forgets one, nobody is told twice, the journal holds.

Events and their ends, moves of anybody, answers, suspensions, other rules, time, and processes that are killed in the
middle of a transaction. After every step the auditor finds nothing, or this file has found something.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from collector.alarms.moving import RefusedError
from collector.alarms.words import Move, Resolution, Verified, Whom
from collector.escalation import audit
from collector.people import Person
from collector.rules.shapes import Policy, Procedure, ProcedureStep, Rules, StepKind, Until
from collector.storage.alarm_tables import notices
from collector.storage.journal import first_break
from collector.storage.migrating import migrate
from collector.storage.schema import alarms, journal
from collector.storage.store import Store, Transaction, sqlite_url
from collector.storms.records import Sort
from collector.storms.service import NotSuspendedError, SuspensionService
from collector.storms.suspending import Wish
from collector.times import unix_ms
from provisioning.authority import Authority
from tests.collecting import Box
from tests.databases import own_database
from tests.ledgers import NOW
from tests.nights import LEADER, OTHER_LEADER, REVIEWER, RULES, SEATS, Night, after, box_of

SECURITY = ("zone.intrusion", "zone.hold_up", "door.forced", "presence.after_hours", "camera.covered")
FAULTS = ("device.offline", "camera.video_loss", "partition.late_to_close", "box.mains_lost", "door.held_open")
SOURCES = ("zone/hall", "camera/03")
SITES = ("0755-031", "0755-032", "0755-033")

ALL_ANSWER = Policy(
    name="all",
    repeat=timedelta(minutes=2),
    times=3,
    until=Until.DISPATCHED,
    step=(after(0, "desk"), after(20, "group/both", "receiver/110"), after(50, "person/leader-2")),
)
RULE_SETS: tuple[Rules, ...] = (
    RULES,
    msgspec.structs.replace(RULES, policy=(ALL_ANSWER,)),
    msgspec.structs.replace(
        RULES,
        policy=RULES.policy[1:],
        procedure=(
            Procedure(
                name="look",
                step=(ProcedureStep(kind=StepKind.NOTE, text="look"), ProcedureStep(kind=StepKind.LOOK, text="again")),
            ),
        ),
    ),
)
"""Steps in order, a group that answers to the last with an end to its repeats, and rules with a procedure."""


class KilledError(BaseException):
    """The process is gone: nobody catches this."""


class MortalStore(Store):
    """A store whose process dies inside the next transactions: what was written there is not."""

    dies = False

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction, or the last."""
        with super().write() as connection:
            yield connection
            if self.dies:
                raise KilledError


@cache
def _authority() -> Authority:
    return Authority.create(now=NOW)


@cache
def _empty() -> TemporaryDirectory[str]:
    """A folder with a migrated database without rows, gone with the process: migrations take longer than a night."""
    folder = TemporaryDirectory(prefix="alarm-life-")
    path = Path(folder.name) / "centre.db"
    store = Store(sqlite_url(path))
    migrate(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return folder


class AlarmLife(RuleBasedStateMachine):
    """A bank of three sites and everybody who works there."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="alarm-life-")
        folder = Path(self._folder.name)
        url = own_database(folder)
        if url == sqlite_url(folder / "centre.db"):
            shutil.copy(Path(_empty().name) / "centre.db", folder / "centre.db")
        self.night = Night(folder=folder, authority=_authority(), url=url, make_store=MortalStore)
        self.loaded = 0
        self.boxes: list[Box] = []

    def teardown(self) -> None:
        """Leave nothing."""
        self.night.close()
        self._folder.cleanup()

    @initialize()
    def begins(self) -> None:
        """Rules are loaded, the boxes are met."""
        self._load(RULES)
        for site in SITES:
            self.boxes.append(box_of(self.night, name=f"{site}-a", site=site))

    @rule(site=st.sampled_from(SITES), kind=st.sampled_from((*SECURITY, *FAULTS)), source=st.sampled_from(SOURCES))
    def happens(self, site: str, kind: str, source: str) -> None:
        """An event arrives."""
        self._take(self.boxes[SITES.index(site)], kind, source)

    @rule(site=st.sampled_from(SITES), seconds=st.sampled_from((1, 61, 200)))
    def gets_graver(self, site: str, seconds: int) -> None:
        """A forced door, and after a while a second sense that agrees: the alarm rises, whoever was told of it."""
        box = self.boxes[SITES.index(site)]
        self._take(box, "door.forced", "zone/hall")
        self.night.pass_seconds(seconds)
        self._take(box, "presence.after_hours", "camera/03")

    @rule(site=st.sampled_from(SITES), levels=st.lists(st.integers(1, 4), min_size=2, max_size=6))
    def tells_much(self, site: str, levels: list[int]) -> None:
        """Several events in one message, of two sources in turn: alarms that open, are joined and rise together."""
        box = self.boxes[SITES.index(site)]
        self.night.sit()
        box.now = self.night.now
        lines = [box.line("door.forced", source=SOURCES[at % 2], level=level) for at, level in enumerate(levels)]
        self.night.take(box.events(*lines))

    @rule(which=st.integers(0, 30))
    def ends(self, which: int) -> None:
        """A condition ends by itself."""
        told = [each for each in self.night.events() if each.kind in (*SECURITY, *FAULTS)]
        if told:
            event = told[which % len(told)]
            box = self.boxes[SITES.index(event.site)]
            self._take(box, f"{event.kind}.restored", event.source, restores=event.id)

    @rule(
        who=st.sampled_from(SEATS),
        what=st.sampled_from([move for move in Move if move is not Move.STEP]),
        which=st.integers(0, 30),
        other=st.sampled_from(SEATS),
        minutes=st.integers(1, 60),
        score=st.integers(0, 4),
    )
    def moves(self, who: Person, what: Move, which: int, other: Person, minutes: int, score: int) -> None:
        """Somebody tries something; most of it is not that person's to do, or not now."""
        alarm = self._alarm(which)
        if alarm is not None:
            with suppress(RefusedError):
                self.night.does(who, what, alarm, **self._said(other, minutes, score))

    @rule(far=st.integers(1, 4), which=st.integers(0, 30))
    def goes_on(self, far: int, which: int) -> None:
        """An alarm goes its ordinary way, so far: taken, its steps and its end, reviewed, closed."""
        alarm = self._alarm(which)
        for _ in range(far if alarm is not None else 0):
            state = self.night.state(str(alarm))[0]
            who, what = _NEXT[state]
            for position in range(2 if state in _IN_HAND else 0):
                with suppress(RefusedError):
                    self.night.does(LEADER, Move.STEP, str(alarm), position=position, outcome="skipped", text="x")
            with suppress(RefusedError):
                self.night.does(who, what, str(alarm), **self._said(who, 10, 0))

    @rule(who=st.sampled_from(SEATS), which=st.integers(0, 30))
    def answers(self, who: Person, which: int) -> None:
        """Somebody presses the button behind a link."""
        alarm = self._alarm(which)
        if alarm is not None:
            self.night.answers(alarm, who)

    @rule(seconds=st.sampled_from((1, 20, 61, 200, 700, 7200)))
    def passes(self, seconds: int) -> None:
        """Time."""
        self.night.pass_seconds(seconds)

    @rule(which=st.integers(0, len(RULE_SETS) - 1))
    def loads(self, which: int) -> None:
        """Other rules hold."""
        self._load(RULE_SETS[which])

    @rule(
        sort=st.sampled_from((Sort.SHELVE, Sort.TEST, Sort.MAINTENANCE)),
        site=st.sampled_from(SITES),
        kind=st.sampled_from(("", *FAULTS)),
        points=st.sets(st.sampled_from(SOURCES)),
        minutes=st.integers(1, 90),
        then=st.sampled_from((*SECURITY, *FAULTS)),
    )
    def suspends(self, sort: Sort, site: str, kind: str, points: set[str], minutes: int, then: str) -> None:
        """The shift leader keeps something quiet for a time, and something happens there."""
        now_ms = unix_ms(self.night.now)
        until_ms = now_ms + minutes * 60_000
        wish = Wish(
            sort=sort, site=site, kind=kind, points=tuple(sorted(points)), reason="x", from_ms=now_ms, until_ms=until_ms
        )
        with suppress(NotSuspendedError):
            self._suspensions().begin(wish, LEADER)
        self._take(self.boxes[SITES.index(site)], then, min(points, default=SOURCES[0]))

    @rule(seconds=st.integers(1, 5), which=st.integers(0, 30), who=st.sampled_from(SEATS))
    def dies(self, seconds: int, which: int, who: Person) -> None:
        """A process is killed while it fires timers, and while somebody takes an alarm; another one begins."""
        self.night.now += timedelta(seconds=seconds)
        store = self.night.store
        assert isinstance(store, MortalStore)
        store.dies = True
        with suppress(KilledError):
            self.night.runner.tick(unix_ms(self.night.now))
        alarm = self._alarm(which)
        if alarm is not None:
            with suppress(KilledError, RefusedError):
                self.night.does(who, Move.ACKNOWLEDGE, alarm)
        self.night.restart()

    @rule(there=st.booleans())
    def sits(self, there: bool) -> None:
        """The operator comes, or goes."""
        self.night.at_desk = {"operator-1"} if there else set()

    @invariant()
    def nobody_is_forgotten(self) -> None:
        """Every open alarm has its next step and somebody whom it reaches; nothing is late."""
        self.night.sit()
        self.night.runner.tick(unix_ms(self.night.now))
        assert self.night.faults() == []
        with self.night.store.read() as reading:
            assert audit.told(reading.connection) == {}

    @invariant()
    def the_journal_holds(self) -> None:
        """Its chain has no break."""
        with self.night.store.read() as reading:
            lines = reading.connection.execute(select(journal.c.line).order_by(journal.c.number)).scalars().all()
        assert first_break(lines) is None

    @invariant()
    def security_breaks_through(self) -> None:
        """No shelter but a test of its very point takes a security alarm."""
        with self.night.store.read() as reading:
            quiet = alarms.c.shelter.is_not(None) & (alarms.c.event_class == "security")
            found = reading.connection.execute(select(alarms.c.shelter_why, alarms.c.source).where(quiet)).all()
        assert {row.shelter_why for row in found} <= {"test"}

    @invariant()
    def nobody_is_told_twice(self) -> None:
        """A step tells a person once in each of an alarm's beginnings; nothing is queued twice at once."""
        with self.night.store.read() as reading:
            rows = reading.connection.execute(select(notices).where(notices.c.follows.is_(None))).all()
            begun = Counter(
                reading.connection.execute(select(journal.c.subject).where(journal.c.action.in_(_BEGINS))).scalars()
            )
        at_once = Counter((row.alarm, row.person or row.target, row.sort, row.queued_ms) for row in rows)
        assert [key for key, many in at_once.items() if many > 1 + begun[key[0]]] == []
        steps: Counter[tuple[str, str, str, int]] = Counter()
        for row in rows:
            told = msgspec.json.decode(row.facts)["told"]
            policy = next((each for held in RULE_SETS for each in held.policy if each.name == told.get("policy")), None)
            for step in told.get("steps", ()):
                if policy is not None and step < len(policy.step) - 1:  # the last one that applies repeats
                    steps[row.alarm, row.person or row.target, policy.name, step] += 1
        assert [key for key, many in steps.items() if many > 1 + begun[key[0]] + self.loaded] == []

    @invariant()
    def nobody_knows_less(self) -> None:
        """Of an alarm that nobody ever took, whoever was told was told its level; who answered, where it is I or II."""
        with self.night.store.read() as reading:
            never = alarms.c.acknowledged_ms.is_(None) & alarms.c.shelter.is_(None) & (alarms.c.state == "new")
            rows = reading.connection.execute(
                select(notices.c.alarm, notices.c.person, notices.c.level, notices.c.answered_ms, alarms.c.level)
                .join_from(notices, alarms, alarms.c.id == notices.c.alarm)
                .where(never, notices.c.person != "", notices.c.state != "cancelled")
            ).all()
        gravest: dict[tuple[str, str], int] = {}
        for alarm, person, told, answered_ms, level in rows:
            said = level if answered_ms is not None and level > 2 else told
            gravest[alarm, person] = min(gravest.get((alarm, person), 5), said)
        assert [key for key, said in gravest.items() if said > {row[0]: row[4] for row in rows}[key[0]]] == []

    def _load(self, held: Rules) -> None:
        self.loaded += 1
        self.night.hold_rules(held, version=self.loaded)

    def _take(self, box: Box, kind: str, source: str, **more: Any) -> None:
        self.night.sit()
        box.now = self.night.now
        self.night.take(box.events(box.line(kind, source=source, **more)))

    def _alarm(self, which: int) -> str | None:
        """One of the alarms, more often a young one."""
        found = self.night.alarms()
        return found[-1 - which % len(found)].id if found else None

    def _said(self, other: Person, minutes: int, score: int) -> dict[str, Any]:
        return {
            "text": "x",
            "resolution": Resolution.FALSE_ALARM,
            "to": other.id,
            "whom": Whom.POLICE,
            "until_ms": unix_ms(self.night.now) + minutes * 60_000,
            "corrected": True,
            "verified_by": Verified.PHONE,
            "score": score,
        }

    def _suspensions(self) -> SuspensionService:
        night = self.night
        return SuspensionService(night.store, night.around, lambda: night.now, lambda: None)


_IN_HAND = ("acknowledged", "verifying", "dispatched")
_NEXT = {
    **dict.fromkeys(("new", "returned", "parked"), (LEADER, Move.ACKNOWLEDGE)),
    **dict.fromkeys(_IN_HAND, (LEADER, Move.RESOLVE)),
    "resolved": (REVIEWER, Move.REVIEW),
    "reviewed": (OTHER_LEADER, Move.CLOSE),
    "closed": (LEADER, Move.NOTE),
}
_BEGINS = ("raised", "surfaced", "unparked", "return", "release", "reopen")
"""After these an alarm begins anew."""

_CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@pytest.mark.timeout(400)
def test_no_alarm_is_forgotten() -> None:
    """Some nights of thirty steps each."""
    run_state_machine_as_test(
        AlarmLife,
        settings=settings(max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=_CHECKS),
    )


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_alarm_is_forgotten_in_many_nights() -> None:
    """Many, and longer ones."""
    run_state_machine_as_test(
        AlarmLife,
        settings=settings(max_examples=400, stateful_step_count=80, deadline=None, suppress_health_check=_CHECKS),
    )
