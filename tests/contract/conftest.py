"""What every contract of the storage asks for: each database in turn, migrated, and an authority."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.storage.migrating import migrate
from collector.storage.store import Store, sqlite_url
from provisioning.authority import Authority
from tests.ledgers import NOW
from tests.postgres_peer import Cluster


@pytest.fixture(params=("sqlite", "postgres"))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database; no test may know of which kind."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "collector.sqlite")
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    made = cluster.database()
    yield made
    cluster.drop(made)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A migrated database."""
    made = Store(url)
    migrate(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def authority() -> Authority:
    """An authority in memory."""
    return Authority.create(now=NOW)
