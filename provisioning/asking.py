"""A question with yes and no, for a person at a terminal or a line on standard input. No answer is a no.

Not for secrets: those are asked for by passphrase.py.
"""

import sys
from typing import Final

from protocol.texts import Texts

MAX_ANSWER: Final = 64
"""Characters of an answer that are read."""


def says_yes(question: str, say: Texts) -> bool:
    """Ask on standard error, so that standard output stays what was asked for; only a written yes is one."""
    sys.stdout.flush()
    sys.stderr.write(f"{question} {say('[y/N]')} ")
    sys.stderr.flush()
    answer = sys.stdin.readline(MAX_ANSWER).strip().lower()
    if not sys.stdin.isatty():
        sys.stderr.write("\n")
    return answer in ("y", "yes", "是")
