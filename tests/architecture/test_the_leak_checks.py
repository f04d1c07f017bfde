"""The leak checks of tests/conftest.py find what they are for: each is shown a real leak."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests import leaks
from tests.conftest import Eventually, StartProcess


def test_a_held_socket_is_named() -> None:
    """A socket still open at the end of a test is reported."""
    before = leaks.holdings()
    with socket.socket():
        assert any("open socket" in problem for problem in leaks.left_behind(before))
    assert leaks.left_behind(before) == []


def test_a_socket_that_a_peer_is_about_to_close_is_none() -> None:
    """The thread of a test's peer may be a moment behind its client."""
    before = leaks.holdings()
    line = socket.socket()
    closing = threading.Timer(0.05, line.close)
    closing.start()
    assert leaks.left_behind(before) == []
    closing.join()


def test_a_stray_child_is_named_and_ended() -> None:
    """A child process still alive at the end of a test is reported and killed by its id."""
    before = leaks.holdings()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    problems = leaks.left_behind(before)
    assert child.stdin is not None
    child.stdin.close()
    child.wait()
    assert any(f"child process: {child.pid}" in problem for problem in problems)


async def test_a_stray_grandchild_is_named(process: StartProcess, eventually: Eventually) -> None:
    """A process whose parent ended without it is reported too."""
    before = leaks.holdings()
    code = "import subprocess; print(subprocess.Popen(['cat', '/dev/zero'], stdout=subprocess.DEVNULL).pid)"
    parent = process([sys.executable, "-W", "ignore", "-c", code])
    await eventually(lambda: not parent.running())
    grandchild = int(parent.output())
    problems = leaks.left_behind(before)
    assert any(f"child process: {grandchild}" in problem for problem in problems)
    assert not Path(f"/proc/{grandchild}").exists()


async def test_a_running_task_is_named() -> None:
    """A task that nobody cancelled is reported; one that was cancelled is not."""
    known = asyncio.all_tasks()
    task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    assert any("forgotten" in problem for problem in await leaks.running_tasks(known))
    task.cancel()
    assert await leaks.running_tasks(known) == []


async def test_a_process_is_stopped_with_its_output_kept(process: StartProcess, eventually: Eventually) -> None:
    """The process fixture keeps output, ends by the child's own id and reports its exit."""
    child = process(
        [sys.executable, "-c", "import os; print(os.environ['WORD'], flush=True); input()"], env={"WORD": "up"}
    )
    assert child.pid != os.getpid()
    await eventually(lambda: not child.running())
    assert child.output().startswith("up")
