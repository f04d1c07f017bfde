"""Compressed packets of one camera as they came, bounded in seconds and in bytes. Pure.

The oldest go first, a whole run from one key frame to the next at a time: what begins in the middle cannot be shown.
Times are the machine's monotonic milliseconds of arrival; a camera's own times only space frames within a clip.
Flow: media.py -> here -> decoded again for a look, or written as a clip.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

OVERHEAD: Final = 200
"""Bytes of a packet's own objects, counted with it: a stream of empty packets is bounded too."""


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream's packets are: only packets of equal formats can be in one file."""

    codec: str
    width: int
    height: int
    extradata: bytes
    ticks: int  # a second


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """One encoded picture."""

    at_ms: int
    key: bool
    data: bytes
    ticks: int | None  # when the camera says it is shown
    format: Format


class Ring:
    """The newest packets."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._kept: deque[Packet] = deque()
        self._span_ms = int(seconds * 1000)
        self._most = most_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """What it holds, with what holding costs."""
        return self._bytes

    def add(self, packet: Packet) -> None:
        """Keep it, and let go of what is too old or too much."""
        if not self._kept and not packet.key:
            return
        self._kept.append(packet)
        self._bytes += len(packet.data) + OVERHEAD
        while self._bytes > self._most:
            self._drop()
        while (second := self._second_key()) is not None and packet.at_ms - second.at_ms >= self._span_ms:
            self._drop()

    def between(self, from_ms: int, to_ms: int) -> list[Packet]:
        """Packets of these times, from the key frame that stands at or before the first; one format, the newest's."""
        found: list[Packet] = []
        for packet in self._kept:
            if packet.at_ms > to_ms:
                break
            changed = found and packet.format != found[-1].format
            if changed or (packet.key and packet.at_ms <= from_ms):
                found = []
            found.append(packet)
        return found

    def run(self) -> list[Packet]:
        """From the newest key frame to the newest packet."""
        newest: list[Packet] = []
        for packet in reversed(self._kept):
            newest.append(packet)
            if packet.key:
                break
        return newest[::-1]

    def newest(self, count: int) -> list[Packet]:
        """The newest so many, in their order."""
        return list(islice(reversed(self._kept), count))[::-1]

    def forget_run(self) -> None:
        """Let go of the newest key frame and what followed it."""
        while self._kept:
            packet = self._kept.pop()
            self._bytes -= len(packet.data) + OVERHEAD
            if packet.key:
                return

    def span(self) -> tuple[int, int] | None:
        """Times of the oldest and the newest packet."""
        return (self._kept[0].at_ms, self._kept[-1].at_ms) if self._kept else None

    def _keys(self) -> Iterator[Packet]:
        return (packet for packet in self._kept if packet.key)

    def _second_key(self) -> Packet | None:
        return next(islice(self._keys(), 1, 2), None)

    def _drop(self) -> None:
        """The oldest run."""
        while self._kept:
            packet = self._kept.popleft()
            self._bytes -= len(packet.data) + OVERHEAD
            if self._kept and self._kept[0].key:
                return
