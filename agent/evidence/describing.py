"""What lies beside each picture on the box's disk: which promise it keeps, its hash, and what became of it. Pure.

A copy for the box's own use: what counts is the sealed line in its ledger. Flow: sealing.py writes, folder.py reads.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from agent.evidence.promising import Promise
from protocol.messages import Hash, Id, Time, Version
from protocol.timestamps import parse_time
from protocol.uploads import ENDINGS, MAX_BYTES_OF, MAX_CLIP_BYTES, MEDIA_OF, Kind, MediaType, Slot

MAX_DESCRIPTION_BYTES: Final = 4096
"""Ours have some 600."""

ENDING: Final = "json"

SentWord = Literal["", "sent", "unwanted", "refused", "damaged", "given_up"]
"""The centre has it; does not want it; does not take it; it is no longer what was sealed; it went for room. Empty: it
waits."""


class Description(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sealed picture or clip."""

    v: Version = 1
    slot: Slot
    owner: Annotated[str, Meta(max_length=64)]
    request: bool = False
    camera: Id
    kind: Kind
    about: Annotated[str, Meta(max_length=64)]
    level: Annotated[int, Meta(ge=1, le=5)]
    urgent: bool = False
    at: Time
    sha256: Hash
    bytes: Annotated[int, Meta(ge=1, le=MAX_CLIP_BYTES)]
    media_type: MediaType
    since: Time
    until: Time
    masked: bool = False
    over: bool = False
    sent: SentWord = ""

    @property
    def media_name(self) -> str:
        """Its file's name."""
        return media_name(self.slot, self.media_type)


def media_name(slot: str, media_type: str) -> str:
    """The name of a slot's file."""
    return f"{slot}.{ENDINGS[media_type]}"


def description_name(slot: str) -> str:
    """The name of what lies beside it."""
    return f"{slot}.{ENDING}"


def encode_description(description: Description) -> bytes:
    """One line, for a field engineer's eyes too."""
    return msgspec.json.encode(description) + b"\n"


def decode_description(data: bytes, slot: str) -> Description:
    """The description of `slot`.

    Raises:
        ValueError: it is none, or another's.
    """
    try:
        found = _DESCRIPTION.decode(data)
    except RecursionError:
        raise ValueError("nested without end") from None
    if found.slot != slot or found.slot.rpartition("-")[0] != found.owner:
        raise ValueError("it is another slot's")
    if MEDIA_OF[found.kind] != found.media_type or found.bytes > MAX_BYTES_OF[found.media_type]:
        raise ValueError("no such picture")
    parse_time(found.at)
    return found


def describes(description: Description, promise: Promise) -> bool:
    """Whether this keeps that promise."""
    return (description.slot, description.camera, description.kind) == (promise.slot, promise.camera, promise.kind)


_DESCRIPTION: "msgspec.json.Decoder[Description]" = msgspec.json.Decoder(Description)
