"""China's public holidays by law, reckoned for any year by holidays: the one place that knows the library.

Only what the law itself names: which days are moved and which weekends are worked instead is published once a year.
"""

from datetime import date
from functools import cache

import holidays


def is_statutory(day: date) -> bool:
    """Whether the law makes this day a holiday."""
    return day in _of(day.year)


@cache
def _of(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("CN", years=year, observed=False))
