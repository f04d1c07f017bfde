"""Fascia areas, cell by cell: how much of each differs from the reference picture. Decides nothing.

Light does not count: a pixel differs when what is there stands out from its surroundings in another way, or has
another colour against the rest of the area. The grid lies over the rectangle around the polygon (`FASCIA_COLUMNS` x
`FASCIA_ROWS`); a cell whose middle lies outside the polygon is -1. Flow: looking.py -> here -> `Look.cells`.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.video import vision
from agent.video.lettering import STEEP, Lines, lines, painted
from agent.video.vision import Frame, Plane, Polygon
from agent.video.words import FASCIA_COLUMNS, FASCIA_ROWS

CELL_PX: Final = 16
WIDE: Final = FASCIA_COLUMNS * CELL_PX
HIGH: Final = FASCIA_ROWS * CELL_PX
AROUND: Final = 59
"""Side in pixels of the square over which surroundings are averaged, twice: light falls over more than things do."""
FAINT: Final = 0.06
"""Of the area's brightness: a surface with less contrast counts as smooth."""
FAINTEST: Final = 2.0
STANDS_OUT: Final = 0.6
"""Of the contrast around: by so much more or less a pixel stands out."""
COLOURED: Final = 1.0
"""The same, of its colour."""
PALE: Final = 0.12
"""Logarithm of one channel over another, on average: with less, an area has no colours to speak of."""
DIM: Final = 16.0
"""Grey values added to each channel, so that what is dark has no colour."""
SWAYS_PX: Final = 5
"""Side of the square within which a thing may lie elsewhere and still be the same thing."""
LUMA: Final = np.array([0.114, 0.587, 0.299], np.float32)
GREY: Final = 4.0
"""Mean difference of the channels below which a picture has no colours to compare: infrared light."""


class _Area(NamedTuple):
    polygon: Polygon
    outside: NDArray[np.bool_]  # cell by cell


class _Seen(NamedTuple):
    relief: "_Surface"
    colour: "_Surface | None"  # two axes; None: grey


class _Surface(NamedTuple):
    plane: Plane
    least: Plane  # around each pixel
    most: Plane


class Fascias:
    """The fascia areas of one camera."""

    def __init__(self, polygons: Mapping[str, Polygon]) -> None:
        self._areas = {name: _Area(polygon, _outside(polygon)) for name, polygon in polygons.items()}
        self._known: dict[str, _Seen] = {}
        self._lettering: Lines = ()  # a clock that runs over a fascia changes nothing of it

    def refer(self, picture: Frame | None) -> None:
        """Compare with this picture from now on, or with none."""
        if picture is None or not self._areas:
            self._known = {}
            return
        self._lettering = lines(picture, STEEP)
        clean = painted(picture, self._lettering)
        self._known = {name: _seen(clean, area) for name, area in self._areas.items()}

    def cells(self, frame: Frame) -> dict[str, tuple[float, ...]]:
        """For each area, the share of each cell that differs. Nothing while there is no reference."""
        if not self._known:
            return {}
        clean = painted(frame, self._lettering)
        return {
            name: _cells(_seen(clean, self._areas[name]), known, self._areas[name])
            for name, known in self._known.items()
        }


def _box(polygon: Polygon) -> tuple[float, float, float, float]:
    across, down = [min(1.0, max(0.0, x)) for x, _ in polygon], [min(1.0, max(0.0, y)) for _, y in polygon]
    return min(across), min(down), max(across), max(down)


def _outside(polygon: Polygon) -> NDArray[np.bool_]:
    left, top, right, bottom = _box(polygon)
    wide, high = max(right - left, 1e-6), max(bottom - top, 1e-6)
    shape = [((x - left) / wide, (y - top) / high) for x, y in polygon]
    middles = vision.inside(shape, HIGH, WIDE)[CELL_PX // 2 :: CELL_PX, CELL_PX // 2 :: CELL_PX]
    return ~middles


def _seen(frame: Frame, area: _Area) -> _Seen:
    rows, columns = frame.shape[:2]
    left, top, right, bottom = _box(area.polygon)
    x, y = min(columns - 2, int(left * columns)), min(rows - 2, int(top * rows))
    cut = frame[y : max(y + 2, round(bottom * rows)), x : max(x + 2, round(right * columns))]
    planes = vision.smoothed(vision.resized(np.ascontiguousarray(cut), WIDE, HIGH).astype(np.float32), 1.0)
    luma = np.asarray(planes @ LUMA, np.float32)
    mean = vision.averaged_around(luma, AROUND)
    contrast = np.sqrt(vision.averaged_around(np.square(luma - mean), AROUND))
    faint = max(FAINTEST, FAINT * float(luma.mean()))
    relief = _surface(((luma - mean) / (contrast + faint)).astype(np.float32))
    if float((planes.max(axis=2) - planes.min(axis=2)).mean()) < GREY:
        return _Seen(relief, None)
    planes = np.log(planes + DIM)
    colour = planes[:, :, [0, 2]] - planes[:, :, 1:2]
    colour -= np.median(colour[::2, ::2], axis=(0, 1))
    return _Seen(relief, _surface((colour / (np.abs(colour).mean() + PALE)).astype(np.float32)))


def _surface(plane: Plane) -> _Surface:
    return _Surface(plane, *vision.envelope(plane, SWAYS_PX))


def _differs(one: _Surface, other: _Surface, limit: float) -> NDArray[np.bool_]:
    """Where either shows what the other has nowhere near: a thing came, or one went."""
    return np.asarray(
        (one.plane < other.least - limit)
        | (one.plane > other.most + limit)
        | (other.plane < one.least - limit)
        | (other.plane > one.most + limit),
        np.bool_,
    )


def _cells(now: _Seen, known: _Seen, area: _Area) -> tuple[float, ...]:
    differs = _differs(now.relief, known.relief, STANDS_OUT)
    if now.colour is not None and known.colour is not None:
        differs |= _differs(now.colour, known.colour, COLOURED).any(axis=2)
    shares = differs.reshape(FASCIA_ROWS, CELL_PX, FASCIA_COLUMNS, CELL_PX).mean(axis=(1, 3))
    shares[area.outside] = -1.0
    return tuple(round(float(share), 3) for share in shares.reshape(-1))
