"""Where things are in a picture: points in polygons, how much of a box lies in one. Pure arithmetic.

Corners and boxes are fractions of the picture's width and height. A person is where its feet are: the middle of the
lower edge of its box (docs/eyes.md 6).
"""

from collections.abc import Callable
from typing import Final

from agent.video.words import Box

Corner = tuple[float, float]
Shape = tuple[Corner, ...]

HALF: Final = 0.5
"""So much of a box inside a custody area counts, wherever its feet are: behind a counter nobody sees them."""


def feet(box: Box) -> Corner:
    """The middle of its lower edge."""
    return (box.left + box.right) / 2, box.bottom


def centre(box: Box) -> Corner:
    """Its middle: where a vehicle is."""
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


def inside(shape: Shape, corner: Corner) -> bool:
    """Whether a point lies in the polygon; on its left or lower edge counts, so that neighbours share nobody."""
    x, y = corner
    within = False
    for (ax, ay), (bx, by) in zip(shape, (*shape[1:], shape[0]), strict=True):
        if (ay > y) is not (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            within = not within
    return within


def share(shape: Shape, box: Box) -> float:
    """How much of the box lies in the polygon, 0 to 1."""
    whole = (box.right - box.left) * (box.bottom - box.top)
    if whole <= 0:
        return 0.0
    cut = shape
    for keeps, crossing in _edges(box):
        cut = _clipped(cut, keeps, crossing)
    return min(1.0, _area(cut) / whole)


def touches(shape: Shape, box: Box) -> bool:
    """Whether any of the box lies in the polygon."""
    return share(shape, box) > 0


Keeps = Callable[[Corner], bool]
Crossing = Callable[[Corner, Corner], Corner]


def _edges(box: Box) -> tuple[tuple[Keeps, Crossing], ...]:
    return (
        (lambda at: at[0] >= box.left, lambda a, b: _at_x(a, b, box.left)),
        (lambda at: at[0] <= box.right, lambda a, b: _at_x(a, b, box.right)),
        (lambda at: at[1] >= box.top, lambda a, b: _at_y(a, b, box.top)),
        (lambda at: at[1] <= box.bottom, lambda a, b: _at_y(a, b, box.bottom)),
    )


def _clipped(shape: Shape, keeps: Keeps, crossing: Crossing) -> Shape:
    """Sutherland and Hodgman: the part of a polygon on one side of a line."""
    found: list[Corner] = []
    for before, at in zip((*shape[-1:], *shape[:-1]), shape, strict=True):
        if keeps(at) is not keeps(before):
            found.append(crossing(before, at))
        if keeps(at):
            found.append(at)
    return tuple(found)


def _at_x(a: Corner, b: Corner, x: float) -> Corner:
    return x, a[1] + (b[1] - a[1]) * (x - a[0]) / (b[0] - a[0])


def _at_y(a: Corner, b: Corner, y: float) -> Corner:
    return a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]), y


def _area(shape: Shape) -> float:
    if not shape:
        return 0.0
    turned = (*shape[1:], shape[0])
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(shape, turned, strict=True))) / 2
