"""Properties of reporting over random findings: restores pair with their events, and chatter stays bounded."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from agent import reporting
from agent.findings import Finding, Phase
from agent.reporting import FLUTTER_QUIET, HELD_BACK_MAX, Draft, ReportingState
from tests.branch import moment

KINDS = ["door.forced", "door.dual_open", "device.offline"]
STEP = st.tuples(st.sampled_from(KINDS), st.booleans(), st.integers(0, 15_000)).map(lambda step: [step])
CHATTER = st.builds(
    lambda kind, turns, hold_ms, then_ms: [
        *((kind, turn % 2 == 0, hold_ms) for turn in range(2 * turns)),
        (kind, True, then_ms),
    ],
    st.sampled_from(KINDS),
    st.integers(2, 20),
    st.integers(1, 2_000),
    st.integers(0, 700_000),
)
STEPS = st.lists(STEP | CHATTER, max_size=40).map(lambda parts: [step for part in parts for step in part])


def play(steps: list[tuple[str, bool, int]]) -> tuple[ReportingState, list[Draft], dict[str, int], int]:
    """Run the steps as a detector would; returns what is really active and since when, too."""
    state, drafts, ids = ReportingState(), list[Draft](), count(1)
    active: dict[str, int] = {}
    now_ms = 0

    def look(findings: list[Finding]) -> None:
        nonlocal state
        state, made = reporting.report(state, findings, moment(now_ms), lambda: f"e{next(ids)}")
        drafts.extend(made)

    for kind, begins, wait_ms in steps:
        if begins != (kind in active):
            if begins:
                active[kind] = now_ms
            else:
                del active[kind]
            phase = Phase.RAISED if begins else Phase.ENDED
            look([Finding(kind=kind, source="door/outer", phase=phase, at=moment(now_ms))])
        end_ms = now_ms + wait_ms
        while (due := reporting.wake_at(state)) is not None and due <= end_ms:
            now_ms = due
            look([])
        now_ms = end_ms
    return state, drafts, active, now_ms


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_restores_pair_with_what_they_end(steps: list[tuple[str, bool, int]]) -> None:
    """Every restore names one earlier event of its kind, once; what is not restored is what is remembered as active."""
    state, drafts, _, _ = play(steps)
    open_events: dict[str, str] = {}
    for draft in drafts:
        if draft.restores is None:
            open_events[draft.id] = draft.kind
        else:
            assert open_events.pop(draft.restores) == draft.kind.removesuffix(".restored")
    told = {event for event, kind in open_events.items() if kind != "device.flutter"}
    assert told == set(state.active().values())


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_nothing_that_lasts_stays_hidden(steps: list[tuple[str, bool, int]]) -> None:
    """A security condition is told within ten seconds, a fault with the end of its chatter."""
    state, _, active, now_ms = play(steps)
    told = {kind for kind, _ in state.active()}
    for kind, since_ms in active.items():
        limit = FLUTTER_QUIET if kind == "device.offline" else HELD_BACK_MAX
        if timedelta(milliseconds=now_ms - since_ms) > limit:
            assert kind in told


@given(st.lists(st.integers(1, 5_000), min_size=50, max_size=300))
@settings(max_examples=50, deadline=None)
def test_chatter_is_bounded(holds_ms: list[int]) -> None:
    """However a door chatters below ten seconds, in any ten minutes no more than ten beginnings are told."""
    steps = [("door.forced", index % 2 == 0, hold_ms) for index, hold_ms in enumerate(holds_ms)]
    _, drafts, _, _ = play(steps)
    begun = [draft.at.mono_ms for draft in drafts if draft.kind == "door.forced"]
    for index, at_ms in enumerate(begun):
        assert sum(at_ms <= other <= at_ms + 600_000 for other in begun[index:]) <= 10
