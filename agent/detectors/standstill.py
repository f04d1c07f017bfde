"""Whether a picture stands still as no live one does. Pure.

A live picture differs by its noise, if by nothing else; but between two key frames a camera codes no noise, and a live
picture of a still room is the same to the pixel. So only key frames are compared, each with the one before: of a live
room .15 to .4 of the pixels are the same, of a frozen one nearly all. The last two were the same, or FEWEST_EQUAL of
the last LOOKS. A camera whose live key frames look frozen is told once, and then given twice the time.
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
RUN: Final = 2
STILL: Final = 2.0
"""Grey values that a part of 16 x 16 pixels changes at most while nothing moves."""


class Standstill(msgspec.Struct, frozen=True, kw_only=True):
    """What the last looks showed."""

    equal: tuple[float, ...] = ()
    since: Moment | None = None  # the key frame before the first that was the same
    seen: Moment | None = None  # the latest key frame
    patience: timedelta = FOR


def followed(state: Standstill, measures: Measures, at: Moment) -> Standstill:
    """One look more."""
    if measures.equal is None:
        return state
    if measures.equal < SAME_PIXELS and (measures.stirred or 0.0) > STILL:
        return Standstill(patience=state.patience, seen=at)
    equal = (*state.equal, measures.equal)[-LOOKS:]
    same = sum(each >= SAME_PIXELS for each in equal)
    if not same or (len(equal) == LOOKS and same < FEWEST_EQUAL):
        return replace(state, equal=equal, since=None, seen=at)
    return replace(state, equal=equal, since=state.since or state.seen, seen=at)


def stands(state: Standstill, at: Moment) -> float:
    """The share of pixels that are the same, when that has been so for long enough; else 0."""
    same = [each for each in state.equal if each >= SAME_PIXELS]
    run = state.equal[-RUN:]
    enough = len(same) >= FEWEST_EQUAL or (len(run) == RUN and min(run) >= SAME_PIXELS)
    if state.since is None or not enough or at.since(state.since) < state.patience:
        return 0.0
    return max(same)


def doubted(state: Standstill) -> Standstill:
    """It was told as frozen, and came to life by itself: next time, wait longer."""
    return Standstill(patience=min(LONGEST, 2 * state.patience))
