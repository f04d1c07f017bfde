"""People's codes for the box's own command line: how long they are, which are too weak, how their hashes are written.

Pure. The office makes hashes, the box compares; both have an adapter of their own for the hashing itself. A secret's
text is one word, the argon2id hash of the code, or two: behind a blank that of the duress code (docs/guarding.md 3.2).
"""

import re
from itertools import pairwise
from typing import Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SHORTEST: Final = 6
LONGEST: Final = 12
CODE_PATTERN: Final = rf"^[0-9]{{{SHORTEST},{LONGEST}}}\Z"

TIME_COST: Final = 2
MEMORY_KIB: Final = 19 * 1024
PARALLELISM: Final = 1
"""Of argon2id, as OWASP asks at least: every code of a site is tried at each attempt, on a small machine. What keeps
a million codes from being tried is the box's count of wrong ones; the hashes themselves travel sealed to the box."""

MAX_TIME_COST: Final = 8
MAX_MEMORY_KIB: Final = 128 * 1024
MAX_PARALLELISM: Final = 4
MAX_HASH: Final = 256
"""What a hash may ask of a box."""

_CODE: Final = re.compile(CODE_PATTERN)
_HASH: Final = re.compile(
    r"^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$[A-Za-z0-9+/]{8,86}\$[A-Za-z0-9+/]{16,86}$"
)


class CodeError(SaidError):
    """This is no code that will do, or no hash of one. The message never holds it."""


def is_code(text: str) -> bool:
    """Whether this has the shape of a code."""
    return _CODE.fullmatch(text) is not None


def check_code(code: str) -> None:
    """Whether a new code will do.

    Raises:
        CodeError: too short, too long, no digits, or one of those that are tried first.
    """
    if not is_code(code):
        raise CodeError(N_("a code has {shortest} to {longest} digits"), shortest=SHORTEST, longest=LONGEST)
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(code)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        raise CodeError(N_("this code is one of the first that anybody tries"))
    if any(len(code) % size == 0 and code == code[:size] * (len(code) // size) for size in (2, 3)):
        raise CodeError(N_("this code is one of the first that anybody tries"))


def check_pair(code: str, duress: str) -> None:
    """Whether a code and its duress code may stand together.

    Raises:
        CodeError: the duress code will not do, or is the code itself.
    """
    check_code(duress)
    if code == duress:
        raise CodeError(N_("the duress code is the code itself"))


def secret_text(hashes: tuple[str, ...]) -> str:
    """The secret's text of one or two hashes."""
    return " ".join(hashes)


def read_secret(text: str) -> tuple[str, str]:
    """The hash of the code, and of its duress code where there is one.

    Raises:
        CodeError: it is nothing that `branchwatch provision code` made.
    """
    words = text.split()
    if not 1 <= len(words) <= 2 or not all(_may_be_tried(word) for word in words):
        raise CodeError(N_("the secret holds no code; next step: branchwatch provision code"))
    return words[0], words[1] if len(words) > 1 else ""


def _may_be_tried(word: str) -> bool:
    """An argon2id hash that asks no more of a box than it can give."""
    found = _HASH.fullmatch(word) if len(word) <= MAX_HASH else None
    if found is None:
        return False
    memory, time, lanes = (int(number) for number in found.groups())
    return 8 <= memory <= MAX_MEMORY_KIB and 1 <= time <= MAX_TIME_COST and 1 <= lanes <= MAX_PARALLELISM
