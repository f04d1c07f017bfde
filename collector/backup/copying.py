"""A copy of the database as it stands at one moment, taken while the collector works, and looked over.

`VACUUM INTO` reads one snapshot; the collector goes on writing meanwhile. Flow: writing.py -> here -> a file that
nobody else writes; restoring.py has its database looked over here too.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from collector.backup.failing import OutOfReachError, UnsoundError
from collector.storage import soundness
from collector.storage.faults import OUT_OF_REACH, STEPS
from collector.storage.soundness import Extent
from collector.storage.store import Store, StoreError, sqlite_url
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said

STEPS_BETWEEN: Final = 500_000
"""Instructions of SQLite between two looks at how far the copy is: some ten a second."""

BUSY_S: Final = 30.0
LOOK: Final = N_("look at `database` in collector.toml")

Told = Callable[[int], None]
"""Is told how many bytes are done."""


def size_of(database: Path) -> int:
    """How much a copy of a database may need, in bytes.

    Raises:
        OutOfReachError: it cannot be opened.
    """
    with _opened(database) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        return int(pages * connection.execute("PRAGMA page_size").fetchone()[0])


def copy_database(database: Path, copy: Path, told: Told) -> None:
    """Write the database as it is now to `copy`, which must not be there.

    Raises:
        OutOfReachError: it cannot be read, or the copy not written.
    """

    def look() -> None:
        told(copy.stat().st_size if copy.exists() else 0)

    with _opened(database) as connection:
        connection.set_progress_handler(look, STEPS_BETWEEN)
        connection.execute("VACUUM INTO ?", (str(copy),))
    copy.chmod(0o600)


def look_over(database: Path, *, told: Callable[[], None] = lambda: None) -> Extent:
    """How much a database holds that is sound as a file and has its heads.

    Raises:
        UnsoundError: it is damaged, or a head is without its line.
    """
    with _opened(database) as connection:
        connection.set_progress_handler(told, STEPS_BETWEEN)
        try:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.DatabaseError:
            found = "damaged"
    if found != "ok":
        raise UnsoundError(N_("the database is damaged inside ({fault}); restore an older backup"), fault=found[:80])
    try:
        store = Store(sqlite_url(database))
        try:
            with store.read() as reading:
                if (lane := soundness.headless_lane(reading)) is not None:
                    raise UnsoundError(
                        N_("the database's head of {box} {lane} stands on no event; restore an older backup"),
                        box=lane[0],
                        lane=said(lane[1]),
                    )
                if not soundness.journal_tip_holds(reading):
                    raise UnsoundError(N_("the end of the database's journal was altered; restore an older backup"))
                return soundness.extent(reading)
        finally:
            store.close()
    except StoreError as error:
        raise UnsoundError(error.said.text, **error.said.values) from None


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a database that is there; opening one that is not would make it."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=rw", uri=True, timeout=BUSY_S)) as connection:
            yield connection
    except sqlite3.Error as error:
        word = getattr(error, "sqlite_errorname", None) or type(error).__name__
        step = next((step for begins, step in STEPS.items() if word.startswith(begins)), LOOK)
        raise OutOfReachError(OUT_OF_REACH, name=database, kind=word, step=said(step)) from None
