"""Actions of people on alarms: acknowledge, resolve, note; each one transaction with its journal entry.

The shell around `lifecycle.py`: reads the alarm under lock, asks the table, writes what it says. Two people who act at
once meet in `version`: the second is told, never overwritten. Flow: console -> here -> alarms, journal, live feed.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from collector.alarms.lifecycle import Asked, Move, Refusal, Transition, decide
from collector.people import Person
from collector.storage import alarm_writing, evidence, writing
from collector.storage.alarm_reading import alarm_detail
from collector.storage.alarm_writing import Held
from collector.storage.journal import Entry, write_journal
from collector.storage.records import AlarmDetail, AlarmState, Topic
from collector.storage.store import Store, Transaction
from collector.times import unix_ms


class RefusedError(Exception):
    """The action was not carried out; `refusal` says why and nothing was changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class AlarmService:
    """What people do with alarms. Every method may raise RefusedError; `version` is the one the person looked at."""

    def __init__(self, store: Store, now: Callable[[], datetime], changed: Callable[[], None]) -> None:
        self._store, self._now, self._changed = store, now, changed

    def acknowledge(self, alarm_id: str, person: Person, *, version: int) -> AlarmDetail:
        """Take a new alarm in hand."""
        return self._act(alarm_id, person, version, _asked(Move.ACKNOWLEDGE, person))

    def resolve(self, alarm_id: str, person: Person, *, version: int, resolution: str, narrative: str) -> AlarmDetail:
        """Close an alarm with its resolution code (`lifecycle.Resolution`) and a narrative."""
        asked = _asked(Move.RESOLVE, person, resolution=resolution, text=narrative)
        return self._act(alarm_id, person, version, asked)

    def note(self, alarm_id: str, person: Person, *, text: str) -> AlarmDetail:
        """Write something on an alarm, in whatever state it is; the alarm itself does not change."""
        return self._act(alarm_id, person, None, _asked(Move.NOTE, person, text=text))

    def _act(self, alarm_id: str, person: Person, version: int | None, asked: Asked) -> AlarmDetail:
        now_ms = unix_ms(self._now())
        with self._store.write() as connection:
            writing.lock_counters(connection)
            held = alarm_writing.hold(connection, alarm_id, person.sight)
            if held is None:
                raise RefusedError(Refusal.NOT_FOUND)
            transition = decide(held.state, held.holder, asked)
            if isinstance(transition, Refusal):
                raise RefusedError(transition)
            if version is not None and version != held.version:
                raise RefusedError(Refusal.CONFLICT)
            self._write(connection, held, asked, transition, now_ms)
        self._changed()
        with self._store.read() as reading:
            detail = alarm_detail(reading, alarm_id, person.sight)
        if detail is None:
            raise RefusedError(Refusal.NOT_FOUND)
        return detail

    def _write(self, connection: Transaction, held: Held, asked: Asked, transition: Transition, now_ms: int) -> None:
        facts: dict[str, Any] = {"from": held.state.value, "to": transition.to.value}
        if asked.resolution:
            facts["resolution"] = asked.resolution
        if asked.text:
            facts["text"] = asked.text.strip()
        entry = Entry(
            topic=Topic.ALARM,
            subject=held.id,
            action=asked.move.value,
            site=held.site,
            person=asked.person,
            facts=facts,
        )
        number = write_journal(connection, [entry], now_ms)
        if asked.move is Move.NOTE:
            alarm_writing.add_note(
                connection, alarm_id=held.id, number=number, person=asked.person, at_ms=now_ms, text=asked.text.strip()
            )
            return
        values: dict[str, Any] = {"state": transition.to.value, "version": held.version + 1}
        if asked.move is Move.ACKNOWLEDGE:
            values |= {"holder": asked.person, "acknowledged_ms": now_ms}
        else:
            values |= {
                "holder": asked.person,
                "resolved_ms": now_ms,
                "resolution": asked.resolution,
                "narrative": asked.text.strip(),
            }
        alarm_writing.change_alarm(connection, held.id, values)
        if transition.to is AlarmState.RESOLVED:
            evidence.alarm_is_over(connection, held.id, now_ms)


def _asked(move: Move, person: Person, resolution: str = "", text: str = "") -> Asked:
    return Asked(move=move, person=person.id, roles=person.roles, resolution=resolution, text=text)
