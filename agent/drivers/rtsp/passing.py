"""What passes between an RTSP library and a camera, taken apart as far as logins and redirections need it. Pure.

Interleaved packets pass as they came, without being held (RFC 2326 section 10.12). Questions and answers are held until
they are whole, and what a library could read otherwise than we do is written anew or not passed on.
Flow: relay.py gives bytes of both sides -> here -> `Asked` for the camera, `Told` for the library.
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from agent.drivers.rtsp.replies import MAX_HEAD, MAX_LINES, MAX_SDP

_PACKET: Final = 0x24
_END: Final = b"\r\n\r\n"
_HEAD_END: Final = re.compile(rb"\n\r*\n")
_STATUS: Final = re.compile(rb"RTSP/\d\.\d (\d{3})(?: |$)")


class PassingError(Exception):
    """What comes is not passed on; the text is a word of ours."""


class Asked(Struct, frozen=True, kw_only=True):
    """Something for the camera: a login may be put between `head` and `rest`. No `method`: it is no question."""

    head: bytes
    rest: bytes = b""
    method: str = ""
    uri: str = ""


class Told(Struct, frozen=True, kw_only=True):
    """Something for the library. `status` 0: it is no answer. `of`: the question that it answers, of a refusal."""

    data: bytes
    status: int = 0
    challenges: tuple[str, ...] = ()
    of: Asked | None = None


class Passing:
    """Both directions of one connection. `own` is the address that the library knows, `camera` the real one."""

    def __init__(self, *, own: str, camera: str) -> None:
        self._own, self._address = own.encode(), camera.encode()
        self._asking = bytearray()
        self._telling = bytearray()
        self._left = 0  # of a packet that is passing
        self.playing = False  # packets came
        self._last: Asked | None = None

    def known(self, begin: bytes) -> bool:
        """Whether whoever begins so knows our address."""
        uri = begin.split(b" ", 2)[1:2]
        return bool(uri) and uri[0].startswith(self._own)

    def asked(self, data: bytes) -> Iterator[Asked]:
        """What the library says. Raises: PassingError."""
        kept = self._asking
        kept += data
        while kept:
            if kept[0] == _PACKET:
                size = 4 + int.from_bytes(kept[2:4], "big")
                if len(kept) < 4 or len(kept) < size:
                    return
            else:
                end = kept.find(_END)
                if end < 0:
                    return _within(kept)
                size = end + len(_END)
            piece = bytes(kept[:size])
            del kept[:size]
            yield Asked(head=piece) if piece[0] == _PACKET else self._question(piece)

    def told(self, data: bytes) -> Iterator[Told]:
        """What the camera says. Raises: PassingError: it sends us elsewhere, or more than any honest one."""
        kept = self._telling
        kept += data
        while kept:
            if self._left:
                size = min(self._left, len(kept))
                self._left -= size
            elif kept[0] == _PACKET:
                self.playing = True
                size = _packets(kept)
                if not size:
                    if len(kept) < 4:
                        return
                    self._left = 4 + int.from_bytes(kept[2:4], "big")
                    continue
            elif kept[0] in b"\r\n":
                size = 1
            else:
                match = _HEAD_END.search(kept)
                if match is None:
                    return _within(kept)
                head = _lines(bytes(kept[: match.start()]))
                size = match.end() + _length(head)
                if len(kept) < size:
                    return
                body = bytes(kept[match.end() : size])
                del kept[:size]
                yield self._answer(head, body)
                continue
            yield Told(data=bytes(kept[:size]))
            del kept[:size]

    def _question(self, piece: bytes) -> Asked:
        line, _, _ = piece.partition(b"\r\n")
        words = line.split(b" ")
        if len(words) != 3 or words[0].startswith(b"RTSP/"):
            return Asked(head=piece)  # the library's answer to a question of the camera
        uri = self._address + words[1][len(self._own) :] if words[1].startswith(self._own) else words[1]
        asked = Asked(
            head=b" ".join((words[0], uri, words[2])) + piece[len(line) : -len(_END)],
            rest=_END,
            method=words[0].decode("latin-1"),
            uri=uri.decode("latin-1"),
        )
        self._last = asked
        return asked

    def _answer(self, head: list[bytes], body: bytes) -> Told:
        match = _STATUS.match(head[0])
        if match is None and head[0].startswith(b"RTSP/"):
            raise PassingError("status")
        status = int(match[1]) if match else 0
        if 300 <= status < 400:
            raise PassingError("redirected")
        if status != 401:
            return Told(data=b"\r\n".join(head) + _END + body, status=status)
        # Without the camera's challenge: the library would ask once more, and that were a second bad login.
        bare = b"\r\n".join((b"RTSP/1.0 401 Unauthorized", *(b"CSeq: " + each for each in _values(head, b"cseq")[:1])))
        challenges = tuple(each.decode("latin-1") for each in _values(head, b"www-authenticate"))
        return Told(data=bare + _END, status=status, challenges=challenges, of=self._last)


def _packets(kept: bytearray) -> int:
    """How many bytes at its beginning are whole packets: they pass together."""
    end, whole = 0, len(kept)
    while end + 4 <= whole and kept[end] == _PACKET:
        after = end + 4 + int.from_bytes(kept[end + 2 : end + 4], "big")
        if after > whole:
            break
        end = after
    return end


def _within(kept: bytearray) -> None:
    if len(kept) > MAX_HEAD:
        raise PassingError("head")


def _lines(head: bytes) -> list[bytes]:
    """The lines of a head, as the library sees them: it does without any carriage return."""
    lines = head.replace(b"\r", b"").split(b"\n")
    if len(lines) > MAX_LINES or len(head) > MAX_HEAD or any(line.startswith(b"$") for line in lines):
        raise PassingError("head")
    return lines


def _values(head: list[bytes], name: bytes) -> list[bytes]:
    split = (line.partition(b":") for line in head[1:])
    return [value.strip() for each, _, value in split if each.lower() == name]


def _length(head: list[bytes]) -> int:
    lengths = set(_values(head, b"content-length"))
    if not lengths:
        return 0
    said = lengths.pop()
    if lengths or not (said.isdigit() and len(said) < 12):
        raise PassingError("length")
    if int(said) > MAX_SDP:
        raise PassingError("SDP")
    return int(said)
