"""Child processes of tests: started with their output kept, always ended by their own id.

A test that fails shows the last lines of what its processes wrote.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_S = 10.0
"""A process that has not ended this long after SIGTERM is killed."""
SHOWN_BYTES = 8_000
"""How much of its output a failing test shows."""


def hear_ctrl_c() -> None:
    """A shell's `&` may have this whole run ignore SIGINT, and whoever it starts: its children are to hear it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class RunningProcess:
    """One child process, leader of its own group, with stdout and stderr together in one file."""

    def __init__(
        self, command: Sequence[str | Path], output: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.command = [str(word) for word in command]
        self._output = output
        with output.open("wb") as sink:
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def output(self) -> str:
        """Everything it has written so far."""
        return self._output.read_text(errors="replace")

    def running(self) -> bool:
        """Whether it is still alive."""
        return self._child.poll() is None

    def wait(self, timeout_s: float = STOP_S) -> int:
        """Its exit code, once it ended by itself.

        Raises:
            AssertionError: it is still running after `timeout_s` seconds.
        """
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} did not end within {timeout_s:g} s\n{self.tail()}") from None

    def send(self, sig: signal.Signals) -> None:
        """Signal this process alone."""
        if self.running():
            self._child.send_signal(sig)

    def kill(self) -> None:
        """End it as a power cut would, with everything it started, and wait until it is gone."""
        self._signal_group(signal.SIGKILL)
        self._child.wait()

    def stop(self) -> int:
        """End it as an operator would (SIGTERM), by force if it does not listen; returns the exit code."""
        self.send(signal.SIGTERM)
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._signal_group(signal.SIGKILL)
        return self._child.returncode

    def tail(self) -> str:
        """The last lines it wrote, under a heading, for a failure report."""
        text = self._output.read_bytes()[-SHOWN_BYTES:].decode(errors="replace")
        return f"--- {' '.join(self.command)} (pid {self.pid}, exit {self._child.poll()})\n{text}"

    def _signal_group(self, sig: signal.Signals) -> None:
        try:
            os.killpg(self._child.pid, sig)
        except ProcessLookupError:
            return
