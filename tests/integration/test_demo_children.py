"""The demo's child processes: watched, ended in order, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from simulator.children import ChildEndedError, Children, CommandFailedError, run_command
from tests.conftest import Eventually, EventuallyBlocking, StartProcess


def _branches() -> list[psutil.Process]:
    """Living simulated branches below this process; whatever other tests left to be reaped is not counted."""
    living = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in living if "simulate" in child.cmdline()]


async def test_children_end_when_told(tmp_path: Path, eventually: Eventually) -> None:
    """All children run, write to their own logs, and are gone when `stop` returns."""
    children = Children(tmp_path)
    for name in ("branch-1", "branch-2"):
        await children.start(name, "simulate", "branch")
    await eventually(lambda: all("answers at" in (tmp_path / f"branch-{n}.log").read_text() for n in (1, 2)))
    mine = _branches()
    await children.stop()
    assert len(mine) == 2
    assert not [child for child in mine if child.is_running()]


async def test_a_child_that_ends_is_named_with_its_last_words(tmp_path: Path) -> None:
    """When a child ends by itself the others are still there, and the message says who, how and why."""
    children = Children(tmp_path)
    await children.start("branch-1", "simulate", "branch")
    await children.start("agent-1", "agent", "run", "--config", str(tmp_path / "none.toml"), "--state", str(tmp_path))
    with pytest.raises(ChildEndedError, match=r"agent-1 ended with code 2(.|\n)*none\.toml"):
        await children.first_to_end()
    await children.stop()


async def test_watching_can_be_given_up(tmp_path: Path) -> None:
    """Whoever stops watching ends no child."""
    children = Children(tmp_path)
    await children.start("branch-1", "simulate", "branch")
    watching = asyncio.create_task(children.first_to_end())
    await asyncio.wait([watching], timeout=0.01)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    still_there = _branches()
    await children.stop()
    assert len(still_there) == 1


async def test_a_failed_command_speaks_for_itself(tmp_path: Path) -> None:
    """A command that refuses is quoted, and one that works gives back what it printed."""
    with pytest.raises(CommandFailedError, match="no authority"):
        await run_command("provision", "crl", "--dir", str(tmp_path))
    words = ("provision", "authority", "new", "--no-passphrase", "--dir", str(tmp_path / "ca"))
    assert "root and three issuers" in await run_command(*words)


def test_children_die_with_a_demo_that_is_killed(
    tmp_path: Path, process: StartProcess, eventually_blocking: EventuallyBlocking
) -> None:
    """kill -9 of the demo leaves no process behind."""
    script = tmp_path / "demo.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import asyncio
            from pathlib import Path
            from simulator.children import Children

            async def main():
                children = Children(Path({str(tmp_path)!r}))
                await children.start("branch-1", "simulate", "branch")
                await asyncio.Event().wait()

            asyncio.run(main())
            """
        )
    )
    parent = process([sys.executable, script], env={"PYTHONPATH": str(Path.cwd())})
    log = tmp_path / "branch-1.log"
    eventually_blocking(lambda: "answers at" in log.read_text(), what="the child runs")
    (child,) = psutil.Process(parent.pid).children()
    os.kill(parent.pid, signal.SIGKILL)
    eventually_blocking(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, what="it is gone")
