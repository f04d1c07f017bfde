"""A centre whose escalation runs: people, rules, desks, and a runner, all in virtual time. No notice is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import select

from collector.alarms.service import AlarmService
from collector.alarms.words import Move, Way
from collector.escalation.answering import Answered, answered
from collector.escalation.records import Timer
from collector.escalation.runner import Runner
from collector.people import Credentials, People, Person, PersonRole
from collector.rules.builtin import BUILTIN
from collector.rules.holding import hold
from collector.rules.shapes import Contact, Rules
from collector.storage import presence, timers, writing
from collector.storage.alarm_tables import notices
from collector.storage.reading import journal_row
from collector.storage.records import JournalRow, Topic
from collector.storage.schema import journal
from collector.times import unix_ms
from protocol.kinds import Lane
from tests.collecting import Box, PaperCentre
from tests.ledgers import NOW


def person(name: str, *roles: PersonRole, unit: str = "") -> Person:
    """Somebody of the bank."""
    return Person(id=name, name=name, roles=frozenset(roles), unit=unit, language="zh")


OPERATOR = person("li", PersonRole.OPERATOR)
LEADER = person("zhao", PersonRole.SHIFT_LEADER)
DIRECTOR = person("chen", PersonRole.CENTRE_DIRECTOR)
REVIEWER = person("sun", PersonRole.REVIEWER)
OFFICER = person("wu", PersonRole.SECURITY_OFFICER)
EVERYBODY = (OPERATOR, LEADER, DIRECTOR, REVIEWER, OFFICER)
CONTACTS = tuple(Contact(person=each.id, reach={"sms": f"1390000{n}"}) for n, each in enumerate(EVERYBODY))
HELD = msgspec.structs.replace(BUILTIN, contact=CONTACTS)
"""The built-in policies, and a telephone number for everybody."""


def people_of(*everybody: Person) -> People:
    """They stand in the configuration."""
    return People(Credentials(person=each, password_hash=None, token_hash=None) for each in everybody)


@dataclass
class EscalatingCentre(PaperCentre):
    """`at_desk`: whose live page is open; time passes for the runner too."""

    people: People | None = field(default_factory=lambda: people_of(*EVERYBODY))
    channels: tuple[str, ...] = ("sms", "call", "mail")
    receivers: tuple[str, ...] = ("110",)
    at_desk: set[str] = field(default_factory=set)
    runs: bool = True

    def start(self) -> None:
        """A new process with its runner."""
        super().start()
        self.runner = Runner(self.store, self.around)

    def hold_rules(self, held: Rules, version: int = 1) -> None:
        """These rules were loaded."""
        with self.store.write() as connection:
            hold(connection, version, held, "root", unix_ms(self.now))

    def pass_seconds(self, seconds: float, step: float = 1) -> None:
        """Desks stay open, timers fire, second by second."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now += min(timedelta(seconds=step), end - self.now)
            for box in self.boxes:
                box.now = self.now
            self.sit()
            if self.runs:
                self.runner.tick(unix_ms(self.now))

    def sit(self) -> None:
        """The open pages are noted."""
        for each in self.at_desk:
            presence.renew(self.store, each, self.id, unix_ms(self.now))

    def alarm(self, box: Box, kind: str = "zone.intrusion", **facts: Any) -> str:
        """An event arrives; the id of the newest alarm."""
        self.sit()
        self.take(box.events(box.line(kind, **facts)))
        return self.alarms()[-1].id

    def act(self, alarm: str, who: Person, move: Move, **said: Any) -> None:
        """Somebody does something with an alarm."""
        service = AlarmService(self.store, lambda: self.now, lambda: None, self.around)
        service.move(alarm, who, move, version=None, **said)

    def reply(self, alarm: str, who: Person) -> Answered:
        """Somebody answers a notice."""
        with self.store.write() as connection:
            writing.lock_counters(connection)
            return answered(connection, alarm, who, unix_ms(self.now), Way.REPLY, around=self.around)

    def timers_of(self, alarm: str) -> list[Timer]:
        """What will happen to an alarm."""
        with self.store.read() as reading:
            return timers.timers_of(reading.connection, [alarm]).get(alarm, [])

    def told(self, alarm: str | None = None, channel: str | None = None) -> list[tuple[int, str]]:
        """(Seconds since the centre began, person or target) of every notice, in their order."""
        with self.store.read() as reading:
            rows = reading.connection.execute(select(notices).order_by(notices.c.number)).all()
        begun = unix_ms(NOW)
        return [
            ((row.queued_ms - begun) // 1000, row.person or row.target)
            for row in rows
            if (alarm is None or row.alarm == alarm) and (channel is None or row.channel == channel)
        ]

    def entries(self, action: str) -> list[JournalRow]:
        """Entries of the journal on alarms."""
        with self.store.read() as reading:
            statement = select(journal).where(journal.c.topic == Topic.ALARM, journal.c.action == action)
            return [journal_row(row) for row in reading.connection.execute(statement.order_by(journal.c.number))]


def ready(centre: EscalatingCentre, **box: Any) -> Box:
    """A box that was met."""
    made = centre.box(**box)
    made.echo = centre.answer(made.birth()).challenge
    centre.take(made.events(made.opened(Lane.URGENT)), made.events(made.opened(Lane.ROUTINE)))
    return made


def purposes(found: Iterable[Timer]) -> list[str]:
    """What they are for."""
    return sorted(timer.purpose.value for timer in found)
