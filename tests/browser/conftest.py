"""A real browser, and the console that it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from provisioning.authority import Authority
from tests.browser.chromium import chromium
from tests.browser.served import Served
from tests.console import ConsoleWorld
from tests.ledgers import NOW


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a file: it must be gone before a test with an event loop begins."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def desk_authority() -> Authority:
    """An authority in memory. Do not revoke in it."""
    return Authority.create(now=NOW)


@pytest.fixture
def served(tmp_path: Path, desk_authority: Authority, free_port: Callable[[], int]) -> Iterator[Served]:
    """A centre with one site, its console listening."""
    world = ConsoleWorld(folder=tmp_path, authority=desk_authority)
    console = Served(world, free_port())
    console.start()
    yield console
    console.stop()
    world.close()
