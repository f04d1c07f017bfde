"""What can become of a stored event, as a table; and the small values that the outbox hands out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from protocol.kinds import Lane
from protocol.ledger import Position


class RecordState(StrEnum):
    """Where a stored event is in its life."""

    PENDING = "pending"  # the centre has not signed for it
    RECEIPTED = "receipted"  # it has; kept 30 days so that a restored centre can ask again
    SHED = "shed"  # given up for room: the row is gone, its range stands in `holes` and in a signed line
    QUARANTINED = "quarantined"  # its bytes changed on the disk: kept for the field engineer, never sent


class Happening(StrEnum):
    """What can happen to it."""

    RECEIPT = "receipt"
    REWIND = "rewind"
    SHEDDING = "shedding"
    POISON = "poison"


TRANSITIONS: Final[Mapping[tuple[RecordState, Happening], RecordState]] = MappingProxyType(
    {
        (RecordState.PENDING, Happening.RECEIPT): RecordState.RECEIPTED,
        (RecordState.PENDING, Happening.SHEDDING): RecordState.SHED,
        (RecordState.PENDING, Happening.POISON): RecordState.QUARANTINED,
        (RecordState.RECEIPTED, Happening.REWIND): RecordState.PENDING,
        (RecordState.RECEIPTED, Happening.POISON): RecordState.QUARANTINED,
    }
)
"""A pair that is not here does not happen: what the centre has is never shed, what is poisoned never sent."""


def moves(happening: Happening) -> tuple[tuple[RecordState, RecordState], ...]:
    """From which states into which a happening moves a record."""
    return tuple((before, after) for (before, what), after in TRANSITIONS.items() if what is happening)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLine:
    """One line as it is sent: its bytes and its place."""

    lane: Lane
    seq: int
    run: str
    hash: str
    line: bytes


class Outcome(StrEnum):
    """What a stated head did to the outbox."""

    ADVANCED = "advanced"  # events are receipted, or pending again
    NOTHING_NEW = "nothing_new"  # at or below what was known
    UNKNOWN = "unknown"  # no record of ours has that hash: refused


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStanding:
    """One lane at a glance. `receipted` is the number below the oldest pending event, or the head's."""

    head: Position
    receipted: int
    pending: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The whole outbox at a glance: a new one after each commit."""

    run: str
    lanes: Mapping[Lane, LaneStanding]
    used_bytes: int
    limit_bytes: int
    tight: str = ""  # why room is given up: "routine" was shed, or "urgent" repeats are only counted
    shed: int = 0  # events shed since the start
    coalesced: int = 0  # urgent repeats counted and not yet told
    poisoned: int = 0  # records found damaged since the start
    set_aside: str = ""  # file name of a damaged store that was replaced at the start
    explanations: tuple[int, ...] = field(default=())  # routine lines that explain holes, not yet receipted
