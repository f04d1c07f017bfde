"""Whatever boxes come, tracks keep their promises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.people.tracks import KEPT_MS, Tracks, follow
from agent.video.words import CERTAIN, Box, Thing

SHARE = st.floats(0, 1, width=32)
BOXES = st.builds(
    lambda thing, score, x, y, w, h: Box(thing, score, x, y, min(1.0, x + w), min(1.0, y + h)),
    st.sampled_from(Thing),
    st.floats(0.25, 1, width=32),
    SHARE,
    SHARE,
    SHARE,
    SHARE,
)
LOOKS = st.lists(st.tuples(st.integers(0, 4000), st.lists(BOXES, max_size=6)), max_size=12)


@given(LOOKS)
def test_tracks_keep_their_promises(looks: list[tuple[int, list[Box]]]) -> None:
    """Each box has one track, each track one box; identities are never used again; the certain are all followed."""
    state, at_ms, given_out = Tracks(), 0, set[int]()
    for gap_ms, boxes in looks:
        at_ms += gap_ms
        before = {track.id for track in (*state.tracks, *state.maybe)}
        state = follow(state, boxes, at_ms)
        everyone = [*state.tracks, *state.maybe]
        numbers = [track.id for track in everyone]
        assert len(set(numbers)) == len(numbers)
        assert not (set(numbers) - before) & given_out
        given_out |= set(numbers)
        assert all(at_ms - track.seen_ms <= KEPT_MS and track.since_ms <= track.seen_ms for track in everyone)
        seen = [track for track in everyone if track.seen_ms == at_ms]
        assert len(seen) >= len(boxes)
        counted = [track.box for track in state.tracks]
        assert all(box in counted for box in boxes if box.score >= CERTAIN)
