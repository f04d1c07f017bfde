"""One DC-09 frame: line feed, CRC, length, header, body, carriage return. Pure; it decides nothing about the sender.

    LF crc 0LLL "id" seq Rrcvr Lprefix #account [ body CR

CRC and length cover everything between length and carriage return (SIA DC-09-2013, section 5.5.1); the CRC is that of
DC-07 annex B, CRC-16 with polynomial 8005 reflected. Limits apply before anything is parsed. Flow: stream.py -> here ->
body.py (through cipher.py where the id begins with `*`).
"""

import re
from typing import Final

import msgspec

LF: Final = 0x0A
CR: Final = 0x0D

MAX_BODY: Final = 0xFFF
"""Bytes that the length field `0LLL` can count."""

MAX_FRAME: Final = 1 + 4 + 4 + MAX_BODY + 1
"""Bytes of a whole frame."""

_HEAD: Final = 1 + 4 + 4
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{4}")
_HEADER: Final = re.compile(
    rb'"(?P<star>\*?)(?P<id>[A-Z0-9-]{1,16})"(?P<seq>[0-9]{4})'
    rb"(?:R(?P<receiver>[0-9A-Fa-f]{0,6}))?L(?P<line>[0-9A-Fa-f]{0,6})(?:#(?P<account>[0-9A-Fa-f]{3,16}))?\["
)
_SEQUENCE: Final = re.compile(rb'"[^"]{0,32}"(?P<seq>[0-9]{4})')


class FrameDamagedError(Exception):
    """These bytes are no whole frame, or changed on their way: nobody is answered."""


class HeaderError(Exception):
    """The frame is whole, but its header is not one of DC-09; `sequence` is its number where one can be seen."""

    def __init__(self, sequence: int) -> None:
        super().__init__("no header of DC-09")
        self.sequence = sequence


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame whose CRC and length are right, its body still as it came."""

    id: str  # `SIA-DCS`, `ADM-CID`, `NULL`, `ACK`..., without the star
    encrypted: bool = False
    sequence: int = 0
    receiver: str | None = None
    line: str = "0"
    account: str = ""  # in capitals, with its leading zeros; empty: none
    body: bytes = b"]"  # behind the opening bracket: hex where encrypted


def crc16(data: bytes) -> int:
    """CRC-16 of DC-07 annex B (polynomial 0x8005, reflected, from 0): 0xBB3D over `123456789`."""
    crc = 0
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame.

    Raises:
        ValueError: longer than the length field can count.
    """
    receiver = "" if frame.receiver is None else f"R{frame.receiver}"
    account = f"#{frame.account}" if frame.account else ""
    star = "*" if frame.encrypted else ""
    header = f'"{star}{frame.id}"{frame.sequence % 10_000:04d}{receiver}L{frame.line}{account}['
    message = header.encode("ascii") + frame.body
    if len(message) > MAX_BODY:
        raise ValueError(f"{len(message)} bytes are more than a frame can count")
    return b"\n%04X%04X%s\r" % (crc16(message), len(message), message)


def decode_frame(data: bytes) -> Frame:
    """The frame that `data` is, from its line feed to its carriage return.

    Raises:
        FrameDamagedError: not whole, or its CRC or length is wrong.
        HeaderError: whole, but its header cannot be read.
    """
    if not _HEAD < len(data) <= MAX_FRAME or data[0] != LF or data[-1] != CR:
        raise FrameDamagedError("not from line feed to carriage return")
    crc, length, message = data[1:5], data[5:9], data[9:-1]
    if not _HEX.fullmatch(crc) or not _HEX.fullmatch(length):
        raise FrameDamagedError("CRC or length is not hexadecimal")
    if len(message) != int(length, 16):
        raise FrameDamagedError(f"{len(message)} bytes, not {int(length, 16)}")
    if crc16(message) != int(crc, 16):
        raise FrameDamagedError("CRC differs")
    found = _HEADER.match(message)
    if found is None:
        sequence = _SEQUENCE.match(message)
        raise HeaderError(int(sequence["seq"]) if sequence else 0)
    receiver = found["receiver"]
    return Frame(
        id=found["id"].decode("ascii"),
        encrypted=bool(found["star"]),
        sequence=int(found["seq"]),
        receiver=None if receiver is None else receiver.decode("ascii").upper(),
        line=found["line"].decode("ascii").upper(),
        account=(found["account"] or b"").decode("ascii").upper(),
        body=bytes(message[found.end() :]),
    )


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_TABLE: Final = _table()
