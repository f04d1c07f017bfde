"""An installer at the command line of a walk test: types lines, reads what is printed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.waiting import eventually_blocking

WAIT_S = 20.0


class Walker:
    """One `branchwatch agent acceptance`, its input a pipe."""

    def __init__(self, words: Sequence[str | Path], output: Path, env: Mapping[str, str]) -> None:
        self._output = output
        self._read = 0
        with output.open("wb") as sink:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "branchwatch", "agent", "acceptance", *(str(word) for word in words)],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(env),
            )

    @property
    def text(self) -> str:
        """Everything that was printed."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def reads(self, text: str) -> str:
        """Wait until this is printed, after what was read last; gives everything up to it."""

        def printed() -> str:
            rest = self.text[self._read :]
            assert text in rest, f"waits for {text!r} in:\n{rest or self.text[-1500:]}"
            return rest[: rest.index(text) + len(text)]

        seen = eventually_blocking(printed, timeout_s=WAIT_S)
        self._read += len(seen)
        return seen

    def types(self, line: str) -> None:
        """One line and Enter."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{line}\n".encode())
        self._child.stdin.flush()

    def ends(self) -> int:
        """Wait for its end; the exit code."""
        code = self._child.wait(WAIT_S)
        self._close()
        return code

    def stop(self) -> None:
        """Have it end, if it has not."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._close()

    def _close(self) -> None:
        if self._child.stdin is not None:
            self._child.stdin.close()
