"""What a receiver answers: ACK, NAK with its time, DUH (SIA DC-09, section 5.5.2). Pure; an answer copies the asker's
addresses and is enciphered when the question was.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from protocol.dc09.body import Body, encode_body, format_sent
from protocol.dc09.cipher import encrypt
from protocol.dc09.frames import Frame, encode_frame


class Reply(StrEnum):
    """The three answers."""

    ACK = "ACK"  # taken, and kept
    NAK = "NAK"  # its time is not ours; ours stands in the answer
    DUH = "DUH"  # cannot be processed: do not send it again


def ack(frame: Frame, *, key: bytes | None, now: datetime, chance: bytes) -> bytes:
    """The answer to a frame that was taken; `key` where the frame was enciphered."""
    body = b"]" if key is None else encrypt(encode_body(Body(sent=now)), key, chance)
    return encode_frame(
        msgspec.structs.replace(frame, id=Reply.ACK.value, encrypted=key is not None, body=body),
    )


def nak(now: datetime) -> bytes:
    """The answer that sets a panel's clock: never enciphered, and to nobody in particular."""
    return encode_frame(Frame(id=Reply.NAK.value, receiver="0", line="0A0", body=b"]" + format_sent(now)))


def duh(frame: Frame) -> bytes:
    """The answer to what cannot be processed; never enciphered."""
    return encode_frame(msgspec.structs.replace(frame, id=Reply.DUH.value, encrypted=False, body=b"]"))
