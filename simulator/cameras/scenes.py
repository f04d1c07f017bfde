"""What stands in front of a simulated camera: a clip, or a drawn room with somebody who comes, stays and goes.

The only file of the simulator that knows OpenCV. A scene gives the picture of a moment; it knows no fault, no stream.
Flow: feed.py asks for a frame of a moment -> here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.cameras.faults import Frame

WIDTH, HEIGHT = 640, 360
NOISE_SIGMA: Final = 1.6
"""Of a sensor, in steps of 255: without it nothing would change between two frames of an empty room."""
NOISE_FIELDS: Final = 12
COME_S: Final = 4.0
"""How long the drawn figure takes from the door to its place, and back."""
PLACES: Final = 3
REACH: Final = 204
BESIDE: Final = 150
"""Columns from the door to the first place, and between two."""


class ClipUnreadableError(SaidError):
    """The clip is not there or is no video."""


class Scene(Protocol):
    """What a camera looks at."""

    def frame(self, at_s: float) -> Frame:
        """The picture at `at_s` seconds since the camera began; moments only go forward."""

    def come(self, at_s: float, stay_s: float) -> None:
        """Somebody comes now and stays."""

    def leave(self, at_s: float) -> None:
        """Whoever is there goes."""


class Room(StrEnum):
    """What is drawn behind whoever comes."""

    HALL = "hall"  # of cash machines
    VAULT = "vault"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Somebody is there, at a place of his own; `until_s` is when they turn to go."""

    place: int
    from_s: float
    until_s: float


class DrawnScene:
    """A room, seen from the wall opposite. Nobody is in it until `come`; who comes next stands beside the first."""

    def __init__(self, seed: int = 7, room: Room = Room.HALL) -> None:
        self._chance = np.random.default_rng(seed)
        self._room = _room(self._chance, room)
        self._noise = _noise_fields(self._chance)
        self._visits: tuple[Visit, ...] = ()

    def frame(self, at_s: float) -> Frame:
        """The room, with whoever is in it."""
        picture = self._room.copy()
        self._visits = tuple(each for each in self._visits if at_s < each.until_s + COME_S)
        for visit in sorted(self._visits, key=lambda each: _way(each, at_s)):
            _figure(picture, _way(visit, at_s), at_s + visit.place, visit.place)
        return _noisy(picture, self._noise, self._chance)

    def come(self, at_s: float, stay_s: float) -> None:
        """Somebody walks in by the door at the left and stands for `stay_s`; a room that is full takes nobody."""
        free = [place for place in range(PLACES) if all(each.place != place for each in self._visits)]
        if free:
            self._visits += (Visit(place=free[0], from_s=at_s, until_s=at_s + COME_S + stay_s),)

    def leave(self, at_s: float) -> None:
        """All turn to the door now."""
        self._visits = tuple(replace(each, until_s=min(each.until_s, at_s)) for each in self._visits)


class ClipScene:
    """A clip: in a loop; or, `on_call`, its first picture until somebody is asked to come, then once through.

    `part` is what is played of it, in seconds of the clip.
    """

    def __init__(
        self, path: Path, *, on_call: bool = False, part: tuple[float, float] | None = None, seed: int = 7
    ) -> None:
        self._path = path
        self._chance = np.random.default_rng(seed)
        self._noise = _noise_fields(self._chance)
        self._video = self._opened()
        self._fps = float(self._video.get(cv2.CAP_PROP_FPS)) or 25.0
        frames = max(1, int(self._video.get(cv2.CAP_PROP_FRAME_COUNT)))
        self._begin = 0 if part is None else min(frames - 1, int(part[0] * self._fps))
        end = frames if part is None else min(frames, int(part[1] * self._fps))
        self._frames = max(1, end - self._begin)
        self._next = 0
        self._forward_to(self._begin)
        self._on_call = on_call
        self._from_s: float | None = None if on_call else 0.0
        self._first = self._read()
        self._last = self._first
        self._shown = 0

    def frame(self, at_s: float) -> Frame:
        """The clip's picture of this moment, resized; the clip's pace is kept."""
        if self._from_s is None:
            return _noisy(self._first, self._noise, self._chance)
        number = int((at_s - self._from_s) * self._fps)
        if self._on_call and number >= self._frames:
            self._from_s = None
            return _noisy(self._first, self._noise, self._chance)
        number = self._begin + number % self._frames
        if number < self._next - 1:
            self._rewind()
        self._forward_to(number)
        if self._next <= number:
            self._last = self._read()
        return self._last

    def come(self, at_s: float, stay_s: float) -> None:
        """Play from the beginning: a clip's people stay as long as they stayed."""
        self._rewind()
        self._from_s = at_s

    def leave(self, at_s: float) -> None:
        """Back to the first picture, where the clip plays on call; a loop goes on."""
        if self._on_call:
            self._from_s = None

    def _opened(self) -> cv2.VideoCapture:
        video = cv2.VideoCapture(str(self._path))
        if not video.isOpened():
            raise ClipUnreadableError(N_("{path} is no video that can be read; name another clip"), path=self._path)
        return video

    def _forward_to(self, number: int) -> None:
        while self._next < number and self._video.grab():
            self._next += 1

    def _rewind(self) -> None:
        self._video.release()
        self._video, self._next = self._opened(), 0

    def _read(self) -> Frame:
        good, picture = self._video.read()
        self._next += 1
        if not good:
            return self._last if hasattr(self, "_last") else _blank()
        return fitted(np.asarray(picture, dtype=np.uint8), WIDTH, HEIGHT)


