"""Ids of boxes, sites, points, runs and events. Randomness and time come in as arguments."""

import re
from typing import Final

ID_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"
"""Boxes, sites, points (WIRE 1.4): safe in topics, certificates, file names and NATS subjects."""

SOURCE_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,31}(/[a-z0-9][a-z0-9-]{0,31}){0,3}$"
"""A point's path, `door/outer`, or a device's, `device/io1`."""

RUN_PATTERN: Final = r"^[0-9a-f]{32}$"
HASH_PATTERN: Final = r"^[0-9a-f]{64}$"
EVENT_ID_PATTERN: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"

CENTRE_PREFIX: Final = "centre-"
"""Box ids of collectors (WIRE 2.3): their own findings stand in a ledger like any other."""

_ID = re.compile(ID_PATTERN)


def is_id(text: str) -> bool:
    """Whether `text` may name a box, a site or a point."""
    return _ID.fullmatch(text) is not None


def new_run(random: bytes) -> str:
    """A run's name from 16 random bytes (WIRE 2.2).

    Raises:
        ValueError: not 16 bytes.
    """
    if len(random) != 16:
        raise ValueError("a run is named by 16 random bytes")
    return random.hex()


def new_event_id(now_ms: int, random: bytes) -> str:
    """A UUIDv7 (RFC 9562 section 5.7) from Unix milliseconds and 10 random bytes: ids sort by time.

    Raises:
        ValueError: not 10 bytes, or a time outside 48 bits.
    """
    if len(random) != 10 or not 0 <= now_ms < 1 << 48:
        raise ValueError("an event id needs 10 random bytes and a time of 48 bits")
    raw = bytearray(now_ms.to_bytes(6, "big") + random)
    raw[6] = 0x70 | raw[6] & 0x0F  # version 7
    raw[8] = 0x80 | raw[8] & 0x3F  # variant of RFC 9562
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
