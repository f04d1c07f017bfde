"""What every test may ask for: virtual time, free ports, child processes, waiting for real peers; and leak checks.

Kinds of tests: `unit`, `property` and `fuzz` touch no network; `contract` runs one suite against each implementation;
`integration`, `stories` and `browser` use real peers on loopback. See CONTRIBUTING.md.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar, overload

import pytest

from tests import leaks, waiting
from tests.clock import Clock
from tests.postgres_peer import Cluster, cluster
from tests.processes import RunningProcess, hear_ctrl_c

T = TypeVar("T")
PORTS = 10_000
PORTS_EACH = 4_000
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 1024**3
"""Of a whole run stand some hundred MB at a time: what passed is taken away."""

hear_ctrl_c()


class Eventually(Protocol):
    """The type of the `eventually` fixture."""

    @overload
    async def __call__(self, probe: Callable[[], Awaitable[T]], timeout_s: float = 10.0, what: str = "") -> T: ...
    @overload
    async def __call__(self, probe: Callable[[], T], timeout_s: float = 10.0, what: str = "") -> T: ...
    async def __call__(self, probe: Callable[[], T | Awaitable[T]], timeout_s: float = 10.0, what: str = "") -> T:
        """Wait until `probe` (plain or async) returns something true and return that."""


class EventuallyBlocking(Protocol):
    """The type of the `eventually_blocking` fixture."""

    def __call__(self, probe: Callable[[], T], timeout_s: float = 10.0, what: str = "") -> T:
        """Wait until `probe` returns something true and return that."""


class StartProcess(Protocol):
    """The type of the `process` fixture."""

    def __call__(
        self, command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> RunningProcess:
        """Start a child process; `env` is added to ours. It is ended when the test ends."""


def pytest_configure() -> None:
    """Folders of tests lie in memory where there is room: what waits for a disk there tells nothing of the program.

    A killed process loses nothing of either, and no test can cut the power. PYTEST_DEBUG_TEMPROOT says otherwise.
    """
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ and _has_room(MEMORY):
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


def _has_room(folder: Path) -> bool:
    """Whether a whole run fits, and programs may be run from there."""
    try:
        about = os.statvfs(folder)
    except OSError:
        return False
    runs = not about.f_flag & os.ST_NOEXEC
    return runs and os.access(folder, os.W_OK) and about.f_bavail * about.f_frsize >= ROOM_BYTES


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the garbage collector need not look at it after each test."""
    gc.collect()
    gc.freeze()


def pytest_sessionstart() -> None:
    """Adopt orphaned grandchildren, so that the leak check sees them."""
    leaks.adopt_orphans()


@pytest.fixture
def clock() -> Clock:
    """Virtual time, standing at 2026-11-21T02:13:49Z."""
    return Clock()


@pytest.fixture
def eventually() -> Eventually:
    """Wait for a real peer: `await eventually(lambda: ..., timeout_s=10)`."""
    return waiting.eventually


@pytest.fixture
def eventually_blocking() -> EventuallyBlocking:
    """Wait for a real peer in a test without an event loop."""
    return waiting.eventually_blocking


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Each call names another free TCP port on loopback, for peers that cannot bind port 0 themselves.

    Below the ports that the system gives out by itself, and each worker of a parallel run in a range of its own: what
    one looked at is not taken by another before its peer is there.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    candidates = list(range(PORTS + worker * PORTS_EACH, PORTS + (worker + 1) * PORTS_EACH))
    secrets.SystemRandom().shuffle(candidates)  # two runs at the same time do not walk in step

    def choose() -> int:
        while True:
            port = candidates.pop()
            with socket.socket() as probe, suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port

    return choose


@pytest.fixture
def process(tmp_path: Path) -> Iterator[StartProcess]:
    """Start child processes that are stopped with the test, their last output shown when it fails."""
    started: list[RunningProcess] = []

    def start(
        command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> RunningProcess:
        child = RunningProcess(command, tmp_path / f"process-{len(started)}.log", cwd, env)
        started.append(child)
        return child

    yield start
    for child in reversed(started):
        child.stop()
        print(child.tail())


@pytest.fixture(scope="session")
def postgres(free_port: Callable[[], int]) -> Iterator[Cluster]:
    """PostgreSQL for the session: `postgres.database()` is the address of a new, empty database."""
    with cluster(free_port()) as made:
        leaks.LASTING.add(made.pid)
        yield made


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    """Fail a test that leaves a socket or a child process behind; ends after everything else the test asked for."""
    before = leaks.holdings()
    yield
    problems = leaks.left_behind(before)
    assert not problems, "left behind: " + "; ".join(problems)


@pytest.fixture(autouse=True)
def _leaves_no_task_behind(request: pytest.FixtureRequest, _leaves_nothing_behind: None) -> None:
    """Fail an async test that leaves a task behind; a plain test gets no event loop for it."""
    if _is_async(request.function):
        request.getfixturevalue("_no_running_task")


@pytest.fixture
async def _no_running_task() -> AsyncIterator[None]:
    known: set[asyncio.Task[Any]] = asyncio.all_tasks()
    yield
    problems = await leaks.running_tasks(known)
    assert not problems, "left behind: " + "; ".join(problems)


def _is_async(function: Callable[..., object]) -> bool:
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    return inspect.iscoroutinefunction(inner)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for minutes is begun first: whoever runs several files at a time waits for it no longer at the end."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)
