"""Which collectors are there and which are gone, decided from their rows. Pure; times in ms by the database's clock.

Only somebody who was there all the time may say that another was not: after a power cut, or when the database itself
was away, everybody's row is old. Flow: storage/collectors.py -> here -> escalation/others.py, health.py, the audit.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final

import msgspec

RENEWED_MS: Final = 5_000
"""How often a collector renews its row."""

GAP_MS: Final = 15_000
"""Whoever was away for longer was not there all the time."""

GONE_MS: Final = 30_000
"""A collector that was not seen for so long is gone: it was killed, stands still, or cannot reach the database."""

SETTLED_MS: Final = 60_000
"""For so long somebody must have been there to tell of others: they may start more slowly."""

ENDED_MS: Final = 600_000
"""One that was ended on purpose has this long to be started again: an update takes a few minutes."""

SHOWN_MS: Final = 7 * 24 * 3_600_000
"""One that was not seen for so long was taken out for good; lists leave it out."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `collectors`."""

    id: str
    steady_ms: int
    """Since when it was there without a gap."""
    seen_ms: int
    ended_ms: int | None = None
    """When it was ended on purpose, and not started since."""


class Why(StrEnum):
    """How somebody went."""

    SILENT = "silent"
    ENDED = "ended"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told: who is gone, each with why, and who of those that were told is back."""

    gone: tuple[tuple[Seen, Why], ...] = ()
    back: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.gone or self.back)


def judge(rows: Sequence[Seen], told: Collection[str], now_ms: int) -> Verdict:
    """What is to be told beyond what was; nobody is gone where nobody was there all the time to see it."""
    sure = any(is_there(row, now_ms) and now_ms - row.steady_ms >= SETTLED_MS for row in rows)
    fresh = ((row, gone(row, now_ms)) for row in rows if sure and row.id not in told)
    return Verdict(
        gone=tuple((row, why) for row, why in fresh if why is not None),
        back=tuple(row.id for row in rows if row.id in told and is_there(row, now_ms)),
    )


def is_there(row: Seen, now_ms: int) -> bool:
    """Whether it was seen lately; a row far ahead is of a clock that was set back since."""
    return row.ended_ms is None and abs(now_ms - row.seen_ms) < GONE_MS


def gone(row: Seen, now_ms: int) -> Why | None:
    """Why somebody should look after it; None while nobody need."""
    if row.ended_ms is not None:
        return Why.ENDED if abs(now_ms - row.ended_ms) >= ENDED_MS else None
    return None if is_there(row, now_ms) else Why.SILENT
