"""What a camera or recorder burns into its picture: a running clock, a title. Found, and painted over by what lies
around before anything is measured: letters are as sharp on a covered or black lens as on a sound one. Decides nothing.

Letters stand side by side near the upper or lower rim, are thin strokes, and change between dark and bright more often
than any edge of a room. They are looked for in the reference (where they were) and now and then in the picture (where
they are: white on a white wall is seen only once the wall is gone). Boxes are fractions of the picture.
Flow: measuring.py, fascia.py -> here.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agent.video import vision
from agent.video.vision import Frame

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom
Lines: TypeAlias = tuple[Box, ...]
Line: TypeAlias = tuple[int, int, int, int]  # the same in pixels

ROWS: Final = 360
BAND: Final = 0.18
"""Of the rows, at either rim: no device writes across the middle."""
STROKE_PX: Final = 9
"""A stroke is thinner than this, in a picture of 360 rows."""
STEEP: Final = 60
STEEP_NOW: Final = 80
"""Grey values that a stroke stands out; more is asked of the picture: somebody's shirt may be striped."""
HEIGHTS: Final = (6, 44)
FILLED: Final = 0.15
ALIKE: Final = 0.55
SPACE: Final = 1.3
"""Of a line's height: so far apart are letters at most; and how alike their heights are at least."""
MOST_MARKS: Final = 250
"""In noise, or a hedge, there are more: no letters are told apart in it."""
LONG: Final = 3.0
"""Lines are longer than high by this."""
CROSSINGS: Final = 1.6
"""Changes between dark and bright along the line, on a stretch as long as it is high: a letter has two to four."""
MARGIN: Final = 0.5
"""Of its height, around a line: it may have a ground of its own, and an encoder smears it."""
MOST_LINES: Final = 6
AGAIN_MS: Final = 2_000


class Lettering:
    """The lines of one camera's picture."""

    def __init__(self) -> None:
        self._learned: Lines = ()
        self._now: Lines = ()
        self._looked_ms: int | None = None

    def learned_from(self, reference: Frame) -> Frame:
        """This picture without its lettering, which is painted over from now on in others too."""
        self._learned = lines(reference, STEEP)
        return painted(reference, self._learned)

    def without(self, frame: Frame, at_ms: int) -> Frame:
        """The frame without its lettering; the frame itself where it has none."""
        if self._looked_ms is None or not 0 <= at_ms - self._looked_ms < AGAIN_MS:
            self._now, self._looked_ms = lines(frame, STEEP_NOW), at_ms
        return painted(frame, _united([*self._learned, *self._now]))


def lines(frame: Frame, steep: int) -> Lines:
    """Where letters stand in a picture, with what lies close around them."""
    luma = vision.grey(vision.at_rows(frame, ROWS))
    rows, columns = luma.shape
    high = int(rows * BAND)
    found = list[Box]()
    for offset in (0, rows - high):
        for left, top, right, bottom in _in_band(np.ascontiguousarray(luma[offset : offset + high]), rows, steep):
            margin = MARGIN * (bottom - top)
            above, below = (top + offset - margin) / rows, (bottom + offset + margin) / rows
            found.append(((left - 2 * margin) / columns, above, (right + 2 * margin) / columns, below))
    whole = _united(found)
    return whole if len(whole) <= MOST_LINES else ()


def _united(boxes: list[Box]) -> Lines:
    """Boxes that overlap as one: what one of them is filled with may be a letter of the other."""
    whole = list[Box]()
    for box in boxes:
        left, top, right, bottom = box
        for other in tuple(whole):
            if left < other[2] and other[0] < right and top < other[3] and other[1] < bottom:
                whole.remove(other)
                left, top = min(left, other[0]), min(top, other[1])
                right, bottom = max(right, other[2]), max(bottom, other[3])
        whole.append((left, top, right, bottom))
    return tuple(whole)


def painted(frame: Frame, over: Lines) -> Frame:
    """The frame with these boxes filled by what lies above and below them."""
    if not over:
        return frame
    rows, columns = frame.shape[:2]
    done = frame.copy()
    for left, top, right, bottom in over:
        first, last = max(0, int(top * rows)), min(rows, int(bottom * rows) + 1)
        across = slice(max(0, int(left * columns)), min(columns, int(right * columns) + 1))
        above, below = frame[max(0, first - 1), across], frame[min(rows - 1, last), across]
        if first == 0:
            above = below
        if last >= rows:
            below = above
        share = ((np.arange(first, last) - first + 1) / (last - first + 1)).astype(np.float32)[:, None, None]
        done[first:last, across] = np.rint(above * (1 - share) + below * share).astype(np.uint8)
    return done


def _in_band(luma: Frame, rows: int, steep: int) -> list[Line]:
    """Lines of letters in a stretch of rows."""
    scale = rows / ROWS
    least, most = (max(4, round(height * scale)) for height in HEIGHTS)
    found = list[Line]()
    for strokes in vision.thin(luma, max(5, round(STROKE_PX * scale)) | 1, steep):
        marks = vision.joined(strokes, 3, 3)
        if len(marks) > MOST_MARKS:
            continue
        high, wide, pixels = marks[:, 3], marks[:, 2], marks[:, 4]
        marks = marks[(high >= least) & (high <= most) & (pixels >= FILLED * wide * high)]
        found += [line for line in _in_lines(marks) if _is_lettering(line, luma)]
    return found


def _in_lines(marks: NDArray[np.int32]) -> list[Line]:
    """Marks of one height that stand side by side."""
    lines = list[Line]()
    for left, top, wide, high, _ in sorted(tuple(int(value) for value in mark) for mark in marks):
        for number, (first, above, last, below) in enumerate(lines):
            middle, tall = top + high / 2, below - above
            if above <= middle <= below and ALIKE * tall <= high <= tall / ALIKE and left - last <= SPACE * tall:
                lines[number] = first, min(above, top), max(last, left + wide), max(below, top + high)
                break
        else:
            lines.append((left, top, left + wide, top + high))
    return lines


def _is_lettering(line: Line, luma: Frame) -> bool:
    left, top, right, bottom = line
    wide, high = right - left, bottom - top
    if wide < LONG * high:
        return False
    inner = luma[top + high // 4 : bottom - high // 4, left:right].astype(np.float32)
    middle = (inner.max(axis=1, keepdims=True) + inner.min(axis=1, keepdims=True)) / 2
    crossings = np.count_nonzero(np.diff(inner > middle, axis=1), axis=1)
    return bool(np.median(crossings) >= CROSSINGS * wide / high)