def fitted(picture: Frame, width: int, height: int) -> Frame:
    """The picture in another size."""
    if picture.shape[:2] == (height, width):
        return picture
    smaller = picture.shape[1] > width
    sized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(sized, dtype=np.uint8)


def stamped(picture: Frame, text: str) -> Frame:
    """With the camera's own line of text at the top, as cameras burn it in."""
    scale = picture.shape[0] / HEIGHT
    place = (int(8 * scale), int(16 * scale))
    marked = picture.copy()
    for colour, thick in (((0, 0, 0), 2), ((255, 255, 255), 1)):
        cv2.putText(marked, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42 * scale, colour, thick, cv2.LINE_AA)
    return marked


def jpeg(picture: Frame) -> bytes:
    """As a camera's snapshot."""
    good, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not good:
        raise ValueError(picture.shape)
    return bytes(data)


def scene_of(clip: Path | None, *, on_call: bool = False, seed: int = 7) -> Scene:
    """The clip, or the drawn room where there is none.

    Raises:
        ClipUnreadableError: the clip is no video.
    """
    return DrawnScene(seed) if clip is None else ClipScene(clip, on_call=on_call, seed=seed)


def wall_text(name: str, clock: Callable[[], float]) -> str:
    """What a camera writes into its picture."""
    return f"{datetime.fromtimestamp(clock(), UTC):%Y-%m-%d %H:%M:%S} {name}"


def _blank() -> Frame:
    return np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def _noise_fields(chance: np.random.Generator) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int16]], ...]:
    return tuple(
        np.repeat(chance.normal(0, NOISE_SIGMA, (HEIGHT, WIDTH, 1)), 3, axis=2).astype(np.int16)
        for _ in range(NOISE_FIELDS)
    )


def _noisy(
    picture: Frame,
    fields: tuple[np.ndarray[tuple[int, ...], np.dtype[np.int16]], ...],
    chance: np.random.Generator,
) -> Frame:
    field = fields[int(chance.integers(len(fields)))]
    shifted = np.roll(field, int(chance.integers(WIDTH)), axis=1)
    return np.asarray(cv2.add(picture, shifted, dtype=cv2.CV_8U), dtype=np.uint8)


