"""Unix milliseconds, as the centre's rows hold them, and datetimes, as people and the wire want them. Pure."""

from datetime import UTC, datetime

from protocol.timestamps import parse_time


def moment(unix_ms: int) -> datetime:
    """The moment in UTC, exact to the millisecond."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC).replace(microsecond=unix_ms % 1000 * 1000)


def unix_ms(at: datetime) -> int:
    """Milliseconds since 1970.

    Raises:
        ValueError: a datetime without a zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone names no moment")
    return round(at.timestamp() * 1000)


def wire_ms(text: str) -> int:
    """Milliseconds of a time as it stands on the wire; a clock before 1970 counts as 1970.

    However wrong a box's clock is, its event is stored (FIELD-FAULTS row 13). The line keeps what it said; rows and
    what is computed from them need no time before 1970.
    """
    return max(0, unix_ms(parse_time(text)))
