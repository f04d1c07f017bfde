"""The authority's record: one line for everything it ever did, each naming the hash of the line before it.

Pure: lines in, lines out; the chain is `protocol.ledger`'s. A line is written before what it tells of leaves the
authority's memory, so nothing is out there that is not in here. Flow: office.py -> here -> record_file.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from protocol.ids import RUN_PATTERN
from protocol.ledger import Break, Link, Position, after, continues, line_hash, start
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time

VERSION: Final = 1
MAX_LINE_BYTES: Final = 4 * 1024
"""A line of ours is under 800 bytes."""


class Act(StrEnum):
    """What the authority does."""

    MADE = "made"  # the authority itself; the first line
    ISSUED = "issued"
    RENEWED = "renewed"  # the same key, a new certificate
    WITHDRAWN = "withdrawn"  # issued, but its files could not be written: the key died with the memory it was in
    REVOKED = "revoked"
    LISTED = "listed"  # a revocation list
    HANDED = "handed"  # the boxes' issuer with its key, to an enrolment; `record` names the run of that one's record
    # of an enrolment's own record (docs/trust.md 5)
    KNOWN = "known"  # a box's certificate that the authority issued before
    TOKEN = "token"  # noqa: S105 - a one-time code; its secret is not in here
    ENROLLED = "enrolled"
    REFUSED = "refused"
    CODE_DEAD = "code_dead"
    READMITTED = "readmitted"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line. `facts` are texts: role, id, site, issuer, serial, key, certificate, not_after, number, next_update."""

    v: int
    run: Annotated[str, msgspec.Meta(pattern=RUN_PATTERN)]
    seq: int
    prev: str
    at: str
    act: Act
    facts: dict[str, str]


class Fault(StrEnum):
    """Why a line does not belong where it stands."""

    MISSING = N_("lines before it are missing")
    REORDERED = N_("it stands before a line that it follows")
    DUPLICATED = N_("it is there twice")
    ALTERED = N_("it, or the line before it, was changed")
    FORKED = N_("another line has its number")
    UNREADABLE = N_("it is no line of a record")
    CUT_OFF = N_("it is cut off: by a crash, after which the next act removes it, or by hand")
    FOREIGN = N_("it belongs to the record of another authority")


FAULT_OF: Final[Mapping[Break, Fault]] = {each: Fault[each.name] for each in Break}


class RecordBrokenError(Exception):
    """The chain does not hold; `line` counts from 1."""

    def __init__(self, line: int, fault: Fault) -> None:
        super().__init__(f"line {line}: {fault}")
        self.line, self.fault = line, fault


@dataclass(frozen=True, kw_only=True)
class Deed:
    """An act that is about to be recorded."""

    act: Act
    facts: Mapping[str, str]


def first_position(run: str) -> Position:
    """The place before the first line of a new record."""
    return start(run)


def lines_of(deeds: Iterable[Deed], position: Position, now: datetime) -> tuple[list[bytes], Position]:
    """The lines that record `deeds` after `position`, each with its line feed, and the position behind them."""
    lines: list[bytes] = []
    for deed in deeds:
        entry = Entry(
            v=VERSION,
            run=position.run,
            seq=position.seq + 1,
            prev=position.hash,
            at=format_time(now),
            act=deed.act,
            facts=dict(deed.facts),
        )
        line = msgspec.json.encode(entry)
        position = after(Link(run=entry.run, seq=entry.seq, prev=entry.prev, hash=line_hash(line)))
        lines.append(line + b"\n")
    return lines, position


def decode_entry(line: bytes) -> Entry:
    """The entry that a line holds.

    Raises:
        ValueError: it is none.
    """
    if len(line) > MAX_LINE_BYTES:
        raise ValueError("too long")
    return msgspec.json.decode(line, type=Entry)


def follow(lines: Iterable[bytes], position: Position | None = None) -> Iterator[tuple[Entry, Position]]:
    """Each entry of a record, in order, with the position behind it; `position` is behind what was followed before.

    Raises:
        RecordBrokenError: at the first line that does not continue the chain.
    """
    for number, raw in enumerate(lines, start=position.seq + 1 if position is not None else 1):
        if not raw.endswith(b"\n"):
            raise RecordBrokenError(number, Fault.CUT_OFF)
        line = raw[:-1]
        try:
            entry = decode_entry(line)
        except ValueError:
            raise RecordBrokenError(number, Fault.UNREADABLE) from None
        position = position or start(entry.run)
        if entry.run != position.run:
            raise RecordBrokenError(number, Fault.FOREIGN)
        link = Link(run=entry.run, seq=entry.seq, prev=entry.prev, hash=line_hash(line))
        if wrong := continues(position, link):
            raise RecordBrokenError(number, FAULT_OF[wrong])
        position = after(link)
        yield entry, position
