"""The box's folder of pictures: sealed ones with their descriptions, and `making`, where eyes write. Blocking.

Names are made here from slots that were checked, never taken from a message; nothing is opened through a link, and only
what we own with one name. A description is written before its file takes its place, and goes after it: a cut leaves
either a promise that is still open, or something that the next start finds. Flow: evidence.py calls it in a thread.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.evidence.describing import (
    ENDING,
    MAX_DESCRIPTION_BYTES,
    Description,
    decode_description,
    description_name,
    encode_description,
    media_name,
)
from protocol.uploads import ENDINGS, is_slot

FOLDER: Final = "evidence"
MAKING: Final = "making"
CHUNK_BYTES: Final = 1024 * 1024
MAX_FILES: Final = 1_000_000
"""More names than this nobody put there in order."""

MAX_STRANGE: Final = 20
"""Foreign names that are told; the rest is counted."""

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class DamagedError(Exception):
    """A file is not what it was said to be, or is no file of ours; the word says how."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a folder held at the start."""

    kept: tuple[Description, ...]
    alone: tuple[Description, ...]  # their file is gone, or not in its place yet
    damaged: tuple[str, ...]  # slots whose file or description is not what it was
    strange: tuple[str, ...]  # names that are none of ours; left alone
    strange_more: int = 0


class Shelf:
    """One folder."""

    def __init__(self, state: Path) -> None:
        self.path = state / FOLDER
        self.making = self.path / MAKING

    def prepare(self) -> None:
        """Have both folders, for nobody else, and nothing half-made in them.

        Raises:
            OSError: one is a link, belongs to somebody else, or the disk refuses.
        """
        for path in (self.path, self.making):
            with suppress(FileExistsError):
                path.mkdir(mode=0o700)
            with _opened_folder(path) as folder:
                os.fchmod(folder, 0o700)

    def clear_making(self) -> None:
        """Throw away what eyes of an earlier run left.

        Raises:
            OSError: the folder cannot be read.
        """
        with _opened_folder(self.making) as folder:
            for name in os.listdir(folder):  # noqa: PTH208 - of an open folder
                with suppress(OSError):
                    os.unlink(name, dir_fd=folder)

    def making_path(self, slot: str, media_type: str) -> Path:
        """Where an eye shall write this slot."""
        _check(slot)
        return self.making / media_name(slot, media_type)

    def hash_made(self, slot: str, media_type: str, limit: int) -> tuple[str, int]:
        """The hash and the size of what an eye wrote; it is on the disk then, and for us alone.

        Raises:
            DamagedError: `gone`, `no_file`, `too_large`, `empty`, `foreign`.
            OSError: the disk refuses.
        """
        _check(slot)
        with _opened_folder(self.making) as folder, _opened(media_name(slot, media_type), folder) as file:
            size = os.fstat(file).st_size
            if size > limit:
                raise DamagedError("too_large")
            if not size:
                raise DamagedError("empty")
            if not _begins_right(os.pread(file, 12, 0), media_type):
                raise DamagedError("foreign")
            os.fchmod(file, 0o600)
            os.fsync(file)
            return _hash(file), size

    def settle(self, description: Description) -> None:
        """Put the description down, then move its file from `making` into its place.

        Raises:
            OSError: the disk refuses; nothing of it counts then.
        """
        self.describe(description)
        with _opened_folder(self.path) as folder, _opened_folder(self.making) as making:
            os.rename(description.media_name, description.media_name, src_dir_fd=making, dst_dir_fd=folder)
            os.fsync(folder)

    def describe(self, description: Description) -> None:
        """Write what lies beside a file, whole or not at all.

        Raises:
            OSError: the disk refuses; what was there stays.
        """
        name = description_name(_check(description.slot))
        fresh = f"{name}.new"
        with _opened_folder(self.path) as folder:
            try:
                with suppress(FileNotFoundError):
                    os.unlink(fresh, dir_fd=folder)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                file = os.open(fresh, flags, 0o600, dir_fd=folder)
                try:
                    data = encode_description(description)
                    if os.write(file, data) != len(data):
                        raise OSError(errno.ENOSPC, "the disk took only part of a description")
                    os.fsync(file)
                finally:
                    os.close(file)
                os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            except OSError:
                with suppress(OSError):
                    os.unlink(fresh, dir_fd=folder)
                raise

    def read(self, slot: str) -> Description:
        """What lies beside a picture.

        Raises:
            DamagedError, ValueError: it is gone, or no description of this slot.
            OSError: the disk refuses.
        """
        with _opened_folder(self.path) as folder:
            return self._described(_check(slot), folder)

    def finish(self, description: Description) -> None:
        """See that a described file is in its place and is what was sealed; one still in `making` is moved there.

        Raises:
            DamagedError: it is gone or another.
            OSError: the disk refuses.
        """
        with _opened_folder(self.path) as folder, _opened_folder(self.making) as making:
            place = folder if _lies(description, folder) else making
            with _opened(description.media_name, place) as file:
                _same(file, description)
            os.rename(description.media_name, description.media_name, src_dir_fd=place, dst_dir_fd=folder)
            os.fsync(folder)

    def open(self, description: Description) -> int:
        """A descriptor of the file as it was sealed: what is read from it was checked. Close it.

        Raises:
            DamagedError: it is gone, or another file now.
            OSError: the disk refuses.
        """
        with _opened_folder(self.path) as folder, _opened(description.media_name, folder) as file:
            _same(file, description)
            return os.dup(file)

    def remove(self, slot: str) -> None:
        """Take a picture and its description away.

        Raises:
            OSError: the disk refuses.
        """
        _check(slot)
        with _opened_folder(self.path) as folder:
            for ending in (*ENDINGS.values(), ENDING):
                with suppress(FileNotFoundError):
                    os.unlink(f"{slot}.{ending}", dir_fd=folder)

    def set_aside(self, slot: str) -> None:
        """Keep what is no longer what it was for a field engineer: its description gets another name."""
        with suppress(OSError), _opened_folder(self.path) as folder:
            name = description_name(_check(slot))
            os.rename(name, f"{slot}.damaged", src_dir_fd=folder, dst_dir_fd=folder)

    def drop_made(self, slot: str, media_type: str) -> None:
        """Throw away what an eye wrote."""
        with suppress(OSError), _opened_folder(self.making) as folder:
            os.unlink(media_name(_check(slot), media_type), dir_fd=folder)

    def look(self) -> Found:
        """What is there. Sizes are compared here, hashes when a file is used.

        Raises:
            OSError: the folder cannot be read.
        """
        kept: list[Description] = []
        alone: list[Description] = []
        damaged: list[str] = []
        strange: list[str] = []
        more = 0
        with _opened_folder(self.path) as folder:
            names = sorted(os.listdir(folder))[:MAX_FILES]  # noqa: PTH208 - of an open folder
            slots = {name.removesuffix(f".{ENDING}") for name in names if name.endswith(f".{ENDING}")}
            for name in names:
                slot, _, ending = name.partition(".")
                if is_slot(slot) and ending == f"{ENDING}.new":
                    os.unlink(name, dir_fd=folder)  # a description that was cut off; the one before it stands
                elif is_slot(slot) and ending == ENDING:
                    try:
                        description = self._described(slot, folder)
                        (kept if _lies(description, folder) else alone).append(description)
                    except (DamagedError, ValueError):
                        damaged.append(slot)
                elif name != MAKING and not (is_slot(slot) and slot in slots and ending in ENDINGS.values()):
                    more += 1
                    if len(strange) < MAX_STRANGE:
                        strange.append(name)
        return Found(
            kept=tuple(kept),
            alone=tuple(alone),
            damaged=tuple(damaged),
            strange=tuple(strange),
            strange_more=more - len(strange),
        )

    def disk_free(self) -> int:
        """Free bytes for us."""
        facts = os.statvfs(self.path)
        return facts.f_bavail * facts.f_frsize

    def _described(self, slot: str, folder: int) -> Description:
        with _opened(description_name(slot), folder) as file:
            data = os.read(file, MAX_DESCRIPTION_BYTES + 1)
        if len(data) > MAX_DESCRIPTION_BYTES:
            raise ValueError("too long")
        return decode_description(data, slot)


