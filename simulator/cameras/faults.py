"""What can go wrong with a simulated camera, by name, and what that does to its picture. Pure.

The faults of the line, the login and the clock are done by `rtsp.py` and `onvif.py`; here stand their names and
everything that can be done to a frame. Flow: a command -> here -> `feed.py`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

Frame = NDArray[np.uint8]
"""Height x width x 3, blue first."""


class Fault(StrEnum):
    """The words of a command."""

    COVER = "cover"
    BLACK = "black"
    SNOW = "snow"
    COLOUR_CAST = "colour-cast"
    JUMP = "jump"
    FREEZE = "freeze"
    DEFOCUS = "defocus"
    MOVE = "move"
    LIGHT = "light"
    STALL = "stall"
    SILENCE = "silence"
    AWAY = "away"
    BROKEN = "broken"
    RESOLUTION = "resolution"
    LOGIN_REFUSED = "login-refused"
    NOT_ALLOWED = "not-allowed"
    BUSY = "busy"
    NOT_FOUND = "not-found"
    CLOCK_OFF = "clock-off"
    RECORDING_STOPPED = "recording-stopped"


LOOKS: Final[Mapping[Fault, str]] = {
    Fault.COVER: N_("something is held in front of the lens"),
    Fault.BLACK: N_("the picture is black"),
    Fault.SNOW: N_("the picture is snow"),
    Fault.COLOUR_CAST: N_("the picture has a colour cast"),
    Fault.JUMP: N_("the picture jumps up and down"),
    Fault.FREEZE: N_("the same picture comes for ever"),
    Fault.DEFOCUS: N_("the picture is out of focus"),
    Fault.MOVE: N_("the camera was turned aside"),
    Fault.LIGHT: N_("the light is switched off: no fault, but most of the picture changes at once"),
    Fault.STALL: N_("the stream stays connected, and no picture comes"),
    Fault.SILENCE: N_("the camera takes connections and says nothing"),
    Fault.AWAY: N_("the camera is gone from the network"),
    Fault.BROKEN: N_("what comes is no video"),
    Fault.RESOLUTION: N_("the picture changes its size in mid-stream"),
    Fault.LOGIN_REFUSED: N_("the camera refuses every password (401)"),
    Fault.NOT_ALLOWED: N_("the camera forbids the stream to everybody (403)"),
    Fault.BUSY: N_("the camera says it has no more sessions (453)"),
    Fault.NOT_FOUND: N_("the camera does not know the stream (404)"),
    Fault.CLOCK_OFF: N_("the camera's clock is an hour fast"),
    Fault.RECORDING_STOPPED: N_("the recorder records this camera no more"),
}

SNOW_FIELDS: Final = 8
CAST: Final = (0.45, 1.0, 1.5)
"""Blue, green and red are multiplied by this: strongly orange."""
JUMP_ROWS: Final = (0, 60, 25, 110, 5, 80)
MOVED_SHARE: Final = 0.22
BLUR: Final = 9
"""Rows and columns over which a picture out of focus is averaged, at 360 rows."""
COVER_LUMA: Final = 38


def spoil(frame: Frame, faults: frozenset[Fault], number: int, chance: np.random.Generator) -> Frame:
    """The frame as these faults leave it; `number` counts frames. The gravest wins where two cannot be at once."""
    if Fault.BLACK in faults:
        return np.full_like(frame, 16)
    if Fault.SNOW in faults:
        return _snow(frame, chance)
    if Fault.COVER in faults:
        return _cover(frame, chance)
    if Fault.LIGHT in faults:
        frame = (frame.astype(np.float32) * 0.35).astype(np.uint8)
    if Fault.MOVE in faults:
        frame = np.roll(frame, (int(frame.shape[0] * MOVED_SHARE), int(frame.shape[1] * MOVED_SHARE)), axis=(0, 1))
    if Fault.DEFOCUS in faults:
        frame = _blurred(frame)
    if Fault.COLOUR_CAST in faults:
        frame = np.clip(frame.astype(np.float32) * CAST, 0, 255).astype(np.uint8)
    if Fault.JUMP in faults:
        frame = np.roll(frame, JUMP_ROWS[number % len(JUMP_ROWS)], axis=0)
    return frame


def _snow(frame: Frame, chance: np.random.Generator) -> Frame:
    grey = chance.integers(0, 256, frame.shape[:2], dtype=np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _cover(frame: Frame, chance: np.random.Generator) -> Frame:
    """A hand or a bag close to the lens: nearly even, a little light at one edge, the sensor's own noise."""
    rows, columns = frame.shape[:2]
    shade = COVER_LUMA + 10.0 * np.linspace(-1, 1, columns)[None, :] * np.ones((rows, 1))
    noise = chance.normal(0, 1.5, (rows, columns))
    return np.repeat(np.clip(shade + noise, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _blurred(frame: Frame) -> Frame:
    """A box blur in both directions, twice."""
    width = max(3, BLUR * frame.shape[0] // 360) | 1
    soft = frame.astype(np.float32)
    for _ in range(2):
        for axis in (0, 1):
            soft = _box(soft, width, axis)
    return soft.astype(np.uint8)


def _box(values: NDArray[np.float32], width: int, axis: int) -> NDArray[np.float32]:
    half = width // 2
    edges = [(0, 0)] * values.ndim
    edges[axis] = (half + 1, half)
    sums = np.cumsum(np.pad(values, edges, mode="edge"), axis=axis, dtype=np.float32)
    size = values.shape[axis]
    after = np.take(sums, range(width, width + size), axis=axis)
    before = np.take(sums, range(size), axis=axis)
    return ((after - before) / np.float32(width)).astype(np.float32)