def _room(chance: np.random.Generator, kind: Room) -> Frame:
    """Floor tiles, a wall, a door at the left, and what stands in such a room: edges enough to know it again."""
    room = _blank()
    room[:] = (168, 172, 176) if kind is Room.HALL else (150, 160, 158)
    room[150:] = (120, 132, 140)
    for x in range(-400, WIDTH + 400, 64):  # tiles, towards a vanishing point
        cv2.line(room, (WIDTH // 2 + (x - WIDTH // 2) // 3, 150), (x, HEIGHT), (98, 108, 116), 1, cv2.LINE_AA)
    for y in (162, 180, 206, 242, 292, 352):
        cv2.line(room, (0, y), (WIDTH, y), (98, 108, 116), 1, cv2.LINE_AA)
    (_hall if kind is Room.HALL else _vault)(room, chance)
    grain = chance.normal(0, 5, (HEIGHT, WIDTH, 1)).astype(np.int16)
    return np.asarray(cv2.add(room, np.repeat(grain, 3, axis=2), dtype=cv2.CV_8U), dtype=np.uint8)


def _hall(room: Frame, chance: np.random.Generator) -> None:
    """A door, a poster, two machines, a plant."""
    cv2.rectangle(room, (18, 40), (92, 236), (70, 88, 112), -1)  # the door
    cv2.rectangle(room, (18, 40), (92, 236), (40, 48, 60), 2)
    cv2.circle(room, (82, 140), 4, (210, 210, 220), -1, cv2.LINE_AA)
    for x in (430, 526):  # two machines at the wall
        cv2.rectangle(room, (x, 62), (x + 78, 216), (92, 76, 60), -1)
        cv2.rectangle(room, (x + 14, 78), (x + 64, 116), (208, 186, 120), -1)
        for row in range(3):
            for column in range(4):
                corner = (x + 16 + column * 12, 130 + row * 10)
                cv2.rectangle(room, corner, (corner[0] + 8, corner[1] + 6), (190, 190, 190), -1)
        cv2.rectangle(room, (x + 22, 176), (x + 56, 182), (30, 30, 30), -1)
    cv2.rectangle(room, (190, 46), (290, 122), (60, 60, 170), -1)  # a poster
    for row in range(5):
        cv2.line(room, (200, 60 + row * 12), (280 - row * 9, 60 + row * 12), (235, 235, 235), 2)
    cv2.rectangle(room, (340, 150), (392, 196), (70, 110, 150), -1)  # a plant in its box
    for _ in range(60):
        tip = (int(chance.integers(330, 402)), int(chance.integers(84, 150)))
        cv2.line(room, (366, 152), tip, (40, int(chance.integers(90, 160)), 50), 2, cv2.LINE_AA)


def _vault(room: Frame, chance: np.random.Generator) -> None:
    """The vault's round door, and shelves with boxes."""
    cv2.circle(room, (80, 140), 92, (96, 100, 104), -1, cv2.LINE_AA)
    cv2.circle(room, (80, 140), 92, (48, 50, 54), 4, cv2.LINE_AA)
    cv2.circle(room, (80, 140), 30, (132, 138, 144), 6, cv2.LINE_AA)
    for step in range(6):  # the wheel and the bolts
        angle = step * math.pi / 3
        spoke = (80 + int(30 * math.cos(angle)), 140 + int(30 * math.sin(angle)))
        bolt = (80 + int(78 * math.cos(angle)), 140 + int(78 * math.sin(angle)))
        cv2.line(room, (80, 140), spoke, (132, 138, 144), 5, cv2.LINE_AA)
        cv2.circle(room, bolt, 6, (40, 42, 46), -1, cv2.LINE_AA)
    for row in range(4):
        top = 44 + row * 40
        cv2.line(room, (230, top + 34), (616, top + 34), (52, 60, 70), 4)
        for column in range(12):
            left, colour = 236 + column * 32, int(chance.integers(70, 150))
            if chance.integers(5):
                corners = (left, top + int(chance.integers(4, 14))), (left + 24, top + 32)
                cv2.rectangle(room, *corners, (colour, colour + 20, colour + 30), -1)
                cv2.rectangle(room, *corners, (40, 46, 52), 1)
                cv2.circle(room, (left + 12, top + 26), 2, (220, 220, 220), -1)


def _way(visit: Visit, at_s: float) -> float:
    """How far from the door (0) to the place in the middle (1)."""
    if at_s < visit.until_s:
        return min(1.0, (at_s - visit.from_s) / COME_S)
    reached = min(1.0, (visit.until_s - visit.from_s) / COME_S)
    return max(0.0, reached - (at_s - visit.until_s) / COME_S)


def _figure(picture: Frame, way: float, at_s: float, place: int) -> None:
    """Head, coat, arms and legs; who stands still still shifts from foot to foot."""
    walking = 0.0 < way < 1.0
    x = int(56 + way * (REACH + BESIDE * place) + (0 if walking else 4 * math.sin(at_s * 1.7)))
    feet = int(232 + way * 78)
    tall = int(150 + way * 40)
    swing = math.sin(at_s * (7.0 if walking else 1.3)) * (0.16 if walking else 0.05) * tall
    head, shoulder, hip = feet - tall, int(feet - tall * 0.82), int(feet - tall * 0.47)
    wide = int(tall * 0.15)
    trousers, skin = (52, 44, 40), (120, 150, 196)
    coat = ((92, 66, 40), (46, 40, 96), (50, 84, 44))[place % 3]
    for side in (-1, 1):
        foot = (int(x + side * (wide * 0.45 + swing * 0.5)), feet)
        cv2.line(picture, (x + side * wide // 3, hip), foot, trousers, int(tall * 0.085), cv2.LINE_AA)
        cv2.ellipse(picture, (foot[0] + 4, feet), (int(tall * 0.06), int(tall * 0.025)), 0, 0, 360, (24, 22, 22), -1)
        hand = (int(x + side * (wide * 1.15 - swing * 0.3)), int(hip + tall * 0.03))
        cv2.line(picture, (x + side * int(wide * 0.8), shoulder + 8), hand, coat, int(tall * 0.06), cv2.LINE_AA)
        cv2.circle(picture, hand, int(tall * 0.03), skin, -1, cv2.LINE_AA)
    torso = np.array(
        [
            (x - wide, shoulder + 6),
            (x - wide // 2, shoulder),
            (x + wide // 2, shoulder),
            (x + wide, shoulder + 6),
            (x + int(wide * 0.8), hip + 10),
            (x - int(wide * 0.8), hip + 10),
        ],
        np.int32,
    )
    cv2.fillPoly(picture, [torso], coat, cv2.LINE_AA)
    cv2.line(picture, (x, shoulder + 4), (x, hip + 8), (30, 26, 62), 2, cv2.LINE_AA)
    middle = (x, int(head + tall * 0.085))
    cv2.ellipse(picture, middle, (int(tall * 0.055), int(tall * 0.08)), 0, 0, 360, skin, -1, cv2.LINE_AA)
    cv2.ellipse(
        picture, (x, int(head + tall * 0.055)), (int(tall * 0.06), int(tall * 0.055)), 0, 180, 360, (28, 26, 24), -1
    )
