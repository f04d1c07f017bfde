"""Unix milliseconds, as the centre's rows hold them, and datetimes, as people and the wire want them. Pure."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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


def local(unix_ms: int, timezone: str) -> datetime:
    """The moment on the clock of a zone; of one that nobody knows, in UTC."""
    return moment(unix_ms).astimezone(zone_of(timezone))


@lru_cache(maxsize=256)
def zone_of(timezone: str) -> tzinfo:
    """A zone by its name; UTC where nobody knows it."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def day_end_ms(at_ms: int, timezone: str) -> int:
    """The last millisecond of the day on the clock of a zone."""
    day = local(at_ms, timezone)
    midnight = datetime.combine(day.date() + timedelta(days=1), time(), zone_of(timezone))
    return unix_ms(midnight) - 1
