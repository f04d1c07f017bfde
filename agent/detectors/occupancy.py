"""How many people are in an area: a count that holds for 2 s, in either direction. Pure.

A model misses somebody in one look and takes a coat for a person in another: so a number is believed when it was seen
for HELD, with holes of at most HOLE while it rises. `since` is when it was first seen, not when it was believed. Before
HELD has passed, and after nobody looked, nothing is known.
"""

from datetime import timedelta
from typing import Final

import msgspec

from agent.signals import Moment

HELD: Final = timedelta(seconds=2)
HOLE: Final = timedelta(seconds=1)
"""A look that misses somebody does not make the counting begin anew."""

STALE: Final = timedelta(seconds=7)
"""Without a look for so long nobody knows who is there; where all is quiet one comes every 4 to 5 s."""

FRESH: Final = timedelta(seconds=3)
"""Where somebody is, looks come twice a second: an older one is no proof of who is there now."""


class Occupancy(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one area."""

    count: int = 0
    since: Moment | None = None  # when `count` was first seen; None: nothing is known yet
    began: Moment | None = None  # the first look
    looked: Moment | None = None  # the latest
    over_since: Moment | None = None  # more than `count` are seen
    over_seen: Moment | None = None  # ... most recently
    over_least: int = 0
    under_since: Moment | None = None  # fewer than `count` are seen
    under_most: int = 0


def observe(state: Occupancy, seen: int, at: Moment, held: timedelta = HELD, *, faint: int = 0) -> Occupancy:
    """One look in which so many were seen, and `faint` more that are uncertain: these hold a count, and raise none."""
    if state.looked is None or state.began is None or at.since(state.looked) > STALE:
        state = Occupancy(began=at)
    return _next(state, seen, seen + faint, at, held)


def forgotten(state: Occupancy, now: Moment) -> Occupancy:
    """The same when no look came: what is older than STALE is known no longer."""
    return Occupancy() if state.looked and now.since(state.looked) > STALE else state


def is_fresh(state: Occupancy, now: Moment) -> bool:
    """Whether the latest look tells of now."""
    return state.looked is not None and now.since(state.looked) <= (FRESH if state.count else STALE)


def _next(state: Occupancy, seen: int, most: int, at: Moment, held: timedelta) -> Occupancy:
    began = state.began or at
    over_since, over_seen, over_least = state.over_since, state.over_seen, state.over_least
    under_since, under_most = state.under_since, state.under_most
    if seen > state.count:
        over_least = min(over_least, seen) if over_since else seen
        over_since, over_seen = over_since or at, at
    elif over_seen and at.since(over_seen) > HOLE:
        over_since, over_seen, over_least = None, None, 0
    if most < state.count:
        under_most = max(under_most, most) if under_since else most
        under_since = under_since or at
    else:
        under_since, under_most = None, 0
    count, since = state.count, state.since
    if over_since and over_seen == at and at.since(over_since) >= held:
        count, since = over_least, over_since
    elif under_since and at.since(under_since) >= held:
        count, since = under_most, under_since
    elif since is None and at.since(began) >= held and over_since is None:
        since = began
    if (count, since) != (state.count, state.since):
        over_since, over_seen, over_least, under_since, under_most = None, None, 0, None, 0
    return Occupancy(
        count=count,
        since=since,
        began=began,
        looked=at,
        over_since=over_since,
        over_seen=over_seen,
        over_least=over_least,
        under_since=under_since,
        under_most=under_most,
    )
