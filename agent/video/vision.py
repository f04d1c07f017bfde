"""The only file that knows OpenCV: what a frame is turned into, and what is found in it. Keeps and decides nothing.

Frames are BGR, 8 bits, rows x columns x 3; polygons and boxes are in fractions of width and height.
Flow: eye.py, measuring.py, background.py, fascia.py -> here.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Frame: TypeAlias = NDArray[np.uint8]
Plane: TypeAlias = NDArray[np.float32]
Polygon: TypeAlias = Sequence[tuple[float, float]]

JPEG_QUALITY: Final = 85
MATCH_RATIO: Final = 0.8
"""Of the best to the second-best distance of a feature: above it, which one it is stays open."""
MAX_FEATURES: Final = 400
FEWEST_MATCHES: Final = 4

cv2.setNumThreads(1)  # sixteen eyes share two cores: threads of one would only take turns with the others'


class PictureError(ValueError):
    """What was given is no picture that can be read or written."""


def resized(frame: Frame, width: int, height: int) -> Frame:
    """The frame at another size: averaged when it becomes smaller. The frame itself when it has that size."""
    if frame.shape[:2] == (height, width):
        return frame
    shrinks = height < frame.shape[0]
    return np.asarray(
        cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
    )


def averaged(plane: Frame, width: int, height: int) -> Plane:
    """One plane made smaller, with what lies between two grey values."""
    return np.asarray(cv2.resize(plane.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA), np.float32)


def at_rows(frame: Frame, rows: int) -> Frame:
    """The frame with so many rows and its own shape; never made larger."""
    height, width = frame.shape[:2]
    return frame if height <= rows else resized(frame, max(1, round(width * rows / height)), rows)


def grey(frame: Frame) -> Frame:
    """Its luma."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)


def lab(frame: Frame) -> Frame:
    """Lightness and the two colour axes, 128 where there is no colour."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2LAB), np.uint8)


def histogram(plane: Frame) -> NDArray[np.float64]:
    """How many pixels have each of the 256 values."""
    return np.bincount(plane.reshape(-1), minlength=256).astype(np.float64)


_IMMERKAER: Final = np.array([1, -2, 1], np.float32)
"""Across and down: his mask is the product."""


def noise(luma: Frame) -> float:
    """Standard deviation of the noise (Immerkaer 1996): what is left where straight lines cancel out."""
    height, width = luma.shape
    if height < 3 or width < 3:
        return 0.0
    left = cv2.sepFilter2D(luma, cv2.CV_16S, _IMMERKAER, _IMMERKAER)
    total = cv2.norm(left, cv2.NORM_L1)
    return float(total * np.sqrt(np.pi / 2) / (6 * (width - 2) * (height - 2)))


def detail(luma: Frame) -> float:
    """Variance of the Laplacian: how much changes from pixel to pixel."""
    second = cv2.Laplacian(luma, cv2.CV_16S)
    mean = cv2.sumElems(second)[0] / second.size
    return max(0.0, float(cv2.norm(second, cv2.NORM_L2SQR)) / second.size - mean * mean)


def slopes(luma: Frame, sigma: float) -> tuple[Plane, Plane]:
    """How the smoothed luma rises to the right and downwards."""
    smooth = cv2.GaussianBlur(luma, (0, 0), sigma).astype(np.float32)
    return (
        np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), np.float32),
        np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 0, 1), np.float32),
    )


def smoothed(plane: Plane, sigma: float) -> Plane:
    """Each value averaged with those around it, near ones counting more."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def averaged_around(plane: Plane, side: int) -> Plane:
    """Each value averaged with those around it, near ones counting more; as quick for a wide side as for a narrow."""
    once = cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.blur(once, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def envelope(plane: Plane, side: int) -> tuple[Plane, Plane]:
    """The least and the greatest value in a square around each."""
    square = np.ones((side, side), np.uint8)
    return np.asarray(cv2.erode(plane, square), np.float32), np.asarray(cv2.dilate(plane, square), np.float32)


def thin(luma: Frame, side: int, least: int) -> tuple[Frame, Frame]:
    """255 where something brighter, and in the second darker, than all around is thinner than a square of this side."""
    square = np.ones((side, side), np.uint8)
    ways = (cv2.morphologyEx(luma, way, square) for way in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT))
    bright, dark = (np.asarray(cv2.threshold(each, least - 1, 255, cv2.THRESH_BINARY)[1], np.uint8) for each in ways)
    return bright, dark


def joined(mask: Frame, across: int, down: int) -> NDArray[np.int32]:
    """The connected patches of a mask, what lies near joined: rows of left, top, width, height, pixels."""
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((down, across), np.uint8))
    return np.asarray(cv2.connectedComponentsWithStats(closed)[2][1:], np.int32)


def equal_share(one: Frame, other: Frame) -> float:
    """Share of values that are the same in both, 0 to 1."""
    return 1.0 - cv2.countNonZero(cv2.absdiff(one, other)) / one.size


def window(rows: int, columns: int) -> Plane:
    """Weights that let a picture fade out to its rim, as phase correlation wants it."""
    return np.asarray(cv2.createHanningWindow((columns, rows), cv2.CV_32F), np.float32)


