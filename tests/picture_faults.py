"""What happens to a camera's picture, made from a sound frame: covers, noise, casts, jumps, other views, other light.

Deterministic: the same frame and number give the same picture. Nothing here is what the product judges with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Frame: TypeAlias = NDArray[np.uint8]
Change: TypeAlias = Callable[[Frame, int], Frame]
"""A frame and how many looks ago the fault began."""


def _bytes(values: NDArray[np.floating | np.integer]) -> Frame:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _grain(frame: NDArray[np.floating], number: int, sigma: float = 1.0) -> Frame:
    return _bytes(frame + np.random.default_rng(number).normal(0, sigma, frame.shape).astype(np.float32))


def _over(frame: Frame, cover: NDArray[np.float32], colour: tuple[int, int, int], number: int) -> Frame:
    share = cover[:, :, None]
    return _grain(frame * (1 - share) + share * np.array(colour, np.float32), number)


def black(frame: Frame, number: int) -> Frame:
    """No light: what a sensor gives then."""
    return _grain(np.full(frame.shape, 2.0, np.float32), number)


def snow(share: float) -> Change:
    """Noise in place of so many pixels."""

    def change(frame: Frame, number: int) -> Frame:
        random = np.random.default_rng(number)
        noise = random.integers(0, 256, frame.shape[:2], dtype=np.uint8)
        return np.where((random.random(frame.shape[:2]) < share)[:, :, None], noise[:, :, None], frame)

    return change


def cast(frame: Frame, _number: int) -> Frame:
    """A channel of colour too weak, another too strong."""
    return _bytes(frame.astype(np.int16) + np.array([-60, 0, 60], np.int16))


def weak(frame: Frame, _number: int) -> Frame:
    """Two channels nearly gone: a bad cable."""
    return _bytes(frame * np.array([1.0, 0.55, 0.5]))


def jump(frame: Frame, number: int) -> Frame:
    """Up or down by some rows, other ones each time."""
    return np.roll(frame, int(np.random.default_rng(number).integers(-60, 61)), axis=0)


def roll(frame: Frame, number: int) -> Frame:
    """Rolling through."""
    return np.roll(frame, 23 * number + 23, axis=0)


def defocus(sigma: float) -> Change:
    """Blurred, by so many pixels of a picture of 360 rows."""
    return lambda frame, _: np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma * frame.shape[0] / 360), np.uint8)


def moved(right: float, down: float) -> Change:
    """Looking elsewhere by so much of width and height."""

    def change(frame: Frame, _number: int) -> Frame:
        rows, columns = frame.shape[:2]
        motion = np.array([[1, 0, right * columns], [0, 1, down * rows]], np.float32)
        return np.asarray(cv2.warpAffine(frame, motion, (columns, rows), borderMode=cv2.BORDER_REFLECT), np.uint8)

    return change


def turned(degrees: float) -> Change:
    """Turned about its axis."""

    def change(frame: Frame, _number: int) -> Frame:
        rows, columns = frame.shape[:2]
        motion = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1.0)
        return np.asarray(cv2.warpAffine(frame, motion, (columns, rows), borderMode=cv2.BORDER_REFLECT), np.uint8)

    return change


def elsewhere(view: Frame) -> Change:
    """Turned to something else altogether."""
    return lambda frame, number: _grain(
        cv2.resize(view, (frame.shape[1], frame.shape[0])).astype(np.float32), number, 0.7
    )


def hand(frame: Frame, number: int) -> Frame:
    """A dark hand before the lens; light comes in at the rim."""
    rows, columns = frame.shape[:2]
    cover = np.zeros((rows, columns), np.float32)
    middle = (columns // 2 + number % 3, rows // 2)
    cv2.ellipse(cover, middle, (int(columns * 0.56), int(rows * 0.58)), 10, 0, 360, 1.0, -1)
    return _over(frame, np.asarray(cv2.GaussianBlur(cover, (0, 0), rows / 30), np.float32), (12, 14, 18), number)


def paper(frame: Frame, number: int) -> Frame:
    """A sheet of paper, lit a little more from one side."""
    rows, columns = frame.shape[:2]
    shade = np.linspace(214, 222, columns, dtype=np.float32)
    return _grain(np.broadcast_to(shade[None, :, None], (rows, columns, 3)), number)


def cloth(frame: Frame, number: int) -> Frame:
    """A striped cloth, close by and so out of focus."""
    rows, columns = frame.shape[:2]
    stripes = 90 + 25 * np.sin(np.arange(rows)[:, None] / rows * 40) + 10 * np.sin(np.arange(columns) / columns * 25)
    blurred = cv2.GaussianBlur(stripes.astype(np.float32), (0, 0), rows / 60)
    return _grain(np.repeat(blurred[:, :, None], 3, axis=2), number)


def spray(frame: Frame, number: int) -> Frame:
    """Paint in patches over 62 % of the glass."""
    rows, columns = frame.shape[:2]
    patches = np.random.default_rng(3).normal(0, 1, (90, 160)).astype(np.float32)
    spread = np.asarray(cv2.resize(cv2.GaussianBlur(patches, (0, 0), 12), (columns, rows)), np.float32)
    cover = (spread > np.quantile(spread, 0.38)).astype(np.float32)
    return _over(frame, np.asarray(cv2.GaussianBlur(cover, (0, 0), rows / 90), np.float32), (40, 40, 42), number)


class Frozen:
    """The picture of the moment it began, for ever."""

    def __init__(self) -> None:
        self._held: Frame | None = None

    def __call__(self, frame: Frame, _number: int) -> Frame:
        self._held = frame if self._held is None else self._held
        return self._held


def faults(other_view: Frame) -> Mapping[str, tuple[Change, str]]:
    """Every fault by its name, with the kind that it must be called."""
    return {
        "black": (black, "black"),
        "snow 100 %": (snow(1.0), "snow"),
        "snow 40 %": (snow(0.4), "snow"),
        "colour cast": (cast, "colour_cast"),
        "weak channels": (weak, "colour_cast"),
        "jumping": (jump, "jumping"),
        "rolling": (roll, "jumping"),
        "frozen": (Frozen(), "frozen"),
        "defocused, 3 px": (defocus(3), "defocused"),
        "defocused, 10 px": (defocus(10), "defocused"),
        "shifted 10 %": (moved(0.1, 0.0), "moved"),
        "turned 4 degrees": (turned(4), "moved"),
        "turned elsewhere": (elsewhere(other_view), "moved"),
        "hand": (hand, "covered"),
        "paper": (paper, "covered"),
        "cloth": (cloth, "covered"),
        "spray on 62 %": (spray, "covered"),
    }


def gain(factor: float) -> Change:
    """More light, or less."""
    return lambda frame, _: _bytes(frame * np.float32(factor))


def gamma(power: float) -> Change:
    """Other exposure."""
    table = _bytes(255 * (np.arange(256) / 255) ** power)
    return lambda frame, _: table[frame]


def dim(factor: float, sigma: float) -> Change:
    """Dusk: little light, and the sensor's noise."""
    return lambda frame, number: _grain(frame * np.float32(factor), number, sigma)


