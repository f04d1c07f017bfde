"""The counter of births and beats: it rises across restarts, and even over the loss of the store. Pure.

Numbers are reserved in blocks, so that a beat needs no write; what a stop leaves unused is skipped. A fresh store
starts at the Unix time in seconds, above every number that one beat a second could have used before.
"""

from dataclasses import dataclass, replace
from typing import Final

BLOCK: Final = 10_000
"""Numbers reserved at once: 14 hours of beats at a key site."""

LOW: Final = 1_000
"""The next block is reserved when this few are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """The last number used, and the end of the block that is safely on the disk."""

    last: int
    reserved: int

    @property
    def is_low(self) -> bool:
        """Whether a new block must be reserved and stored."""
        return self.reserved - self.last < LOW


def started(saved: bytes | None, unix_s: int) -> Counter:
    """The counter of a new run; its block must be stored before the first number is used."""
    before = int(saved) if saved and saved.isdigit() else 0
    first = max(before, unix_s, 0)
    return Counter(last=first, reserved=first + BLOCK)


def next_number(counter: Counter) -> Counter:
    """With one number more in use."""
    return replace(counter, last=counter.last + 1)


def reserve(counter: Counter) -> Counter:
    """With the next block, which must be stored now."""
    return replace(counter, reserved=counter.last + BLOCK)
