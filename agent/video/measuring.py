"""One camera's pictures in figures: what the fault tree of agent/detectors/picture.py judges. Keeps the picture before
and the reference; decides nothing.

Everything is measured on a picture of at most 360 rows, and most of it on 180 or 90, so that a camera's resolution does
not move a limit. Light does not count where it can be left out: edges are compared by their direction, sharpness is a
ratio of fine to coarse detail, shapes are correlated. Flow: sight.py -> here -> words.Measures.
"""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from agent.video import vision
from agent.video.lettering import Lettering
from agent.video.vision import Features, Frame, Plane
from agent.video.words import Measures

ROWS: Final = 360
HALF: Final = 180
SMALLEST: Final = 64
"""Pixels either way: a stream of less is blown up, so that whatever it claims can be measured."""
SMALL: Final = (160, 90)
SHAPES: Final = (40, 22)
DEAR_EVERY_MS: Final = 6_000
"""Features are matched so often, and at once when edges are missing."""
EDGES: Final = 0.10
"""Share of the reference's pixels that are its edges: the steepest."""
EDGE_SIGMA: Final = 1.5
EDGE_COSINE: Final = 0.8
"""An edge is kept where the slope points the same way within 37 degrees: by chance one in five does."""
LEAST_SLOPE: Final = 16.0
"""Sobel units of the smoothed luma, 8 for one grey value a pixel: less is no edge of a reference."""
FAINTEST_SLOPE: Final = 1.0
GRID: Final = (5, 8)
CELL_LEAST_EDGES: Final = 0.03
"""Of a cell's pixels: with less, it has no structure that could be missing."""
CELL_BLIND: Final = 0.45
"""Share of its edges that a cell keeps at most when it is blind."""
TRIM: Final = 0.05
"""Of the darkest and brightest pixels that spread and mean leave out: a clock burned into the picture is no light."""
CHANGE: Final = 20.0
"""Grey values by which a large cell changes when light is switched or something stands before it."""
JUMP_LEAST: Final = 4
"""Of 180 rows: less is a wall that trembles."""
LETTERED: Final = 0.15
"""Of a profile's length."""
JUMP_BETTER: Final = 0.35
"""Of the difference without a shift: what is left at most with the right one."""
SUSPICIOUS_EDGES: Final = 0.75
SUSPICIOUS_EVERY_MS: Final = 1_000
LAPLACIAN_GAIN: Final = 20.0
"""Variance that the Laplacian makes of noise of variance 1: the sum of its squared weights."""
FEWEST_CELLS: Final = 3
"""With fewer cells of structure, edges say nothing about a picture."""
SCALES: Final = (0.7, 1.4)
ALIGNED_BETTER: Final = 0.1
"""Share of edges that a move must bring together beyond what lies right without it."""
ALIGNED_LEAST_PX: Final = 0.5
AT_REST: Final = 5
AT_REST_PX: Final = 3.0
"""So many points where they were: what is left to see did not move."""
EXPLAINED: Final = 0.5
"""Share of edges from which on the picture is known to lie as was found."""

RIM: Final = 0.2
"""Of the rows, above and below, that sharpness leaves out: a letter that was overlooked is sharper than any room."""
LEAST_DETAIL: Final = 10.0
"""With less within, there is nothing to be out of focus but at the rim."""
STEPS: Final = 0.15
LEAST_STEP: Final = 0.5
LEAST_CONTRAST: Final = 0.08
"""Of the reference's: with less, there is no telling whether what is seen is sharp."""


Profiles: TypeAlias = tuple[Plane, Plane, Plane, Plane]
"""Means of 180 rows of luma: of the rows of its left and right half, of the columns of its top and bottom."""


class Basis(NamedTuple):
    """What one picture is in the sizes that are measured."""

    full: Frame  # 360 rows, luma
    half: Frame  # 180 rows, luma
    small: Frame  # 160 x 90, Lab
    shapes: Plane  # 40 x 22, luma
    slopes: tuple[Plane, Plane]  # of half
    profiles: tuple[Profiles, ...]  # with lettering painted over, and as sent: what was painted over does not jump


class Before(NamedTuple):
    """What is kept of one picture for the next."""

    shape: tuple[int, ...]
    shapes: Plane
    profiles: tuple[Profiles, ...]


def measured_size(frame: Frame) -> Frame:
    """The picture as large as it is measured at most."""
    full = vision.at_rows(frame, ROWS)
    if min(full.shape[:2]) < SMALLEST:
        full = vision.resized(full, max(SMALLEST, full.shape[1]), max(SMALLEST, full.shape[0]))
    return full


