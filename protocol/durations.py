"""Durations as people write them in settings: a number and its unit, always. Pure; settings.py reads them here."""

import re
from datetime import timedelta
from typing import Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_DURATION: Final = timedelta(days=3660)
"""Ten years: longer is a slip of the pen."""

_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


class DurationError(SaidError, ValueError):
    """This text is no duration."""


def parse_duration(text: str) -> timedelta:
    """`0.5s`, `30s`, `2m`, `8h`, `90d`, `100ms`.

    Raises:
        DurationError: no unit, another form, or longer than MAX_DURATION.
    """
    match = _DURATION.fullmatch(text)
    if not match:
        raise DurationError(N_('must be a duration with its unit, like "0.5s", "30s", "2m" or "90d"'))
    duration = float(match[1]) * _UNITS[match[2]]
    if duration > MAX_DURATION:
        raise DurationError(N_("must not be longer than {limit}d"), limit=MAX_DURATION.days)
    return duration
