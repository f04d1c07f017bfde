"""A clock that stands still until a test moves it: wall time and monotonic time in step.

Time is an argument everywhere in the core, so a story of half an hour runs in milliseconds: give `clock.now()` and
`clock.mono_ms()` to the code under test and call `advance`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 21, 2, 13, 49, tzinfo=UTC)


class Clock:
    """Virtual time: `now()` in UTC and `mono_ms()` since the run began."""

    def __init__(self, now: datetime = START, mono_ms: int = 1_000_000) -> None:
        if now.tzinfo is None:
            raise ValueError("a clock needs a time zone: naive datetimes are refused")
        self._now = now.astimezone(UTC)
        self._mono_ms = mono_ms

    def now(self) -> datetime:
        """Wall time, aware, UTC."""
        return self._now

    def mono_ms(self) -> int:
        """Monotonic time in milliseconds."""
        return self._mono_ms

    def mono_s(self) -> float:
        """Monotonic time in seconds."""
        return self._mono_ms / 1000

    def advance(self, by: timedelta) -> datetime:
        """Let time pass on both clocks; returns the new wall time."""
        if by < timedelta(0):
            raise ValueError("monotonic time does not run backwards; use set_wall for a wrong clock")
        self._now += by
        self._mono_ms += by // timedelta(milliseconds=1)
        return self._now

    def set_wall(self, now: datetime) -> None:
        """Put the wall clock elsewhere, as a bad battery or NTP step does; monotonic time goes on untouched."""
        if now.tzinfo is None:
            raise ValueError("a clock needs a time zone: naive datetimes are refused")
        self._now = now.astimezone(UTC)