def shift(one: Plane, other: Plane, fading: Plane) -> tuple[float, float, float]:
    """By how many pixels the second lies right of and below the first, and how sure that is, 0 to 1."""
    (right, down), response = cv2.phaseCorrelate(one, other, fading)
    return float(right), float(down), float(response)


Features: TypeAlias = tuple[NDArray[np.float32], NDArray[np.uint8]]


def features(luma: Frame) -> Features:
    """Points that are found again in another picture, with what they look like (ORB)."""
    points, looks = _orb().detectAndCompute(luma, None)
    if looks is None:
        return np.empty((0, 2), np.float32), np.empty((0, 32), np.uint8)
    return np.array([point.pt for point in points], np.float32).reshape(-1, 2), np.asarray(looks, np.uint8)


def matched(one: Features, other: Features) -> tuple[NDArray[np.float64] | None, int]:
    """How the first lies in the second: turned, scaled and moved (2x3); and how many points say so (RANSAC)."""
    if min(len(one[0]), len(other[0])) < FEWEST_MATCHES:
        return None, 0
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(one[1], other[1], k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < MATCH_RATIO * pair[1].distance]
    if len(good) < FEWEST_MATCHES:
        return None, 0
    here = one[0][[match.queryIdx for match in good]]
    there = other[0][[match.trainIdx for match in good]]
    cv2.setRNGSeed(1)  # the same pictures give the same answer
    found, inliers = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=2.0)
    if found is None:  # the stub says never; it is, where all points lie in one place
        return None, 0  # type: ignore[unreachable]
    return np.asarray(found, np.float64), int(np.count_nonzero(inliers))


def moved(luma: Frame, motion: NDArray[np.float64]) -> Frame:
    """The picture turned, scaled and moved by a 2x3; what comes in from outside repeats the rim."""
    height, width = luma.shape
    return np.asarray(cv2.warpAffine(luma, motion, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _orb() -> Any:
    return cv2.ORB_create(nfeatures=MAX_FEATURES, fastThreshold=10)  # type: ignore[attr-defined]


def inside(polygon: Polygon, rows: int, columns: int) -> NDArray[np.bool_]:
    """Which pixels of a picture of that size lie in the polygon."""
    filled = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(filled, [_corners(polygon, rows, columns)], 1)
    return filled.astype(np.bool_)


def blacken(frame: Frame, masks: Sequence[Polygon]) -> Frame:
    """A copy of the frame with the polygons black; the frame itself where there are none."""
    if not masks:
        return frame
    covered = np.ascontiguousarray(frame).copy()
    for polygon in masks:
        cv2.fillPoly(covered, [_corners(polygon, *frame.shape[:2])], (0, 0, 0))
    return covered


def _corners(polygon: Polygon, rows: int, columns: int) -> NDArray[np.int32]:
    return np.array([[round(x * columns), round(y * rows)] for x, y in polygon], np.int32).reshape(-1, 1, 2)


def jpeg(frame: Frame, masks: Sequence[Polygon] = (), quality: int = JPEG_QUALITY) -> bytes:
    """The frame as a JPEG file, masks burned in.

    Raises:
        PictureError: it cannot be written as one.
    """
    return _written(".jpg", blacken(frame, masks), [cv2.IMWRITE_JPEG_QUALITY, quality])


def png(frame: Frame) -> bytes:
    """The frame as a PNG file, every pixel kept.

    Raises:
        PictureError: it cannot be written as one.
    """
    return _written(".png", frame, [cv2.IMWRITE_PNG_COMPRESSION, 6])


def _written(ending: str, frame: Frame, options: list[int]) -> bytes:
    try:
        done, data = cv2.imencode(ending, np.ascontiguousarray(frame), options)
    except cv2.error as problem:
        raise PictureError("not a picture that can be written") from problem
    if not done:
        raise PictureError("not a picture that can be written")
    return bytes(data)


def opened(data: bytes) -> Frame:
    """The frame of a PNG or JPEG file.

    Raises:
        PictureError: it holds none.
    """
    try:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as problem:
        raise PictureError("not a picture") from problem
    if frame is None:
        raise PictureError("not a picture")
    return np.asarray(frame, np.uint8)


MIXTURES: Final = 3
"""What a pixel is used to: itself, a lamp, a shadow. The usual five find the same and take 2 MB more a camera."""


class Mixture:
    """What each pixel is used to show, as a mixture of Gaussians (MOG2); a picture goes in, what is new comes out."""

    def __init__(self, variance: float) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2(history=500, varThreshold=variance, detectShadows=False)
        self._model.setNMixtures(MIXTURES)

    def new(self, frame: Frame, rate: float) -> Frame:
        """255 where the frame shows what is not background; `rate`: how much of it is learned, 0 to 1."""
        return np.asarray(self._model.apply(frame, learningRate=rate), np.uint8)


def patches(mask: Frame, join: int, least: int) -> list[tuple[int, int, int, int, int]]:
    """The connected patches of a mask: left, top, width, height, pixels; small ones gone, near ones joined."""
    clean = cv2.medianBlur(mask, 5)
    joined = cv2.morphologyEx(clean, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (join, join)))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    found = [tuple(int(value) for value in stats[number]) for number in range(1, count)]
    return [patch for patch in found if patch[4] >= least]  # type: ignore[misc]
