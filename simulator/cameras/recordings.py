"""What a simulated recorder has kept of each channel: from when, until when, with which holes. Pure.

Flow: camera.py or a test says what is there -> here -> `search_service.py` tells it as ONVIF Profile G.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400.0
USUAL_DAYS: Final = 95


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One channel's recording; times are seconds since 1970 by the recorder's own clock."""

    channel: int
    name: str = ""
    days: float = USUAL_DAYS  # how far back it reaches
    until_s: float | None = None  # None: up to now
    holes: tuple[tuple[float, float], ...] = ()
    split: bool = False  # each stretch is told as a recording of its own, as some recorders do

    @property
    def token(self) -> str:
        """Its name on the wire."""
        return f"recording-{self.channel}"

    def segments(self, now_s: float) -> tuple[tuple[float, float], ...]:
        """Stretches with pictures, oldest first."""
        end_s = now_s if self.until_s is None else min(now_s, self.until_s)
        begin_s = now_s - self.days * DAY_S
        found: list[tuple[float, float]] = []
        for from_s, to_s in sorted(self.holes):
            if from_s > begin_s:
                found.append((begin_s, min(from_s, end_s)))
            begin_s = max(begin_s, to_s)
        found.append((begin_s, end_s))
        return tuple((from_s, to_s) for from_s, to_s in found if from_s < to_s)


def changes(segments: Iterable[tuple[float, float]], from_s: float, to_s: float) -> list[tuple[float, bool, bool]]:
    """When pictures begin and end within a time: (when, pictures are there, it was so at the beginning already)."""
    held = tuple(segments)
    told = [(from_s, any(start <= from_s < end for start, end in held), True)]
    for start, end in held:
        told += [(at, there, False) for at, there in ((start, True), (end, False)) if from_s < at <= to_s]
    return sorted(told, key=lambda each: each[0])
