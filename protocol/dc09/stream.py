"""Frames out of a stream of bytes, however it was cut into pieces. Pure; holds at most one frame.

A line feed always begins a frame anew, so noise costs at most the frame it hit; bytes behind a carriage return and
before the next line feed (some panels end with a zero byte) are dropped. Flow: socket -> here -> frames.py.
"""

from collections.abc import Iterator
from typing import Final

from protocol.dc09.frames import CR, LF, MAX_FRAME

_LF: Final = bytes([LF])
_CR: Final = bytes([CR])


class Splitter:
    """One connection's bytes. `dropped` counts those that belonged to no frame."""

    def __init__(self) -> None:
        self._held = bytearray()
        self.dropped = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that `data` completes, each from its line feed to its carriage return."""
        for byte_run in _runs(data):
            if byte_run[0] == LF:
                self._drop()
            elif not self._held:
                self.dropped += len(byte_run)
                continue
            self._held += byte_run
            if len(self._held) > MAX_FRAME:
                self._drop()
            elif self._held[-1] == CR:
                yield bytes(self._held)
                self._held.clear()

    def _drop(self) -> None:
        self.dropped += len(self._held)
        self._held.clear()


def _runs(data: bytes) -> Iterator[bytes]:
    """`data` in pieces that begin at a line feed or behind a carriage return."""
    start = 0
    while start < len(data):
        ends = [data.find(_LF, start + 1), data.find(_CR, start) + 1]
        end = min((each for each in ends if each > 0), default=len(data))
        yield data[start:end]
        start = end
