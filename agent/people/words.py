"""What the people server says to eyes and to the agent, as frozen values. Pure.

An eye connects and hears a `Greeting`: the size of picture that the model takes. Then, turn by turn: 4 bytes of length
and a picture of exactly that size (rows x columns x 3, BGR, 8 bits), answered by 4 bytes of length and what is in it.
To the agent it says what it finds people with, or why it does not. Flow: server.py -> here -> asking.py, agent/eyes/.
"""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from agent.video.words import MAX_BOXES, Box

MAX_SIDE: Final = 1024
"""Of the picture that a model takes; ours take 448 x 256."""

Side = Annotated[int, Meta(ge=1, le=MAX_SIDE)]


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """What the server takes, and with what it looks: name and precision."""

    width: Side
    height: Side
    model: Annotated[str, Meta(max_length=100)]

    @property
    def frame_bytes(self) -> int:
        """Of one picture."""
        return self.width * self.height * 3


Answer = Annotated[tuple[Box, ...], Meta(max_length=MAX_BOXES)]


class Serving(msgspec.Struct, frozen=True, kw_only=True, tag="serving"):
    """To the agent: people are being found, with this model, found there."""

    model: str
    place: str


class Lack(StrEnum):
    """Why nobody is found."""

    NO_MODEL = "no_model"
    REFUSED = "refused"  # files lie there, and are not what is pinned
    NO_OPENVINO = "no_openvino"
    BROKEN = "broken"  # OpenVINO cannot make anything of it


class Without(msgspec.Struct, frozen=True, kw_only=True, tag="without"):
    """To the agent: nobody is found, and why; it is tried again by itself. `detail`: for the log, in English."""

    lack: Lack
    detail: str = ""


FromPeople: TypeAlias = Serving | Without

_GREETING: Final = msgspec.msgpack.Decoder(Greeting)
_ANSWER: "Final[msgspec.msgpack.Decoder[tuple[Box, ...]]]" = msgspec.msgpack.Decoder(Answer)
_FROM_PEOPLE: "Final[msgspec.msgpack.Decoder[FromPeople]]" = msgspec.msgpack.Decoder(FromPeople)


def encode(message: "Greeting | FromPeople | tuple[Box, ...]") -> bytes:
    """One message."""
    return msgspec.msgpack.encode(message)


def greeting(data: bytes) -> Greeting:
    """The server's first word. Raises: msgspec.DecodeError."""
    return _GREETING.decode(data)


def answer(data: bytes) -> tuple[Box, ...]:
    """What is in the picture. Raises: msgspec.DecodeError."""
    return _ANSWER.decode(data)


def from_people(data: bytes) -> FromPeople:
    """What the server tells the agent. Raises: msgspec.DecodeError."""
    return _FROM_PEOPLE.decode(data)
