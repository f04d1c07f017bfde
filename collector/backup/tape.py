"""The tar inside a backup: plain files one after the other, as POSIX ustar with GNU sizes; any tar lists it.

Pure, and narrower than tar on reading: regular files with modest names and nothing else, so no link, device, absolute
name or compressed bomb can stand in one. Flow: writing.py -> `packed`; checking.py -> `Tape`.
"""

import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from typing import Final

BLOCK: Final = 512
RECORD: Final = 20 * BLOCK
"""Tar pads its end to this much."""

MAX_NAME: Final = 95
NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*){0,7}")
"""Names that mean the same on every system; none begins with a dot or a slash."""

Take = Callable[[bytes], None]


class TapeError(Exception):
    """The peer's tar is not one of ours: the words are for logs and tests."""


def is_name(text: str) -> bool:
    """Whether a file may stand in a backup under this name."""
    return len(text) <= MAX_NAME and NAME.fullmatch(text) is not None


def packed(files: Iterable[tuple[str, int, Iterable[bytes]]], mtime_s: int) -> Iterator[bytes]:
    """The tar of files: name, size and content each.

    Raises:
        TapeError: a content is not as long as was said.
    """
    written = 0
    for name, size, content in files:
        header = _header(name, size, mtime_s)
        yield header
        seen = 0
        for data in content:
            seen += len(data)
            yield data
        if seen != size:
            raise TapeError("the content changed its length")
        padding = -size % BLOCK
        yield bytes(padding)
        written += len(header) + size + padding
    end = 2 * BLOCK
    yield bytes(end + -(written + end) % RECORD)


class Tape:
    """Feed it the tar in any pieces. `begin(name, size)` is asked who takes a file's content, piece by piece."""

    def __init__(self, begin: Callable[[str, int], Take]) -> None:
        self._begin = begin
        self._head = bytearray()
        self._left = self._padding = 0
        self._take: Take | None = None
        self._empty = 0

    def feed(self, data: bytes) -> None:
        """Read on.

        Raises:
            TapeError: not a tar of ours.
        """
        at = 0
        while at < len(data):
            if self._left and self._take is not None:
                piece = data[at : at + self._left]
                self._take(piece)
                self._left -= len(piece)
                at += len(piece)
            elif self._padding:
                piece = data[at : at + self._padding]
                if piece.strip(b"\0"):
                    raise TapeError("something stands in the padding")
                self._padding -= len(piece)
                at += len(piece)
            else:
                piece = data[at : at + BLOCK - len(self._head)]
                self._head += piece
                at += len(piece)
                if len(self._head) == BLOCK:
                    self._open(bytes(self._head))
                    self._head.clear()

    def finish(self) -> None:
        """The end of the stream.

        Raises:
            TapeError: the tar has no end.
        """
        if self._left or self._padding or self._head or self._empty < 2:
            raise TapeError("the tar ends in the middle")

    def _open(self, block: bytes) -> None:
        if not block.strip(b"\0"):
            self._empty += 1
            return
        if self._empty:
            raise TapeError("something stands behind the end")
        try:
            member = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeError, ValueError):
            raise TapeError("a header cannot be read") from None
        if member.type != tarfile.REGTYPE or member.linkname or member.size < 0 or not is_name(member.name):
            raise TapeError("something other than a plain file")
        self._take = self._begin(member.name, member.size)
        self._left, self._padding = member.size, -member.size % BLOCK
        if not member.size:
            self._take(b"")


def _header(name: str, size: int, mtime_s: int) -> bytes:
    if not is_name(name):
        raise TapeError("a name that no backup may hold")
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, mtime_s, 0o600
    return member.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")
