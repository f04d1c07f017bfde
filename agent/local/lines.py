"""What is said over the agent's own socket: one line of JSON each way, every shape and limit of it. Pure.

A program asks (`do`), gets any number of lines, the last of them with `done` (or `refused` and a word), and, once it
watches, lines with `moves` between them. It can look and lead a walk test; with a person's code it can arm and disarm
what that code may. It cannot configure.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from agent.acceptance.plan import Step
from agent.signals import State
from protocol.acceptance import Config
from protocol.codes import CODE_PATTERN
from protocol.messages import Event, EventId, Health, Id, Source, Text, Time

SOCKET: Final = "agent.sock"
"""Its name in the state folder."""

MAX_REQUEST_BYTES: Final = 16 * 1024
"""One request; the largest carries an installer's signature with its chain, some 2 KiB."""

MAX_ANSWER_BYTES: Final = 256 * 1024
"""One line of the agent: CHUNK items of the largest kind, with room to spare."""

CHUNK: Final = 100
"""Points or steps in one line of an answer."""

EVENT_CHUNK: Final = 10
"""Events in one line of an answer; each is 16 KiB at most."""

MAX_EVENTS: Final = 20_000
"""Events of one walk test that are read back: ten looks at each point of the largest site."""


CodeText = Annotated[str, Meta(pattern=CODE_PATTERN)]


class About(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="about"):
    """Who are you?"""


class Plan(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="plan"):
    """What would a walk test consist of?"""


class Watch(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="watch"):
    """Every point now, and from now on whatever moves."""


class HealthOf(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="health"):
    """How are you, and do your devices answer?"""


class Walk(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="walk"):
    """This connection leads walk test `test` from now on, until it closes; `resume`: one that has begun already."""

    test: EventId
    resume: bool = False


class Tell(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="tell"):
    """Write an event of the walk test that this connection leads."""

    kind: Literal["test.started", "test.point", "test.finished"]
    source: Source
    facts: Annotated[dict[str, Any], Meta(max_length=40)]


class Switch(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="switch"):
    """Sound this siren, release this lock, for the walk test that this connection leads."""

    point: Source


class Events(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="events"):
    """The events of a walk test, as the ledger holds them."""

    test: EventId


class Judge(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="judge"):
    """Whose certificate is this? Base64 DER, leaf first."""

    x5c: Annotated[tuple[Annotated[str, Meta(max_length=11_000)], ...], Meta(min_length=1, max_length=4)]


class Finish(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="finish"):
    """Rebuild the record, check the installer's signature, add the box's and close the test."""

    test: EventId
    finished: Time
    installer: Annotated[str, Meta(max_length=32)] = ""
    signature: dict[str, Any] | None = None


class Arm(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="arm"):
    """Arm a partition, or `site`, with a person's code."""

    partition: Id
    code: CodeText
    person: Id | None = None
    """Whose code it is; where nobody is named, everybody's are tried."""
    stay: bool = False

    def __repr__(self) -> str:
        return f"Arm({self.partition}, ***)"


class Disarm(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="disarm"):
    """Disarm a partition, or `site`, with a person's code."""

    partition: Id
    code: CodeText
    person: Id | None = None

    def __repr__(self) -> str:
        return f"Disarm({self.partition}, ***)"


class Learn(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="learn"):
    """Learn a new reference picture of this camera, from its next quiet moment."""

    camera: Id


Request = Learn | About | Plan | Watch | HealthOf | Walk | Tell | Switch | Events | Judge | Finish | Arm | Disarm


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point as it is now, or as it just became; `age_ms` counts since then."""

    id: str
    state: State
    age_ms: int = 0
    name: str = ""
    cause: str = ""
    settling: bool = False
    marks: tuple[str, ...] | None = None  # what else is true of it; None: as before


class Answers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device, whether it answers, and how long one look at all of it takes."""

    id: str
    state: State
    cause: str = ""
    took_ms: float | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The way to the centre: whether it answered lately, by which broker it is asked, and what went wrong last."""

    in_touch: bool
    broker: Text = ""
    error: Text = ""


class Blocks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point that prevents arming, and why: `active`, `tamper`, `unknown`..."""

    point: str
    why: str
    name: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the agent. Exactly one of `done` and `refused` ends the answer to a request."""

    done: str = ""
    refused: Text = ""
    why: Text = ""
    site: str = ""
    box: str = ""
    name: str = ""
    software: str = ""
    config: Config | None = None
    person: str = ""
    not_after: str = ""
    steps: tuple[Step, ...] = ()
    points: tuple[Seen, ...] = ()
    moves: tuple[Seen, ...] = ()
    devices: tuple[Answers, ...] = ()
    health: Health | None = None
    link: Link | None = None
    events: tuple[Event, ...] = ()
    blocking: tuple[Blocks, ...] = ()
    wait_s: int = 0
    """Seconds: until codes are taken again, or until an exit delay ends."""


class LineError(Exception):
    """A line that is no request, or no answer."""


def decode_request(line: bytes) -> Request:
    """The request in `line`.

    Raises:
        LineError: it is none.
    """
    if len(line) > MAX_REQUEST_BYTES:
        raise LineError("too_large")
    try:
        return _REQUEST.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise LineError("malformed") from None


def decode_reply(line: bytes) -> Reply:
    """What the agent says in `line`.

    Raises:
        LineError: nothing that it would say.
    """
    try:
        return _REPLY.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise LineError("malformed") from None


def encode_line(message: msgspec.Struct) -> bytes:
    """One line with its line feed."""
    return msgspec.json.encode(message) + b"\n"


_REQUEST: Final[msgspec.json.Decoder[Request]] = msgspec.json.Decoder(Request)
_REPLY: Final = msgspec.json.Decoder(Reply)
