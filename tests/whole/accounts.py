"""What the box wrote and what the centre has, read from both databases and compared line by line.

A dead process's files are read from a copy, so that looking at them repairs nothing.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.ledger import Link, after, continues, line_hash, start

OUTBOX = "outbox.db"


@dataclass(frozen=True, kw_only=True, order=True)
class Line:
    """One line of a ledger by its place and content."""

    lane: str
    seq: int
    run: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """A box's outbox at one moment: every line, and those that the centre signed for."""

    lines: frozenset[Line]
    receipted: frozenset[Line]
    quarantined: frozenset[Line]
    kinds: tuple[str, ...]

    @property
    def pending(self) -> int:
        """How many lines wait for a receipt."""
        return len(self.lines) - len(self.receipted) - len(self.quarantined)


def box_account(state: Path, *, alive: bool = True) -> Account:
    """The outbox in a box's folder."""
    with _database(state / OUTBOX, alive=alive) as connection:
        rows = connection.execute("SELECT lane, seq, run, hash, state, kind FROM events ORDER BY lane, seq").fetchall()
    lines = {Line(lane=lane, seq=seq, run=run, hash=digest): word for lane, seq, run, digest, word, _ in rows}
    return Account(
        lines=frozenset(lines),
        receipted=frozenset(line for line, word in lines.items() if word == "receipted"),
        quarantined=frozenset(line for line, word in lines.items() if word == "quarantined"),
        kinds=tuple(row[5] for row in rows),
    )


def centre_lines(database: Path, box: str, *, alive: bool = True) -> Counter[Line]:
    """Every line of a box that the centre committed, and how often it stands there."""
    with _database(database, alive=alive) as connection:
        rows = connection.execute("SELECT lane, seq, run, hash FROM events WHERE box = ?", (box,)).fetchall()
    return Counter(Line(lane=lane, seq=seq, run=run, hash=digest) for lane, seq, run, digest in rows)


def centre_heads(database: Path, box: str) -> dict[str, tuple[str, int, str]]:
    """The committed contiguous head of each lane: run, number, hash."""
    with _database(database) as connection:
        rows = connection.execute("SELECT lane, run, seq, hash FROM lanes WHERE box = ?", (box,)).fetchall()
    return {lane: (run, seq, digest) for lane, run, seq, digest in rows}


def centre_rows(database: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """A look into the centre's database from outside."""
    with _database(database) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(query, values).fetchall()
    return rows


def differences(box: Account, centre: Counter[Line], heads: dict[str, tuple[str, int, str]]) -> list[str]:
    """Why the centre does not have exactly what the box has; nothing when all is well."""
    faults = [f"the centre lacks {line}" for line in sorted(box.lines - centre.keys() - box.quarantined)[:5]]
    faults += [f"the centre has {line}, which the box does not have" for line in sorted(centre.keys() - box.lines)[:5]]
    faults += [f"the centre has {line} {times} times" for line, times in centre.items() if times > 1][:5]
    places = Counter((line.lane, line.seq, line.run) for line in centre)
    faults += [f"{place} stands {times} times at the centre" for place, times in places.items() if times > 1][:5]
    for lane in sorted({line.lane for line in box.lines}):
        last = max((line for line in box.lines if line.lane == lane), key=lambda line: line.seq)
        if heads.get(lane) != (last.run, last.seq, last.hash):
            faults.append(f"the head of {lane} is {heads.get(lane)}, not {last}")
    if box.pending:
        faults.append(f"{box.pending} lines have no receipt")
    return faults


def bookkeeping_faults(database: Path) -> list[str]:
    """Where alarms and journal do not follow from the events: both are written in the events' own transaction."""
    with _database(database) as connection:
        alarming = "events WHERE level <= 4 AND kind NOT LIKE '%.restored'"
        without = connection.execute(
            f"SELECT kind, number FROM {alarming} AND number NOT IN (SELECT number FROM alarm_events) LIMIT 5"  # noqa: S608
        ).fetchall()
        twice = connection.execute(
            "SELECT number, count(*) FROM alarm_events GROUP BY number HAVING count(*) > 1 LIMIT 5"
        ).fetchall()
        entries = connection.execute("SELECT number, line, hash FROM journal ORDER BY number").fetchall()
    faults = [f"{kind}, number {number}, has no alarm" for kind, number in without]
    faults += [f"event number {number} stands in {count} alarms" for number, count in twice]
    position = start("journal")
    for number, line, digest in entries:
        said = json.loads(line)
        link = Link(run="journal", seq=said["seq"], prev=said["prev"], hash=line_hash(line))
        if number != said["seq"] or digest != link.hash or continues(position, link) is not None:
            faults.append(f"the journal breaks at {number}")
        position = after(link)
    return faults


@contextmanager
def _database(file: Path, *, alive: bool = True) -> Iterator[sqlite3.Connection]:
    if alive:
        connection = sqlite3.connect(file, timeout=10)
        try:
            yield connection
        finally:
            connection.close()
        return
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            part = file.with_name(file.name + suffix)
            if part.exists():
                shutil.copyfile(part, Path(folder) / part.name)
        with _database(Path(folder) / file.name) as copy:
            yield copy
