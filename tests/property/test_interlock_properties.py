"""Properties of the watch over random sequences of doors, releases, silence, time and restarts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.findings import Finding, Phase
from tests.branch import AT_REST, Branch

TOLERANCE_MS = 500
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["door/outer", "door/inner"]),
        st.sampled_from(["open", "closed"]),
        st.integers(min_value=1, max_value=1200).filter(lambda ms: ms != TOLERANCE_MS),
    ),
    max_size=25,
)
ANYTHING = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["door/outer", "door/inner"]), st.sampled_from(["open", "closed", "unknown"])),
        st.tuples(st.just("release/vestibule"), st.sampled_from(["active", "normal", "unknown"])),
        st.tuples(st.just("key/inner"), st.sampled_from(["active", "normal", "unknown"])),
        st.tuples(st.just("zone/cash-motion"), st.sampled_from(["active", "normal", "unknown"])),
        st.tuples(st.just("device/io1"), st.sampled_from(["online", "offline"])),
        st.tuples(st.sampled_from(["exit/outer", "exit/inner"]), st.sampled_from(["active", "normal"])),
        st.tuples(st.just("wait"), st.sampled_from(["0.1", "0.5", "31", "700"])),
        st.tuples(st.just("restart"), st.sampled_from(["agent", "machine"])),
    ),
    max_size=40,
)


def paired(findings: list[Finding]) -> dict[tuple[str, str], int]:
    """Beginnings minus ends of every condition; fails when one begins twice or ends without having begun."""
    standing: dict[tuple[str, str], int] = {}
    for finding in findings:
        if finding.phase is Phase.TOLD:
            continue
        key = (finding.kind, finding.source)
        standing[key] = standing.get(key, 0) + (1 if finding.phase is Phase.RAISED else -1)
        assert standing[key] in {0, 1}, finding
    return standing


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_dual_open_is_raised_exactly_when_the_overlap_outlasts_the_tolerance(steps: list[tuple[str, str, int]]) -> None:
    """One breach for each overlap longer than its tolerance, none for a shorter one."""
    branch = Branch()
    states = dict.fromkeys(("door/outer", "door/inner"), "closed")
    together_ms, expected = 0, 0
    for point, state, wait_ms in steps:
        states[point] = state
        if set(states.values()) != {"open"}:
            together_ms = 0
        branch.say({point: state})
        branch.after(wait_ms / 1000)
        if set(states.values()) == {"open"}:
            expected += together_ms < TOLERANCE_MS <= together_ms + wait_ms
            together_ms += wait_ms
    raised = [each for each in branch.findings if each.kind == "door.dual_open" and each.phase is Phase.RAISED]
    assert len(raised) == expected


@given(ANYTHING)
@settings(max_examples=200, deadline=None)
def test_every_beginning_has_exactly_one_end(steps: list[tuple[str, str]]) -> None:
    """Whatever happens, also silence and restarts: no condition begins twice, ends twice, or stands at rest."""
    branch = Branch()
    for point, state in steps:
        if point == "wait":
            branch.after(float(state))
        elif point == "restart":
            branch.restart(1, same_boot=state == "agent")
            branch.after(0)
        else:
            branch.say({point: state})
        if branch.decision.wake_at is not None:
            assert branch.decision.wake_at > branch.clock.mono_ms(), "a deadline in the past would never end"
    paired(branch.findings)
    branch.say(AT_REST)
    assert set(paired(branch.findings).values()) <= {0}


@given(ANYTHING)
@settings(max_examples=100, deadline=None)
def test_two_doors_are_never_released_at_once(steps: list[tuple[str, str]]) -> None:
    """No sequence of buttons, doors and restarts makes the agent hold both locks of an interlock open."""
    branch = Branch()
    held: dict[str, str] = {}
    for point, state in steps:
        if point == "wait":
            branch.after(float(state))
        elif point == "restart":
            branch.restart(1, same_boot=state == "agent")
        else:
            branch.say({point: state})
        for write in branch.writes:
            held[write.point] = str(write.state)
            assert sum(state == "unlocked" for state in held.values()) <= 1
        branch.writes.clear()
