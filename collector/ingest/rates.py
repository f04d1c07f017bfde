"""How much one box may send before anything of it is verified (WIRE 2.9): a token bucket a box.

Pure: time is an argument. A signature costs some 40 us to check, so one box can be made to cost at most a tenth of a
core. What is over the limit is not lost: the box sends again what nobody receipted.
"""

from typing import Final

RATE_PER_S: Final = 2_000
"""Envelopes a second, for as long as it likes. An honest backlog comes in batches of 100 lines."""

BURST: Final = 10_000
"""Envelopes at once after silence."""

MAX_BOXES: Final = 50_000
"""Buckets kept; full ones are forgotten first, for a forgotten bucket is a full one."""


class Rates:
    """The buckets of all boxes."""

    def __init__(self, rate_per_s: int = RATE_PER_S, burst: int = BURST) -> None:
        self._rate_per_ms, self._burst = rate_per_s / 1000, burst
        self._buckets: dict[str, tuple[float, int]] = {}

    def admits(self, box: str, now_ms: int) -> bool:
        """Take one token of `box`; False when there is none."""
        tokens, at_ms = self._buckets.get(box, (float(self._burst), now_ms))
        tokens = min(self._burst, tokens + max(0, now_ms - at_ms) * self._rate_per_ms)
        if len(self._buckets) >= MAX_BOXES and box not in self._buckets:
            self._forget_full(now_ms)
        if tokens < 1:
            self._buckets[box] = (tokens, now_ms)
            return False
        self._buckets[box] = (tokens - 1, now_ms)
        return True

    def _forget_full(self, now_ms: int) -> None:
        full = [
            box
            for box, (tokens, at_ms) in self._buckets.items()
            if tokens + (now_ms - at_ms) * self._rate_per_ms >= self._burst
        ]
        for box in full or list(self._buckets):
            del self._buckets[box]
