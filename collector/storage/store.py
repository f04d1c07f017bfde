"""The store itself: opening the database, one connection to read, one transaction to write.

How SQLite wants to be opened stands here, PostgreSQL in postgres.py. SQLite runs in WAL with `synchronous=FULL`: with
NORMAL a power cut may take committed transactions (FIELD-FAULTS A). Writers begin at once, so that two never deadlock.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from collector.storage.faults import NotStorableError as NotStorableError
from collector.storage.faults import StoreError as StoreError
from collector.storage.faults import is_out_of_reach, name_of, out_of_reach
from collector.storage.postgres import is_postgres, open_postgres
from collector.storage.reading import Reading
from collector.storage.turns import Turns
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


class Store:
    """One database; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._engine, self._reading = _open(url)
        self.name = name_of(self._engine.url)
        self._turns = Turns() if self._engine.dialect.name == "sqlite" else nullcontext()
        """The file, or the address without its password: what a person looks at when it does not work."""

    @property
    def engine(self) -> Engine:
        """For migrations and the other files of this folder."""
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """One snapshot to ask questions of."""
        try:
            with self._reading.connect() as connection:
                yield Reading(connection)
        except SQLAlchemyError as error:
            if is_out_of_reach(error):
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
            with (
                self._turns,
                self._engine.connect().execution_options(**{_WRITES: True}) as connection,
                connection.begin(),
            ):
                yield connection
        except (DBAPIError, PoolTimeoutError, StatementError, UnicodeError, OverflowError) as error:
            if is_out_of_reach(error):
                raise out_of_reach(self.name, error) from error
            raise NotStorableError(type(error).__name__) from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
        self._reading.dispose()


def sqlite_url(path: Path) -> str:
    """The address of an SQLite file."""
    return f"sqlite:///{path.absolute()}"


def _open(url: str) -> tuple[Engine, Engine]:
    try:
        parsed = make_url(url)
        if is_postgres(parsed):
            return open_postgres(parsed)
        if parsed.get_backend_name() == "sqlite":
            return (_open_sqlite(url),) * 2
        raise ArgumentError  # noqa: TRY301 - no other database was ever tried
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
