"""How much of a stream one eye looks at: twice a second while something stirs, seldom while all is quiet. Pure.

Quiet: only key frames are decoded. A packet larger than quiet ones are wakes at once, from the newest key frame on; so
does what a look finds. A packet that lay waiting while the eye was busy is old: it is decoded and not looked at.
Flow: eye.py tells of each packet and each look, and does what it is answered.
"""

from enum import Enum, auto
from typing import Final

BUSY_FOR_MS: Final = 8_000
"""So long after the last stir it stays busy."""

SPARSE_MS: Final = 5_000
"""Key frames that are further apart are no clock to look by: everything is decoded, and looked at as seldom."""

QUIET_SAMPLES: Final = 15
"""Packets until it is known how large quiet ones are."""

LARGER: Final = 1.8
SPREADS: Final = 6.0
LEAST_BYTES: Final = 300
"""A packet wakes that is larger than the mean by this factor, by so many mean deviations, and by so many bytes."""

CALMER: Final = 1.5
MOST_CALM: Final = 6.0
"""Being woken for nothing makes it harder to wake, up to this factor."""

FORGIVES_MS: Final = 60_000
"""After so long without being woken for nothing it is easier again by one step."""

WAITED_MS: Final = 2.0
"""A packet for which nobody had to wait longer lay there already."""

LATE_MS: Final = 1_000
"""A look is put off for so long at most when packets lie there; then the eye is behind: only key frames from now on."""

KEY_EVERY_MS: Final = 1_000
"""Pictures that were coded by themselves tell a frozen sensor from a still room: one so often is looked at."""

SLACK_MS: Final = 60
"""Frames do not come exactly when a look is due."""


class Do(Enum):
    """What to do with a packet that came."""

    KEEP = auto()  # only into the ring
    DECODE = auto()  # with all that came since the key frame
    LOOK = auto()  # decode, and look


class Pace:
    """Where one stream stands."""

    def __init__(self, busy_hz: float, quiet_every_s: float) -> None:
        self._busy_ms = 1000 / busy_hz
        self._quiet_ms = quiet_every_s * 1000
        self.quiet = False
        self._due_ms = 0.0
        self._stirred_ms: int | None = None
        self._woken_ms: int | None = None  # by a packet, and nothing was seen since
        self._calm = 1.0
        self._calmed_ms = 0
        self._mean = 0.0
        self._spread = 0.0
        self._samples = 0
        self._key_ms: int | None = None
        self._gap_ms = 0
        self._behind_ms: int | None = None
        self._keyed_ms: int | None = None

    def packet(self, at_ms: int, size: int, *, key: bool, waited_ms: float) -> Do:
        """What to do with this packet."""
        if self._stirred_ms is None:
            self._stirred_ms = at_ms
        if key:
            self._gap_ms = 0 if self._key_ms is None else at_ms - self._key_ms
            self._key_ms = at_ms
        lay = waited_ms < WAITED_MS
        if not lay:
            self._behind_ms = None
        elif self._behind_ms is None:
            self._behind_ms = at_ms
        if self.quiet:
            return self._quietly(at_ms, size, key=key)
        if self._behind_ms is not None and at_ms - self._behind_ms > LATE_MS:
            return self._when_due(at_ms, Do.KEEP) if key else Do.KEEP
        if lay and at_ms - self._due_ms < LATE_MS:
            return Do.DECODE
        return self._when_due(at_ms, Do.DECODE)

    def key_picture(self, at_ms: int) -> bool:
        """Whether a picture that was coded by itself is looked at, though no look is due."""
        lately = self._keyed_ms is not None and at_ms - self._keyed_ms < KEY_EVERY_MS
        if lately or self._behind_ms is not None:
            return False
        self._keyed_ms = at_ms
        return True

    def looked(self, at_ms: int, *, stirs: bool) -> None:
        """What the look at a time showed."""
        if stirs:
            if self._woken_ms is not None:
                self._calm = max(1.0, self._calm / CALMER)
            self._stirred_ms, self._woken_ms, self.quiet = at_ms, None, False
        elif not self.quiet and at_ms - (self._stirred_ms or 0) >= BUSY_FOR_MS:
            if self._woken_ms is not None:
                self._calm, self._calmed_ms = min(MOST_CALM, self._calm * CALMER), at_ms
            self.quiet, self._woken_ms = True, None
        every = self._quiet_ms if self.quiet else self._busy_ms
        in_step = -SLACK_MS <= at_ms - self._due_ms < every
        self._due_ms = self._due_ms + every if in_step else at_ms + every

    def _quietly(self, at_ms: int, size: int, *, key: bool) -> Do:
        if not key and self._wakes(at_ms, size):
            self.quiet, self._woken_ms, self._stirred_ms = False, at_ms, at_ms
            return Do.LOOK
        if not key:
            self._learn(size)
        if self._sparse(at_ms):
            return self._when_due(at_ms, Do.DECODE)
        return self._when_due(at_ms, Do.KEEP) if key else Do.KEEP

    def _sparse(self, at_ms: int) -> bool:
        return self._gap_ms > SPARSE_MS or at_ms - (self._key_ms or 0) > SPARSE_MS

    def _when_due(self, at_ms: int, otherwise: Do) -> Do:
        return Do.LOOK if at_ms + SLACK_MS >= self._due_ms else otherwise

    def _wakes(self, at_ms: int, size: int) -> bool:
        if self._samples < QUIET_SAMPLES:
            return False
        if self._calm > 1.0 and at_ms - self._calmed_ms > FORGIVES_MS:
            self._calm, self._calmed_ms = max(1.0, self._calm / CALMER), at_ms
        above = max(self._mean * (LARGER - 1), self._spread * SPREADS, LEAST_BYTES)
        return size - self._mean > above * self._calm

    def _learn(self, size: int) -> None:
        self._samples += 1
        share = max(1 / self._samples, 0.02)
        self._spread += share * (abs(size - self._mean) - self._spread)
        self._mean += share * (size - self._mean)
