"""What a word of `provision` answers: sentences for the person, and the exit code. `command.py` prints it."""

from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from protocol.texts import Texts

DONE, SAYS_NO, INPUT_WRONG = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`lines` go to standard output as they come; `warning` goes to standard error, for a person's eyes."""

    lines: Iterable[str]
    warning: str = ""
    code: int = DONE


Run = Callable[[Namespace, Texts], Answer]
"""A word's work, from its arguments and the reader's language."""
