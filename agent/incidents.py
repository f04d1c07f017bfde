"""Many refusals of one cause become one report: the first at once, then a count, at most one in ten minutes. Pure.

What people or the centre asked for is told one by one, up to a number that no honest centre reaches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from agent.signals import Moment

ONE_IN: Final = timedelta(minutes=10)
"""WIRE 2.9 says the same of the centre's own reports."""

MAX_CAUSES: Final = 64
"""Causes remembered at once; our own code names them, so there are some twenty."""


EACH_TOLD: Final = 30
"""Orders, and requests, that are told one by one within ONE_IN; a stolen collector must not fill the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidents:
    """Per cause: when it was last reported and how often it was seen since."""

    seen: Mapping[str, tuple[Moment, int]] = field(default_factory=lambda: MappingProxyType({}))


def noted(incidents: Incidents, cause: str, now: Moment) -> tuple[Incidents, int]:
    """The state after one more, and the number to report now; 0: nothing now."""
    known = incidents.seen.get(cause)
    if known is not None and now.since(known[0]) < ONE_IN:
        return replace(incidents, seen={**incidents.seen, cause: (known[0], known[1] + 1)}), 0
    kept = dict(list(incidents.seen.items())[-MAX_CAUSES + 1 :])
    return replace(incidents, seen={**kept, cause: (now, 0)}), (known[1] if known else 0) + 1


def overdue(incidents: Incidents, now: Moment) -> tuple[Incidents, Mapping[str, int]]:
    """The state and, by cause, what was counted since its last report and is due: a count must not wait for ever."""
    due = {cause: count for cause, (at, count) in incidents.seen.items() if count and now.since(at) >= ONE_IN}
    return replace(incidents, seen={**incidents.seen, **dict.fromkeys(due, (now, 0))}), due


def each(told: tuple[Moment, ...], now: Moment) -> tuple[tuple[Moment, ...], bool]:
    """The moments of what was told one by one, and whether one more may be now."""
    recent = tuple(moment for moment in told if now.since(moment) < ONE_IN)
    return ((*recent, now), True) if len(recent) < EACH_TOLD else (recent, False)
