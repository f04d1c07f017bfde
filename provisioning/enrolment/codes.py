"""What the enrolment knows when it decides: codes, and whose keys and boxes are known. Values only.

Flow: book.py reads them out of the record's projection -> deciding.py.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

MAX_TRIES: Final = 5
"""Wrong secrets that a code survives, less one (WIRE 3.6)."""

MAX_ISSUED: Final = 20
"""Certificates for one code and one key: answers may be lost, but not for ever."""

DEFAULT_LIFE: Final = timedelta(hours=24)
MAX_LIFE: Final = timedelta(days=30)
"""A code that lies about longer than that is nobody's any more."""


class CodeState(StrEnum):
    """What became of a code. Whether it was used, its `key` says; whether it ended, its `ends`."""

    OPEN = "open"
    DEAD = "dead"  # too many wrong tries
    REPLACED = "replaced"  # a newer one for the same box


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One one-time code, but for its secret."""

    name: str  # what the record calls it
    box: str
    site: str
    ends: datetime
    tries: int = 0
    state: CodeState = CodeState.OPEN
    key: str | None = None  # thumbprint of the key that it was used for
    issued: int = 0

    def can_be_guessed(self, now: datetime) -> bool:
        """Whether a right secret would open it to anybody: wrong ones count against it."""
        return self.state is CodeState.OPEN and self.key is None and now < self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks: the names that an enrolment claims, and the thumbprint of the key that it proved."""

    box: str
    site: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the book says about an enrolment."""

    newest: Code | None = None  # of the box that is claimed
    meant: Code | None = None  # the one whose secret was given, of whichever box
    key_of_box: str | None = None
    box_of_key: str | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRenewal:
    """What the book and the folder say about a renewal."""

    known: bool
    revoked: bool
    readmitted: bool
