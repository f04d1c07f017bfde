"""What a panel says, whichever words it says it in: one value a statement. Pure.

`contact_id.py` and `sia_dcs.py` make these of a frame's data; `agent/drivers/dc09/meaning.py` makes of them what the
branch's points become.
"""

from enum import StrEnum
from typing import Final

import msgspec

MAX_TEXT: Final = 64
"""Characters of a panel's own text that are kept."""

MAX_NUMBER: Final = 24
"""Characters of a zone's, area's or user's number that are kept; panels have three or four."""

MAX_REPORTS: Final = 32
"""Statements of one frame that are read; panels send one, rarely two."""


class About(StrEnum):
    """What a statement is about."""

    ALARM = "alarm"  # a zone acted; `kind` says as what
    TAMPER = "tamper"  # a zone or the panel was meddled with
    TROUBLE = "trouble"  # nothing is known of a zone
    BYPASS = "bypass"  # the panel leaves a zone out
    FAULT = "fault"  # the panel itself: mains, battery, line
    OPENING = "opening"
    CLOSING = "closing"
    TEST = "test"  # sign of life, walk test
    NOTE = "note"  # known, and nothing that a guard acts on
    UNKNOWN = "unknown"  # no code that we know: told as it came


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a panel."""

    code: str  # as it came: `BA`, `E130`
    about: About
    kind: str = ""  # of an alarm: `zone.intrusion`, `zone.hold_up`...
    restored: bool = False  # over again; of a bypass: taken back
    zone: str = ""  # without leading zeros; empty: none named
    area: str = ""
    user: str = ""
    stay: bool = False  # of a closing: the inside is left out
    old: bool = False  # the panel says itself that it happened before
    topic: str = ""  # of a fault: what begins and ends under one name: `mains`
    text: str = ""  # the panel's own words


class ContentError(Exception):
    """A frame's data is not written as its id says."""


def number(text: str) -> str:
    """A number as people write it: without leading zeros, in small letters; empty stays empty."""
    return (text.lstrip("0") or "0").lower()[:MAX_NUMBER] if text else ""


def shown(text: bytes) -> str:
    """A panel's own text, safe to show: printable, and not for ever."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        decoded = text.decode("cp1252", "replace")
    return "".join(each for each in decoded if each.isprintable()).strip()[:MAX_TEXT]
