"""Who is who from look to look: boxes become tracks, each with an identity that is not used again in a run. Pure.

Greedy overlap in two stages, certain boxes first, then the uncertain ones for tracks that found none; after both, what
is near enough to be the same. A track moves on at its speed while it is not seen, and is attached again within
`KEPT_MS`. It counts from its first certain box on, and dates back to the uncertain ones that led to it. What moves
without a model (`Thing.MOVING`) goes with any thing. Identities serve dwell only; counts go by boxes (docs/eyes.md 6).

    tracks = follow(tracks, look.boxes, look.at_ms)
    seen = [track for track in tracks.tracks if track.seen_ms == look.at_ms]
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from agent.video.words import CERTAIN, Box, Thing

KEPT_MS: Final = 2000
"""So long a track is kept without being seen."""

UNWATCHED_MS: Final = 7000
"""So long a track of the look before is kept where nobody looked since: an eye that is quiet, or a box that is busy,
looks every few seconds. Then only who is where he was is the same."""

OVERLAP: Final = 0.2
"""Two looks a second apart of somebody who walks overlap by a third or less."""

NEAR: Final = 2.0
"""Where nothing overlaps: how far from its guess, in sizes of its box, somebody may be found again after a second or
more. Who walks through a hall is a whole box further after half a second."""

SPEED_KEPT: Final = 0.3
"""Of the old speed in the new one: boxes tremble."""


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
    """All that are followed; who was seen in this look has its `seen_ms`. `maybe`: those without a certain box yet."""

    tracks: tuple[Track, ...] = ()
    maybe: tuple[Track, ...] = ()
    next_id: int = 1
    looked_ms: int | None = None


def follow(state: Tracks, boxes: Iterable[Box], at_ms: int) -> Tracks:
    """One look further."""
    before = [track for track in (*state.tracks, *state.maybe) if _is_kept(track, state.looked_ms, at_ms)]
    known = {track.id for track in state.tracks}
    found = sorted(boxes, key=lambda box: -box.score)
    joined = _joined(before, found, at_ms)
    missed = [track for number, track in enumerate(before) if number not in joined.values()]
    after = [track for track in missed if at_ms - track.seen_ms <= KEPT_MS]
    next_id = state.next_id
    for place, box in enumerate(found):
        if place in joined:
            track = _moved(before[joined[place]], box, at_ms)
        else:
            track = Track(id=next_id, thing=box.thing, box=box, since_ms=at_ms, seen_ms=at_ms)
            next_id += 1
        after.append(track)
        if box.score >= CERTAIN:
            known.add(track.id)
    after.sort(key=lambda track: track.id)
    return Tracks(
        tracks=tuple(track for track in after if track.id in known),
        maybe=tuple(track for track in after if track.id not in known),
        next_id=next_id,
        looked_ms=at_ms,
    )


def _is_kept(track: Track, looked_ms: int | None, at_ms: int) -> bool:
    return at_ms - track.seen_ms <= (UNWATCHED_MS if track.seen_ms == looked_ms else KEPT_MS)


def _joined(tracks: list[Track], found: list[Box], at_ms: int) -> dict[int, int]:
    """Place of a box -> number of its track."""
    guesses = [guess(track, at_ms) for track in tracks]
    places = range(len(found))
    certain = [place for place in places if found[place].score >= CERTAIN]
    uncertain = [place for place in places if found[place].score < CERTAIN]
    free, joined = set(range(len(tracks))), dict[int, int]()
    for stage, fit in ((certain, overlap), (uncertain, overlap), (certain, nearness), (uncertain, nearness)):
        pairs = [
            (-score, number, place)
            for number in free
            for place in stage
            if place not in joined
            and _may_be(tracks[number], found[place])
            and (score := fit(guesses[number], found[place], at_ms - tracks[number].seen_ms)) > 0
        ]
        for _, number, place in sorted(pairs):
            if number in free and place not in joined:
                joined[place] = number
                free.remove(number)
    return joined


def guess(track: Track, at_ms: int) -> Box:
    """Where it is by now, if it moves on as it did; after long, where it was."""
    passed_ms = at_ms - track.seen_ms
    seconds = passed_ms / 1000 if passed_ms <= KEPT_MS else 0.0
    across, down = (each * seconds for each in track.speed)
    box = track.box
    return msgspec.structs.replace(
        box, left=box.left + across, right=box.right + across, top=box.top + down, bottom=box.bottom + down
    )


def share(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (_area(one) + _area(other) - width * height)


def overlap(one: Box, other: Box, _gap_ms: int) -> float:
    """Their share; 0 where it is less than counts."""
    found = share(one, other)
    return found if found >= OVERLAP else 0.0


def nearness(one: Box, other: Box, gap_ms: int) -> float:
    """1 at the same place, 0 too far to be the same after so long; sizes must be alike."""
    size, other_size = _area(one) ** 0.5, _area(other) ** 0.5
    if not 0 < other_size / 2 <= size <= 2 * other_size:
        return 0.0
    (x, y), (u, v) = _middle(one), _middle(other)
    reach = NEAR * max(size, other_size) * min(gap_ms, 1000) / 1000 if gap_ms <= KEPT_MS else 0.0
    return max(0.0, 1 - ((x - u) ** 2 + (y - v) ** 2) ** 0.5 / reach) if reach > 0 else 0.0


def _may_be(track: Track, box: Box) -> bool:
    return track.thing is box.thing or Thing.MOVING in {track.thing, box.thing}


def _moved(track: Track, box: Box, at_ms: int) -> Track:
    seconds = (at_ms - track.seen_ms) / 1000
    speed = track.speed
    if seconds > 0:
        (x, y), (u, v) = _middle(track.box), _middle(box)
        new = ((u - x) / seconds, (v - y) / seconds)
        kept = SPEED_KEPT if track.looks > 1 else 0.0
        speed = (kept * speed[0] + (1 - kept) * new[0], kept * speed[1] + (1 - kept) * new[1])
    thing = track.thing if box.thing is Thing.MOVING else box.thing
    return msgspec.structs.replace(track, thing=thing, box=box, seen_ms=at_ms, looks=track.looks + 1, speed=speed)


def _middle(box: Box) -> tuple[float, float]:
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


def _area(box: Box) -> float:
    return max(0.0, box.right - box.left) * max(0.0, box.bottom - box.top)
