"""What a walk test leaves in the box's state folder: where it stands while it is open, and the signed record.

What was found stands in the ledger; only what the ledger cannot say is kept here. Written by rename: whoever reads
after any cut finds the old or the new, whole.
"""

import os
from contextlib import suppress
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
    _write(state / OPEN_NAME, msgspec.json.encode(walk))


def close_walk(state: Path) -> None:
    """No walk test is open any more. Raises: OSError."""
    (state / OPEN_NAME).unlink(missing_ok=True)
    _settle(state)


def keep_record(state: Path, finished: str, document: bytes) -> Path:
    """Store a signed record under the time of its end; returns its file. Raises: OSError."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise OSError("record too large")
    folder = state / RECORDS
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        _give_to_owner(folder, state)
        _settle(state)
    file = folder / f"{finished.replace('-', '').replace(':', '')[:15]}Z.json"
    _write(file, document)
    return file


def _write(file: Path, content: bytes) -> None:
    fresh = file.with_name(f"{file.name}.new")
    with suppress(FileNotFoundError):
        fresh.unlink()  # of a write that was cut off
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        _give_to_owner(fresh, file.parent)
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _settle(file.parent)


def _settle(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _give_to_owner(path: Path, folder: Path) -> None:
    """What an installer writes as root belongs to the agent's user."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