def basis(full: Frame, as_sent: Frame) -> Basis:
    """The picture in the sizes that are measured; `as_sent`: with its lettering."""
    luma = vision.grey(full)
    half = vision.at_rows(luma, HALF)
    sent = () if as_sent is full else (_profiles(vision.at_rows(vision.grey(as_sent), HALF)),)
    small = vision.lab(vision.resized(vision.at_rows(full, HALF), *SMALL))  # by way of half: quicker by two thirds
    shapes = vision.averaged(np.ascontiguousarray(small[:, :, 0]), *SHAPES)
    return Basis(luma, half, small, shapes, vision.slopes(half, EDGE_SIGMA), (_profiles(half), *sent))


def detail(luma: Frame, noise: float) -> float:
    """How much changes from pixel to pixel, beyond noise."""
    return max(0.0, vision.detail(luma) - LAPLACIAN_GAIN * noise * noise)


def inner(luma: Frame) -> Frame:
    """The rows on which no lettering stands."""
    rim = int(len(luma) * RIM)
    return luma[rim : len(luma) - rim]


@dataclass(frozen=True, kw_only=True)
class Edges:
    """Where a picture rises steeply, which way, and which parts of it have structure at all."""

    cells: tuple[tuple[slice, slice], ...]
    at: NDArray[np.intp]  # the steep places, of the picture read row after row; the next three hold these places only
    slopes_at: tuple[Plane, Plane]
    steepness_at: Plane
    cell_at: NDArray[np.intp]  # number among the cells; their count where the place lies in none
    full: NDArray[np.float64]  # how many edges each cell has


