"""Child processes of the demo: started, watched, and ended in order, so that nothing outlives it.

Each writes to its own log. They hear no Ctrl-C of their own (another session) and get SIGTERM when the demo is killed.
"""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STOP_S: Final = 10.0
"""A child that has not ended this long after SIGTERM is killed."""
SHOWN_LINES: Final = 12
SHOWN_BYTES: Final = 4_000

BRANCHWATCH: Final = (sys.executable, "-m", "branchwatch")
"""The one command, of the interpreter that runs this: works from a clone and from an installation alike."""


class CommandFailedError(Exception):
    """A `branchwatch` command refused; the message is its own."""


class ChildEndedError(Exception):
    """A process of the demo ended by itself; the message names it and shows its last lines."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """One running process."""

    name: str
    process: asyncio.subprocess.Process
    log: Path


class Children:
    """All of them, in the order of their start."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Child] = []
        logs.mkdir(parents=True, exist_ok=True)

    async def start(self, name: str, *words: str, environment: Mapping[str, str] | None = None) -> None:
        """Start `branchwatch WORDS...`."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *_ends_with_parent(),
                *BRANCHWATCH,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=dict(environment) if environment is not None else None,
            )
        self._running.append(Child(name=name, process=process, log=log))

    async def first_to_end(self) -> None:
        """Watch all that run now; returns never.

        Raises:
            ChildEndedError: one of them ended.
        """
        waits = {asyncio.create_task(child.process.wait()): child for child in self._running}
        try:
            ended, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        raise ChildEndedError("\n".join(_last_words(waits[wait]) for wait in ended))

    async def stop_one(self, name: str) -> None:
        """End the one of this name."""
        child = next(each for each in self._running if each.name == name)
        self._running.remove(child)
        await _end(child)

    async def stop(self) -> None:
        """End them, the last started first; returns when all are gone."""
        while self._running:
            group = [self._running.pop()]
            # Boxes end together; what they talk to ends after them.
            while self._running and self._running[-1].name.split("-")[0] == group[0].name.split("-")[0]:
                group.append(self._running.pop())
            await asyncio.gather(*(_end(child) for child in group))


async def run_command(*words: str, stdin: str = "") -> str:
    """Run `branchwatch WORDS...` to its end and return what it printed.

    Raises:
        CommandFailedError: it ended with another code than 0.
    """
    child = await asyncio.create_subprocess_exec(
        *BRANCHWATCH,
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaint = await child.communicate(stdin.encode())
    if child.returncode != 0:
        raise CommandFailedError(complaint.decode(errors="replace").strip() or f"branchwatch {' '.join(words)} failed")
    return output.decode().strip()


async def _end(child: Child) -> None:
    if child.process.returncode is None:
        child.process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await child.process.wait()
    except TimeoutError:
        child.process.kill()
        await child.process.wait()


def _last_words(child: Child) -> str:
    text = child.log.read_bytes()[-SHOWN_BYTES:].decode(errors="replace")
    lines = [f"    {line}" for line in text.splitlines()[-SHOWN_LINES:]]
    return "\n".join([f"{child.name} ended with code {child.process.returncode}; its log is {child.log}", *lines])


def _ends_with_parent() -> tuple[str, ...]:
    """prctl(2) PR_SET_PDEATHSIG by setpriv(1)."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
