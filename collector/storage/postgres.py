"""How PostgreSQL wants to be opened: who reads, who writes, how long each waits. The only file that knows.

Readers see one snapshot and cannot write; writers see what is committed, so that looking after `lock_counters` sees
what the one before wrote. A collector that stands still in the middle of a write loses its transaction after a few
seconds, for all the others wait for its lock. Flow: store.py -> here.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from collector.storage.faults import StoreError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

DRIVER: Final = "postgresql+psycopg"
SCHEMES: Final = ("postgresql", "postgres")
LEAST_VERSION: Final = 15

READERS: Final = 12
"""Connections that read; the console's threads wait for one beyond it."""
WRITERS: Final = 6
WAIT_S: Final = 10
"""How long anybody waits for a connection or a lock."""

CHANNEL: Final = "branchwatch"
MIGRATING: Final = 0x62770001
"""The lock of whoever brings the schema to this version."""

_REACH: Final = {
    "connect_timeout": 5,
    "application_name": "branchwatch",
    # A server that is gone without a word is noticed: by the kernel, after some 15 s.
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "target_session_attrs": "primary",
}
_ALWAYS: Final = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
_READS: Final = "-c default_transaction_isolation=repeatable\\ read -c default_transaction_read_only=on"
_WRITES: Final = (
    "-c default_transaction_isolation=read\\ committed -c synchronous_commit=on"
    f" -c lock_timeout={WAIT_S}s -c idle_in_transaction_session_timeout=5s"
)


def is_postgres(url: URL) -> bool:
    """Whether an address is PostgreSQL's, under any of its names."""
    return url.get_backend_name() in SCHEMES


def plan_for_many(connection: Connection, many: bool) -> None:
    """Join whole tables from here on in this transaction, or as the server thinks best again; nothing on SQLite.

    The statistics are those of a quiet night until the server looks again, up to a minute after a storm began: by them
    it would look up each of 100,000 alarms by itself.
    """
    if is_postgres(connection.engine.url):
        connection.execute(text(f"SET LOCAL enable_nestloop TO {'off' if many else 'DEFAULT'}"))


def open_postgres(url: URL) -> tuple[Engine, Engine]:
    """Whom to write with, and whom to read with."""
    address = url.set(drivername=DRIVER)
    # "options" of the address would take the place of ours.
    address = address.set(query={name: value for name, value in address.query.items() if name != "options"})
    return _engine(address, WRITERS, _WRITES), _engine(address, READERS, _READS)


def copy_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows that hold every column in the table's order, by COPY.

    A statement a row costs two to six times the CPU here, the more the longer the batch (docs/benchmarks.md).
    """
    names = ", ".join(connection.dialect.identifier_preparer.format_column(column) for column in table.columns)
    driver: Any = connection.dialect.dbapi
    raw: Any = connection.connection.driver_connection
    try:
        with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except driver.Error as error:
        # As if it had gone through SQLAlchemy; without the rows, which belong in no log.
        raise DBAPIError.instance("COPY", None, error, driver.Error, True, dialect=connection.dialect) from None


def prepare(connection: Connection) -> None:
    """Before the schema is looked at: one migrates at a time, on a server that can hold what we write.

    Raises:
        StoreError: it is too old, or its text is no UTF-8.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
    version = int(connection.execute(text("SELECT current_setting('server_version_num')")).scalar_one()) // 10_000
    if version < LEAST_VERSION:
        raise StoreError(
            N_("the database server is PostgreSQL {version}; this program needs {least} or newer"),
            version=version,
            least=LEAST_VERSION,
        )
    encoding = str(connection.execute(text("SELECT current_setting('server_encoding')")).scalar_one())
    if encoding != "UTF8":
        raise StoreError(
            N_("the database keeps its text in {encoding}; make one with: createdb --encoding=UTF8"), encoding=encoding
        )


def _engine(url: URL, size: int, settings: str) -> Engine:
    reach: dict[str, Any] = {name: value for name, value in _REACH.items() if name not in url.query}
    engine = create_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=WAIT_S,
        pool_pre_ping=True,
        connect_args={**reach, "options": f"{_ALWAYS} {settings}"},
    )

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def clean(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> tuple[str, Any]:
        return statement, _without_nul(values)

    return engine


def _without_nul(values: Any) -> Any:
    """U+0000, which PostgreSQL keeps in no text, becomes U+FFFD; whoever wrote it meant nothing by it."""
    if isinstance(values, dict):
        if any(type(value) is str and "\0" in value for value in values.values()):
            return {name: _cleaned(value) for name, value in values.items()}
        return values
    if isinstance(values, list):
        return [_without_nul(each) for each in values]
    return values


def _cleaned(value: Any) -> Any:
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
