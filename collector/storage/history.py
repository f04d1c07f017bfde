"""The history of the schema, walked by Alembic: the only file that knows its commands.

A database that is newer than the program is left alone. Flow: migrating.py, where there is something to do -> here.
"""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError

from collector.storage.alarm_tables import METADATA
from collector.storage.faults import StoreError, out_of_reach
from collector.storage.migrating import MIGRATIONS
from collector.storage.postgres import prepare
from collector.storage.schema import counters
from collector.storage.store import Store
from collector.storage.writing import COUNTER
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


def upgrade(store: Store) -> tuple[str | None, str]:
    """Bring the database to the newest revision; returns the one before and the one after.

    Raises:
        StoreError: not reachable, or written by a newer program.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        with store.write() as connection:
            if connection.dialect.name == "postgresql":
                prepare(connection)
            before = MigrationContext.configure(connection).get_current_revision()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if connection.execute(select(counters.c.value).where(counters.c.name == COUNTER)).first() is None:
                connection.execute(insert(counters).values(name=COUNTER, value=0))
    except CommandError:
        raise StoreError(
            N_("the database {name} was written by a newer version of this program; install that one"), name=store.name
        ) from None
    except SQLAlchemyError as error:
        raise out_of_reach(store.name, error) from None
    after = ScriptDirectory.from_config(config).get_current_head()
    return before, after or ""


def differences(store: Store) -> list[str]:
    """Where a migrated database and schema.py differ; a history that ends elsewhere than the program is a fault."""
    with store.write() as connection:
        return [str(each) for each in compare_metadata(MigrationContext.configure(connection), METADATA)]
