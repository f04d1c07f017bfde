"""What is remembered of one panel across restarts: what it said last, and which frames were told already. Pure.

Stored with the events of the frame that changed it, in one transaction: a frame that comes again after a power cut
between disk and answer is known. A panel repeats a frame under its sequence number until it is answered (SIA DC-09,
section 5.6), so it is the newest of its number that counts: panels that never count are not taken for repeating.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

REPEATS_FOR: Final = timedelta(minutes=10)
"""A frame of the same number and content is a repeat for so long."""

MAX_TOLD: Final = 128
"""Frames of one panel that are remembered; panels send one a second at most for long."""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """One frame that was taken."""

    sequence: int
    digest: str
    at_s: int  # Unix seconds
    obeyed: bool  # its openings and closings counted: it was in time
    tail: str = ""  # of an enciphered frame: its last block


class PanelMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything remembered of one panel."""

    told: tuple[Told, ...] = ()  # oldest first
    standing: Mapping[str, tuple[str, ...]] = {}  # by point: states that were said and not taken back, latest last


class Novelty(StrEnum):
    """How a frame stands to those before it."""

    NEW = "new"
    REPEAT = "repeat"
    IN_TIME_NOW = "in_time_now"  # told when its clock was off; now its openings and closings count
    COPIED = "copied"  # made of an earlier enciphered frame: another number, or another content


def observe_frame(
    memory: PanelMemory, sequence: int, digest: str, *, in_time: bool, now: datetime, tail: str = ""
) -> tuple[PanelMemory, Novelty]:
    """What a frame is, and the memory with it.

    DC-09 enciphers no sequence number and signs nothing: whoever copies a frame can number it anew, and change what
    stands in it by changing the block before. By its padding of chance each frame's last block is its own, and it
    bears the time and cannot be changed: a copy is known by it.
    """
    now_s = int(now.timestamp())
    fresh = [each for each in memory.told if abs(now_s - each.at_s) <= REPEATS_FOR.total_seconds()]
    before = next((each for each in fresh if each.sequence == sequence), None)
    novelty = Novelty.NEW
    if before is not None and before.digest == digest:
        if before.obeyed or not in_time:
            return memory, Novelty.REPEAT
        novelty = Novelty.IN_TIME_NOW
    elif tail and any(each.tail == tail for each in fresh):
        return memory, Novelty.COPIED
    kept = tuple(each for each in fresh if each.sequence != sequence)
    told = (*kept, Told(sequence, digest, now_s, in_time, tail))[-MAX_TOLD:]
    return msgspec.structs.replace(memory, told=told), novelty


def encode_memory(memory: PanelMemory) -> bytes:
    """As it is stored."""
    return msgspec.json.encode(memory)


def decode_memory(data: bytes | None) -> PanelMemory:
    """As it was stored; what another version wrote is forgotten."""
    if data is None:
        return PanelMemory()
    try:
        return msgspec.json.decode(data, type=PanelMemory)
    except msgspec.DecodeError:
        return PanelMemory()
