"""A pytest plugin: the tests that keep a centre run on PostgreSQL instead of SQLite (`make test-postgres`).

Starts a private server, names it in the environment, leaves out every file that asks `tests.databases` for nothing, and
drops what a file made when it ends. Flow: `pytest -p tests.on_postgres` -> here -> tests/databases.py.
"""

from __future__ import annotations

import ast
import os
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests import leaks
from tests.databases import PORT, drop_databases
from tests.postgres_peer import Cluster

HERE = Path(__file__).parent
ROOMS = ("unit", "property", "fuzz", "stories")
"""tests/contract and tests/integration name the databases that they want."""
_CLUSTER = pytest.StashKey[Cluster]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the server, once for all workers of a parallel run."""
    if hasattr(config, "workerinput"):
        leaks.SERVERS.add(int(os.environ[PORT]))
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = config.stash[_CLUSTER] = Cluster(port)
    leaks.LASTING.add(made.pid)
    leaks.SERVERS.add(port)
    os.environ[PORT] = str(port)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it."""
    made = config.stash.get(_CLUSTER, None)
    if made is not None:
        made.close()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Files that never ask for a database are the same with either."""
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    return True if collection_path.parent.name not in ROOMS or not _asks(collection_path) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """What a file kept is closed with its last test."""
    yield
    if nextitem is None or nextitem.path != item.path:
        drop_databases()


@cache
def _asks(file: Path) -> bool:
    """Whether a file imports tests.databases, itself or through others; whose fixtures it uses, that it imports too."""
    seen: set[Path] = set()
    waiting = [file]
    while waiting:
        one = waiting.pop()
        if one in seen or not one.is_file():
            continue
        seen.add(one)
        if one == HERE / "databases.py":
            return True
        waiting += _imported(one)
    return False


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    """Modules of tests/ that a file imports."""
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            names += [each.name for each in node.names]
    return tuple(HERE.parent / Path(*name.split(".")).with_suffix(".py") for name in names if name.startswith("tests."))
