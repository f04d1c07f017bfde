"""What the agent and the asker say to each other, as frozen values. Pure.

Down: whom to ask, and a login when it may be tried; up: what devices say. Devices go by their points (`camera/03`,
`device/nvr1`). Times on the wire are the machine's monotonic milliseconds; what a device says of its own times is text
in UTC. A password is in `LogIn` only, and shown nowhere. Flow: parent.py <-> here <-> asker.py.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Make = Literal["onvif", "hikvision", "dahua"]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]


class Listener(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where events are pulled, kept so that a new asker takes it up instead of asking for another."""

    address: str = ""
    until_ms: int = 0


class AskCamera(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="ask_camera"):
    """Ask this camera from now on."""

    point: str
    host: str
    port: int
    stream: Literal["sub", "main"] = "sub"
    events: bool = True
    listener: Listener = Listener()


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A recorder's channel and the camera behind it."""

    camera: str
    number: int


class AskRecorder(msgspec.Struct, frozen=True, kw_only=True, tag="ask_recorder"):
    """Ask this recorder from now on."""

    point: str
    host: str
    port: int
    protocol: Make
    channels: tuple[Channel, ...]
    timezone: str  # the site's
    listener: Listener = Listener()


class LogIn(msgspec.Struct, frozen=True, kw_only=True, tag="log_in"):
    """A login may be tried, once."""

    point: str
    user: str
    password: str
    refused: Count = 0

    def __repr__(self) -> str:
        return "LogIn(...)"


class GoTo(msgspec.Struct, frozen=True, kw_only=True, tag="go_to"):
    """Move a camera to a preset, by its name or token."""

    ask: int
    point: str
    preset: str


class Playback(msgspec.Struct, frozen=True, kw_only=True, tag="playback"):
    """Where a recorder plays a stretch of a channel."""

    ask: int
    point: str
    channel: int
    begin: str
    end: str


class DaysFrom(msgspec.Struct, frozen=True, kw_only=True, tag="days"):
    """Tell the recordings of these days of one channel."""

    point: str
    camera: str
    days: tuple[str, ...]


class Anew(msgspec.Struct, frozen=True, kw_only=True, tag="anew"):
    """Begin a new listener at this device: the one that stands is not believed any more."""

    point: str


ToAsker: TypeAlias = AskCamera | AskRecorder | LogIn | GoTo | Playback | DaysFrom | Anew


class Wants(msgspec.Struct, frozen=True, kw_only=True, tag="wants"):
    """It waits for a login of this device."""

    point: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag="outcome"):
    """What came of a login: taken, refused, or the device was not to be had."""

    point: str
    result: Literal["accepted", "refused", "given_up"]


class Reached(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="reached"):
    """It answers, and who it says it is."""

    point: str
    maker: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""


class Away(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="away"):
    """It does not, or not what was asked; `cause` is a word of agent/drivers/trouble.py."""

    point: str
    cause: str
    detail: str = ""


class ClockTold(msgspec.Struct, frozen=True, kw_only=True, tag="clock"):
    """How far its clock is ahead of the box's."""

    point: str
    off_s: float
    at_ms: int


class Stream(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="stream"):
    """The address at which a camera's picture is to be had, without name and password."""

    point: str
    url: str
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: int = 0
    snapshot: str = ""


class Listening(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="listening"):
    """Its events come, or why not."""

    point: str
    works: bool
    cause: str = ""
    listener: Listener = Listener()


class Noticed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="noticed"):
    """One of its events. `active` None: it no longer says."""

    point: str
    what: Literal["input", "motion", "tamper", "signal_loss", "storage"]
    active: bool | None
    at_ms: int
    number: int = 0  # of an input
    first: bool = False  # the state as it is, not a change


class Recorded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="recorded"):
    """What a recorder says of one channel. None: it does not say."""

    point: str
    camera: str
    at_ms: int
    recording: bool | None = None
    newest: str | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="kept"):
    """The oldest picture of a channel; None: it has none."""

    point: str
    camera: str
    oldest: str | None = None


class Unanswered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="unanswered"):
    """It is there, and one question of ours was not answered."""

    point: str
    cause: str
    detail: str = ""


class Days(msgspec.Struct, frozen=True, kw_only=True, tag="days_told"):
    """Days of one channel: the stretches with pictures of each, as pairs of times."""

    point: str
    camera: str
    days: dict[str, tuple[tuple[str, str], ...]]


class Disk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One disk of a recorder."""

    name: str
    well: bool
    state: str = ""  # the device's own word
    full: bool | None = None


class Disks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="disks"):
    """The disks of a recorder; `overwrites`: what is old makes room for what is new."""

    point: str
    disks: tuple[Disk, ...]
    overwrites: bool | None = None


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="answered"):
    """What came of `GoTo` or `Playback`; an empty cause: it was done."""

    ask: int
    cause: str = ""
    url: str = ""


FromAsker: TypeAlias = (
    Wants
    | Outcome
    | Reached
    | Away
    | ClockTold
    | Stream
    | Listening
    | Noticed
    | Recorded
    | Kept
    | Days
    | Disks
    | Unanswered
    | Answered
)

_TO: "msgspec.msgpack.Decoder[ToAsker]" = msgspec.msgpack.Decoder(ToAsker)
_FROM: "msgspec.msgpack.Decoder[FromAsker]" = msgspec.msgpack.Decoder(FromAsker)


def encode(message: "ToAsker | FromAsker") -> bytes:
    """One message."""
    return msgspec.msgpack.encode(message)


def to_asker(data: bytes) -> ToAsker:
    """What the agent says. Raises: msgspec.DecodeError."""
    return _TO.decode(data)


def from_asker(data: bytes) -> FromAsker:
    """What the asker says. Raises: msgspec.DecodeError."""
    return _FROM.decode(data)
