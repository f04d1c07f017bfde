"""What has to go from the box's disk, and whether there is room for one more: one pure decision.

Nothing of an open alarm goes, and nothing that the centre has not got while there is a way to it. What may go, goes
when its days are over, or for room: routine before grave, old before new. An alarm of which nobody said in twice its
days that it is over is not open any more: its centre is gone, or never had it. Flow: stock.py -> here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

GRAVE: Final = 3
"""Levels up to this are kept for `keep`, the others and what was asked for for `keep_routine`."""

MARGIN_BYTES: Final = 256 * 1024 * 1024
"""Left free on the disk: pictures must never be why an event cannot be stored (the outbox's margin, several times)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One picture or clip on the disk, with what lies beside it."""

    slot: str
    level: int
    at: datetime
    size: int
    open: bool = False  # its alarm is not over
    sent: bool = False  # nobody waits for it any more
    request: bool = False


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a box may hold, and for how long."""

    budget_bytes: int
    keep: timedelta
    keep_routine: timedelta
    margin_bytes: int = MARGIN_BYTES

    def is_open(self, kept: Kept, now: datetime, *, dated: bool) -> bool:
        """Whether its alarm protects it."""
        return kept.open and not (dated and now - kept.at > 2 * self.days_of(kept))

    def days_of(self, kept: Kept) -> timedelta:
        """How long this one is kept."""
        return self.keep if kept.level <= GRAVE and not kept.request else self.keep_routine


@dataclass(frozen=True, kw_only=True)
class Room:
    """Who goes, in this order; and how many bytes are still missing because nobody else may."""

    go: tuple[str, ...]
    short_bytes: int


def decide(
    kept: Iterable[Kept],
    limits: Limits,
    now: datetime,
    *,
    way: bool,
    dated: bool,
    disk_free: int,
    wanted: int = 0,
) -> Room:
    """Who has to go.

    `way`: the centre can be reached, so that what it has not got has to wait. `dated`: the clock may be believed; by
    one that may not, nothing is too old. `wanted`: bytes that are about to be written.
    """
    everything = tuple(kept)
    may_go = sorted(
        (each for each in everything if not limits.is_open(each, now, dated=dated) and (each.sent or not way)),
        key=lambda each: (not each.request, each.level <= GRAVE, -each.level, each.at, each.slot),
    )
    old = [each for each in may_go if dated and now - each.at > limits.days_of(each)]
    used = sum(each.size for each in everything)
    allowed = min(limits.budget_bytes, used + disk_free - limits.margin_bytes)
    left = used + wanted - sum(each.size for each in old)
    gone = set(old)
    go = list(old)
    for each in may_go:
        if left <= allowed:
            break
        if each not in gone:
            left -= each.size
            go.append(each)
    return Room(go=tuple(each.slot for each in go), short_bytes=max(0, left - allowed))
