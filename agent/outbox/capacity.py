"""Who gives way when room gets short, as one pure decision.

Order: receipted events (the centre has them), then routine ones (their hole is signed and counted), never an urgent
one. Room for `reserved_events` urgent events is kept free; when even that is used up, repeats are only counted.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from protocol.limits import RESERVED_URGENT_EVENTS

STORE_LIMIT_BYTES: Final = 1024 * 1024 * 1024
"""The outbox's share of a box's disk: 30 days of a busy outlet are about 200 MiB."""

EVENT_BYTES: Final = 1280
"""One urgent event on disk with its hashes and index entries: measured 860 bare, 1,070 with two `because` steps, 1,410
with six."""

DISK_MARGIN_BYTES: Final = 32 * 1024 * 1024
"""Left on the disk for the write-ahead log, the system's log and a field engineer."""

HOUSEKEEPING_BYTES: Final = 512 * 1024
"""Above the limit, for what makes room again: marking events receipted, writing a hole down."""

COMFORT: Final = 0.05
"""Giving way stops when this part of the limit is free above the reserve: not at every event anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much the outbox may hold. Tests use small ones."""

    limit_bytes: int = STORE_LIMIT_BYTES
    reserved_events: int = RESERVED_URGENT_EVENTS
    margin_bytes: int = DISK_MARGIN_BYTES

    @property
    def ceiling_bytes(self) -> int:
        """Where the file may not grow beyond: receipts and holes must be noted even in a full store."""
        return self.limit_bytes + max(HOUSEKEEPING_BYTES, self.limit_bytes // 16)

    @property
    def reserve_bytes(self) -> int:
        """Room kept for urgent events."""
        return self.reserved_events * EVENT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is used, in bytes; `free_in_file` is room that the file already has on the disk."""

    used: int
    free_in_file: int
    disk_free: int
    pending_urgent: int
    pending_routine: int
    receipted: bool  # whether any receipted event could give way


class Step(StrEnum):
    """What to do before more is written."""

    WRITE = "write"
    OVERWRITE_RECEIPTED = "overwrite_receipted"
    SHED_ROUTINE = "shed_routine"
    COUNT_REPEATS = "count_repeats"  # nothing is left that may give way: urgent repeats are coalesced


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A decision, how many bytes to free, and why."""

    step: Step
    free_bytes: int = 0
    reason: str = ""


def decide(usage: Usage, capacity: Capacity, *, giving_way: bool) -> Room:
    """What must give way; with `giving_way`, until there is comfort again."""
    room = min(
        capacity.limit_bytes - usage.used,
        usage.free_in_file + max(0, usage.disk_free - capacity.margin_bytes),
    )
    reserve = max(0, capacity.reserved_events - usage.pending_urgent) * EVENT_BYTES
    comfort = int(capacity.limit_bytes * COMFORT)
    wanted = reserve + (comfort if giving_way else 0)
    if room > wanted:
        return Room(step=Step.WRITE)
    missing = reserve + comfort - room
    if usage.receipted:
        return Room(step=Step.OVERWRITE_RECEIPTED, free_bytes=missing, reason="room is short")
    if usage.pending_routine:
        return Room(
            step=Step.SHED_ROUTINE, free_bytes=missing, reason="room is short and the centre has signed for none"
        )
    if room > EVENT_BYTES:
        return Room(step=Step.WRITE, reason="the urgent events' own room is in use")
    return Room(step=Step.COUNT_REPEATS, reason="the urgent events' own room is used up")
