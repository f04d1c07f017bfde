"""What a test must not leave behind: asyncio tasks, open sockets, child processes.

Looks at the process's own entries in /proc, so it costs next to nothing and needs no hook in the code under test. A
socket that was merely forgotten is closed by the garbage collector with a ResourceWarning, which is an error here; one
that is still held is found by its descriptor.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import NotInTimeError, eventually_blocking

PR_SET_CHILD_SUBREAPER = 36
LASTING: set[int] = set()
"""Children that a whole session shares and ends itself."""
SERVERS: set[int] = set()
"""Ports of databases: their connections belong to a pool, which its owner closes; each test that forgets is warned."""

OF_BROWSERS = "chrome_crashpad_handler"
"""A browser starts it when it likes and ends it with itself; tests of a file share a browser."""

GRACE_S = 3.0
"""What the thread of a test's peer gets to close its socket; nobody waits for it where nothing is left."""

GRACE_TURNS = 20
"""Turns of the event loop a cancelled task gets to end."""


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """What this process holds open at one moment."""

    sockets: frozenset[str]
    children: frozenset[int]


def adopt_orphans() -> None:
    """Make children of ended children ours (prctl(2)), so that a grandchild cannot escape the count."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def holdings() -> Holdings:
    """Count sockets and living children now."""
    return Holdings(sockets=_sockets(), children=_children())


def left_behind(before: Holdings, grace_s: float = GRACE_S) -> list[str]:
    """Name what is held now and was not before; stray children are ended by their id."""
    now = holdings()
    if now.sockets - before.sockets:
        gc.collect()
        with suppress(NotInTimeError):  # a peer's thread may be about to close what its client has left
            eventually_blocking(lambda: not _sockets() - before.sockets - _pooled(), grace_s)
        now = holdings()
    open_now = now.sockets - before.sockets
    problems = [f"an open socket: {name}" for name in sorted(open_now - (_pooled() if open_now else frozenset()))]
    for pid in sorted(now.children - before.children - LASTING):
        if OF_BROWSERS in _command_of(pid).partition(" ")[0]:
            continue
        problems.append(f"a child process: {pid} {_command_of(pid)}")
        _end(pid)
    return problems


async def running_tasks(known: set[asyncio.Task[object]]) -> list[str]:
    """Name the tasks of this loop that are neither known, nor this one, nor about to end."""
    for _ in range(GRACE_TURNS):
        tasks = asyncio.all_tasks() - known - {asyncio.current_task()}
        if not tasks:
            return []
        await asyncio.sleep(0)
    return sorted(f"a running task: {task!r}" for task in tasks)


def _pooled() -> frozenset[str]:
    """Sockets that lead to one of SERVERS."""
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]] if SERVERS else []
    return frozenset(f"socket:[{row[9]}]" for row in rows if int(row[2].rpartition(":")[2], 16) in SERVERS)


def _sockets() -> frozenset[str]:
    found: set[str] = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - a path object each would cost more than the check
        try:
            target = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return frozenset(found)


def _children() -> frozenset[int]:
    pids: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            pids.update(int(word) for word in (task / "children").read_text().split())
        except OSError:
            continue
    return frozenset(pid for pid in pids if not _is_zombie(pid))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "(gone)"


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except OSError:
        return
