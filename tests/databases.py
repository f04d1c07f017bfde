"""Which database a centre of the tests gets: an SQLite file, or one of a PostgreSQL server that runs already.

`make test-postgres` runs the tests of the centre a second time with BRANCHWATCH_TEST_POSTGRES naming a server's port
(tests/on_postgres.py); tests/contract and tests/integration start their own. Flow: tests/collecting.py -> here.
"""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path

from collector.storage.migrating import migrate
from collector.storage.store import Store, sqlite_url
from tests.postgres_peer import Server

PORT = "BRANCHWATCH_TEST_POSTGRES"

_made: dict[Path, str] = {}


def own_database(folder: Path) -> str:
    """The address of the database that belongs to `folder`: the same one each time."""
    if not os.environ.get(PORT):
        return sqlite_url(folder / "centre.db")
    if folder not in _made:
        template, server = _template(), _server()
        _made[folder] = server.database(f"bw_{secrets.token_hex(8)}", template=template)
    return _made[folder]


def drop_databases() -> None:
    """Take away what was made on the server so far; whoever asks for a folder again gets an empty one."""
    while _made:
        _server().drop(_made.popitem()[1])


def _server() -> Server:
    return Server(int(os.environ[PORT]))


@cache
def _template() -> str:
    """A database at the newest schema, to be copied: migrating each costs more than most tests."""
    name = f"bw_template_{secrets.token_hex(8)}"
    store = Store(_server().database(name))
    migrate(store)
    store.close()
    return name
