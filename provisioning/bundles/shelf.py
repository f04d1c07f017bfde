"""The folder of bundles: the newest of each box, every one before it, and those that wait for a second signature.

`<box>.json` is what boxes are to be given; `history/<box>-<version>.json` every bundle that ever was;
`waiting/<box>.json` what one person has signed and two must. A batch appears whole or not at all: it is written beside,
becomes real by one rename of its folder, and is then put in place; what a crash interrupted the next command completes.
Flow: building.py, signing.py -> here.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from protocol.limits import MAX_DOCUMENT_BYTES
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning.refusal import RefusedError

HISTORY: Final = "history"
WAITING: Final = "waiting"
MODE: Final = 0o644
"""A bundle is no secret: what is secret in it is sealed."""

_BATCH: Final = ".batch"
_GROWING: Final = ".growing-"


class ShelfError(RefusedError):
    """The folder of bundles cannot be used; the message names the file."""


class Shelf:
    """One folder of bundles; made by `open_shelf`, or by hand to look only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self, box: str) -> bytes | None:
        """The document that the box is to be given; None: there never was one."""
        return _read(self.folder / f"{box}.json")

    def waiting(self, box: str) -> bytes | None:
        """The document that waits for a second signature."""
        return _read(self.folder / WAITING / f"{box}.json")

    def versions(self, box: str) -> list[int]:
        """Every version that was given out, the oldest first."""
        named = (path.stem.rpartition("-") for path in (self.folder / HISTORY).glob(f"{box}-*.json"))
        return sorted(int(number) for name, _, number in named if name == box and number.isdecimal())

    def version(self, box: str, version: int) -> bytes | None:
        """One of them."""
        return _read(self.folder / HISTORY / f"{box}-{version}.json")

    def put(
        self, given: Mapping[tuple[str, int], bytes], waiting: Mapping[str, bytes], dropped: Iterable[str] = ()
    ) -> None:
        """Give out `given`, by box and version, and let `waiting` wait: all of it or nothing.

        What waited for a box and is overtaken is gone, and so is what waits for those that are `dropped`.

        Raises:
            ShelfError: it cannot be written; nothing was changed.
        """
        if given or waiting:
            self._commit(given, waiting)
            self.complete()
        for box in dropped:
            (self.folder / WAITING / f"{box}.json").unlink(missing_ok=True)

    def _commit(self, given: Mapping[tuple[str, int], bytes], waiting: Mapping[str, bytes]) -> None:
        growing: Path | None = None
        try:
            growing = Path(tempfile.mkdtemp(dir=self.folder, prefix=_GROWING))
            for folder in (HISTORY, WAITING):
                (growing / folder).mkdir()
            for (box, version), document in given.items():
                _write(growing / f"{box}.json", document)
                _write(growing / HISTORY / f"{box}-{version}.json", document)
            for box, document in waiting.items():
                _write(growing / WAITING / f"{box}.json", document)
            for each in (growing / HISTORY, growing / WAITING, growing):
                _sync(each)
            growing.rename(self.folder / _BATCH)  # from here on it is done, whatever happens
        except OSError as error:
            if growing is not None:
                shutil.rmtree(growing, ignore_errors=True)
            raise ShelfError(
                N_("{folder} cannot be written: {reason}; nothing was changed"),
                folder=self.folder,
                reason=system_said(error),
            ) from None

    def complete(self) -> None:
        """Put in place what a batch holds, this one or one that was interrupted; may be done again."""
        batch = self.folder / _BATCH
        if not batch.is_dir():
            return
        _sync(self.folder)
        for folder in (HISTORY, WAITING, "."):
            (self.folder / folder).mkdir(mode=0o755, exist_ok=True)
            for path in sorted((batch / folder).glob("*.json")):
                if folder == ".":
                    (self.folder / WAITING / path.name).unlink(missing_ok=True)
                path.replace(self.folder / folder / path.name)
            _sync(self.folder / folder)
        shutil.rmtree(batch)


@contextmanager
def open_shelf(folder: Path) -> Iterator[Shelf]:
    """The folder, made if it is not there; every other command is kept out until the end.

    Raises:
        ShelfError: in use, or not to be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ShelfError(
            N_("{folder} cannot be written: {reason}; nothing was changed"), folder=folder, reason=system_said(error)
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ShelfError(
                N_("{folder} is in use by another command; nothing was done. Try again when that one has ended"),
                folder=folder,
            ) from None
        shelf = Shelf(folder)
        shelf.complete()
        for left in folder.glob(f"{_GROWING}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield shelf
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ShelfError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ShelfError(N_("{path} is too large for a bundle"), path=path)
    return content


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        os.fchmod(file.fileno(), MODE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
