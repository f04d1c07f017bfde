"""The folder of a box's signed site bundles: the one in force, the one before it, and the one handed over by hand.

Files only; what a bundle says and whether it may be taken is judged elsewhere (`site_judging.py`). A commit is one
rename: whoever reads afterwards, after any cut, finds the old document or the new one, whole. Flow: order, stick or
enrolment -> judged -> `commit` -> read again at each start.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
        with self._opened() as folder:
            fresh = _written(folder, CURRENT, document)
            try:
                if keep is not None and keep != self.previous():
                    _put(folder, PREVIOUS, keep)
                os.replace(fresh, CURRENT, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                _remove(folder, fresh)
                raise
            os.fsync(folder)

    def hand_in(self, document: bytes) -> None:
        """Lay a document where the running agent looks for it. Raises: OSError."""
        with self._opened() as folder:
            _remove(folder, OUTCOME)
            _put(folder, INCOMING, document)
            os.fsync(folder)

    def handed_in(self) -> bytes | None:
        """What was handed in and not answered yet. Raises: OSError."""
        return self._read(INCOMING, MAX_BUNDLE_BYTES)

    def answer(self, outcome: bytes) -> None:
        """Say what became of the document handed in, which is gone then. Raises: OSError."""
        with self._opened() as folder:
            _remove(folder, INCOMING)
            _put(folder, OUTCOME, outcome)

    def answered(self) -> bytes | None:
        """What became of it. Raises: OSError."""
        return self._read(OUTCOME, MAX_OUTCOME_BYTES)

    def take_back(self) -> None:
        """Nothing is handed in any more. Raises: OSError."""
        with self._opened() as folder:
            _remove(folder, INCOMING)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The folder itself, made where it is missing: a link in its place leads nobody elsewhere."""
        made = not self.folder.is_dir()
        if made:
            self.folder.mkdir(mode=0o700)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if made:
                give_to_owner(descriptor, self.folder.parent)
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, name: str, limit_bytes: int) -> bytes | None:
        """At most one byte more than the limit, so that the reader sees that it is too large."""
        try:
            with os.fdopen(os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
                return file.read(limit_bytes + 1)
        except FileNotFoundError:
            return None


def _put(folder: int, name: str, content: bytes) -> None:
    os.replace(_written(folder, name, content), name, src_dir_fd=folder, dst_dir_fd=folder)


def _written(folder: int, name: str, content: bytes) -> str:
    """`content` whole on the disk, under a name that nobody reads."""
    fresh = f"{name}.new"
    _remove(folder, fresh)  # of a write that was cut off, perhaps by another user
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(fresh, flags, 0o600, dir_fd=folder), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            _give_as(folder, file.fileno())
    except BaseException:
        _remove(folder, fresh)
        raise
    return fresh


def _remove(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _give_as(folder: int, file: int) -> None:
    """What an engineer writes as root belongs to whom the folder belongs to."""
    owner = os.fstat(folder)
    if os.geteuid() == 0 and owner.st_uid != 0:  # the unit's filter forbids the call, which root alone needs
        os.fchown(file, owner.st_uid, owner.st_gid)
