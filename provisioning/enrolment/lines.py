"""The enrolment's record, read on from a number: the lines as they stand in the file, for the centre.

The file is sorted by `seq`, so the place is found by halving. Lines that are being written are left out.
Flow: desk.py -> here.
"""

from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from provisioning.record import MAX_LINE_BYTES

_SCAN_BELOW: Final = 64 * 1024
"""A stretch this short is read line by line."""


class _Numbered(msgspec.Struct):
    seq: int


def lines_after(path: Path, after: int, limit: int) -> bytes:
    """Whole lines whose `seq` is above `after`, at most `limit` bytes. Raises: OSError."""
    with path.open("rb") as file:
        file.seek(_place(file, path.stat().st_size, after))
        found = bytearray()
        while (line := file.readline(MAX_LINE_BYTES + 1)).endswith(b"\n") and len(found) + len(line) <= limit:
            if _seq(line) > after:
                found += line
    return bytes(found)


def _place(file: BinaryIO, size: int, after: int) -> int:
    """The beginning of a line at or before the first one above `after`."""
    low, high = 0, size
    while high - low > _SCAN_BELOW:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline(MAX_LINE_BYTES + 1)  # the rest of a line
        begin = file.tell()
        line = file.readline(MAX_LINE_BYTES + 1)
        if line.endswith(b"\n") and _seq(line) <= after:
            low = begin
        else:
            high = middle
    return low


def _seq(line: bytes) -> int:
    try:
        return msgspec.json.decode(line, type=_Numbered).seq
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0
