"""The ways to the centre, supervised: when a path counts as lost, and when as back. Pure.

A path in use is judged by the age of the last receipt, never by "connected" (an idle client may not notice a dead link
for an hour); the other one by probes. Nothing about alarms or outputs depends on it (FIELD-FAULTS row 3).
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from agent.findings import Finding, Phase
from agent.signals import Moment

KINDS: Final = ("link.primary_lost", "link.backup_lost")
SOURCES: Final = ("link/primary", "link/backup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a path is proven, and after what silence it is lost. Told within 20 s at key sites, 30 s elsewhere."""

    lost_after: timedelta
    probe_every: timedelta
    ask_again: timedelta  # a beat without a receipt for so long is followed by an early one


KEY_SITE: Final = Pace(
    lost_after=timedelta(seconds=16), probe_every=timedelta(seconds=10), ask_again=timedelta(seconds=5)
)
ORDINARY: Final = Pace(
    lost_after=timedelta(seconds=26), probe_every=timedelta(seconds=20), ask_again=timedelta(seconds=7)
)
"""GB 50394 5.2.4 on public networks: 30 s; EN 50136-1 SP6 at key sites: 20 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One address of the centre."""

    alive_at: Moment  # when it was last proven; the start counts as proof
    lost: bool = False


def proven(path: Path, index: int, now: Moment) -> tuple[Path, tuple[Finding, ...]]:
    """A receipt came this way, or a probe succeeded."""
    found = (_finding(index, Phase.ENDED, now, path),) if path.lost else ()
    return Path(alive_at=now), found


def looked_at(path: Path, index: int, pace: Pace, now: Moment) -> tuple[Path, tuple[Finding, ...]]:
    """Time passed."""
    if path.lost or now.since(path.alive_at) < pace.lost_after:
        return path, ()
    return replace(path, lost=True), (_finding(index, Phase.RAISED, now, path),)


def is_dead(connected_at: Moment, last_receipt: Moment | None, pace: Pace, now: Moment) -> bool:
    """Whether a connection must be given up: nothing signed came over it for too long."""
    return now.since(last_receipt or connected_at) >= pace.lost_after


def _finding(index: int, phase: Phase, now: Moment, path: Path) -> Finding:
    facts = {"silent_s": round(now.since(path.alive_at).total_seconds(), 1)}
    return Finding(kind=KINDS[index], source=SOURCES[index], phase=phase, at=now, facts=facts)
