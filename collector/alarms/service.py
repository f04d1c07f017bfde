"""Moves of people on alarms, each one transaction: what the console and programs call.

Two people who act at once meet in `version`: the second is told, never overwritten. What a move does stands in
`moving.py`, what it needs in `lifecycle.py`. Flow: console -> here -> alarms, journal, live feed.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from collector.alarms.moving import RefusedError as RefusedError
from collector.alarms.moving import move
from collector.alarms.words import Asked, Came, Move, Refusal
from collector.escalation.surroundings import Surroundings
from collector.people import Person
from collector.storage import writing
from collector.storage.alarm_reading import alarm_detail
from collector.storage.records import AlarmDetail
from collector.storage.store import Store
from collector.times import unix_ms

HERE = Came()


class AlarmService:
    """What people do with alarms. Every method may raise RefusedError; `version` is the one the person looked at."""

    def __init__(
        self, store: Store, now: Callable[[], datetime], changed: Callable[[], None], around: Surroundings
    ) -> None:
        self._store, self._now, self._changed, self._around = store, now, changed, around

    def move(
        self, alarm_id: str, person: Person, move: Move, *, version: int | None, came: Came = HERE, **said: Any
    ) -> AlarmDetail:
        """Any move of the table; `said` are the fields of `words.Asked` that it needs."""
        asked = Asked(move=move, person=person.id, roles=person.roles, came=came, **said)
        return self._act(alarm_id, person, version, asked)

    def acknowledge(self, alarm_id: str, person: Person, *, version: int, came: Came = HERE) -> AlarmDetail:
        """Take an alarm in hand."""
        return self.move(alarm_id, person, Move.ACKNOWLEDGE, version=version, came=came)

    def resolve(
        self, alarm_id: str, person: Person, *, version: int, resolution: str, narrative: str, came: Came = HERE
    ) -> AlarmDetail:
        """End it with its resolution code (`words.Resolution`) and a narrative."""
        said = {"resolution": resolution, "text": narrative}
        return self.move(alarm_id, person, Move.RESOLVE, version=version, came=came, **said)

    def note(self, alarm_id: str, person: Person, *, text: str, came: Came = HERE) -> AlarmDetail:
        """Write something on an alarm, in whatever state it is; the alarm itself does not change."""
        return self.move(alarm_id, person, Move.NOTE, version=None, came=came, text=text)

    def _act(self, alarm_id: str, person: Person, version: int | None, asked: Asked) -> AlarmDetail:
        now_ms = unix_ms(self._now())
        with self._store.write() as connection:
            writing.lock_counters(connection)
            move(connection, self._around, alarm_id, person.sight, asked, version=version, now_ms=now_ms)
        self._changed()
        with self._store.read() as reading:
            detail = alarm_detail(reading, alarm_id, person.sight)
        if detail is None:
            raise RefusedError(Refusal.NOT_FOUND)
        return detail
