"""What people do with suspensions: begin one, end one. Each one transaction, its journal entry in it.

The shell around `suspending.py`. Flow: console -> here -> suspensions, alarms, timers, journal.
"""

from collections.abc import Callable
from datetime import datetime

from collector.escalation.surroundings import Surroundings
from collector.people import Person
from collector.storage import suspensions, writing
from collector.storage.shelters import site_is_seen
from collector.storage.store import Store
from collector.storms.records import Suspension
from collector.storms.suspending import MAY, No, Wish, begun, end_suspension, judge
from collector.times import unix_ms


class NotSuspendedError(Exception):
    """It was not done; `no` says why and nothing was changed."""

    def __init__(self, no: No) -> None:
        super().__init__(no.value)
        self.no = no


class SuspensionService:
    """Every method may raise NotSuspendedError."""

    def __init__(
        self, store: Store, around: Surroundings, now: Callable[[], datetime], changed: Callable[[], None]
    ) -> None:
        self._store, self._around, self._now, self._changed = store, around, now, changed

    def begin(self, wish: Wish, person: Person) -> Suspension:
        """Keep something quiet for a time."""
        now_ms = unix_ms(self._now())
        with self._store.write() as connection:
            number = writing.lock_counters(connection)
            if not site_is_seen(connection, wish.site, person.sight):
                raise NotSuspendedError(No.NOT_FOUND)
            if (no := judge(wish, person, now_ms)) is not None:
                raise NotSuspendedError(no)
            fresh = begun(connection, self._around, wish, person, number + 1, now_ms)
            writing.save_counter(connection, number + 1)
        self._changed()
        return fresh

    def end(self, suspension_id: str, person: Person) -> None:
        """End one before its time."""
        now_ms = unix_ms(self._now())
        with self._store.write() as connection:
            writing.lock_counters(connection)
            held = suspensions.find_suspension(connection, suspension_id, person.sight)
            if held is None:
                raise NotSuspendedError(No.NOT_FOUND)
            if not MAY[held.sort] & person.roles:
                raise NotSuspendedError(No.NOT_ALLOWED)
            if held.ended_ms is not None:
                raise NotSuspendedError(No.OVER)
            end_suspension(connection, self._around, held.id, now_ms, person.id)
        self._changed()
