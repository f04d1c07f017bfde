"""China's official days off and working weekends, as chinesecalendar knows them: the one place that knows the library.

The State Council publishes a year's days in the November before; a release of the library follows some weeks later.
"""

from datetime import date
from typing import Final

from chinese_calendar import constants  # type: ignore[import-untyped]

_OFF: Final[frozenset[date]] = frozenset(constants.holidays)
_WORKED: Final[frozenset[date]] = frozenset(constants.workdays)

FIRST: Final = min(_OFF).year
LATEST: Final = max(_OFF).year
"""The last year that this release of the library knows whole."""


def knows(year: int) -> bool:
    """Whether the year's days are published and in the library."""
    return FIRST <= year <= LATEST


def is_off(day: date) -> bool:
    """A public holiday, or a day given free in its stead; also a weekend that falls into one."""
    return day in _OFF


def is_worked(day: date) -> bool:
    """A Saturday or Sunday that is worked in exchange."""
    return day in _WORKED
