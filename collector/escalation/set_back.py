"""A centre's clock that was set back: whoever waits for a step does not wait as much longer.

What counts from a moment (steps, response, pauses, reminders) is drawn back with the clock; what a person named by the
hour (parked until, review by, follow-up) stays as it was named. Flow: runner.py notices the jump -> here.
"""

from typing import Final

from collector.escalation.records import Purpose
from collector.storage import clock_jumps
from collector.storage.store import Transaction

JUMP_MS: Final = 5_000
"""How far clocks of one system may differ; a row from further ahead was made by a clock that was wrong."""

COUNTS: Final = (Purpose.ESCALATE, Purpose.RESPOND, Purpose.RESUME, Purpose.STALL, Purpose.DIGEST)


def went_back(before_ms: int | None, now_ms: int) -> bool:
    """Whether the clock may have been set back since the last look; a process that begins cannot tell."""
    return before_ms is None or now_ms < before_ms - JUMP_MS


def draw_back(connection: Transaction, now_ms: int) -> int:
    """Draw back what lies ahead; how many rows. The caller holds the counters' lock."""
    beyond_ms = now_ms + JUMP_MS
    timers = clock_jumps.draw_back_timers(connection, COUNTS, beyond_ms, now_ms)
    clock_jumps.draw_back_clocks(connection, beyond_ms, now_ms)
    return timers + clock_jumps.draw_back_notices(connection, beyond_ms, now_ms)
