"""Clocks of cameras and recorders that are off, and a box whose own clock cannot be believed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent.detectors.clock_drift import DriftState, observe
from agent.findings import Phase
from agent.signals import Moment
from tests.clock import Clock


def told(state: DriftState, off_s: float, clock: Clock, *, suspect: bool = False) -> tuple[DriftState, list[Phase]]:
    """One measurement."""
    now = Moment(wall=clock.now(), mono_ms=clock.mono_ms())
    state, found = observe(state, "camera/03", timedelta(seconds=off_s), now, suspect=suspect)
    assert all(each.kind == "device.clock_drift" and each.source == "camera/03" for each in found)
    return state, [each.phase for each in found]


@pytest.mark.parametrize("off_s", [5.1, -5.1, 3600, -86400 * 60])
def test_over_five_seconds_is_told_once(off_s: float, clock: Clock) -> None:
    """Fast or slow, by seconds or by months; the event says by how much."""
    state, phases = told(DriftState(), off_s, clock)
    assert phases == [Phase.RAISED]
    assert told(state, off_s, clock)[1] == []


@pytest.mark.parametrize("off_s", [0, 2.9, -2.9, 3, 5, -5])
def test_up_to_five_seconds_is_not_told(off_s: float, clock: Clock) -> None:
    """Whole seconds and a slow network are no drift."""
    assert Phase.RAISED not in told(DriftState(), off_s, clock)[1]


def test_between_three_and_five_seconds_what_stands_stands(clock: Clock) -> None:
    """A clock at the limit does not flutter."""
    state, _ = told(DriftState(), 6, clock)
    state, phases = told(state, 4, clock)
    assert phases == []
    assert told(state, 2, clock)[1] == [Phase.ENDED]


def test_a_box_that_does_not_believe_its_own_clock_accuses_nobody(clock: Clock) -> None:
    """Sixteen cameras are not an hour off because the box is; and what was told is not taken back."""
    state, phases = told(DriftState(), 3600, clock, suspect=True)
    assert phases == []
    state, phases = told(state, 3600, clock)
    assert phases == [Phase.RAISED]
    assert told(state, 0, clock, suspect=True)[1] == []
