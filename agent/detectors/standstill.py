"""Whether a picture stands still as no live one does. Pure.

A live picture differs from look to look by its noise, if by nothing else. A frozen one is the same to the pixel, but
for a clock burned into it and for key frames, which a camera codes anew: those differ in many pixels, by little, and
in no large part. So: no part stirs, look after look, and of the last LOOKS at least FEWEST_EQUAL were the same to the
pixel. A camera that codes so little that its live pictures look frozen is told once, and then given twice the time.
Flow: picture.py -> here.
"""

from datetime import timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from agent.detectors.faults import SAME_PIXELS
from agent.signals import Moment
from agent.video.words import Measures

FOR: Final = timedelta(seconds=4)
LONGEST: Final = timedelta(seconds=64)
LOOKS: Final = 8
FEWEST_EQUAL: Final = 3
STILL: Final = 2.0
"""Grey values that a part of 16 x 16 pixels changes at most when a key frame is coded anew."""


class Standstill(msgspec.Struct, frozen=True, kw_only=True):
    """What the last looks showed."""

    equal: tuple[float, ...] = ()
    since: Moment | None = None  # the look before the first that was the same
    patience: timedelta = FOR


def followed(state: Standstill, measures: Measures, before: Moment | None) -> Standstill:
    """One look more; `before`: when the look before was."""
    if measures.equal is None or (measures.equal < SAME_PIXELS and (measures.stirred or 0.0) > STILL):
        return Standstill(patience=state.patience)
    equal = (*state.equal, measures.equal)[-LOOKS:]
    same = sum(each >= SAME_PIXELS for each in equal)
    if not same or (len(equal) == LOOKS and same < FEWEST_EQUAL):
        return replace(state, equal=equal, since=None)
    return replace(state, equal=equal, since=state.since or before)


def stands(state: Standstill, at: Moment) -> float:
    """The share of pixels that are the same, when that has been so for long enough; else 0."""
    same = [each for each in state.equal if each >= SAME_PIXELS]
    if state.since is None or len(same) < FEWEST_EQUAL or at.since(state.since) < state.patience:
        return 0.0
    return max(same)


def doubted(state: Standstill) -> Standstill:
    """It was told as frozen, and came to life by itself: next time, wait longer."""
    return Standstill(patience=min(LONGEST, 2 * state.patience))
