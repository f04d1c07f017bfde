"""Centres without a broker for unit tests: one authority for the session, a fresh database a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.authority import Authority
from tests.collecting import PaperCentre
from tests.console import ConsoleWorld
from tests.ledgers import NOW


@pytest.fixture(scope="session")
def paper_authority() -> Authority:
    """An authority in memory. Do not revoke in it."""
    return Authority.create(now=NOW)


@pytest.fixture
def centre(tmp_path: Path, paper_authority: Authority) -> Iterator[PaperCentre]:
    """The real pipeline on a fresh SQLite file, in virtual time."""
    made = PaperCentre(folder=tmp_path, authority=paper_authority)
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path, paper_authority: Authority) -> Iterator[ConsoleWorld]:
    """A centre with one site, its console, and people."""
    made = ConsoleWorld(folder=tmp_path, authority=paper_authority)
    yield made
    made.close()
