"""Actions of people on alarms: acknowledge, resolve, note; each one transaction with its journal entry.

The shell around `lifecycle.py`: reads the alarm under lock, asks the table, writes what it says. Two people who act at
once meet in `version`: the second is told, never overwritten.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from collector.people import Person
from collector.storage.records import AlarmDetail
from collector.storage.store import Store


class Refusal(StrEnum):
    """Why an action was not carried out."""

    NOT_FOUND = "not_found"  # no such alarm, or not in this person's unit
    NOT_ALLOWED = "not_allowed"  # none of the person's roles may do this
    NOT_HOLDER = "not_holder"  # another operator holds the alarm
    WRONG_STATE = "wrong_state"  # the table has no such move from here
    CONFLICT = "conflict"  # the alarm changed since it was looked at
    INCOMPLETE = "incomplete"  # resolution code or narrative missing


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
        raise NotImplementedError

    def resolve(self, alarm_id: str, person: Person, *, version: int, resolution: str, narrative: str) -> AlarmDetail:
        """Close an alarm with its resolution code (`lifecycle.Resolution`) and a narrative."""
        raise NotImplementedError

    def note(self, alarm_id: str, person: Person, *, text: str) -> AlarmDetail:
        """Write something on an alarm, in whatever state it is."""
        raise NotImplementedError
