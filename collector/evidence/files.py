"""Where the bytes of pictures and clips are kept: the port, and what is asked of whoever keeps them.

Whole files are named by their SHA-256 and never change; parts are named by box, slot and the hash that they shall have.
Every method may block: call it off the event loop. Flow: service.py, keeping.py and the desk -> here -> folder.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Protocol

from protocol.texts import SaidError


class FilesError(SaidError):
    """The bytes cannot be kept or read now; the message says why, and nothing is half done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of a file is on its way: whose, for which slot, and the hash that its box says it has."""

    box: str
    slot: str
    sha256: str


class Files(Protocol):
    """Whoever keeps the bytes."""

    def size_of(self, part: Part) -> int:
        """How many bytes of it are there; parts of the same slot that shall have another hash are dropped."""
        ...

    def open_parts(self, box: str) -> int:
        """How many parts of a box there are."""
        ...

    def append(self, part: Part, first: int, data: bytes) -> int:
        """Write at `first`, which must be its size; returns the size after."""
        ...

    def settle(self, part: Part) -> None:
        """What was appended stands after a power cut."""
        ...

    def begin_of(self, part: Part, size: int) -> bytes:
        """The first bytes of a part."""
        ...

    def finish(self, part: Part) -> bool:
        """Make a whole file of it if its hash is right; else it is dropped."""
        ...

    def drop(self, part: Part) -> None:
        """Forget a part."""
        ...

    def path_of(self, sha256: str) -> Path | None:
        """The file of this hash, its bytes checked; None where there is none, or where its bytes were changed."""
        ...

    def remove(self, sha256: str) -> None:
        """Let a file go."""
        ...

    def sweep(self, older_than_s: float) -> int:
        """Drop parts at which nothing came for so long; how many."""
        ...

    def hashes(self, older_than_s: float, younger_than_s: float = inf) -> Iterator[list[str]]:
        """The hashes of all files of that age, some at a time."""
        ...

    def free_bytes(self) -> int:
        """Room on its disk."""
        ...
