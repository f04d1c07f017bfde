"""The clock as a thing that runs: reads both system clocks, keeps what receipts said of them, remembers the floor.

What is decided stands in `clocks.py`. `reading` is also called from the outbox's thread; it swaps whole values only.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.clocks import ClockState, Reading, clock_findings, confirmed, ticked
from agent.findings import Finding
from agent.signals import Moment
from protocol.timestamps import format_time, parse_time

FLOOR_KEY: Final = "time_floor"
FLOOR_SAVED_EVERY: Final = timedelta(minutes=10)

Now = Callable[[], Moment]


def system_now() -> Moment:
    """Both clocks of the machine."""
    return Moment(wall=datetime.now(UTC), mono_ms=time.monotonic_ns() // 1_000_000)


class Timekeeper:
    """The agent's clock."""

    def __init__(self, floor: datetime, now: Now = system_now) -> None:
        self.now = now
        self.began = now()
        """When this process began to keep time: a change of the site does not make it younger."""
        self._state = ClockState(floor=floor)
        self._saved_floor = floor
        self.tick()

    @property
    def floor(self) -> datetime:
        """It is certainly not earlier than this."""
        return self._state.floor

    def remember(self, saved: Mapping[str, bytes]) -> None:
        """Take up the floor of an earlier run."""
        text = saved.get(FLOOR_KEY, b"").decode("ascii", "replace")
        try:
            floor = parse_time(text)
        except ValueError:
            return
        self._state = ClockState(floor=max(floor, self._state.floor))
        self._saved_floor = self._state.floor

    def reading(self) -> Reading:
        """What the clock says now and how far to believe it."""
        moment = self.now()
        return Reading(moment=moment, clock=self._state.word(moment))

    def tick(self) -> Iterable[Finding]:
        """Look at both clocks, once a second; the fault that began or ended."""
        moment = self.now()
        return self._become(ticked(self._state, moment), moment)

    def heard(self, reference: datetime, round_trip: timedelta, moment: Moment) -> Iterable[Finding]:
        """A signed receipt stated the time; the fault that began or ended."""
        return self._become(confirmed(self._state, reference, round_trip, moment), moment)

    def to_save(self) -> dict[str, bytes]:
        """The floor, when it rose far enough to be worth a write."""
        if self._state.floor - self._saved_floor < FLOOR_SAVED_EVERY:
            return {}
        self._saved_floor = self._state.floor
        return {FLOOR_KEY: format_time(self._state.floor).encode()}

    def _become(self, state: ClockState, moment: Moment) -> tuple[Finding, ...]:
        before, self._state = self._state, state
        return clock_findings(before, state, moment)
