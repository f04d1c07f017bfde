"""Answers of an RTSP server, read out of bytes as they come (RFC 2326 section 7), with limits. Pure.

Flow: bytes from describe.py -> `ReplyReader` -> `Reply`.
"""

import re
from typing import Final

from msgspec import Struct

MAX_HEAD: Final = 16 * 1024
MAX_LINES: Final = 100
MAX_SDP: Final = 64 * 1024
"""docs/eyes.md 4: an SDP of 64 KiB."""

MAX_BETWEEN: Final = 256 * 1024
"""Bytes of packets that a device sends although nobody plays yet."""

_STATUS: Final = re.compile(rb"RTSP/\d\.\d (\d{3})(?: |$)")


class ReplyError(Exception):
    """What comes is no answer. The text is a word of ours."""


class TooLargeError(ReplyError):
    """More comes than any honest device sends."""


class Reply(Struct, frozen=True, kw_only=True):
    """One answer."""

    status: int
    headers: tuple[tuple[str, str], ...]  # names in lower case, in their order
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for each, value in self.headers if each == name]


class ReplyReader:
    """Takes bytes, gives one answer."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._skipped = 0

    def take(self, data: bytes) -> Reply | None:
        """The answer, once it is whole; what follows it is thrown away.

        Raises:
            TooLargeError: it is longer than answers may be.
            ReplyError: it is none.
        """
        self._data += data
        self._skip_packets()
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > MAX_HEAD:
                raise TooLargeError("head")
            if len(self._data) >= 5 and not self._data.startswith(b"RTSP/"):
                raise ReplyError("not RTSP")
            return None
        if end > MAX_HEAD:
            raise TooLargeError("head")
        head = _head(bytes(self._data[:end]))
        length = _length(head)
        if length > MAX_SDP:
            raise TooLargeError("SDP")
        body = bytes(self._data[end + 4 : end + 4 + length])
        return Reply(status=head.status, headers=head.headers, body=body) if len(body) == length else None

    def _skip_packets(self) -> None:
        """Interleaved packets (RFC 2326 section 10.12) and empty lines before the answer."""
        while self._data:
            if self._data[0] in b"\r\n":
                size = 1
            elif self._data[0] == 0x24 and len(self._data) >= 4:
                size = 4 + int.from_bytes(self._data[2:4], "big")
                if len(self._data) < size:
                    return
            else:
                return
            self._skipped += size
            if self._skipped > MAX_BETWEEN:
                raise TooLargeError("packets")
            del self._data[:size]


def _head(data: bytes) -> Reply:
    first, *lines = data.split(b"\r\n")
    match = _STATUS.match(first)
    if not match:
        raise ReplyError("not RTSP")
    if len(lines) > MAX_LINES:
        raise TooLargeError("head")
    headers = []
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    return Reply(status=int(match[1]), headers=tuple(headers))


def _length(head: Reply) -> int:
    lengths = head.all("content-length")
    if not lengths:
        return 0
    if not (lengths[0].isascii() and lengths[0].isdecimal() and len(lengths[0]) < 12):
        raise ReplyError("length")
    return int(lengths[0])
