"""How much one person is told: ten notices in ten minutes, the gravest never counted. Pure.

What is beyond waits and leaves as one digest with a count, every two minutes. Nothing is lost: a held notice is a row
of its own that names its digest. Flow: queueing.py -> here.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from collector.notify.records import Sort, Wanted

MOST: Final = 10
WITHIN_MS: Final = 10 * 60_000
DIGEST_MS: Final = 2 * 60_000
"""From the first notice that is held back to the digest."""

GRAVEST: Final = 1
"""Notices of this level are never held back."""


def counts(sort: Sort, level: int) -> bool:
    """Whether such a notice is one of the ten, and may be held back."""
    return level > GRAVEST and sort in (Sort.ALARM, Sort.REMINDER)


def hold_back(wanted: Sequence[Wanted], so_far: Mapping[str, int], waiting: frozenset[str]) -> tuple[bool, ...]:
    """For each of `wanted`, whether it is held back.

    `so_far` is what each person got within WITHIN_MS; to whoever is `waiting` for a digest everything goes into it,
    so that nothing overtakes. The gravest leave first, whatever their place.
    """
    left = {person: 0 if person in waiting else max(0, MOST - so_far.get(person, 0)) for person in _people(wanted)}
    held = [False] * len(wanted)
    for index in sorted(range(len(wanted)), key=lambda index: wanted[index].level):
        asked = wanted[index]
        if not asked.person or not counts(asked.sort, asked.level):
            continue
        if left[asked.person] > 0:
            left[asked.person] -= 1
        else:
            held[index] = True
    return tuple(held)


def _people(wanted: Sequence[Wanted]) -> set[str]:
    return {asked.person for asked in wanted if asked.person}
