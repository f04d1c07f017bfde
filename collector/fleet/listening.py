"""Since when this collector has been able to hear: what it could not hear, and what its own clock did, blames nobody.

Pure: both clocks are arguments. Silence and delay are counted on wall time, because they outlive a process; so a wall
clock that is set, and a process that stood still, begin the counting anew. Flow: receiving.py -> here -> hearing.py and
supervision.py (WIRE 2.8; ARCHITECTURE 2, promise 6).
"""

from datetime import timedelta
from typing import Final

import msgspec

SET_BY: Final = timedelta(seconds=2)
"""Wall time that runs away from monotonic time by more between two looks was set; slewing moves 0.5 ms a second."""

STOOD_STILL: Final = timedelta(seconds=5)
"""Two looks further apart than this: the process or the machine was stopped. They are a second apart otherwise."""


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """`since_ms` is wall time; `wall_ms` and `mono_ms` are the last look at both clocks."""

    since_ms: int
    wall_ms: int
    mono_ms: int

    def look(self, now_ms: int, mono_ms: int) -> "Listening":
        """The same a moment later; from now on only if a clock was set or nothing ran meanwhile."""
        passed_ms = mono_ms - self.mono_ms
        set_by_ms = abs(now_ms - self.wall_ms - passed_ms)
        if set_by_ms > _ms(SET_BY) or passed_ms > _ms(STOOD_STILL):
            return begin(now_ms, mono_ms)
        return Listening(since_ms=self.since_ms, wall_ms=now_ms, mono_ms=mono_ms)


def begin(now_ms: int, mono_ms: int) -> Listening:
    """Listening from now on."""
    return Listening(since_ms=now_ms, wall_ms=now_ms, mono_ms=mono_ms)


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
