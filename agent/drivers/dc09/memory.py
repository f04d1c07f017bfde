"""What is remembered of one panel across restarts: what it said last, and which frames were told already. Pure.

Stored with the events of the frame that changed it, in one transaction: a frame that comes again after a power cut
between disk and answer is known. A panel repeats a frame under its sequence number until it is answered (SIA DC-09,
section 5.6), so it is the newest of its number that counts: panels that never count are not taken for repeating.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

REPEATS_FOR: Final = timedelta(minutes=10)
"""A frame of the same number and content is a repeat for so long."""

MAX_TOLD: Final = 128
"""Frames of one panel that are remembered; panels send one a second at most for long."""


_REPLACED: Final = -1
"""The number of a frame whose own was used anew: it is no longer repeated, and still copied."""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """One frame that was taken."""

    sequence: int
    digest: str
    at_s: int  # Unix seconds
    obeyed: bool  # its openings and closings counted: it was in time
    tail: str = ""  # of an enciphered frame: its last block


class Padding(msgspec.Struct, frozen=True, array_like=True):
    """How a panel's first enciphered frame in time was padded."""

    key: str  # a hash of the panel's key: another key begins anew
    in_text: bool


class PanelMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything remembered of one panel."""

    told: tuple[Told, ...] = ()  # oldest first
    padding: Padding | None = None
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
    kept = (
        each if each.sequence != sequence else msgspec.structs.replace(each, sequence=_REPLACED)
        for each in fresh
        if each.sequence != sequence or each.tail
    )
    told = _bounded([*kept, Told(sequence, digest, now_s, in_time, tail)])
    return msgspec.structs.replace(memory, told=told), novelty


def observe_padding(memory: PanelMemory, key: bytes, in_text: bool, *, in_time: bool) -> tuple[PanelMemory, bool]:
    """The memory with this frame, and whether its padding may be this panel's.

    Without the key nobody can say what a changed block becomes, but of the one behind it he can change what he likes:
    `BA` to `OP`. Where that block is padding only the padding tells, and only of a panel that pads with text.
    """
    owner = sha256(b"branchwatch-panel-padding-1\n" + key).hexdigest()[:16]
    known = memory.padding
    if known is not None and known.key == owner:
        return memory, in_text or not known.in_text
    if not in_time:
        return memory, True
    return msgspec.structs.replace(memory, padding=Padding(owner, in_text)), True


def _bounded(told: list[Told]) -> tuple[Told, ...]:
    """At most MAX_TOLD, oldest first; old frames, which anybody may have kept, displace none that was in time."""
    over = max(0, len(told) - MAX_TOLD)
    gone = set(sorted(range(len(told)), key=lambda at: (told[at].obeyed, at))[:over])
    return tuple(each for at, each in enumerate(told) if at not in gone)


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
