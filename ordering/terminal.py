"""What a command prints: sentences for a person, one JSON object for a program, progress beside them.

With --json standard output holds the object alone; sentences go to standard error. Flow: every word -> here.
"""

import json
import sys
from dataclasses import dataclass, field
from typing import Any, TextIO

from protocol.texts import Said, Texts


@dataclass(kw_only=True)
class Terminal:
    """Where a person reads."""

    texts: Texts
    as_json: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    beside: TextIO = field(default_factory=lambda: sys.stderr)
    _passing: str = field(default="", init=False)

    def line(self, text: Said | str = "") -> None:
        """One sentence, or a blank line."""
        self.clear()
        told = text.told(self.texts) if isinstance(text, Said) else text
        to = self.beside if self.as_json else self.out
        to.write(f"{told}\n")
        to.flush()

    def progress(self, text: Said, seconds: int) -> None:
        """What is waited for; at a terminal one line that counts, elsewhere one line each time that it changes."""
        told = text.told(self.texts)
        if self.beside.isatty():
            self.beside.write(f"\r{told} ({seconds} s)\033[K")
        elif told != self._passing:
            self.beside.write(f"{told}\n")
        self._passing = told
        self.beside.flush()

    def clear(self) -> None:
        """Take the counting line away."""
        if self._passing and self.beside.isatty():
            self.beside.write("\r\033[K")
            self.beside.flush()
            self._passing = ""

    def result(self, data: Any) -> None:
        """The object for a program."""
        if self.as_json:
            self.clear()
            self.out.write(json.dumps(data, ensure_ascii=False) + "\n")
            self.out.flush()

    def asks(self, question: Said) -> str:
        """One line of an answer, from standard input; empty at its end."""
        self.clear()
        self.beside.write(f"{question.told(self.texts)} ")
        self.beside.flush()
        answer = sys.stdin.readline(64).strip()
        if not sys.stdin.isatty():
            self.beside.write("\n")
        return answer