def edges_of(half: Frame) -> Edges:
    """The steepest parts of a picture of 180 rows."""
    slopes = vision.slopes(half, EDGE_SIGMA)
    steepness = np.hypot(*slopes)
    where = steepness >= max(LEAST_SLOPE, float(np.quantile(steepness, 1 - EDGES)))
    height, width = where.shape
    rows, columns = GRID
    cells = [
        (slice(height * y // rows, height * (y + 1) // rows), slice(width * x // columns, width * (x + 1) // columns))
        for y in range(rows)
        for x in range(columns)
    ]
    structured = tuple(cell for cell in cells if where[cell].mean() >= CELL_LEAST_EDGES)
    numbers = np.full(where.shape, len(structured), np.intp)
    for number, cell in enumerate(structured):
        numbers[cell] = number
    at = np.flatnonzero(where)
    cell_at = numbers.ravel()[at]
    return Edges(
        cells=structured,
        at=at,
        slopes_at=(slopes[0].ravel()[at], slopes[1].ravel()[at]),
        steepness_at=steepness.ravel()[at],
        cell_at=cell_at,
        full=np.bincount(cell_at, minlength=len(structured) + 1)[: len(structured)].astype(np.float64),
    )


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a camera should show, measured once."""

    shape: tuple[int, int]
    half: Frame
    small: Frame
    edges: Edges
    noise: float
    detail: float  # of its inner rows, where these have any
    only_inner: bool
    features: Features
    fading: Plane
    steps: Plane  # from shape to shape, and which of them tell how strong the contrast is
    telling: NDArray[np.bool_]


def referred(picture: Frame, shape: tuple[int, int], lettering: Lettering) -> Reference:
    """A reference prepared for pictures of a shape, as rows and columns of the measured size."""
    rows, columns = shape
    sent = vision.resized(picture, columns, rows)
    now = basis(lettering.learned_from(sent), sent)
    noise = vision.noise(inner(now.full))
    steps = _steps(now.shapes)
    size = np.abs(steps)
    within = detail(inner(now.full), noise)
    only_inner = within >= LEAST_DETAIL
    return Reference(
        shape=shape,
        half=now.half,
        small=now.small,
        edges=edges_of(now.half),
        noise=noise,
        detail=within if only_inner else detail(now.full, noise),
        only_inner=only_inner,
        features=vision.features(now.half),
        fading=vision.window(*now.half.shape),
        steps=steps,
        telling=size >= max(LEAST_STEP, float(np.quantile(size, 1 - STEPS))),
    )


class Alignment(NamedTuple):
    """How the picture lies against its reference, as last found out."""

    at_ms: int
    edges: Edges  # of the reference, where they are to be found now
    corner_px: float | None  # None: nothing explains what is seen
    shift_px: float
    inliers: int
    features: float


class Measurer:
    """Measures the pictures of one camera, one after the other."""

    def __init__(self, reference: Frame | None = None) -> None:
        self._picture = reference
        self._reference: Reference | None = None
        self._before: Before | None = None
        self._key: Frame | None = (
            None  # the key frame before: what lies between two is coded as a still room, live or not
        )
        self._alignment: Alignment | None = None
        self._lettering = Lettering()

    def refer(self, reference: Frame | None) -> None:
        """Compare with another picture from now on, or with none."""
        self._picture, self._reference, self._alignment = reference, None, None

    def measure(self, frame: Frame, at_ms: int, motion: float = 0.0, *, key: bool = True) -> Measures:
        """The figures of this picture; `motion` is passed on, `key`: it was coded by itself."""
        full = measured_size(frame)
        if self._picture is not None and (self._reference is None or self._reference.shape != full.shape[:2]):
            rows, columns = full.shape[:2]
            self._reference, self._alignment = referred(self._picture, (rows, columns), self._lettering), None
        now = basis(self._lettering.without(full, at_ms), full)
        before = self._before if self._before and self._before.shape == now.full.shape else None
        self._before = Before(now.full.shape, now.shapes, now.profiles)
        key_before = self._key if key and self._key is not None and self._key.shape == now.full.shape else None
        self._key = now.full if key else self._key
        luma, spread = _light(np.ascontiguousarray(now.small[:, :, 0]))
        jump = _jump(before, now) if before else 0
        noise = vision.noise(inner(now.full))
        told = Measures(
            luma=luma,
            luma_std=spread,
            noise=noise,
            equal=vision.equal_share(key_before, now.full) if key_before is not None else None,
            stirred=float(np.abs(now.shapes - before.shapes).max()) if before else None,
            row_shift=float(jump),
            changed=_changed(before, now, jump) if before else 0.0,
            chroma=float(np.hypot(*(now.small[:, :, axis].astype(np.float32) - 128 for axis in (1, 2))).mean()),
            motion=motion,
        )
        if self._reference is None:
            return told
        return self._compared(told, now, self._reference, at_ms)

    def _compared(self, told: Measures, now: Basis, reference: Reference, at_ms: int) -> Measures:
        lies = self._alignment or _aligned(now, reference, at_ms)
        kept = _kept(now, lies.edges)
        passed = at_ms - lies.at_ms
        if passed >= DEAR_EVERY_MS or (passed >= SUSPICIOUS_EVERY_MS and kept and kept.share < SUSPICIOUS_EDGES):
            lies = _aligned(now, reference, at_ms)
            kept = _kept(now, lies.edges)
        self._alignment = lies
        return replace(
            told,
            colour_shift=_colour_shift(now.small, reference.small),
            sharpness=_sharpness(now, told.noise, reference),
            edges_kept=kept.share if kept else None,
            shift_px=lies.shift_px,
            corner_px=lies.corner_px,
            inliers=lies.inliers,
            noise_ratio=told.noise / max(reference.noise, 0.2),
            blind=kept.blind if kept else None,
            features=lies.features,
        )


def _light(luma: Frame) -> tuple[float, float]:
    counts = vision.histogram(luma)
    total = counts.sum()
    below = np.cumsum(counts)
    low, high = total * TRIM, total * (1 - TRIM)
    kept = np.clip(np.minimum(below, high) - np.maximum(below - counts, low), 0, None)
    values = np.arange(256)
    mean = float((kept * values).sum() / kept.sum())
    return mean, float(np.sqrt((kept * (values - mean) ** 2).sum() / kept.sum()))


def _colour_shift(now: Frame, reference: Frame) -> float:
    """How far the middle pixel's colour went: a red car before the lens is not a red picture."""
    return math.hypot(*(_middle(now[:, :, axis], reference[:, :, axis]) for axis in (1, 2)))


def _middle(now: Frame, reference: Frame) -> float:
    """The median of the differences, by counting them: there are 511."""
    counts = np.bincount((now.astype(np.int16) - reference + 255).ravel(), minlength=511)
    below, half = np.cumsum(counts), now.size / 2
    low, high = np.searchsorted(below, half, "left"), np.searchsorted(below, half, "right")
    return (float(low) + float(high if now.size % 2 == 0 else low)) / 2 - 255


def _profiles(luma: Frame) -> Profiles:
    plane = luma.astype(np.float32)
    rows, columns = (length // 2 for length in plane.shape)
    left, right, top, bottom = plane[:, :columns], plane[:, columns:], plane[:rows], plane[rows:]
    return (*(_means(each) for each in (left, right)), *(_means(each.T) for each in (top, bottom)))  # type: ignore[return-value]


def _means(plane: Plane) -> Plane:
    """Of each row; whole numbers, so that their sums are exact."""
    count = plane.shape[1]
    return np.asarray(plane @ np.ones(count, np.float32) / np.float32(count), np.float32)


def _jump(before: Before, now: Basis) -> int:
    """Rows (or columns) by which both halves of the picture lie lower than before; 0 unless both agree."""
    for one, other in zip(before.profiles, now.profiles, strict=False):
        for first, second in ((0, 1), (2, 3)):
            found = [_rolled(one[half], other[half]) for half in (first, second)]
            if min(abs(shift) for shift in found) >= JUMP_LEAST and abs(found[0] - found[1]) <= 1:
                return found[0]
    return 0


def _rolled(before: NDArray[np.float32], now: NDArray[np.float32]) -> int:
    """The cyclic shift that makes the profiles alike; 0 when none makes them much more alike than none."""
    one, other = before - before.mean(), now - now.mean()
    still = _apart(other, one)
    if still <= 1.0:
        return 0
    spectrum = np.fft.rfft(other) * np.conj(np.fft.rfft(one))
    best = int(np.argmax(np.fft.irfft(spectrum, len(one))))
    shift = best if best <= len(one) // 2 else best - len(one)
    moved = _apart(other, np.roll(one, shift))
    return shift if moved < JUMP_BETTER * still else 0


def _apart(one: Plane, other: Plane) -> float:
    """How far profiles differ, but for the few places that differ most: letters do not jump with what is behind."""
    differences = np.abs(one - other)
    kept = int(len(differences) * (1 - LETTERED))
    return float(np.partition(differences, kept - 1)[:kept].mean())


def _changed(before: Before, now: Basis, jump: int) -> float:
    if jump:
        return 0.0  # the picture went somewhere else: that is no light
    return float((np.abs(now.shapes - before.shapes) > CHANGE).mean())


class Kept(NamedTuple):
    """What is left of a reference's edges."""

    share: float
    blind: float


def _kept(now: Basis, edges: Edges) -> Kept | None:
    if len(edges.cells) < FEWEST_CELLS:
        return None
    right, down = (slope.ravel()[edges.at] for slope in now.slopes)
    right_was, down_was = edges.slopes_at
    steepness = np.hypot(right, down)
    along = right * right_was + down * down_was
    kept = (along > EDGE_COSINE * steepness * edges.steepness_at) & (steepness > FAINTEST_SLOPE)
    left = np.bincount(edges.cell_at[kept], minlength=len(edges.cells) + 1)[: len(edges.cells)]
    blind = int(np.count_nonzero(left < CELL_BLIND * edges.full))
    return Kept(float(np.count_nonzero(kept) / len(edges.at)), blind / len(edges.cells))


def _aligned(now: Basis, reference: Reference, at_ms: int) -> Alignment:
    """How the picture lies: as it should, or turned and moved where that brings clearly more edges together."""
    points = vision.features(now.half)
    share = len(points[0]) / max(1, len(reference.features[0]))
    found, inliers = vision.matched(reference.features, points)
    right, down, _ = vision.shift(reference.half.astype(np.float32), now.half.astype(np.float32), reference.fading)
    motions = [np.array([[1, 0, right], [0, 1, down]], np.float64)]
    if found is not None and SCALES[0] <= float(np.hypot(found[0, 0], found[1, 0])) <= SCALES[1]:
        motions.append(found)
    shift = float(np.hypot(right, down))
    best, edges, corner = _kept(now, reference.edges), reference.edges, 0.0
    if best is None:
        return Alignment(at_ms, edges, None, shift, inliers, share)
    asked = max(EXPLAINED, best.share + ALIGNED_BETTER)
    for motion in motions:
        if (moves := _corner(motion, *now.half.shape)) < ALIGNED_LEAST_PX:
            continue
        there = edges_of(vision.moved(reference.half, motion))
        kept = _kept(now, there)
        if kept and kept.share >= max(asked, best.share):
            best, edges, corner = kept, there, moves
    at_rest = found is not None and inliers >= AT_REST and _corner(found, *now.half.shape) < AT_REST_PX
    known = best.share >= EXPLAINED or at_rest
    return Alignment(at_ms, edges, corner if known else None, shift, inliers, share)


def _corner(motion: NDArray[np.float64], height: int, width: int) -> float:
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64)
    return float(np.hypot(*(corners @ motion.T - corners[:, :2]).T).max())


def _contrast(now: Plane, reference: Reference) -> float:
    """How strongly large shapes stand out, over the reference: the middle one counts, so that a person does not."""
    telling = reference.telling
    return float(np.median(_steps(now)[telling] / reference.steps[telling])) if telling.any() else 0.0


def _steps(shapes: Plane) -> Plane:
    return np.concatenate([np.diff(shapes, axis=0).ravel(), np.diff(shapes, axis=1).ravel()])


def _sharpness(now: Basis, noise: float, reference: Reference) -> float | None:
    contrast = _contrast(now.shapes, reference)
    if contrast < LEAST_CONTRAST:
        return None
    fine = detail(inner(now.full) if reference.only_inner else now.full, min(noise, reference.noise))
    return fine / max(reference.detail, 1.0) / (contrast * contrast)
