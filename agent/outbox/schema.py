"""The outbox's file: opening it, bringing its tables up to date, claiming its room, setting a damaged one aside.

Migrations go through sqlite-utils, imported only while they run (4 MB); the tables are plain enough for a field
engineer to read with that same tool. `synchronous=FULL`: with WAL, less may lose what was committed when power is cut.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from agent.outbox.capacity import Capacity

FILE_NAME: Final = "outbox.db"
PAGE_BYTES: Final = 4096
SPARE_NAME: Final = "outbox.spare"
SPARE_BYTES: Final = 8 * 1024 * 1024
"""A write-ahead log of 1 MiB, the pages it adds to the file, and the largest transaction, several times over."""
_BALLAST_STEP_BYTES: Final = 4 * 1024 * 1024
_DAMAGED: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, so that going on with it makes no sense."""
    return (error.sqlite_errorname or "").partition("_VTAB")[0].startswith(tuple(_DAMAGED))


def is_full(error: sqlite3.Error) -> bool:
    """Whether there was no room: the store's own limit, or the disk's end."""
    return error.sqlite_errorname == "SQLITE_FULL"


def open_database(file: Path, capacity: Capacity) -> sqlite3.Connection:
    """The open file, its tables up to date, readable by the agent's user only.

    Raises:
        sqlite3.DatabaseError: damaged (`is_damage`), or the disk refuses.
    """
    file.touch(mode=0o600)
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, cached_statements=64)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # Early, so that a disk that fills up finds little in the log that is not in the file yet.
        connection.execute("PRAGMA wal_autocheckpoint = 256")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -2048")  # KiB: a box has little memory and no long queries
        _migrate(connection)
        _check(connection)
        _claim_room(connection, capacity)
        connection.execute(f"PRAGMA max_page_count = {capacity.ceiling_bytes // PAGE_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def set_aside(file: Path, stamp: str) -> str:
    """Rename a damaged store so that it is kept for the field engineer; returns its new name."""
    name = f"{file.name}.damaged-{stamp}"
    for suffix in ("", "-wal", "-shm"):
        part = file.with_name(file.name + suffix)
        if part.exists():
            part.rename(file.with_name(name + suffix))
    return name


def keep_spare_room(folder: Path) -> None:
    """Hold a little of the disk in a file of its own, for the moment when other programs have filled the rest."""
    spare = folder / SPARE_NAME
    if spare.exists():
        return
    try:
        with spare.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, SPARE_BYTES)
    except OSError:
        spare.unlink(missing_ok=True)  # no room to hold: what there is, the store may use


def give_up_spare_room(connection: sqlite3.Connection, folder: Path) -> None:
    """Let the store have the spare room: its log must be written back before anything in it can be used again."""
    (folder / SPARE_NAME).unlink(missing_ok=True)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def disk_free_bytes(folder: Path) -> int:
    """Free room of the disk that an unprivileged writer gets."""
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def _migrate(connection: sqlite3.Connection) -> None:
    done = set()
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone():
        done = {name for (name,) in connection.execute("SELECT name FROM _sqlite_migrations")}
    if done >= MIGRATIONS.keys():
        return
    import sqlite_utils  # late: a box whose tables are up to date never loads it
    from sqlite_utils.migrations import Migrations

    migrations = Migrations("outbox")
    for name, change in MIGRATIONS.items():
        migrations(name=name)(change)
    migrations.apply(sqlite_utils.Database(connection))


def _check(connection: sqlite3.Connection) -> None:
    """A look at every page that the start needs anyway; a full check of a large store would delay the guard."""
    connection.execute("SELECT max(seq) FROM events GROUP BY lane").fetchall()
    connection.execute("SELECT count(*) FROM events WHERE state = 'pending'").fetchone()
    connection.execute("SELECT key, length(value) FROM saved").fetchall()


def _claim_room(connection: sqlite3.Connection, capacity: Capacity) -> None:
    """Make the file as large as the urgent reserve now, so that no other program's files can take that room."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    missing = capacity.reserve_bytes - pages * PAGE_BYTES
    connection.execute("DROP TABLE IF EXISTS ballast")  # of a start that was cut off
    if missing <= 0:
        return
    connection.execute("CREATE TABLE ballast (room BLOB)")
    try:
        for _ in range(-(-missing // _BALLAST_STEP_BYTES)):
            size = min(_BALLAST_STEP_BYTES, missing)
            connection.execute("INSERT INTO ballast VALUES (zeroblob(?))", (size,))
            connection.execute("PRAGMA wal_checkpoint(RESTART)")
    except sqlite3.OperationalError as error:
        if not is_full(error):
            raise
    finally:
        connection.execute("DROP TABLE ballast")
        connection.execute("PRAGMA wal_checkpoint(RESTART)")


def _events(database: Any) -> None:
    database["events"].create(
        {
            "lane": str,
            "seq": int,
            "run": str,
            "hash": str,
            "prev": str,
            "id": str,
            "kind": str,
            "source": str,
            "level": int,
            "at": str,
            "state": str,
            "receipted_at": str,
            "line": bytes,
        },
        pk=("lane", "seq"),
        not_null={"run", "hash", "prev", "kind", "source", "level", "at", "state", "line"},
    )
    database.execute("CREATE INDEX events_pending ON events (lane, seq) WHERE state = 'pending'")
    database.execute("CREATE INDEX events_receipted ON events (receipted_at) WHERE state = 'receipted'")


def _holes(database: Any) -> None:
    database["holes"].create(
        {
            "lane": str,
            "first": int,
            "last": int,
            "first_prev": str,
            "last_hash": str,
            "counts": str,
            "cause": str,
            "told": int,
        },
        pk=("lane", "first", "last", "first_prev"),
        not_null={"last_hash", "counts", "cause", "told"},
    )


def _saved(database: Any) -> None:
    database["saved"].create({"key": str, "value": bytes}, pk="key", not_null={"value"})


def _repeats(database: Any) -> None:
    database["repeats"].create(
        {"kind": str, "source": str, "count": int, "first_at": str, "last_at": str},
        pk=("kind", "source"),
        not_null={"count", "first_at", "last_at"},
    )


MIGRATIONS: Final[Mapping[str, Callable[[Any], None]]] = MappingProxyType(
    {"events": _events, "holes": _holes, "saved": _saved, "repeats": _repeats}
)
"""In order, each applied once. New ones are added below; none is ever changed."""
