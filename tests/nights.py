"""A desk at night in virtual time: people by their seats, a bank's rules, everything that happens beside the desk.

What a night was like is read as lines, `02:10:30 leader-1`: the local time at which a notice was queued, and for whom.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from collector.alarms.service import AlarmService
from collector.alarms.words import Move, Way
from collector.escalation import audit
from collector.escalation.answering import Answer, answered
from collector.people import People, Person, PersonRole
from collector.rules.shapes import Contact, Group, Policy, PolicyStep, Rota, Rules, SiteContact, Turn, When
from collector.storage import writing
from collector.storage.alarm_tables import notices
from collector.storage.records import AlarmRow
from collector.storage.schema import alarms
from collector.times import local, unix_ms
from provisioning.authority import Authority
from tests.collecting import Box
from tests.escalating import EscalatingCentre, people_of, person, ready
from tests.ledgers import NOW

ZONE = "Asia/Shanghai"
TEN_PAST_TWO = datetime(2026, 11, 21, 18, 10, tzinfo=UTC)
"""02:10 at the branches."""

OPERATOR = person("operator-1", PersonRole.OPERATOR)
SECOND = person("operator-2", PersonRole.OPERATOR)
LEADER = person("leader-1", PersonRole.SHIFT_LEADER)
OTHER_LEADER = person("leader-2", PersonRole.SHIFT_LEADER)
DIRECTOR = person("director-1", PersonRole.CENTRE_DIRECTOR)
REVIEWER = person("reviewer-1", PersonRole.REVIEWER)
OFFICER = person("officer-1", PersonRole.SECURITY_OFFICER)
SEATS = (OPERATOR, SECOND, LEADER, OTHER_LEADER, DIRECTOR, REVIEWER, OFFICER)


def after(seconds: float, *tell: str, **other: Any) -> PolicyStep:
    """A step."""
    return PolicyStep(after=timedelta(seconds=seconds), tell=tell, **other)


CONTACTS = tuple(
    Contact(person=each.id, reach={"sms": each.id, "call": each.id}, order=("sms", "call")) for each in SEATS
)
ROTA = Rota(
    name="leaders", begins="2026-11-21", handover="08:00", turn=(Turn(people=("leader-1",)), Turn(people=("leader-2",)))
)
ROBBERY = Policy(
    name="robbery",
    when=When(kinds=("zone.hold_up", "zone.duress")),
    step=(
        after(0, "desk"),
        after(0, "receiver/110"),
        after(30, "rota/leaders"),
        after(120, "person/director-1"),
    ),
)
GRAVE = Policy(
    name="grave",
    when=When(levels=(1, 2)),
    step=(
        after(0, "desk"),
        after(0, "receiver/110", only_kinds=("zone.hold_up",)),
        after(60, "rota/leaders"),
        after(180, "person/director-1"),
    ),
)
OTHERS = Policy(name="others", repeat=timedelta(minutes=10), step=(after(0, "desk"), after(90, "rota/leaders")))
RULES = Rules(
    policy=(ROBBERY, GRAVE, OTHERS),
    rota=(ROTA,),
    group=(Group(name="both", members=("person/leader-1", "person/director-1"), need="all"),),
    contact=CONTACTS,
    site=(SiteContact(unit="市分行", name="branch", reach={"sms": "branch"}, security_officers=("officer-1",)),),
)


@dataclass
class Night(EscalatingCentre):
    """A centre with everybody in a seat; `operator-1` sits at a live page and does nothing by itself."""

    now: datetime = TEN_PAST_TWO
    people: People | None = field(default_factory=lambda: people_of(*SEATS))
    at_desk: set[str] = field(default_factory=lambda: {"operator-1"})

    def start(self) -> None:
        """A new process, with what people do at the desk."""
        super().start()
        self.moves = AlarmService(self.store, lambda: self.now, lambda: None, self.around)

    def pass_seconds(self, seconds: float, step: float = 60) -> None:
        """Time passes from one timer to the next, by whole seconds, `step` at most; the desk stays where it is."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            next_ms = self.runner.tick(unix_ms(self.now)) if self.runs else None
            wait = step if next_ms is None else math.ceil((next_ms - unix_ms(self.now)) / 1000)
            self.now = min(end, self.now + timedelta(seconds=max(1, min(step, wait))))
            for box in self.boxes:
                box.now = self.now
            self.sit()
        if self.runs:
            self.runner.tick(unix_ms(self.now))

    def happens(self, box: Box, kind: str = "zone.intrusion", source: str = "zone/hall", **facts: Any) -> str:
        """An event arrives; the id of the newest alarm."""
        self.sit()
        box.now = self.now
        self.take(box.events(box.line(kind, source=source, **facts)))
        return self.alarms()[-1].id

    def does(self, who: Person, what: Move, alarm: str, **said: Any) -> AlarmRow:
        """Somebody makes a move at the desk, on the alarm as it stands."""
        return self.moves.move(alarm, who, what, version=None, **said).alarm

    def answers(self, alarm: str, who: Person, way: Way = Way.LINK) -> Answer:
        """Somebody answers a notice of an alarm: presses the button behind its link, or replies with its code."""
        now_ms = unix_ms(self.now)
        with self.store.write() as connection:
            writing.lock_counters(connection)
            theirs = (notices.c.alarm == alarm, notices.c.person == who.id)
            connection.execute(update(notices).where(*theirs).values(answered_ms=now_ms))
            return answered(connection, alarm, who, now_ms, way, around=self.around).outcome

    def state(self, alarm: str) -> tuple[str, str | None]:
        """State and holder."""
        with self.store.read() as reading:
            statement = select(alarms.c.state, alarms.c.holder).where(alarms.c.id == alarm)
            row = reading.connection.execute(statement).one()
        return row.state, row.holder

    def lines(self, alarm: str | None = None, *, since: datetime | None = None) -> list[str]:
        """Every notice as `02:10:30 leader-1`, in the order in which they were queued."""
        with self.store.read() as reading:
            rows = reading.connection.execute(select(notices).order_by(notices.c.number)).all()
        return [
            f"{local(row.queued_ms, ZONE):%H:%M:%S} {row.person or row.target}"
            for row in rows
            if (alarm is None or row.alarm == alarm) and (since is None or row.queued_ms >= since.timestamp() * 1000)
        ]

    def clock(self) -> str:
        """The time at the branches."""
        return f"{self.now.astimezone(TEN_PAST_TWO.tzinfo) + timedelta(hours=8):%H:%M:%S}"

    def faults(self) -> list[str]:
        """What the auditor finds now; nothing on a sound night."""
        with self.store.read() as reading:
            found = audit.audit(reading.connection, self.around, unix_ms(self.now))
        return [f"{each.what}: {', '.join(each.examples)}" for each in found]


@pytest.fixture(scope="session")
def bank() -> Authority:
    """One authority for all nights: keys take time."""
    return Authority.create(now=NOW)


@pytest.fixture
def night(tmp_path: Path, bank: Authority) -> Iterator[Night]:
    """A night under `RULES`."""
    made = Night(folder=tmp_path, authority=bank)
    made.hold_rules(RULES)
    yield made
    made.close()


def box_of(night: Night, **box: Any) -> Box:
    """A box that was met."""
    return ready(night, **box)
