"""Whether received bytes are exactly the answer to the request that waits. Pure.

Stricter than the library: an answer with another transaction, unit, function or size, and anything behind it, is a
fault of the device, never a value (MODBUS Messaging on TCP/IP V1.0b, section 3.1.3).
"""

from typing import Final

import msgspec

HEADER_BYTES: Final = 7
MAX_LENGTH: Final = 254
"""The length field counts unit, function and data: at most 253 bytes of PDU behind the unit."""

EXCEPTION: Final = 0x80
_EXCEPTIONS: Final = (
    "", "illegal function", "illegal address", "illegal value", "device failure", "acknowledge", "device busy", "",
    "memory parity error", "", "gateway path unavailable", "gateway target does not answer",
)  # fmt: skip


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the waiting request must be answered with."""

    transaction: int
    unit: int
    function: int
    data: bytes | int
    """The data itself where it must be an echo, else its number of bytes behind their count."""


class Incomplete(msgspec.Struct, frozen=True):
    """More bytes are needed."""


class Wrong(msgspec.Struct, frozen=True):
    """These bytes are no answer to the request; `cause` says why in a few words."""

    cause: str


class Refused(msgspec.Struct, frozen=True):
    """The device answered with an exception."""

    cause: str


class Sound(msgspec.Struct, frozen=True):
    """Exactly the answer."""


Verdict = Incomplete | Wrong | Refused | Sound


def judge(frame: bytes, expected: Expected) -> Verdict:
    """What the bytes received since the request was sent are."""
    if len(frame) < HEADER_BYTES + 1:
        return Incomplete()
    transaction, protocol, length = (int.from_bytes(frame[at : at + 2], "big") for at in (0, 2, 4))
    if protocol != 0 or not 2 < length <= MAX_LENGTH:
        return Wrong("answer is not Modbus TCP")
    if transaction != expected.transaction:
        return Wrong("answer to another request")
    if frame[6] != expected.unit:
        return Wrong(f"answer of unit {frame[6]}")
    if len(frame) < 6 + length:
        return Incomplete()
    if len(frame) > 6 + length:
        return Wrong("bytes behind the answer")
    function, data = frame[7], frame[8:]
    if function == expected.function | EXCEPTION:
        return Refused(exception_text(data))
    if function != expected.function:
        return Wrong(f"answer of function {function}")
    if isinstance(expected.data, bytes):
        return Sound() if data == expected.data else Wrong("write was not echoed")
    if len(data) != expected.data + 1 or data[0] != expected.data:
        return Wrong(f"answer has {len(data) - 1} bytes, not {expected.data}")
    return Sound()


def exception_text(data: bytes) -> str:
    """An exception's code, with its name."""
    if len(data) != 1:
        return "exception of wrong length"
    name = _EXCEPTIONS[data[0]] if data[0] < len(_EXCEPTIONS) else ""
    return f"exception {data[0]}{': ' + name if name else ''}"
