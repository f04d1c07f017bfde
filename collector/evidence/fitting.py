"""Whether a file begins as the picture or clip that it is said to be, of a size that eyes make. Pure.

A box seals what it likes: a picture of 65,000 x 65,000 is 16 MB as a file and 20 GB on the screen of whoever opens the
alarm. Nothing is decoded here. Flow: service.py, once every byte is there and before it counts as here -> here.
"""

from typing import Final

from protocol.uploads import MAX_SIDE, MediaType

BEGIN_BYTES: Final = 64 * 1024
"""Within which a JPEG says its size; ours do within the first thousand."""

_SIZES: Final = frozenset({0xC0, 0xC1, 0xC2})
_BEFORE: Final = frozenset({0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)})
"""Tables, comments and makers' own: what may stand before the size (ITU-T T.81, B.2)."""


def fits(media_type: MediaType, begin: bytes) -> bool:
    """Whether it may be shown; `begin`: its first BEGIN_BYTES."""
    if media_type == "video/mp4":
        return begin[4:8] == b"ftyp"
    return begin[:2] == b"\xff\xd8" and _small(begin)


def _small(jpeg: bytes) -> bool:
    at = 2
    while at + 9 <= len(jpeg) and jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker in _SIZES:
            height, width = (int.from_bytes(jpeg[at + place : at + place + 2], "big") for place in (5, 7))
            return 0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE
        if marker not in _BEFORE or length < 2:
            return False
        at += 2 + length
    return False
