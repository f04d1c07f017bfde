"""A folder that keeps pictures and clips: `files/ab/<sha256>`, `parts/<box>/<slot>.<sha256>`, all of mode 0600.

A file appears whole or not at all: written as a part, flushed, renamed, its folder flushed. Its bytes are hashed again
before they are shown, unless the disk says that the file did not change since. Names come from checked words only.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import file_digest
from math import inf
from pathlib import Path
from typing import Final

from collector.evidence.files import FilesError, Part
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said

MOST_REMEMBERED: Final = 4_096
"""Files whose bytes were checked and that are not hashed again while the disk says they are the same."""

_CANNOT: Final = N_("the folder of evidence {folder} cannot be used: {reason}")

Mark = tuple[int, int, int, int]


class Folder:
    """One folder; safe to use from several threads, as long as one slot has one writer."""

    def __init__(self, folder: Path, now_s: Callable[[], float] = time.time) -> None:
        self._files, self._parts, self._folder, self._now_s = folder / "files", folder / "parts", folder, now_s
        self._checked: dict[str, Mark] = {}

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            FilesError: they cannot be made or written.
        """
        try:
            for each in (self._folder, self._files, self._parts):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self._parts / ".probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise self._error(error) from None

    def size_of(self, part: Part) -> int:
        """How many bytes of it are there; parts of the same slot that shall have another hash are dropped."""
        path = self._part(part)
        try:
            for other in path.parent.glob(f"{part.slot}.*"):
                if other != path:
                    other.unlink(missing_ok=True)
            return path.stat().st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self._error(error) from None

    def open_parts(self, box: str) -> int:
        """How many parts of a box there are."""
        try:
            return sum(1 for _ in (self._parts / box).iterdir())
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self._error(error) from None

    def append(self, part: Part, first: int, data: bytes) -> int:
        """Write at `first`, which must be its size; returns the size after."""
        path = self._part(part)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                if os.fstat(descriptor).st_size != first:
                    raise ValueError("a part grows at its end only")
                file.write(data)
        except OSError as error:
            raise self._error(error) from None
        return first + len(data)

    def settle(self, part: Part) -> None:
        """What was appended stands after a power cut."""
        try:
            with self._part(part).open("rb") as file:
                os.fsync(file.fileno())
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._error(error) from None

    def begin_of(self, part: Part, size: int) -> bytes:
        """The first bytes of a part."""
        try:
            with self._part(part).open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise self._error(error) from None

    def finish(self, part: Part) -> bool:
        """Make a whole file of it if its hash is right; else it is dropped."""
        path = self._part(part)
        try:
            with path.open("rb") as file:
                if file_digest(file, "sha256").hexdigest() != part.sha256:
                    path.unlink()
                    return False
                os.fsync(file.fileno())
            whole = self._file(part.sha256)
            whole.parent.mkdir(mode=0o700, exist_ok=True)
            path.replace(whole)
            for folder in (whole.parent, self._files):
                _flush(folder)
        except OSError as error:
            raise self._error(error) from None
        self._checked.pop(part.sha256, None)
        return True

    def drop(self, part: Part) -> None:
        """Forget a part."""
        with suppress(OSError):
            self._part(part).unlink(missing_ok=True)

    def path_of(self, sha256: str) -> Path | None:
        """The file of this hash, its bytes checked; None where there is none, or where its bytes were changed."""
        path = self._file(sha256)
        try:
            with path.open("rb") as file:
                mark = _mark(os.fstat(file.fileno()))
                if self._checked.get(sha256) == mark:
                    return path
                if file_digest(file, "sha256").hexdigest() != sha256:
                    return None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(error) from None
        if len(self._checked) >= MOST_REMEMBERED:
            self._checked.clear()
        self._checked[sha256] = mark
        return path

    def remove(self, sha256: str) -> None:
        """Let a file go."""
        self._checked.pop(sha256, None)
        with suppress(OSError):
            self._file(sha256).unlink(missing_ok=True)

    def sweep(self, older_than_s: float) -> int:
        """Drop parts at which nothing came for so long; how many."""
        before_s, dropped = self._now_s() - older_than_s, 0
        for folder in self._listed(self._parts):
            for path in self._listed(folder):
                with suppress(OSError):
                    if path.stat().st_mtime < before_s:
                        path.unlink()
                        dropped += 1
            with suppress(OSError):
                folder.rmdir()  # where it is empty
        return dropped

    def hashes(self, older_than_s: float, younger_than_s: float = inf) -> Iterator[list[str]]:
        """The hashes of all files of that age, some at a time."""
        now_s = self._now_s()
        for folder in self._listed(self._files):
            found = []
            for path in self._listed(folder):
                with suppress(OSError):
                    if older_than_s < now_s - path.stat().st_mtime <= younger_than_s:
                        found.append(path.name)
            if found:
                yield found

    def free_bytes(self) -> int:
        """Room on its disk."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError as error:
            raise self._error(error) from None

    def _file(self, sha256: str) -> Path:
        return self._files / sha256[:2] / sha256

    def _part(self, part: Part) -> Path:
        return self._parts / part.box / f"{part.slot}.{part.sha256}"

    def _listed(self, folder: Path) -> list[Path]:
        try:
            return sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._error(error) from None

    def _error(self, error: OSError) -> FilesError:
        return FilesError(_CANNOT, folder=self._folder, reason=system_said(error))


def _mark(stat: os.stat_result) -> Mark:
    # The time of the last change of the inode is not to be set by whoever changes a file.
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
