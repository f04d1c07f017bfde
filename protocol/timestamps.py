"""Wall time on the wire: RFC 3339 UTC with exactly three decimals and `Z` (WIRE 1.3)."""

from datetime import UTC, datetime
from typing import Final

TIME_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"


def format_time(moment: datetime) -> str:
    """`2026-11-21T02:13:49.204Z`; microseconds are cut, not rounded, so that no event lies in the future.

    Raises:
        ValueError: a datetime without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot go on the wire")
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def parse_time(text: str) -> datetime:
    """The time that `text` names, in UTC.

    Raises:
        ValueError: not of the form above, or no such date.
    """
    if len(text) != 24 or text[10] != "T" or text[19] != "." or text[23] != "Z" or not text.isascii():
        raise ValueError("a time on the wire is RFC 3339 UTC with three decimals and Z")
    return datetime.fromisoformat(text)
