"""Bringing a database to the schema of this program: one history, run by `serve` at its start and by `migrate`.

Most starts find the newest schema there. Only others load Alembic, which takes as long as a fifth of a whole start.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import column, inspect, select, table

from collector.storage.schema import counters
from collector.storage.store import Store
from collector.storage.writing import COUNTER

MIGRATIONS: Final = Path(__file__).parent / "migrations"
VERSIONS: Final = table("alembic_version", column("version_num"))
"""Alembic's own note of where a database stands."""


def migrate(store: Store) -> tuple[str | None, str]:
    """Bring the database to the newest revision; returns the one before and the one after.

    Raises:
        StoreError: not reachable, or written by a newer program.
    """
    newest = max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]
    if _stands_at(store, newest):
        return newest, newest
    from collector.storage.history import upgrade  # late: what nearly no start needs

    return upgrade(store)


def _stands_at(store: Store, newest: str) -> bool:
    with store.read() as reading:
        connection = reading.connection
        if not inspect(connection).has_table(VERSIONS.name):
            return False
        stands = connection.execute(select(VERSIONS.c.version_num)).scalars().all()
        if list(stands) != [newest]:
            return False
        return connection.execute(select(counters.c.value).where(counters.c.name == COUNTER)).first() is not None
