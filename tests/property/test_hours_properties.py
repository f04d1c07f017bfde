"""Properties of opening hours under clock steps, restarts, failures and people."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.arming.hours import SLACK, Standing
from agent.findings import Phase
from tests.branch_hours import OPENING, BranchHours

MINUTE = timedelta(minutes=1)
DAILY = replace(OPENING, weekends="08:30-17:30", holidays="08:30-17:30")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(min_value=1, max_value=600)),
        st.tuples(st.just("disarm"), st.just(0)),
        st.tuples(st.just("arm"), st.just(0)),
        st.tuples(st.just("fails"), st.sampled_from([0, 1])),
        st.tuples(st.just("agent"), st.integers(min_value=0, max_value=30)),
        st.tuples(st.just("machine"), st.integers(min_value=1, max_value=3000)),
        st.tuples(st.just("clock"), st.integers(min_value=-2000, max_value=2000)),
    ),
    max_size=25,
)


def do(branch: BranchHours, step: str, number: int) -> None:
    """One step of somebody, of the machine or of its clock."""
    match step:
        case "wait":
            branch.after(number * MINUTE)
        case "disarm":
            branch.disarm()
        case "arm":
            branch.arm()
        case "fails":
            branch.can_arm = not number
        case "agent":
            branch.restart(number * MINUTE, same_boot=True)
        case "machine":
            branch.restart(number * MINUTE)
        case _:
            branch.step_clock(number * MINUTE)


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_every_beginning_has_one_end_and_none_stands_over_its_contrary(steps: list[tuple[str, int]]) -> None:
    """Whatever the clock does: late and not opened begin and end in turn, and never both stand."""
    branch = BranchHours("2026-11-20 12:00", DAILY)
    for step, number in steps:
        do(branch, step, number)
        standing: dict[str, int] = {}
        for finding in branch.findings:
            if finding.phase is not Phase.TOLD:
                standing[finding.kind] = standing.get(finding.kind, 0) + (1 if finding.phase is Phase.RAISED else -1)
                assert standing[finding.kind] in {0, 1}
        if branch.standing is Standing.ARMED:
            assert not standing.get("partition.late_to_close")
        if branch.standing is Standing.DISARMED:
            assert not standing.get("partition.failed_to_open")


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_no_clock_step_and_no_restart_costs_the_evening_that_follows(steps: list[tuple[str, int]]) -> None:
    """Once the clock stands still and people leave in the afternoon, the evening's arming comes within its warning."""
    branch = BranchHours("2026-11-20 12:00", DAILY)
    for step, number in steps:
        do(branch, step, number)
    branch.can_arm = True
    branch.exit_delay = timedelta(seconds=60)
    day = (branch.clock.now() + timedelta(hours=32)).date()
    branch.until(f"{day} 14:00")
    branch.disarm()
    branch.asked.clear()
    branch.until(f"{day} 20:42")
    assert len(branch.asked) == 1
    assert branch.standing is Standing.ARMED


@given(
    st.lists(st.tuples(st.integers(min_value=-25, max_value=25), st.integers(min_value=1, max_value=60)), max_size=12),
    st.lists(st.booleans(), max_size=12),
)
@settings(max_examples=200, deadline=None)
def test_small_steps_of_the_clock_arm_no_evening_twice(clock: list[tuple[int, int]], restarts: list[bool]) -> None:
    """As long as it goes back by less than SLACK in all, staff that come in again after the arming are left alone."""
    branch = BranchHours("2026-11-20 08:40", DAILY)
    branch.until("2026-11-20 20:42")
    branch.disarm()
    back = timedelta(0)
    for (step, wait), again in zip(clock, [*restarts, *[False] * len(clock)], strict=False):
        by = step * MINUTE
        if back - by < SLACK - MINUTE:
            back = max(timedelta(0), back - by)
            branch.step_clock(by)
        if again:
            branch.restart(MINUTE, same_boot=True)
        if branch.clock.now() + wait * MINUTE < BranchHours("2026-11-21 07:00").clock.now():
            branch.after(wait * MINUTE)
    assert len(branch.asked) == 1
