"""The enrolment's memory: its record, and beside it an SQLite file of what follows from the record.

The record is the truth. The SQLite file is made of it line by line, remembers how far it has read, and can be made
again; of its own it holds only the hashes of the codes' secrets. So a crash between the two is made good by the next
turn. One process, and one thread of it, has a turn at a time. Decides nothing. Flow: desk.py, tokens.py -> here.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from protocol.ledger import Position
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import parse_time
from provisioning.enrolment.codes import Code, CodeState
from provisioning.record import Act, Deed, Entry
from provisioning.record_file import PATIENCE_S, RECORD, Place, RecordFile, hold_record
from provisioning.refusal import RefusedError

STORE: Final = "codes.sqlite"
STORE_VERSION: Final = 1
_BUSY_S: Final = 5.0

_SAYINGS: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_FULL: N_("the disk is full"),
    sqlite3.SQLITE_IOERR: N_("the disk reports a fault, or is full"),
    sqlite3.SQLITE_CORRUPT: N_("it is damaged"),
    sqlite3.SQLITE_NOTADB: N_("it is damaged"),
    sqlite3.SQLITE_BUSY: N_("another program holds it"),
    sqlite3.SQLITE_READONLY: N_("it may not be written"),
    sqlite3.SQLITE_CANTOPEN: N_("it cannot be opened"),
}

_SCHEMA: Final = f"""
CREATE TABLE place (one INTEGER PRIMARY KEY CHECK (one = 1), run TEXT, seq INTEGER, hash TEXT, size INTEGER);
CREATE TABLE codes (
    name TEXT PRIMARY KEY, number INTEGER, box TEXT, site TEXT, ends TEXT, secret BLOB,
    tries INTEGER DEFAULT 0, state TEXT DEFAULT 'open', key TEXT, issued INTEGER DEFAULT 0
);
CREATE INDEX codes_by_box ON codes (box, number);
CREATE INDEX codes_by_secret ON codes (secret);
CREATE TABLE certificates (certificate TEXT PRIMARY KEY, box TEXT, site TEXT, key TEXT, serial TEXT);
CREATE INDEX certificates_by_box ON certificates (box);
CREATE INDEX certificates_by_key ON certificates (key);
CREATE TABLE leaves (document TEXT PRIMARY KEY);
PRAGMA user_version = {STORE_VERSION};
"""


class BookError(RefusedError):
    """The store beside the record cannot be used."""


class Turn:
    """The book while it is one's turn: nobody else reads or writes it. Made by `Book.turn`."""

    def __init__(self, db: sqlite3.Connection, record: RecordFile) -> None:
        self._db, self._record = db, record
        _apply(db, record.entries, record.place, {})

    def record(self, deeds: Sequence[Deed], now: datetime, secrets: Mapping[str, bytes] | None = None) -> None:
        """Record all of `deeds` or none, and what follows from them; `secrets` are hashes by the name of a code.

        Raises:
            RecordError: the record cannot be written; nothing was done.
            sqlite3.Error: it was recorded, and what follows from it is made good by the next turn.
        """
        before = len(self._record.entries)
        self._record.append(deeds, now)
        _apply(self._db, self._record.entries[before:], self._record.place, secrets or {})

    def newest_code(self, box: str) -> Code | None:
        """The last code that was made for a box."""
        return self._code("box = ? ORDER BY number DESC LIMIT 1", box)

    def code_of_secret(self, secret_hash: bytes) -> Code | None:
        """The code with this secret, whatever became of it."""
        return self._code("secret = ?", secret_hash)

    def key_of_box(self, box: str) -> str | None:
        """The thumbprint of the key that a box has certificates for."""
        return self._one("SELECT key FROM certificates WHERE box = ? LIMIT 1", box)

    def box_of_key(self, key: str) -> str | None:
        """The box that a key has certificates for."""
        return self._one("SELECT box FROM certificates WHERE key = ? LIMIT 1", key)

    def box_of_site(self, site: str) -> str | None:
        """The box that was enrolled last for a site."""
        return self._one("SELECT box FROM certificates WHERE site = ? ORDER BY rowid DESC LIMIT 1", site)

    def site_of_box(self, box: str) -> str | None:
        """The site that a box has certificates for."""
        return self._one("SELECT site FROM certificates WHERE box = ? LIMIT 1", box)

    def knows(self, certificate: str) -> bool:
        """Whether a certificate, by its digest, stands in the record."""
        return self._one("SELECT box FROM certificates WHERE certificate = ?", certificate) is not None

    def serials_of(self, key: str) -> list[int]:
        """The serial numbers of a key's certificates."""
        rows = self._db.execute("SELECT serial FROM certificates WHERE key = ?", (key,)).fetchall()
        return [int(row[0], 16) for row in rows]

    def leave_used(self, document: str) -> bool:
        """Whether a readmission, by its digest, was used."""
        return self._one("SELECT document FROM leaves WHERE document = ?", document) is not None

    def _one(self, query: str, value: str) -> str | None:
        row = self._db.execute(query, (value,)).fetchone()
        return str(row[0]) if row is not None else None

    def _code(self, where: str, value: str | bytes) -> Code | None:
        row = self._db.execute(
            f"SELECT name, box, site, ends, tries, state, key, issued FROM codes WHERE {where}",  # noqa: S608 - ours
            (value,),
        ).fetchone()
        if row is None:
            return None
        name, box, site, ends, tries, state, key, issued = row
        return Code(
            name=name,
            box=box,
            site=site,
            ends=parse_time(ends),
            tries=tries,
            state=CodeState(state),
            key=key,
            issued=issued,
        )


