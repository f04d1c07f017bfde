"""What moves against what a camera is used to: presence where no model finds people. Decides nothing else.

Slow on purpose: who stands still stays foreground for minutes. A picture that is new all over (a light, a moved camera)
is learned at once instead of being one large stranger.
"""

from typing import Final

import numpy as np

from agent.video.vision import Frame, Mixture, patches, resized
from agent.video.words import MAX_BOXES, Box, Thing

WIDTH: Final = 240
HEIGHT: Final = 135
BETWEEN: Final = (320, 180)
"""By way of this size: halving most sub-streams is quick, and the rest is little."""
STANDS_FOR_S: Final = 300.0
"""Someone who stands still is foreground for so long."""
BECOMES_BACKGROUND: Final = 0.105
"""MOG2 takes for background what has shown for this share of its memory: -ln(0.9), 0.9 being its background ratio."""
FIRST_LOOKS: Final = 6
"""In which the background is learned quickly."""
ALL_NEW: Final = 0.6
"""Share of the picture above which it is learned anew."""
VARIANCE: Final = 25.0
JOIN_PX: Final = 7
LEAST_SHARE: Final = 0.003
"""A box holds at least this share of the picture in moving pixels: a person at 15 metres is about that."""


class Background:
    """One camera's background."""

    def __init__(self) -> None:
        self._mixture = Mixture(VARIANCE)
        self._looks = 0
        self._at_ms = 0
        self._mask: Frame | None = None

    def boxes(self, frame: Frame, at_ms: int) -> tuple[float, tuple[Box, ...]]:
        """The share of the picture that is not background, and where; the frame is learned, slowly."""
        return self.motion(frame, at_ms), self.moving()

    def motion(self, frame: Frame, at_ms: int) -> float:
        """The share alone; the frame is learned, slowly."""
        passed_s = min(10.0, max(0.0, (at_ms - self._at_ms) / 1000)) if self._looks else 0.0
        self._looks, self._at_ms = self._looks + 1, at_ms
        slow = BECOMES_BACKGROUND * passed_s / STANDS_FOR_S
        rate = 1.0 / self._looks if self._looks <= FIRST_LOOKS else slow
        small = resized(resized(frame, *BETWEEN), WIDTH, HEIGHT)
        self._mask = self._mixture.new(small, rate)
        motion = float(np.count_nonzero(self._mask) / self._mask.size)
        if motion > ALL_NEW:
            self._mixture, self._looks, self._mask = Mixture(VARIANCE), 1, None
            self._mixture.new(small, 1.0)
        return motion

    def moving(self) -> tuple[Box, ...]:
        """Where the frame of the last `motion` is not background."""
        if self._mask is None:
            return ()
        found = patches(self._mask, JOIN_PX, int(LEAST_SHARE * WIDTH * HEIGHT))
        found.sort(key=lambda patch: -patch[4])
        return tuple(
            Box(
                thing=Thing.MOVING,
                score=round(min(1.0, pixels / (width * height)), 3),
                left=left / WIDTH,
                top=top / HEIGHT,
                right=(left + width) / WIDTH,
                bottom=(top + height) / HEIGHT,
            )
            for left, top, width, height, pixels in found[:MAX_BOXES]
        )
