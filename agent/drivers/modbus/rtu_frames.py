"""Where, among bytes received from a serial line, the answer to the request that waits is. Pure.

A line has no numbers of requests, is shared, and may put a stray byte before or behind an answer. So nothing counts but
whole frames of exactly the unit, function and size that were asked for, with their check sum; everything else that
arrives is passed over, and named if no answer comes (MODBUS over Serial Line V1.02, section 2.5.1). That an answer is
not that of an *earlier* request of the same shape, `serial_line.py` sees to.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from agent.drivers.modbus.frames import EXCEPTION, exception_text

CRC_BYTES: Final = 2

CrcFits = Callable[[bytes], bool]
"""Whether the last two bytes are the check sum of those before."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the waiting request must be answered with."""

    unit: int
    function: int
    data: bytes | int
    """The data itself where it must be an echo, else its number of bytes behind their count."""

    @property
    def answer_bytes(self) -> int:
        """The size of the answer on the line."""
        return 2 + (len(self.data) if isinstance(self.data, bytes) else 1 + self.data) + CRC_BYTES


class Found(msgspec.Struct, frozen=True):
    """The answer: from byte `start` to before `end`. `refused`: it is an exception, in a few words."""

    start: int
    end: int
    refused: str = ""


def find(received: bytes, asked: Asked, fits: CrcFits) -> Found | None:
    """The answer among these bytes; None: it is not there, or not yet."""
    head = bytes([asked.unit, asked.function])
    if isinstance(asked.data, bytes):
        head += asked.data
    else:
        head += bytes([asked.data])
    refusal = bytes([asked.unit, asked.function | EXCEPTION])
    for start in range(len(received)):
        end = start + asked.answer_bytes
        if received.startswith(head, start) and end <= len(received) and fits(received[start:end]):
            return Found(start, end)
        end = start + len(refusal) + 1 + CRC_BYTES
        if received.startswith(refusal, start) and end <= len(received) and fits(received[start:end]):
            return Found(start, end, exception_text(received[start + 2 : start + 3]))
    return None


def complaint(received: bytes, asked: Asked, fits: CrcFits) -> str:
    """What came instead of an answer, in a few words; empty: nothing did."""
    for start in range(len(received)):
        end = start + _size(received[start : start + 3])
        if end > len(received) or not fits(received[start:end]):
            continue
        unit, function = received[start], received[start + 1]
        if unit != asked.unit:
            return f"answer of unit {unit}"
        if function & ~EXCEPTION != asked.function:
            return f"answer of function {function}"
        if isinstance(asked.data, bytes):
            return "write was not echoed"
        return f"answer has {end - start - 3 - CRC_BYTES} bytes, not {asked.data}"
    return "answer is garbled" if received else ""


def _size(head: bytes) -> int:
    """How long a frame that begins like this is."""
    if len(head) > 2 and head[1] in {1, 2, 3, 4}:
        return 3 + head[2] + CRC_BYTES
    return 5 if len(head) > 1 and head[1] & EXCEPTION else 8