class Book:
    """The record and the store of one enrolment folder; close it."""

    def __init__(self, folder: Path, patience_s: float = PATIENCE_S) -> None:
        self._record, self._patience_s = folder / RECORD, patience_s
        self._mutex = threading.Lock()
        store = folder / STORE
        os.close(os.open(store, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        # Turns come from many threads, one at a time.
        self._db = sqlite3.connect(store, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA synchronous = FULL")

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Read on to the end of the record and keep everybody else out until the end.

        Raises:
            RecordError: in use, missing or broken.
            sqlite3.Error: the store cannot be used.
        """
        with self._mutex, hold_record(self._record, self._patience_s, lambda: place_in(self._db)) as record:
            yield Turn(self._db, record)

    def close(self) -> None:
        """Let go of the store."""
        with self._mutex:
            self._db.close()


@contextmanager
def open_book(folder: Path, patience_s: float = PATIENCE_S) -> Iterator[Book]:
    """The book of a folder, closed at the end; what its store refuses is told to the person who typed.

    Raises:
        BookError: the store is damaged, or its disk is full.
    """
    try:
        book = Book(folder, patience_s)
        try:
            yield book
        finally:
            book.close()
    except sqlite3.Error as error:
        raise BookError(
            N_(
                "{path} cannot be used: {reason}. Next step: make room; if it is damaged, move it away: it is made "
                "again from the record, and codes that are open end"
            ),
            path=folder / STORE,
            reason=store_said(error),
        ) from None


def store_said(error: sqlite3.Error) -> Said:
    """What SQLite says of the store."""
    return said(_SAYINGS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, N_("the database reports a fault")))


def place_in(db: sqlite3.Connection) -> Place | None:
    """How far a store has read the record; None when it has not."""
    if db.execute("PRAGMA user_version").fetchone()[0] != STORE_VERSION:
        return None
    row = db.execute("SELECT run, seq, hash, size FROM place").fetchone()
    return (Position(run=row[0], seq=row[1], hash=row[2]), row[3]) if row is not None else None


def _apply(db: sqlite3.Connection, entries: Iterable[Entry], place: Place, secrets: Mapping[str, bytes]) -> None:
    """What follows from lines of the record, and how far it was read: all or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] != STORE_VERSION:
            for statement in filter(None, map(str.strip, _SCHEMA.split(";"))):
                db.execute(statement)
        for entry in entries:
            _apply_one(db, entry, secrets)
        position, size = place
        db.execute(
            "INSERT OR REPLACE INTO place VALUES (1, ?, ?, ?, ?)", (position.run, position.seq, position.hash, size)
        )
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _apply_one(db: sqlite3.Connection, entry: Entry, secrets: Mapping[str, bytes]) -> None:
    facts: Mapping[str, Any] = entry.facts
    code = facts.get("code")
    match entry.act:
        case Act.TOKEN:
            db.execute(
                "UPDATE codes SET state = 'replaced' WHERE box = ? AND state = 'open' AND key IS NULL", (facts["id"],)
            )
            db.execute(
                "INSERT OR IGNORE INTO codes (name, number, box, site, ends, secret) VALUES (?, ?, ?, ?, ?, ?)",
                (code, entry.seq, facts["id"], facts["site"], facts["ends"], secrets.get(str(code))),
            )
        case Act.ENROLLED:
            db.execute("UPDATE codes SET key = ?, issued = issued + 1 WHERE name = ?", (facts["key"], code))
        case Act.REFUSED if "tries" in facts:
            db.execute("UPDATE codes SET tries = ? WHERE name = ?", (int(facts["tries"]), code))
        case Act.CODE_DEAD:
            db.execute("UPDATE codes SET state = 'dead' WHERE name = ?", (code,))
        case Act.READMITTED:
            db.execute("INSERT OR IGNORE INTO leaves VALUES (?)", (facts["document"],))
        case _:
            pass
    if entry.act in (Act.KNOWN, Act.ENROLLED, Act.RENEWED):
        db.execute(
            "INSERT OR IGNORE INTO certificates VALUES (?, ?, ?, ?, ?)",
            tuple(facts[name] for name in ("certificate", "id", "site", "key", "serial")),
        )
