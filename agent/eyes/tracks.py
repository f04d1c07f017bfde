"""Boxes of one look joined with those of the looks before. Pure; a stand-in of the tracker."""

import msgspec

from agent.video.words import Box, Thing


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """Something followed from look to look."""

    id: int
    thing: Thing
    box: Box
    since_ms: int
    seen_ms: int


class Tracks(msgspec.Struct, frozen=True, kw_only=True):
    """All of one camera."""

    tracks: tuple[Track, ...] = ()
    next_id: int = 1


def follow(state: Tracks, boxes: tuple[Box, ...], at_ms: int) -> Tracks:
    """The state after one look."""
    left = [track for track in state.tracks if at_ms - track.seen_ms <= 2000]
    kept: list[Track] = []
    next_id = state.next_id
    for box in sorted(boxes, key=lambda box: -box.score):
        best = max(left, key=lambda track: _overlap(track.box, box), default=None)
        if best is not None and best.thing is box.thing and _overlap(best.box, box) > 0.2:
            left.remove(best)
            kept.append(msgspec.structs.replace(best, box=box, seen_ms=at_ms))
        elif box.score >= 0.5:
            kept.append(Track(id=next_id, thing=box.thing, box=box, since_ms=at_ms, seen_ms=at_ms))
            next_id += 1
    return Tracks(tracks=(*kept, *left), next_id=next_id)


def _overlap(a: Box, b: Box) -> float:
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    both = (a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top)
    return width * height / (both - width * height)
