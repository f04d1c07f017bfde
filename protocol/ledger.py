"""The one hash chain: box lanes, the centre's own lanes and its journal are all chained by this file.

A chain runs over lines: each line carries `run`, `seq` and `prev`, the hash of the line before it (WIRE 2).
Pure; who stores the lines and what follows from a break is decided elsewhere.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import msgspec

from protocol.ids import HASH_PATTERN
from protocol.kinds import Lane

GENESIS: Final = "0" * 64
"""`prev` of the very first line of a chain."""

_HASH: Final = re.compile(HASH_PATTERN)
_HIGHEST_SEQ: Final = 2**53 - 1  # docs/protocol.md section 10


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A line's place in its chain: what it says of itself (`run`, `seq`, `prev`) and the hash of its bytes."""

    run: str
    seq: int
    prev: str
    hash: str


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of a chain that is known without a hole; `seq` 0 and GENESIS where there is none."""

    run: str
    seq: int
    hash: str


class Break(StrEnum):
    """What is wrong when a line does not continue a chain."""

    MISSING = "missing"  # a sequence number is skipped
    REORDERED = "reordered"  # it stands before one that it follows
    DUPLICATED = "duplicated"  # the very same line again
    ALTERED = "altered"  # the next number, but it does not name the line before it
    FORKED = "forked"  # a number that is taken, with other content


def line_hash(line: bytes) -> str:
    """SHA-256 of a line's exact bytes, lower-case hex (WIRE 1.1)."""
    return sha256(line).hexdigest()


def start(run: str) -> Position:
    """The place before the first line of a chain."""
    return Position(run=run, seq=0, hash=GENESIS)


def continues(position: Position, link: Link) -> Break | None:
    """Why `link` is not the next line after `position`; None when it is.

    A new run continues the old one's numbers, so `run` is not compared: who may start a run is another question.
    """
    if link.seq == position.seq + 1:
        return None if link.prev == position.hash else Break.ALTERED
    if link.seq > position.seq + 1:
        return Break.MISSING
    if link.seq == position.seq:
        return Break.DUPLICATED if link.hash == position.hash else Break.FORKED
    return Break.REORDERED


def after(link: Link) -> Position:
    """The position whose last line is `link`."""
    return Position(run=link.run, seq=link.seq, hash=link.hash)


class Hole(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that a box gave up and signed for with a `ledger.shed` line (WIRE 2.4).

    `first_prev` is the `prev` of the first line given up, `last_hash` the hash of the last: together they let the
    chain be followed over the hole.
    """

    lane: str
    first: int
    last: int
    first_prev: str
    last_hash: str


class HoleError(ValueError):
    """A `ledger.shed` line whose facts describe no hole."""


def hole_of(facts: Mapping[str, Any]) -> Hole:
    """The hole that the facts of a `ledger.shed` line describe; the lane is `routine` unless they say otherwise.

    Raises:
        HoleError: a fact is missing or impossible.
    """
    try:
        hole = msgspec.convert(
            {
                "lane": facts.get("lane", "routine"),
                "first": facts["from"],
                "last": facts["to"],
                "first_prev": facts["first_prev"],
                "last_hash": facts["last_hash"],
            },
            Hole,
        )
    except (KeyError, msgspec.ValidationError) as error:
        raise HoleError(f"a shed line that describes no hole: {error}") from None
    if not 1 <= hole.first <= hole.last <= _HIGHEST_SEQ:
        raise HoleError("a shed line whose numbers are no range")
    if hole.lane not in set(Lane) or not (_HASH.fullmatch(hole.first_prev) and _HASH.fullmatch(hole.last_hash)):
        raise HoleError("a shed line without a lane or its hashes")
    return hole


def over(position: Position, holes: Iterable[Hole]) -> Position:
    """The place from which the chain goes on after `position`, over every hole that starts right there.

    A box that gives up more signs anew for the whole, so of several that start at one line the longest counts.
    """
    by_start = {(hole.first, hole.first_prev): hole for hole in sorted(holes, key=lambda hole: hole.last)}
    while hole := by_start.get((position.seq + 1, position.hash)):
        position = Position(run=position.run, seq=hole.last, hash=hole.last_hash)
    return position


def out_of(position: Position, holes: Iterable[Hole]) -> Position | None:
    """The place behind the longest hole that `position` lies in; None when it lies in none.

    A box gives up what nobody receipted, and some of that may have arrived all the same.
    """
    around = [hole for hole in holes if hole.first <= position.seq < hole.last]
    if not around:
        return None
    longest = max(around, key=lambda hole: hole.last)
    return Position(run=position.run, seq=longest.last, hash=longest.last_hash)
