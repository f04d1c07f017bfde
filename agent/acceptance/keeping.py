"""What a walk test leaves in the box's state folder: where it stands while it is open, and the signed record.

What was found stands in the ledger; only what the ledger cannot say is kept here. Written by rename: whoever reads
after any cut finds the old or the new, whole. Written through descriptors: an installer may be root, and a link that a
taken-over agent laid in a folder's place leads him nowhere.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocol.limits import MAX_DOCUMENT_BYTES
from protocol.messages import EventId, Source, Version

OPEN_NAME: Final = "acceptance.json"
RECORDS: Final = "acceptance"
MAX_OPEN_BYTES: Final = 512 * 1024
"""A note of an open test: every point of the largest site put off once."""


class OpenWalk(msgspec.Struct, frozen=True, kw_only=True):
    """A walk test that is not ended."""

    v: Version = 1
    test: EventId
    later: Annotated[tuple[Source, ...], Meta(max_length=3_000)] = ()


class DamagedError(Exception):
    """The note of an open walk test cannot be read."""


def open_walk(state: Path) -> OpenWalk | None:
    """The walk test that is open in `state`, if any.

    Raises:
        DamagedError: there is a note that says nothing.
        OSError: the folder cannot be read.
    """
    try:
        with (state / OPEN_NAME).open("rb") as file:
            data = file.read(MAX_OPEN_BYTES + 1)
        return msgspec.json.decode(data, type=OpenWalk)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise DamagedError from None


def keep_open(state: Path, walk: OpenWalk) -> None:
    """Note where an open walk test stands. Raises: OSError."""
    with _opened(state) as folder:
        _write(folder, OPEN_NAME, msgspec.json.encode(walk))


def close_walk(state: Path) -> None:
    """No walk test is open any more. Raises: OSError."""
    with _opened(state) as folder:
        with suppress(FileNotFoundError):
            os.unlink(OPEN_NAME, dir_fd=folder)
        os.fsync(folder)


def keep_record(state: Path, finished: str, document: bytes) -> Path:
    """Store a signed record under the time of its end; returns its file. Raises: OSError."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise OSError("record too large")
    name = f"{finished.replace('-', '').replace(':', '')[:15]}Z.json"
    with _opened(state) as home:
        with suppress(FileExistsError):
            os.mkdir(RECORDS, 0o700, dir_fd=home)
        folder = os.open(RECORDS, _FOLDER | os.O_NOFOLLOW, dir_fd=home)
        try:
            _give_to(folder, os.fstat(home))
            os.fsync(home)
            _write(folder, name, document)
        finally:
            os.close(folder)
    return state / RECORDS / name


_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(folder: int, name: str, content: bytes) -> None:
    fresh = f"{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(fresh, dir_fd=folder)  # of a write that was cut off
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(fresh, flags, 0o600, dir_fd=folder), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            _give_to(stream.fileno(), os.fstat(folder))
        os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=folder)
        raise
    os.fsync(folder)


def _give_to(descriptor: int, owner: os.stat_result) -> None:
    """What an installer writes as root belongs to the agent's user."""
    if os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
