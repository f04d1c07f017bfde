"""Which database a centre of the tests gets: an SQLite file, or one of a PostgreSQL server that runs already.

`make test-postgres` runs the tests of the centre a second time with BRANCHWATCH_TEST_POSTGRES naming a server's port;
tests/contract and tests/integration start their own. Flow: tests/collecting.py -> here.
"""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path

from collector.storage.store import sqlite_url
from tests.postgres_peer import Server

PORT = "BRANCHWATCH_TEST_POSTGRES"


def own_database(folder: Path) -> str:
    """The address of the database that belongs to `folder`: the same one each time."""
    return _on_server(folder, int(os.environ[PORT])) if os.environ.get(PORT) else sqlite_url(folder / "centre.db")


@cache
def _on_server(_folder: Path, port: int) -> str:
    return Server(port).database(f"bw_{secrets.token_hex(8)}")
