"""A database at the newest schema, made once a process and copied for whoever needs a fresh one.

The migrations themselves are tried by tests/contract; a test of anything else need not walk through their history.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from collector.storage.migrating import migrate
from collector.storage.store import Store, sqlite_url

_SCHEME = sqlite_url(Path("/")).removesuffix("/")


def lay_fresh(url: str) -> bool:
    """Put a migrated database where `url` names an SQLite file that is not there yet; whether it did."""
    if not url.startswith(_SCHEME):
        return False
    file = Path(url.removeprefix(_SCHEME))
    if file.exists():
        return False
    file.write_bytes(_template())
    return True


@cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.db"
        store = Store(sqlite_url(file))
        migrate(store)
        store.close()
        assert not file.with_name("template.db-wal").exists(), "what was written stands in the file itself"
        return file.read_bytes()
