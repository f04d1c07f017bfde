"""The whole watch as one pure object: signals in, a decision out (findings, output writes, when to look again).

No clock, file or socket: the caller says what time it is and what was remembered. `agent/app.py` carries decisions out:
in ONE transaction it stores `saved()` and the drafts that `agent/reporting.py` makes of the findings; only then does it
hand the output writes to the drivers.

    guard = Guard(site, saved, now, same_boot)      # saved: the SavedGuard of the last run, or None
    decision = guard.observe(signals, now)          # a driver's batch; or () when `wake_at` (mono ms) has come
    guard.saved()                                   # equal to the one before: nothing to store
"""

from collections.abc import Mapping, Sequence

import msgspec

from agent.findings import Finding
from agent.signals import Moment, OutputWrite, PointView, Signal, State


class SavedPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The last known state of a point."""

    state: State
    since: Moment
    counter: int | None = None


class SavedGuard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the guard remembers across restarts; `msgspec.json` encodes and decodes it."""

    points: Mapping[str, SavedPoint] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from what was seen. The lists keep their order."""

    findings: tuple[Finding, ...] = ()
    writes: tuple[OutputWrite, ...] = ()
    wake_at: int | None = None
    """Monotonic milliseconds at which to call `observe` again at the latest; None: only when a signal comes."""
    changed: tuple[PointView, ...] = ()
    """Points whose shown state changed: what the next beat tells."""


class Guard:
    """Everything at one site that is watched. `site` is `agent.config.site.Site`."""

    def __init__(self, site: object, saved: SavedGuard | None, now: Moment, same_boot: bool) -> None:
        raise NotImplementedError

    def observe(self, signals: Sequence[Signal], now: Moment) -> Decision:
        """What follows from these changes, and from the time that passed."""
        raise NotImplementedError

    def saved(self) -> SavedGuard:
        """What must be stored together with the events of the last decision."""
        raise NotImplementedError

    def points(self) -> tuple[PointView, ...]:
        """Every point of the site as it is known now, also those that nothing watches (`unknown`, with the cause)."""
        raise NotImplementedError

    def counters(self) -> Mapping[str, int]:
        """The last counter value by point: what the drivers compare their first reading with."""
        raise NotImplementedError
