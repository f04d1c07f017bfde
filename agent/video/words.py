"""What the agent and an eye say to each other, as frozen values. Pure; never a picture.

Up: what the camera gives and what its picture measures; down: what to make of the ring. docs/eyes.md says what is done
with it. Lengths in pictures are fractions of width and height, times monotonic milliseconds of the machine.
Flow: eye.py -> here -> agent/eyes/, agent/evidence/, and back.
"""

from enum import IntEnum, StrEnum
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

MAX_BOXES = 100
"""Of one look; more are left out, the least certain first."""

FASCIA_COLUMNS = 12
FASCIA_ROWS = 8
"""The grid over the rectangle around a fascia area: `Look.cells`, row after row; -1: a cell outside the polygon."""

CERTAIN: Final = 0.35
"""Score from which a box begins a track or a count; a less certain one, from .25 on, only holds what has begun. Scores
are low: somebody who stands still for a minute gets .3 to .6 (docs/benchmarks.md)."""


class Thing(IntEnum):
    """What a box holds, in the model's own numbers."""

    VEHICLE = 0
    PERSON = 1
    BIKE = 2
    MOVING = 9  # something that moves: without a model nobody knows what


class Box(msgspec.Struct, frozen=True, array_like=True):
    """Something seen: what, how certain (0..1), and where."""

    thing: Thing
    score: float
    left: float
    top: float
    right: float
    bottom: float


class Loss(StrEnum):
    """Why no picture comes (docs/eyes.md 4)."""

    UNREACHABLE = "unreachable"
    SILENT = "silent"
    STALLED = "stalled"
    LOGIN_REFUSED = "login_refused"
    NOT_ALLOWED = "not_allowed"
    BUSY = "busy"
    NOT_FOUND = "not_found"
    BROKEN = "broken"
    TOO_LARGE = "too_large"
    ENDED = "ended"
    CHILD = "child"  # the eye itself hung, died, or took too much memory
    SECRET = "secret"  # noqa: S105 - a word; its password is not sealed to this box yet


class Measures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One picture in figures (docs/eyes.md 5). None: not measured, or there is no reference to compare with."""

    luma: float = 0.0  # mean, 0..255
    luma_std: float = 0.0
    noise: float = 0.0  # Immerkaer sigma
    equal: float | None = None  # share of pixels as in the key frame before; None: this is none
    stirred: float | None = None  # most that a large part's light changed since the frame before, grey values
    row_shift: float = 0.0  # rows by which the picture jumped since the frame before
    colour_shift: float | None = None  # Lab a/b distance from the reference
    sharpness: float | None = None  # Laplacian variance over the reference's, at equal contrast
    edges_kept: float | None = None  # share of the reference's edges, 0..1
    shift_px: float | None = None  # phase correlation against the reference, pixels at 180 rows
    corner_px: float | None = None  # how far a corner moved, where that brings the edges together; None: unknown
    inliers: int | None = None
    changed: float = 0.0  # share of the picture that changed at once since the look before
    motion: float = 0.0  # share of the picture that moves against the learned background
    chroma: float = 0.0  # mean distance from grey, Lab a/b; about 0 by infrared light
    noise_ratio: float | None = None  # noise over the reference's
    blind: float | None = None  # share of the reference's structured cells in which none of its edges is left
    features: float | None = None  # points that could be found again, over the reference's


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag="opened"):
    """Pictures come."""

    codec: str
    width: int
    height: int
    fps: float


class Lost(msgspec.Struct, frozen=True, kw_only=True, tag="lost"):
    """None come; `detail`: a word of the library or the device, without addresses and names."""

    cause: Loss
    at_ms: int
    detail: str = ""


class Look(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="look"):
    """One look at the newest frame."""

    at_ms: int
    frame: int  # counts frames since the eye began
    measures: Measures
    boxes: tuple[Box, ...] | None = None  # None: nobody looked for people in this one
    model: str = ""  # what found them: its name and precision; "none": background subtraction
    cells: dict[str, tuple[float, ...]] = {}  # of fascia areas: share of change, cell by cell, row after row
    quiet: bool = False
    reference: int = 0  # version compared with; 0: none yet


class Learned(msgspec.Struct, frozen=True, kw_only=True, tag="learned"):
    """A reference picture was learned and written."""

    version: int
    sha256: str
    at_ms: int


class Made(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="made"):
    """A still or clip lies at its path; or not, and why."""

    slot: str
    path: str = ""
    sha256: str = ""
    size: int = 0
    media_type: str = ""
    from_ms: int = 0
    to_ms: int = 0
    masked: bool = False
    missing: str = ""


FromEye: TypeAlias = Opened | Lost | Look | Learned | Made


class TakeStill(msgspec.Struct, frozen=True, kw_only=True, tag="still"):
    """Write the newest frame (or the reference in use) as JPEG."""

    slot: str
    path: str
    reference: bool = False


class TakeClip(msgspec.Struct, frozen=True, kw_only=True, tag="clip"):
    """Write what the ring has between two times, once the later one is over."""

    slot: str
    path: str
    from_ms: int
    to_ms: int


class Learn(msgspec.Struct, frozen=True, kw_only=True, tag="learn"):
    """Learn a new reference from the next quiet picture; `fault`: it is judged faulty, learn nothing from now on."""

    now: bool = False
    fault: bool = False


class Login(msgspec.Struct, frozen=True, kw_only=True, tag="login"):
    """Where to look from now on, and as whom. Never shown: it holds a password."""

    url: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "Login(...)"


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag="stop"):
    """Look nowhere until told: a login was refused, and its time is not over."""


ToEye: TypeAlias = TakeStill | TakeClip | Learn | Login | Stop


class EyeSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an eye is told when it begins. No password is in it: that comes by `Login`."""

    camera: str
    picture: bool  # judge the picture
    people: bool  # find people in it
    ring_s: Annotated[float, Meta(ge=1, le=600)]
    ring_bytes: int
    references: str  # folder
    people_socket: str = ""  # empty: nobody finds people, background subtraction does
    masks: tuple[tuple[tuple[float, float], ...], ...] = ()
    fascias: dict[str, tuple[tuple[float, float], ...]] = {}
    busy_hz: float = 2.0
    quiet_every_s: float = 2.0


_FROM_EYE: "msgspec.msgpack.Decoder[FromEye]" = msgspec.msgpack.Decoder(FromEye)
_TO_EYE: "msgspec.msgpack.Decoder[ToEye]" = msgspec.msgpack.Decoder(ToEye)


def encode(message: "FromEye | ToEye") -> bytes:
    """One message."""
    return msgspec.msgpack.encode(message)


def from_eye(data: bytes) -> FromEye:
    """What an eye says. Raises: msgspec.DecodeError."""
    return _FROM_EYE.decode(data)


def to_eye(data: bytes) -> ToEye:
    """What the agent says. Raises: msgspec.DecodeError."""
    return _TO_EYE.decode(data)
