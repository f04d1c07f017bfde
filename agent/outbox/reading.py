"""Reading lines to send, and finding the ones whose bytes changed on the disk since they were written."""

import re
import sqlite3
from typing import Final

from agent.outbox.records import StoredLine
from protocol.ids import HASH_PATTERN, RUN_PATTERN
from protocol.kinds import Lane
from protocol.ledger import Position, line_hash
from protocol.limits import MAX_EVENTS_PER_ENVELOPE
from protocol.messages import MessageError, decode_event

_COLUMNS: Final = "seq, run, hash, prev, line"


def read_lines(
    connection: sqlite3.Connection, lane: Lane, first: int, last: int | None, limit: int = MAX_EVENTS_PER_ENVELOPE
) -> tuple[tuple[StoredLine, ...], int | None]:
    """Pending lines of one run from `first` on, in order; and the number of a damaged one that stands in the way."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM events WHERE lane = ? AND state = 'pending' AND seq >= ? AND seq <= ?"  # noqa: S608
        " ORDER BY seq LIMIT ?",
        (lane.value, first, last if last is not None else 2**62, limit),
    ).fetchall()
    lines: list[StoredLine] = []
    for seq, run, digest, prev, line in rows:
        if not is_whole(lane, seq, run, digest, prev, line):
            return tuple(lines), seq
        if lines and lines[0].run != run:
            break  # an envelope speaks of one run
        lines.append(StoredLine(lane=lane, seq=seq, run=run, hash=digest, line=line))
    return tuple(lines), None


def is_whole(lane: Lane, seq: int, run: str, digest: str, prev: str, line: object) -> bool:
    """Whether a row still says what was written: its hash fits, and its columns are those of its line."""
    if not isinstance(line, bytes) or line_hash(line) != digest:
        return False
    try:
        event = decode_event(line)
    except MessageError:
        return False
    return (event.lane, event.seq, event.run, event.prev) == (lane, seq, run, prev)


def last_position(lane: Lane, seq: object, run: object, digest: object, line: object) -> Position:
    """Where a lane goes on after its last row: that row's own columns, or its line where they are damaged.

    Raises:
        DamagedError: neither says what the next line must follow.
    """
    if isinstance(seq, int) and _is(RUN_PATTERN, run) and _is(HASH_PATTERN, digest):
        return Position(run=str(run), seq=seq, hash=str(digest))
    try:
        event = decode_event(line) if isinstance(line, bytes) else None
    except MessageError:
        event = None
    if event is None or (event.lane, event.seq) != (lane, seq) or not isinstance(line, bytes):
        raise DamagedError(f"the last record of the {lane} lane cannot be read")
    return Position(run=event.run, seq=event.seq, hash=line_hash(line))


class DamagedError(sqlite3.DatabaseError):
    """The file can be read, but what it says cannot be gone on from: as broken as if it could not be read."""

    sqlite_errorname = "SQLITE_CORRUPT"


def _is(pattern: str, text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(pattern, text) is not None
