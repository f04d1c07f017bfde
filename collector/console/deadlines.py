"""The response clock: by when a new alarm must be taken in hand (DOMAIN 3). Pure, data only.

It runs day and night and is never paused. What follows when it ends belongs to escalation.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

RESPONSE: Final[Mapping[int, timedelta]] = MappingProxyType(
    {
        1: timedelta(seconds=30),
        2: timedelta(seconds=60),
        3: timedelta(seconds=90),
        4: timedelta(minutes=10),
    }
)
"""Level -> time from the alarm's opening; level 5 has none."""

_MS: Final = timedelta(milliseconds=1)


def due_ms(level: int, opened_ms: int) -> int | None:
    """When an alarm of this level must be acknowledged, in Unix milliseconds; None when no clock runs."""
    response = RESPONSE.get(level)
    return None if response is None else opened_ms + response // _MS
