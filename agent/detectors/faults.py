"""What is wrong with one picture, by its figures alone: the first of the tree's faults that holds. Pure; a table.

Order and limits are those of docs/eyes.md 5, where what was measured stands. `frozen` comes
last: a covered or black lens gives pictures that are the same to the pixel, and what is wrong with those is the cover.
Whoever stands keeps standing until its figure is clearly better (EASE), so that nothing flutters at a limit.
Flow: picture.py -> here.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from agent.video.words import Measures

EASE: Final = 1.15
"""How much better than its limit a figure must be to end a fault that was told."""

BLACK_LUMA: Final = 24.0
BLACK_SPREAD: Final = 2.2
DIM_SPREAD: Final = 6.0
"""Spread up to which a dark picture in which no edge is left shows nothing, rather than something before the lens."""
FLAT_SPREAD: Final = 2.2
SNOW_NOISE: Final = 15.0
SNOW_RATIO: Final = 4.0
JUMPS: Final = 3
"""So many in JUMPS_WITHIN (picture.py) are no knock against the wall."""
COLOUR_SHIFT: Final = 25.0
COLOUR_CHROMA: Final = 10.0
"""Mean distance from grey below which a picture has no colours that could be wrong: infrared light, dusk."""
MOVED_PX: Final = 8.0
"""Of a corner, in a picture of 180 rows."""
EDGES_LOST: Final = 0.5
FEW_FEATURES: Final = 0.1
"""Of the reference's: what lies on the lens or close before it is out of focus and has none."""
PARTLY: Final = 0.28
"""Edges that a cover left where they were; a picture of something else keeps a fifth by chance."""
SHARPNESS: Final = 0.2
SAME_PIXELS: Final = 0.9
"""Of two key frames. Not all: a camera codes the same picture a little otherwise; of a live one .4 are the same."""


class Lately(msgspec.Struct, frozen=True, kw_only=True):
    """What only several looks show."""

    jumps: int = 0
    equal: float = 0.0  # of pixels, at looks that have been so for the time of a frozen picture; else 0


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, and the figure that decided."""

    name: str
    measure: str
    value: float
    limit: float


Judge = Callable[[Measures, Lately, float], Fault | None]


def judged(measures: Measures, lately: Lately, standing: str = "") -> Fault | None:
    """The first fault that holds; `standing`: what was told."""
    for name, judge in TREE:
        if fault := judge(measures, lately, EASE if name == standing else 1.0):
            return fault
    return None


def _black(now: Measures, _lately: Lately, ease: float) -> Fault | None:
    if now.luma > BLACK_LUMA * ease:
        return None
    spread = DIM_SPREAD if _lost(now, 1.0) else BLACK_SPREAD
    return _at_most("black", "luma_std", now.luma_std, spread * ease)


def _snow(now: Measures, _lately: Lately, ease: float) -> Fault | None:
    if now.noise_ratio is not None and now.noise_ratio < SNOW_RATIO / ease:
        return None
    return _at_least("snow", "noise", now.noise, SNOW_NOISE / ease)


def _jumping(_now: Measures, lately: Lately, ease: float) -> Fault | None:
    return _at_least("jumping", "jumps", float(lately.jumps), JUMPS if ease == 1.0 else 1.0)


def _colour_cast(now: Measures, _lately: Lately, ease: float) -> Fault | None:
    if now.colour_shift is None or now.chroma < COLOUR_CHROMA / ease or _lost(now, 1.0):
        return None
    return _at_least("colour_cast", "colour_shift", now.colour_shift, COLOUR_SHIFT / ease)


def _moved(now: Measures, _lately: Lately, ease: float) -> Fault | None:
    if now.corner_px is not None:
        return _at_least("moved", "corner_px", now.corner_px, MOVED_PX / ease)
    if not _lost(now, ease) or now.edges_kept is None:
        return None
    elsewhere = now.edges_kept < PARTLY and (now.features or 0.0) >= FEW_FEATURES
    return _at_most("moved", "edges_kept", now.edges_kept, EDGES_LOST * ease) if elsewhere else None


def _defocused(now: Measures, _lately: Lately, ease: float) -> Fault | None:
    if now.sharpness is None or now.edges_kept is None or _lost(now, 1.0):
        return None
    return _at_most("defocused", "sharpness", now.sharpness, SHARPNESS * ease)


def _covered(now: Measures, _lately: Lately, ease: float) -> Fault | None:
    if now.edges_kept is None:
        return _at_most("covered", "luma_std", now.luma_std, FLAT_SPREAD * ease)
    return _at_most("covered", "edges_kept", now.edges_kept, EDGES_LOST * ease)


def _frozen(_now: Measures, lately: Lately, _ease: float) -> Fault | None:
    return _at_least("frozen", "equal", lately.equal, SAME_PIXELS)


TREE: Final[tuple[tuple[str, Judge], ...]] = (
    ("black", _black),
    ("snow", _snow),
    ("jumping", _jumping),
    ("colour_cast", _colour_cast),
    ("moved", _moved),
    ("defocused", _defocused),
    ("covered", _covered),
    ("frozen", _frozen),
)
NAMES: Final = tuple(name for name, _ in TREE)


def _lost(now: Measures, ease: float) -> bool:
    return now.edges_kept is not None and now.edges_kept <= EDGES_LOST * ease


def _at_most(name: str, measure: str, value: float, limit: float) -> Fault | None:
    return Fault(name=name, measure=measure, value=value, limit=limit) if value <= limit else None


def _at_least(name: str, measure: str, value: float, limit: float) -> Fault | None:
    return Fault(name=name, measure=measure, value=value, limit=limit) if value >= limit else None
