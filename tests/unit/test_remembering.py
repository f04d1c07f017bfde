"""What the run before left behind: read back whole, or told as lost, and never a reason to stand disarmed."""

from __future__ import annotations

import msgspec
import pytest

from agent.findings import Finding
from agent.guard import Guard
from agent.memory import SavedGuard
from agent.remembering import MEMORY_LOST, encode_armed, remembered_guard
from agent.signals import Signal, State
from tests.branch import site_of
from tests.guarded import CALM, SITE, Guarded

OTHER_SHAPE = b'{"arming":{"partitions":7}}'


def begun(branch: Guarded, memory: SavedGuard | None) -> tuple[Guard, tuple[Finding, ...]]:
    """The guard of the next run, once every point was read at rest; and what it found."""
    guard = Guard(site_of(SITE), memory, branch.now(), same_boot=True)
    calm = tuple(Signal(point=point, state=State(state), at=branch.now()) for point, state in CALM.items())
    return guard, guard.observe(calm, branch.now()).findings


def stands(guard: Guard) -> dict[str, State]:
    """How the partitions stand."""
    return {view.id: view.state for view in guard.points() if view.id.startswith("partition/")}


def left_by(branch: Guarded) -> tuple[bytes, bytes]:
    """Both memories of a run, as they are stored."""
    saved = branch.guard.saved()
    return msgspec.json.encode(saved), encode_armed(saved.arming)


def test_a_memory_that_can_be_read_is_all_there_is() -> None:
    """Nothing is told, and the partitions go on as they were."""
    branch = Guarded()
    branch.armed("cash")
    memory, lost = remembered_guard(*left_by(branch), branch.site, branch.now())
    assert (memory, lost) == (branch.guard.saved(), ())


@pytest.mark.parametrize(("mode", "state"), [("away", State.ARMED_AWAY), ("stay", State.ARMED_STAY)])
@pytest.mark.parametrize("torn", [OTHER_SHAPE, b"", b"{", b"\xff"])
def test_what_was_armed_stays_armed_whatever_became_of_the_memory(mode: str, state: State, torn: bytes) -> None:
    """Another version's shape, or damage: the armed partitions stand as they did, the disarmed one too."""
    branch = Guarded()
    branch.armed("cash", mode)
    _, armed = left_by(branch)
    memory, lost = remembered_guard(torn, armed, branch.site, branch.now())
    guard, found = begun(branch, memory)
    assert stands(guard) == {"partition/cash": state, "partition/lobby": State.DISARMED}
    assert [(each.kind, each.facts) for each in lost] == [(MEMORY_LOST, {"armed": ["cash"], "all": False})]
    assert not [each for each in found if each.kind.startswith(("zone.", "partition."))]


@pytest.mark.parametrize("armed", [None, b"", b"[1]", b'{"cash": 7}'])
def test_where_nothing_says_what_was_armed_all_is(armed: bytes | None) -> None:
    """A branch too much guarded is disarmed by people; one that nobody guards is robbed."""
    branch = Guarded()
    memory, lost = remembered_guard(OTHER_SHAPE, armed, branch.site, branch.now())
    guard, _ = begun(branch, memory)
    assert set(stands(guard).values()) == {State.ARMED_AWAY}
    assert lost[0].facts == {"armed": ["cash", "lobby"], "all": True}


def test_a_partition_that_is_leaving_stands_armed() -> None:
    """The exit delay is gone with the memory: it does not end in nothing."""
    branch = Guarded()
    branch.give("arm", partition="cash")
    memory, _ = remembered_guard(OTHER_SHAPE, left_by(branch)[1], branch.site, branch.now())
    guard, _ = begun(branch, memory)
    assert stands(guard)["partition/cash"] is State.ARMED_AWAY


def test_who_comes_in_then_is_an_alarm() -> None:
    """The rebuilt memory guards: a zone that acts in an armed partition is told."""
    branch = Guarded()
    branch.armed("cash")
    memory, _ = remembered_guard(OTHER_SHAPE, left_by(branch)[1], branch.site, branch.now())
    guard, _ = begun(branch, memory)
    glass = Signal(point="zone/glass", state=State.ACTIVE, at=branch.now())
    assert "zone.glass_break" in {each.kind for each in guard.observe((glass,), branch.now()).findings}


def test_a_first_run_remembers_nothing_and_tells_nothing() -> None:
    """A new box is no box that lost its memory."""
    branch = Guarded()
    assert remembered_guard(None, None, branch.site, branch.now()) == (None, ())
