"""What a model's output says: boxes in fractions of the picture, the most certain first. Pure arithmetic.

Two heads are known: ATSS (model 2004) gives corners in pixels of its input with overlapping answers, SSD (model 2000)
gives corners in fractions, already thinned out. Both number things alike: `agent.video.words.Thing`.
Flow: inference.py -> here -> server.py.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agent.people.tracks import share
from agent.video.words import MAX_BOXES, Box, Thing

Frame: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]

ATSS_SCORE: Final = 0.25
ATSS_OVERLAP: Final = 0.45
SSD_SCORE: Final = 0.4

_THINGS: Final = frozenset(Thing) - {Thing.MOVING}


def atss(corners: Floats, labels: NDArray[np.int64], width: int, height: int) -> tuple[Box, ...]:
    """Of rows (left, top, right, bottom, score) in pixels; of answers that overlap, the most certain stays."""
    sure = (corners[:, 4] >= ATSS_SCORE) & np.isfinite(corners).all(axis=1)
    scale = np.array([width, height, width, height], np.float32)
    found = _boxes(corners[sure, :4] / scale, corners[sure, 4], labels[sure])
    kept: list[Box] = []
    for box in found:
        if all(box.thing is not other.thing or share(box, other) <= ATSS_OVERLAP for other in kept):
            kept.append(box)
    return tuple(kept[:MAX_BOXES])


def ssd(rows: Floats) -> tuple[Box, ...]:
    """Of rows (picture, label, score, left, top, right, bottom); a picture below 0 ends them."""
    ends = np.flatnonzero(rows[:, 0] < 0)
    rows = rows[: ends[0]] if ends.size else rows
    sure = rows[(rows[:, 2] >= SSD_SCORE) & np.isfinite(rows).all(axis=1)]
    return tuple(_boxes(sure[:, 3:7], sure[:, 2], sure[:, 1])[:MAX_BOXES])


def _boxes(corners: Floats, scores: Floats, labels: Floats | NDArray[np.int64]) -> list[Box]:
    """Within the picture, with some area, of things that we know, the most certain first."""
    inside = np.clip(corners, 0.0, 1.0)
    found = [
        Box(Thing(label), round(float(score), 3), *(round(float(each), 4) for each in place))
        for place, score, label in zip(inside, scores, labels.tolist(), strict=True)
        if label in _THINGS
    ]
    found = [box for box in found if box.right > box.left and box.bottom > box.top]
    return sorted(found, key=lambda box: -box.score)
