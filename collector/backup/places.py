"""Folders that keep backups: names, room, writing whole, comparing what was written, letting old ones go.

A file has its last name only after it was written, synced, and read back from the disk; a crash leaves a name that
begins with a dot and is swept away next time. Flow: writing.py -> here.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from collector.backup.failing import OutOfReachError, no_room, unwritable
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SUFFIX: Final = ".tar.age"
READ_AT_ONCE: Final = 1024 * 1024
SPARE_BYTES: Final = 64 * 1024 * 1024
"""A backup never takes the last of a disk: the collector may live on it."""

_TIME: Final = "%Y%m%dT%H%M%SZ"


def name_at(centre: str, at: datetime) -> str:
    """The name of a centre's backup of this moment."""
    return f"branchwatch-{centre}-{at.astimezone(UTC):{_TIME}}{SUFFIX}"


def is_place(folder: Path) -> None:
    """A folder that is there and can be written; none is made, for a missing one is often a disk that is not mounted.

    Raises:
        OutOfReachError: it is not.
    """
    if not folder.is_dir():
        raise OutOfReachError(N_("{folder} is not there; mount its disk or make the folder"), folder=folder)
    probe = folder / f".branchwatch-{os.getpid()}.part"
    try:
        with probe.open("xb"):
            pass
        probe.unlink()
    except OSError as error:
        raise unwritable(folder, error) from None


def has_room(folder: Path, wanted_bytes: int) -> None:
    """Room for this much and some to spare.

    Raises:
        OutOfReachError: there is less.
    """
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < wanted_bytes + SPARE_BYTES:
        raise no_room(folder, wanted_bytes + SPARE_BYTES, free)


def sweep(folder: Path, centre: str) -> None:
    """Take away what a backup that was killed left unfinished."""
    for left in folder.glob(f".branchwatch-{centre}-*.part"):
        left.unlink(missing_ok=True)


@contextmanager
def written_whole(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A file to write and its name until then; it gets its last name when the block ends well, else it is gone.

    Raises:
        OutOfReachError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file, partial
        partial.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise unwritable(path, error) from None
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def settle(file: IO[bytes]) -> None:
    """Bring a file to its disk, and let the system forget it: who reads it next reads the disk."""
    file.flush()
    os.fsync(file.fileno())
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to its disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Reading:
    """A file read from front to end, hashed on its way."""

    def __init__(self, file: IO[bytes], told: Callable[[int], None] = lambda _: None) -> None:
        self._file, self._told = file, told
        self._digest = sha256()
        self.bytes = 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self._digest.update(data)
        self.bytes += len(data)
        self._told(self.bytes)
        return data

    @property
    def sha256(self) -> str:
        """Of what was read so far."""
        return self._digest.hexdigest()


def copy_whole(source: Path, target: Path, wanted_sha256: str, told: Callable[[int], None]) -> None:
    """Copy a file to another place and compare what stands there then.

    Raises:
        OutOfReachError: it cannot be written, or stands there otherwise.
    """
    with written_whole(target) as (file, partial), source.open("rb") as original:
        while data := original.read(READ_AT_ONCE):
            file.write(data)
        settle(file)
        with partial.open("rb") as again:
            reading = Reading(again, told)
            while reading.read(READ_AT_ONCE):
                pass
        if reading.sha256 != wanted_sha256:
            raise OutOfReachError(N_("{file} reads otherwise than it was written; look at that disk"), file=target)


def let_go(folder: Path, centre: str, keep: int, fresh: str) -> list[str]:
    """Delete the oldest backups of a centre beyond `keep`, never the fresh one; returns what went.

    Raises:
        OutOfReachError: one cannot be deleted.
    """
    ours = re.compile(rf"branchwatch-{re.escape(centre)}-\d{{8}}T\d{{6}}Z{re.escape(SUFFIX)}")
    older = sorted(path.name for path in folder.iterdir() if ours.fullmatch(path.name) and path.name != fresh)
    gone = older[: max(0, len(older) - (keep - 1))]
    for name in gone:
        try:
            (folder / name).unlink()
        except OSError as error:
            raise unwritable(folder / name, error) from None
    return gone
