"""The record on disk: `record.ndjson` in the authority's folder, only ever appended to, by one process at a time.

A line that could not be written whole is taken away again. Decides nothing; what a line says is `record.py`'s.
Flow: office.py -> here.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from protocol.ledger import Position
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning.record import (
    MAX_LINE_BYTES,
    Deed,
    Entry,
    RecordBrokenError,
    decode_entry,
    first_position,
    follow,
    lines_of,
)
from provisioning.refusal import RefusedError

RECORD: Final = "record.ndjson"
Place = tuple[Position, int]
"""Behind a line: its position in the chain, and its end in the file in bytes."""

RECORD_MODE: Final = 0o600

PATIENCE_S: Final = 2.0
"""How long a command waits for another one to end: longer than an enrolment takes, shorter than a person does."""
LOOK_AGAIN_S: Final = 0.05


class RecordError(RefusedError):
    """The record is missing, in use, broken, or cannot be written."""


def begin_record(path: Path, run: str, deeds: Sequence[Deed], now: datetime) -> None:
    """A new record whose first lines tell how the authority was made."""
    lines, _ = lines_of(deeds, first_position(run), now)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, RECORD_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def read_record(path: Path, position: Position | None = None, offset: int = 0) -> Iterator[tuple[Entry, Position]]:
    """Each entry with the position behind it; those behind `position`, whose line ends at `offset`, if it is given.

    Raises:
        RecordError: missing.
        RecordBrokenError: at the first line that does not continue the chain.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            yield from follow(_lines(file), position)
    except OSError as error:
        raise RecordError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None


class RecordFile:
    """The open record of one authority; made by `hold_record`, which keeps everybody else out.

    `entries` are all that it holds, or all behind the place from which it was read on.
    """

    def __init__(self, path: Path, descriptor: int, since: Place | None = None) -> None:
        self._path, self._descriptor = path, descriptor
        self.entries: list[Entry] = []
        self._position = self._load(since)

    @property
    def place(self) -> Place:
        """Behind the last line."""
        return self._position, os.fstat(self._descriptor).st_size

    def append(self, deeds: Sequence[Deed], now: datetime) -> None:
        """Record all of `deeds` or none; on disk when this returns.

        Raises:
            RecordError: it cannot be written; it is as it was.
        """
        lines, position = lines_of(deeds, self._position, now)
        before = os.fstat(self._descriptor).st_size
        content = b"".join(lines)
        try:
            while content:
                content = content[os.write(self._descriptor, content) :]
            os.fsync(self._descriptor)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, before)
            raise RecordError(
                N_("{path} cannot be written: {reason}; nothing was done"), path=self._path, reason=system_said(error)
            ) from None
        self.entries += [decode_entry(line) for line in lines]
        self._position = position

    def _load(self, since: Place | None) -> Position:
        self._cut_off_torn_line()
        position, offset = since or (None, 0)
        if os.fstat(self._descriptor).st_size < offset:
            raise RecordError(
                N_("{path} is shorter than it was: its end is missing; nothing was done"), path=self._path
            )
        try:
            for entry, behind in read_record(self._path, position, offset):
                self.entries.append(entry)
                position = behind
        except RecordBrokenError as broken:
            raise RecordError(
                N_(
                    "{path} is broken at line {line}; nothing was done. "
                    "Next step: branchwatch provision audit --dir {folder}"
                ),
                path=self._path,
                line=broken.line,
                folder=self._path.parent,
            ) from None
        if position is None:
            raise RecordError(N_("{path} is empty; nothing was done"), path=self._path)
        return position

    def _cut_off_torn_line(self) -> None:
        """What a crash left of a last line: the act it would have recorded never left the crashed process."""
        size = os.fstat(self._descriptor).st_size
        tail = os.pread(self._descriptor, MAX_LINE_BYTES, max(0, size - MAX_LINE_BYTES))
        torn = len(tail) - (tail.rfind(b"\n") + 1)
        if 0 < torn < len(tail):
            os.ftruncate(self._descriptor, size - torn)
            os.fsync(self._descriptor)


@contextmanager
def hold_record(
    path: Path, patience_s: float = PATIENCE_S, since: Callable[[], Place | None] | None = None
) -> Iterator[RecordFile]:
    """Open the record for writing and keep every other writer out until the end; read it only behind `since`.

    `since` is asked once everybody else is kept out: who waited would read again what another took meanwhile.

    Raises:
        RecordError: missing, broken, or still held by another process after `patience_s`.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        raise RecordError(
            N_(
                "{path} is missing: the authority was made by an earlier version, or the file was taken away; "
                "nothing was done"
            ),
            path=path,
        ) from None
    except OSError as error:
        raise RecordError(N_("{path} cannot be opened: {reason}"), path=path, reason=system_said(error)) from None
    try:
        _lock(descriptor, path, patience_s)
        yield RecordFile(path, descriptor, since() if since else None)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, patience_s: float) -> None:
    until_s = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                raise RecordError(
                    N_("{folder} is in use by another command; nothing was done. Try again when that one has ended"),
                    folder=path.parent,
                ) from None
            time.sleep(LOOK_AGAIN_S)
        else:
            return


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE_BYTES + 2):
        yield line
