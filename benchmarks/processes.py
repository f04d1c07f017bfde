"""Child processes of a bench: output to a file, CPU seconds and memory read from the kernel, never outliving the bench.

Each is bounded in time by whoever waits for it and ended by its own process id.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import psutil

STOP_S: Final = 10.0
"""A process that has not ended this long after SIGTERM is killed."""
SHOWN_BYTES: Final = 2_000
BRANCHWATCH: Final = (sys.executable, "-m", "branchwatch")


class ProcessEndedError(Exception):
    """A process of the bench ended by itself; the message shows what it said last."""


class Process:
    """One child; use as a context manager."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path, *, talks: bool = False) -> None:
        """`talks`: standard input and output are pipes; else both streams go to `log`."""
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        words = [*_ends_with_parent(), *(str(word) for word in command)]
        with log.open("wb") as sink:
            self._child = subprocess.Popen(
                words,
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else sink,
                stderr=sink,
                start_new_session=True,
            )
        self._kernel = psutil.Process(self._child.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def input(self) -> IO[bytes]:
        """Its standard input, where it talks."""
        assert self._child.stdin is not None
        return self._child.stdin

    @property
    def output(self) -> IO[bytes]:
        """Its standard output, where it talks."""
        assert self._child.stdout is not None
        return self._child.stdout

    def check(self) -> None:
        """Raises: ProcessEndedError."""
        if self._child.poll() is not None:
            raise ProcessEndedError(f"{self.name} ended with code {self._child.returncode}: {self.last_words()}")

    def cpu_s(self) -> float:
        """CPU seconds that it has used, its own alone."""
        times = self._kernel.cpu_times()
        return float(times.user + times.system)

    def memory_bytes(self) -> dict[str, int]:
        """Proportional, unique and resident memory (proc(5), smaps_rollup)."""
        fields = {}
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, _, rest = line.partition(":")
            fields[name] = int(rest.split()[0]) * 1024
        unique = fields["Private_Clean"] + fields["Private_Dirty"]
        return {"pss": fields["Pss"], "uss": unique, "rss": fields["Rss"]}

    def children(self) -> list[psutil.Process]:
        """What it started itself, such as the built-in broker."""
        return self._kernel.children(recursive=True)

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-SHOWN_BYTES:].decode(errors="replace").strip()

    def stop(self) -> None:
        """End it and everything in its group."""
        if self._child.poll() is None:
            self._child.terminate()
            with suppress(subprocess.TimeoutExpired):  # else it is killed with its group
                self._child.wait(STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()


def _ends_with_parent() -> tuple[str, ...]:
    """prctl(2) PR_SET_PDEATHSIG by setpriv(1): a bench that is killed takes everything with it, deaf or not."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
