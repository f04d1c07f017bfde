"""The sender's side of DC-09: a message to a receiver, and what its answer says. Pure; bytes in, values out.

A time stands in a message as the receiver reads it: in UTC (SIA DC-09, section 5.5.1.9), or as the hours of another
zone where a receiver wants those. Here it is always an aware time whose figures are those written.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from protocol.dc09.body import Body, encode_body, parse_body
from protocol.dc09.cipher import CipherError, encrypt, opened
from protocol.dc09.frames import Frame, FrameDamagedError, HeaderError, decode_frame, encode_frame
from protocol.dc09.replies import Reply

LINK_TEST = "NULL"
"""The message that says only that its sender is there (section 5.5.1.10); its number is 0000."""

HIGHEST = 9_999


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is said under one number."""

    id: str  # `SIA-DCS`, `ADM-CID`, `NULL`
    sequence: int
    account: str
    receiver: str | None = None
    prefix: str = "0"
    data: bytes = b""
    extended: tuple[bytes, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver said, whatever it is worth."""

    reply: Reply
    sequence: int
    account: str
    sent: datetime | None = None
    proven: bool = False  # enciphered with the key


def next_sequence(number: int) -> int:
    """The number behind this one; 0000 is for link tests."""
    return number % HIGHEST + 1


def written(at: datetime, zone: ZoneInfo) -> datetime:
    """A time with the figures that a clock of this zone shows, marked as UTC as frames are read."""
    return at.astimezone(zone).replace(tzinfo=ZoneInfo("UTC"))


def encode_message(message: Message, *, key: bytes | None, sent: datetime | None, chance: bytes) -> bytes:
    """The frame of a message; `chance` is PADDING bytes, used where there is a key.

    Raises:
        ValueError: longer than a frame, or data with a bracket in it.
    """
    body = encode_body(Body(data=message.data, extended=message.extended, sent=sent))
    return encode_frame(
        Frame(
            id=message.id,
            encrypted=key is not None,
            sequence=message.sequence,
            receiver=message.receiver,
            line=message.prefix,
            account=message.account,
            body=body if key is None else encrypt(body, key, chance),
        )
    )


def read_answer(data: bytes, key: bytes | None) -> Answer | None:
    """The answer that a frame is; None: it is none, or cannot be opened with this key."""
    try:
        frame = decode_frame(data)
        reply = Reply(frame.id)
        clear = frame.body
        if frame.encrypted:
            if key is None:
                return None
            clear = opened(frame.body, key)[1]
    except (FrameDamagedError, HeaderError, CipherError, ValueError):
        return None
    body = parse_body(clear)
    if not body.readable:
        return None
    return Answer(reply=reply, sequence=frame.sequence, account=frame.account, sent=body.sent, proven=frame.encrypted)
