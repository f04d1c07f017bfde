"""The flood meter: how many alarms a person was shown in ten minutes (ISA-18.2). Pure.

More than ten are a flood: nobody reads them any more. What a shelter keeps quiet is not shown, so it does not count.
Flow: console -> storage/flood.py counts -> here.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import msgspec

SPAN: Final = timedelta(minutes=10)
MOST: Final = 10
"""Alarms in the span that one person can read and judge."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What one person was shown."""

    person: str
    shown: int

    @property
    def flood(self) -> bool:
        """Whether it is more than a person can take in."""
        return self.shown > MOST


def since_ms(now_ms: int) -> int:
    """The beginning of the span that ends now."""
    return now_ms - SPAN // timedelta(milliseconds=1)


def loads(shown: Iterable[tuple[str, int]]) -> tuple[Load, ...]:
    """Each person's load, the heaviest first."""
    made = [Load(person=person, shown=count) for person, count in shown]
    return tuple(sorted(made, key=lambda load: (-load.shown, load.person)))
