"""Alarms that begin to need somebody: opened, raised, surfaced. Their timers, and the notices that are due at once.

Inside the transaction that opened them, so that no open alarm ever stands without a next step. Flow:
ingest/alarming.py, storms -> here -> timers, notices.
"""

from collections.abc import Sequence

from collector.escalation.surroundings import Surroundings
from collector.storage.store import Transaction


def begin(connection: Transaction, around: Surroundings, alarm_ids: Sequence[str], now_ms: int) -> None:
    """Plan the escalation of these alarms from now on, instead of whatever was planned before."""


def quiet(connection: Transaction, alarm_ids: Sequence[str]) -> None:
    """These alarms came under a shelter, or are over: no timer of theirs is left, no queued notice leaves."""


def moved(connection: Transaction, around: Surroundings, alarm_id: str, now_ms: int) -> None:
    """A person (or a timer) moved this alarm: its timers become those of its new state."""
