"""The folder of a box's signed site bundles: the one in force, the one before it, and the one handed over by hand.

Files only; what a bundle says and whether it may be taken is judged elsewhere (`site_judging.py`). A commit is one
rename: whoever reads afterwards, after any cut, finds the old document or the new one, whole. Flow: order, stick or
enrolment -> judged -> `commit` -> read again at each start.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agent.claim import give_to_owner
from protocol.limits import MAX_BUNDLE_BYTES

FOLDER: Final = "site"
CURRENT: Final = "current.json"
PREVIOUS: Final = "previous.json"
INCOMING: Final = "incoming.json"
OUTCOME: Final = "outcome.json"

MAX_OUTCOME_BYTES: Final = 64 * 1024
"""What became of one bundle, with the place of its faults."""


class SiteStore:
    """`site/` below a box's state folder."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER

    def current(self) -> bytes | None:
        """The document in force; None: there is none.

        Raises:
            OSError: it is there and cannot be read.
        """
        return self._read(CURRENT, MAX_BUNDLE_BYTES)

    def previous(self) -> bytes | None:
        """The document that was in force before. Raises: OSError."""
        return self._read(PREVIOUS, MAX_BUNDLE_BYTES)

    def commit(self, document: bytes, *, keep: bytes | None) -> None:
        """Put `document` in force; `keep`, the one that was until now, becomes the previous one.

        Raises:
            OSError: the disk refuses; what was in force is in force.
        """
        self._open()
        fresh = self._written(CURRENT, document)
        try:
            if keep is not None and keep != self.previous():
                self._written(PREVIOUS, keep).replace(self.folder / PREVIOUS)
            fresh.replace(self.folder / CURRENT)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        self._settle()

    def hand_in(self, document: bytes) -> None:
        """Lay a document where the running agent looks for it. Raises: OSError."""
        self._open()
        (self.folder / OUTCOME).unlink(missing_ok=True)
        self._put(INCOMING, document)

    def handed_in(self) -> bytes | None:
        """What was handed in and not answered yet. Raises: OSError."""
        return self._read(INCOMING, MAX_BUNDLE_BYTES)

    def answer(self, outcome: bytes) -> None:
        """Say what became of the document handed in, which is gone then. Raises: OSError."""
        self._put(OUTCOME, outcome)
        self.take_back()

    def answered(self) -> bytes | None:
        """What became of it. Raises: OSError."""
        return self._read(OUTCOME, MAX_OUTCOME_BYTES)

    def take_back(self) -> None:
        """Nothing is handed in any more. Raises: OSError."""
        (self.folder / INCOMING).unlink(missing_ok=True)

    def _open(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700)
            with self._descriptor() as descriptor:
                give_to_owner(descriptor, self.folder.parent)

    def _put(self, name: str, content: bytes) -> None:
        self._written(name, content).replace(self.folder / name)
        self._settle()

    def _written(self, name: str, content: bytes) -> Path:
        """`content` whole on the disk, under a name that nobody reads."""
        fresh = self.folder / f"{name}.new"
        try:
            fresh.unlink(missing_ok=True)  # of a write that was cut off, perhaps by another user
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                give_to_owner(file.fileno(), self.folder)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        return fresh

    def _settle(self) -> None:
        """The names, too, are on the disk."""
        with self._descriptor() as descriptor:
            os.fsync(descriptor)

    @contextmanager
    def _descriptor(self) -> Iterator[int]:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, name: str, limit_bytes: int) -> bytes | None:
        """At most one byte more than the limit, so that the reader sees that it is too large."""
        try:
            with (self.folder / name).open("rb") as file:
                return file.read(limit_bytes + 1)
        except FileNotFoundError:
            return None