def infrared(frame: Frame, number: int) -> Frame:
    """By night: grey, other materials bright, a lamp at the lens that does not reach the rim, and noise."""
    rows, columns = frame.shape[:2]
    planes = frame.astype(np.float32)
    luma = 0.2 * planes[:, :, 0] + 0.2 * planes[:, :, 1] + 0.9 * planes[:, :, 2]
    down, right = np.mgrid[0:rows, 0:columns].astype(np.float32)
    lamp = np.exp(-(((right / columns - 0.5) / 0.55) ** 2 + ((down / rows - 0.5) / 0.6) ** 2))
    return np.repeat(_grain(luma * lamp * 0.8 + 8, number, 4.0)[:, :, None], 3, axis=2)


LIGHTS: Mapping[str, Change] = {
    "half as bright again": gain(1.5),
    "40 % of the light": gain(0.4),
    "dusk": dim(0.3, 4.0),
    "overexposed": gamma(0.5),
    "underexposed": gamma(2.0),
    "infrared": infrared,
}


def crowd(frame: Frame, number: int) -> Frame:
    """People who walk by close to the lens."""
    rows, columns = frame.shape[:2]
    painted = frame.copy()
    for each in range(4):
        middle = int((each * 0.3 - 0.2 + number * 0.12) * columns)
        coat = (40 + 20 * each, 50, 60 + 30 * each)
        cv2.ellipse(painted, (middle, int(rows * 0.75)), (int(columns * 0.16), int(rows * 0.6)), 0, 0, 360, coat, -1)
        cv2.circle(painted, (middle, int(rows * 0.2)), int(rows * 0.13), (120, 150, 190), -1)
    return painted


def drawn(seed: int, rows: int = 360, columns: int = 640) -> Frame:
    """A room: walls, a floor of boards, a counter, doors, notices."""
    random = np.random.default_rng(seed)
    room = np.zeros((rows, columns, 3), np.float32)
    room[:] = random.integers(150, 200, 3)
    room[int(rows * 0.6) :] = random.integers(70, 120, 3)
    picture = _bytes(room)
    for board in range(0, columns, 34):
        cv2.line(picture, (board, int(rows * 0.6)), (int(board * 1.6 - columns * 0.3), rows), (60, 60, 70), 2)
    for _ in range(26):
        left, top = int(random.integers(0, columns - 60)), int(random.integers(0, rows - 40))
        wide, high = (int(each) for each in random.integers(12, 110, 2))
        colour = tuple(int(each) for each in random.integers(20, 235, 3))
        cv2.rectangle(picture, (left, top), (left + wide, top + high), colour, -1 if wide % 2 else 2)
        cv2.putText(picture, str(left), (left, top), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20, 20, 20), 1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8)


def live(picture: Frame, number: int, sigma: float = 1.0) -> Frame:
    """What a camera gives of a still scene: the same, with its own noise every time."""
    return _grain(picture.astype(np.float32), number, sigma)


def lettered(frame: Frame, at_ms: int, size: float = 1.0) -> Frame:
    """What a recorder burns in: a clock that runs, above on the left, and a title, below on the right."""
    rows, columns = frame.shape[:2]
    picture, scale, second = frame.copy(), 0.6 * size * rows / 360, at_ms // 1_000
    stroke = max(1, round(2 * size * rows / 360))
    for words, above in ((f"2026-03-02 09:{second // 60 % 60:02}:{second % 60:02} Mon", True), ("ATM HALL 03", False)):
        (wide, high), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
        at = (12, 12 + high) if above else (columns - wide - 12, rows - 16)
        for colour, width in (((0, 0, 0), 2 * stroke), ((255, 255, 255), stroke)):
            cv2.putText(picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, width, cv2.LINE_AA)
    return picture
