"""The store itself: opening the database, one connection to read, one transaction to write.

The only file that knows how each database wants to be opened. SQLite runs in WAL with `synchronous=FULL`: with NORMAL
a power cut may take committed transactions (FIELD-FAULTS A). Writers begin at once, so that two never deadlock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from collector.storage.reading import Reading
from protocol.texts import SaidError, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

BUSY_TIMEOUT_MS: Final = 10_000
"""How long one writer waits for another before it gives up; group commits take some 20 ms."""

PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "wal_autocheckpoint=8000",  # 32 MiB: pages that many commits touch are copied once
    "cache_size=-65536",  # KiB
)

_WRITES: Final = "branchwatch_writes"


Transaction = Connection
"""What `Store.write` gives: the other packages pass it on and never look inside."""


class StoreError(SaidError):
    """The database cannot be opened or used now; the message says why, without its password."""


class NotStorableError(Exception):
    """The database refuses the content of a transaction: trying the same again does not help."""


class Store:
    """One database; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._engine = _open(url)
        self.name = name_of(self._engine.url)
        """The file, or the address without its password: what a person looks at when it does not work."""

    @property
    def engine(self) -> Engine:
        """For migrations and the other files of this folder."""
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """One snapshot to ask questions of."""
        try:
            with self._engine.connect() as connection:
                yield Reading(connection)
        except _OUT_OF_REACH as error:
            raise out_of_reach(self.name, error) from error
        except DatabaseError as error:
            if _is_damage(error):
                raise out_of_reach(self.name, error) from error
            raise

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction: all of it or nothing.

        Raises:
            StoreError: out of reach, locked, full or damaged: try again later.
            NotStorableError: a row that the database will not take.
        """
        try:
            with self._engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
                yield connection
        except _OUT_OF_REACH as error:
            raise out_of_reach(self.name, error) from error
        except (DBAPIError, StatementError, UnicodeError, OverflowError) as error:
            if _is_damage(error):
                raise out_of_reach(self.name, error) from error
            raise NotStorableError(type(error).__name__) from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def sqlite_url(path: Path) -> str:
    """The address of an SQLite file."""
    return f"sqlite:///{path.absolute()}"


_OUT_OF_REACH: Final = (OperationalError, InterfaceError, PoolTimeoutError)


# The library's own text carries statements and their values, which belong in no log.
OUT_OF_REACH: Final = N_("the database {name} cannot be used now ({kind}): {step}")

STEPS: Final = {
    "SQLITE_FULL": N_("make room on its disk"),
    "SQLITE_READONLY": N_("let this user write the file and its folder"),
    "SQLITE_CANTOPEN": N_("make its folder, and let this user write there"),
    "SQLITE_PERM": N_("let this user write the file and its folder"),
    "SQLITE_BUSY": N_("another program holds it; end that one"),
    "SQLITE_LOCKED": N_("another program holds it; end that one"),
    "SQLITE_NOTADB": N_("it is damaged or no database; move it away and restore a copy"),
    "SQLITE_CORRUPT": N_("it is damaged or no database; move it away and restore a copy"),
    "SQLITE_IOERR": N_("look at its disk and the system log"),
}
"""The next step by SQLite's own word, or by what its longer words begin with."""

_ELSE: Final = N_("see that it runs, and look at `database` in collector.toml")


def name_of(url: URL) -> str:
    """What a person knows a database by; never with its password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def out_of_reach(name: str, error: Exception) -> StoreError:
    """SQLite's own word (SQLITE_FULL, SQLITE_READONLY, SQLITE_NOTADB) says what to do; others have only their class."""
    word = getattr(getattr(error, "orig", None), "sqlite_errorname", None) or type(error).__name__
    step = next((step for begins, step in STEPS.items() if word.startswith(begins)), _ELSE)
    return StoreError(OUT_OF_REACH, name=name, kind=word, step=said(step))


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is no sound database; all other faults have a class of their own."""
    return type(error) is DatabaseError


def _open(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(url)
        return create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, ModuleNotFoundError, SQLAlchemyError) as error:
        # Not even the address: what cannot be taken apart may hold its password anywhere.
        raise StoreError(
            N_(
                "the database address cannot be used ({kind}); look at `database` in collector.toml, and for its driver"
            ),
            kind=type(error).__name__,
        ) from None


def _open_sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "cached_statements": 256})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
