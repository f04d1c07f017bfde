"""Polygons of areas and masks: do their sides cross, is there anything inside. Pure arithmetic."""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

Corner = tuple[float, float]

LEAST: Final = 0.0002
"""Share of the picture; a person at the far end of a hall takes ten times that."""

CROSSES: Final = N_("{key} crosses itself: name its corners in order, all the way round")
TINY: Final = N_("{key} has nothing inside: its corners lie on one line, or almost")


def polygon_fault(polygon: Sequence[Corner]) -> str:
    """What is wrong with it, as a sentence that takes `key`; empty when nothing is."""
    corners = [corner for at, corner in enumerate(polygon) if corner != polygon[at - 1]]  # the first repeated as last
    if len(corners) < 3 or _width(corners) < LEAST:
        return TINY
    return CROSSES if _crosses(corners) else TINY if abs(area(corners)) < LEAST else ""


def _width(corners: Sequence[Corner]) -> float:
    """The largest triangle on its first corner and the one farthest away: nothing where all lie on one line."""
    first = corners[0]
    far = max(corners, key=lambda at: (at[0] - first[0]) ** 2 + (at[1] - first[1]) ** 2)
    return max(abs(area((first, far, at))) for at in corners)


def area(polygon: Sequence[Corner]) -> float:
    """Its area with a sign: which way round its corners go."""
    turned = [*polygon[1:], *polygon[:1]]
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(polygon, turned, strict=True)) / 2


def _crosses(polygon: Sequence[Corner]) -> bool:
    """Whether two sides meet that are not neighbours, or a side goes back over its neighbour."""
    count = len(polygon)
    sides = [(polygon[at], polygon[(at + 1) % count]) for at in range(count)]
    for one, other in combinations(range(count), 2):
        near = other - one in {1, count - 1}
        if near and count > 2 and _folds(sides[one], sides[other], first=other - one == 1):
            return True
        if not near and _meet(*sides[one], *sides[other]):
            return True
    return False


def _folds(one: tuple[Corner, Corner], other: tuple[Corner, Corner], *, first: bool) -> bool:
    """Whether a side runs back along the one before it."""
    (a, b), (c, d) = (one, other) if first else (other, one)
    along = (b[0] - a[0]) * (d[0] - c[0]) + (b[1] - a[1]) * (d[1] - c[1])
    return _side(a, b, d) == 0 and along < 0


def _meet(a: Corner, b: Corner, c: Corner, d: Corner) -> bool:
    if _side(a, b, c) != _side(a, b, d) and _side(c, d, a) != _side(c, d, b):
        return True
    return any(_side(p, q, r) == 0 and _between(p, q, r) for p, q, r in ((a, b, c), (a, b, d), (c, d, a), (c, d, b)))


def _side(a: Corner, b: Corner, at: Corner) -> int:
    turn = (b[0] - a[0]) * (at[1] - a[1]) - (b[1] - a[1]) * (at[0] - a[0])
    return 0 if abs(turn) < 1e-12 else 1 if turn > 0 else -1


def _between(a: Corner, b: Corner, at: Corner) -> bool:
    return min(a[0], b[0]) <= at[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= at[1] <= max(a[1], b[1])
