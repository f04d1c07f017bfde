"""How far a long work is, on a terminal; silent elsewhere, so that a timer's log holds results only."""

from collections.abc import Callable
from typing import TextIO

from protocol.texts import Texts


class Progress:
    """One line that is written over. `begin` names the step, `at` is told how much is done."""

    def __init__(self, stream: TextIO, say: Texts) -> None:
        self._stream = stream if stream.isatty() else None
        self._say = say
        self._text = ""
        self._total = 0
        self._shown = -1

    def begin(self, text: str, total: int = 0) -> Callable[[int], None]:
        """The next step; `total` is what its measure will reach, 0 where nobody knows."""
        self._text, self._total, self._shown = self._say(text), total, -1
        self.at(0)
        return self.at

    def at(self, done: int) -> None:
        """So much of the step is done."""
        percent = min(100, done * 100 // self._total) if self._total else -2
        if self._stream is None or percent == self._shown:
            return
        self._shown = percent
        told = f"{self._text} {percent} %" if self._total else self._text
        self._stream.write(f"\r\033[K{told}")
        self._stream.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._stream is not None:
            self._stream.write("\r\033[K")
            self._stream.flush()