def _lies(description: Description, folder: int) -> bool:
    """Whether its file is there. Raises: DamagedError: something else is."""
    try:
        facts = os.stat(description.media_name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(facts.st_mode) or facts.st_size != description.bytes:
        raise DamagedError("changed")
    return True


def _check(slot: str) -> str:
    if not is_slot(slot):
        raise ValueError("no slot of ours")
    return slot


def _begins_right(begin: bytes, media_type: str) -> bool:
    """JPEG's start of image, or the file type box of ISO 14496-12: what comes from an eye is no script."""
    return begin.startswith(b"\xff\xd8\xff") if media_type == "image/jpeg" else begin[4:8] == b"ftyp"


@contextmanager
def _opened_folder(path: Path) -> Iterator[int]:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(folder).st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to somebody else", str(path))
        yield folder
    finally:
        os.close(folder)


@contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    """A plain file of ours with one name.

    Raises:
        DamagedError: gone, a link, a pipe, another's.
    """
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        raise DamagedError("gone") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EISDIR):
            raise DamagedError("no_file") from None
        raise
    try:
        facts = os.fstat(file)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1 or facts.st_uid != os.geteuid():
            raise DamagedError("no_file")
        yield file
    finally:
        os.close(file)


def _same(file: int, description: Description) -> None:
    if os.fstat(file).st_size != description.bytes or _hash(file) != description.sha256:
        raise DamagedError("changed")


def _hash(file: int) -> str:
    digest = hashlib.sha256()
    at = 0
    while data := os.pread(file, CHUNK_BYTES, at):
        digest.update(data)
        at += len(data)
    return digest.hexdigest()
