"""What goes to the centre first, how fast, and what each of its answers means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.evidence.describing import Description
from agent.evidence.queueing import (
    FIRST_WAIT_MS,
    LONGEST_WAIT_MS,
    MAX_PIECE_BYTES,
    Step,
    Waiting,
    answered,
    goes_before,
    next_of,
    paced,
    pause_ms,
    piece_bytes,
    waiting_of,
)
from protocol.uploads import MEDIA_OF, MIN_PIECE_BYTES

KINDS = ("still", "clip", "reference")
EVENT = "019af6a5-0000-7000-8000-{:012x}"


def described(kind: str = "clip", *, urgent: bool = True, second: int = 0, size: int = 1_000_000) -> Description:
    """A sealed picture."""
    return Description(
        slot=f"{EVENT.format(second)}-1",
        owner=EVENT.format(second),
        camera="01",
        kind=kind,  # type: ignore[arg-type]
        about="door.forced",
        level=2 if urgent else 4,
        urgent=urgent,
        at=f"2026-11-21T02:13:{second:02d}.000Z",
        sha256="0" * 64,
        bytes=size,
        media_type=MEDIA_OF[kind],
        since="2026-11-21T02:13:49.000Z",
        until="2026-11-21T02:13:49.000Z",
    )


def test_stills_before_clips_urgent_before_routine_new_before_old() -> None:
    """The order of docs/eyes.md 8, whole."""
    wanted = [
        ("still", True, 9),
        ("reference", True, 3),
        ("still", False, 8),
        ("still", False, 2),
        ("clip", True, 7),
        ("clip", True, 1),
        ("clip", False, 6),
    ]
    files = [waiting_of(described(kind, urgent=urgent, second=second), asked=False) for kind, urgent, second in wanted]
    left, order = files[::-1], []
    while left:
        first = next_of(left, 0)
        assert first is not None
        order.append(first)
        left.remove(first)
    assert order == files


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["still", "clip", "reference"]), st.booleans(), st.integers(0, 59), st.integers(0, 9)
        ),
        max_size=12,
    ),
    st.integers(0, 9),
)
def test_nothing_goes_before_its_time_and_nothing_ready_is_passed_over(
    made: list[tuple[str, bool, int, int]], now: int
) -> None:
    """Whoever goes may go, and no ready still waits behind a clip."""
    files = [
        Waiting(description=described(kind, urgent=urgent, second=second), at_ms=second, not_before_ms=not_before)
        for kind, urgent, second, not_before in made
    ]
    first = next_of(files, now)
    ready = [each for each in files if each.not_before_ms <= now]
    assert (first is None) == (not ready)
    if first is not None:
        assert first in ready
        assert all(first.rank <= each.rank for each in ready)
        assert not any(goes_before(each, first) for each in ready)


def test_a_clip_that_was_begun_is_finished_before_another_is_begun() -> None:
    """A storm of clips leaves one part at the centre, not one each; an urgent one still goes before a routine one."""
    old = Waiting(description=described(urgent=False, second=1), at_ms=1, have=100_000)
    new = Waiting(description=described(urgent=False, second=9), at_ms=9)
    urgent = Waiting(description=described(second=2), at_ms=2)
    still = Waiting(description=described("still", urgent=False, second=3), at_ms=3)
    assert next_of([new, old], 0) == old
    assert next_of([new, old, urgent], 0) == urgent
    assert next_of([new, old, urgent, still], 0) == still


def test_a_clip_goes_in_pieces_of_a_quarter_second_and_a_still_whole() -> None:
    """A new still waits for little, and no piece is smaller or larger than the protocol takes."""
    clip = waiting_of(described(size=10_000_000), asked=False)
    assert piece_bytes(clip, 2000) == 62_500
    assert piece_bytes(clip, 64) == MIN_PIECE_BYTES
    assert piece_bytes(clip, 1_000_000) == MAX_PIECE_BYTES
    assert piece_bytes(waiting_of(described("still", size=300_000), asked=False), 64) == 300_000
    assert piece_bytes(waiting_of(described(size=100), asked=False), 64) == 100


def test_the_pace_is_the_sites_own_rate() -> None:
    """Bytes that were sent push the next piece back by their time at that rate."""
    assert paced(0, 250_000, 2000, 5_000) == 6_000
    assert paced(7_000, 250_000, 2000, 5_000) == 8_000


@pytest.mark.parametrize(
    ("status", "have", "step", "then"),
    [
        (201, 1_000_000, Step.SENT, 0),
        (200, 1_000_000, Step.SENT, 0),
        (200, 500_000, Step.GO_ON, 500_000),
        (409, 300_000, Step.GO_ON, 300_000),
        (200, 100_000, Step.WAIT, 100_000),
        (200, 2_000_000, Step.WAIT, None),
        (200, None, Step.WAIT, None),
        (404, None, Step.WAIT, 100_000),
        (410, None, Step.UNWANTED, 100_000),
        (413, None, Step.REFUSED, 100_000),
        (422, None, Step.WAIT, 0),
        (401, None, Step.PAUSE, 100_000),
        (429, None, Step.WAIT, 100_000),
        (503, None, Step.PAUSE, 100_000),
        (500, None, Step.WAIT, None),
        (302, None, Step.WAIT, None),
    ],
)
def test_each_answer_has_its_meaning(status: int, have: int | None, step: Step, then: int | None) -> None:
    """Go on, wait, pause or be done: an answer that nobody expects makes us ask what is there."""
    file = Waiting(description=described(), at_ms=0, have=100_000)
    found = answered(file, status, have, None, 50_000)
    assert found.step is step
    assert step is Step.SENT or found.file.have == then
    assert (step is not Step.WAIT) or found.file.not_before_ms > 50_000


def test_a_peer_that_leads_in_circles_is_asked_ever_more_seldom() -> None:
    """409 back and forth, and the wrong hash again and again, end in waiting and in giving up, not in a storm."""
    file, waits = Waiting(description=described(), at_ms=0, have=100_000), 0
    for number in range(10):
        found = answered(file, 409, 100 + number % 2, None, 0)
        file, waits = found.file, waits + (found.step is Step.WAIT)
    assert waits >= 9
    assert file.not_before_ms == LONGEST_WAIT_MS
    file = Waiting(description=described(), at_ms=0)
    steps = []
    for _ in range(3):
        found = answered(file, 422, None, None, 0)
        file = found.file
        steps.append(found.step)
    assert steps == [Step.WAIT, Step.WAIT, Step.REFUSED]


def test_the_centres_own_wait_counts_and_failures_back_off() -> None:
    """Retry-After is kept to; without it and after failures waits double up to a minute."""
    file = Waiting(description=described(), at_ms=0)
    assert answered(file, 503, None, 30_000, 0).pause_ms == 30_000
    assert answered(file, 429, None, 30_000, 0).file.not_before_ms == 30_000
    assert answered(file, 503, None, None, 0).pause_ms == FIRST_WAIT_MS
    assert [pause_ms(failures) for failures in (1, 2, 3, 7, 2000)] == [1_000, 2_000, 4_000, 60_000, 60_000]
