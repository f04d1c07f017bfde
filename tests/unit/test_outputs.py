"""Locks and sirens that are held for a while, through restarts and modules that forget."""

from __future__ import annotations

import pytest

from agent import outputs
from agent.signals import State
from tests.branch import AT_REST, Branch, moment, told

UNLOCK = ("lock/outer", "unlocked")
LOCK = ("lock/outer", "locked")


def writes(branch: Branch) -> list[tuple[str, str]]:
    """What was written since the last call."""
    made = [(write.point, str(write.state)) for write in branch.writes]
    branch.writes.clear()
    return made


def test_an_exit_button_releases_its_lock_for_five_seconds() -> None:
    """Released at once, locked again in time, told as door.unlocked."""
    branch = Branch()
    assert told(branch.say({"exit/outer": "active"})) == ["door.unlocked"]
    assert writes(branch) == [UNLOCK]
    branch.after(4.999)
    assert writes(branch) == []
    branch.after(0.001)
    assert writes(branch) == [LOCK]
    branch.after(60)
    assert writes(branch) == []


def test_a_button_held_down_releases_once_and_a_second_press_longer() -> None:
    """An edge releases, not a level; pressing again extends."""
    branch = Branch()
    branch.say({"exit/outer": "active"})
    branch.after(3)
    branch.say({"exit/outer": "normal"})
    branch.say({"exit/outer": "active"})
    branch.after(4.9)
    assert writes(branch) == [UNLOCK]
    branch.after(0.1)
    assert writes(branch) == [LOCK]


def test_who_asks_for_less_makes_no_release_shorter() -> None:
    """A lock that lets go until a later time does so whoever presses the button meanwhile."""
    later, sooner = moment(30_000), moment(5_000)
    pulses = outputs.start({}, "lock/outer", State.UNLOCKED, State.LOCKED, later)
    pulses = outputs.start(pulses, "lock/outer", State.UNLOCKED, State.LOCKED, sooner)
    assert pulses["lock/outer"].until == later


def passing(seconds: float) -> Branch:
    """Somebody was released and stands in the open outer door for so long."""
    branch = Branch()
    branch.say({"exit/outer": "active"})
    branch.say({"door/outer": "open"})
    branch.after(seconds)
    writes(branch)
    return branch


@pytest.mark.parametrize("other", ["open", "unknown"])
def test_the_interlock_refuses_while_the_other_door_is_not_known_closed(other: str) -> None:
    """An exit button never makes a dual opening possible."""
    branch = Branch()
    branch.say({"lock/inner": "unlocked"})
    branch.say({"lock/inner": "locked", "door/inner": other})
    branch.say({"exit/outer": "active"})
    branch.after(10)
    assert writes(branch) == []


def test_the_interlock_refuses_while_the_other_lock_is_released() -> None:
    """Two buttons at once release one door."""
    branch = Branch()
    branch.say({"exit/outer": "active", "exit/inner": "active"})
    assert writes(branch) == [UNLOCK]
    branch = Branch()
    branch.say({"exit/outer": "active", "door/inner": "open"})
    assert UNLOCK not in writes(branch)


@pytest.mark.parametrize("same_boot", [True, False])
def test_a_restart_leaves_lock_and_timer_as_they_were(same_boot: bool) -> None:
    """FIELD-FAULTS row 2: neither triggered anew nor cut short, whether the agent or the machine restarted."""
    branch = Branch()
    branch.say({"exit/outer": "active"})
    branch.after(2)
    branch.restart(1, same_boot=same_boot)
    branch.after(0)
    branch.say(AT_REST | {"exit/outer": "active", "lock/outer": "unlocked"})
    branch.after(1.9)
    assert writes(branch) == []
    branch.after(0.2)
    assert writes(branch) == [LOCK]


def test_a_lock_is_locked_again_when_its_door_is_closed_again() -> None:
    """Who passed has passed: the release ends with the door's closing, and is not written again at its old end."""
    branch = passing(2)
    assert writes(branch) == []
    branch.say({"door/outer": "closed"})
    assert writes(branch) == [LOCK]
    branch.after(60)
    assert writes(branch) == []


def test_a_door_that_was_not_opened_keeps_its_release() -> None:
    """A contact that is read as closed ends nothing before somebody passed."""
    branch = Branch()
    branch.say({"exit/outer": "active"})
    branch.say({"door/outer": "unknown"}, cause="no answer")
    branch.say({"door/outer": "closed"})
    branch.after(4.9)
    assert writes(branch) == [UNLOCK]


def test_who_asks_while_the_door_is_open_has_not_passed_yet() -> None:
    """A second person's release is not cut short by the door falling shut behind the first."""
    branch = passing(1)
    branch.say({"exit/outer": "normal"})
    branch.say({"exit/outer": "active"})
    branch.say({"door/outer": "closed"})
    branch.after(4.9)
    assert writes(branch) == []
    branch.say({"door/outer": "open"})
    branch.say({"door/outer": "closed"})
    assert writes(branch) == [LOCK]


def test_a_closing_that_is_not_believed_yet_locks_nothing() -> None:
    """The bolt does not drive out while the contact still bounces."""
    branch = passing(1)
    branch.say({"door/outer": "open"}, settling=True)
    assert writes(branch) == []


def test_the_other_door_is_released_once_the_first_is_closed_and_locked_again() -> None:
    """The interlock waits for the bolt to be read back, not for the end of the release."""
    branch = passing(1)
    branch.say({"exit/inner": "active"})
    branch.say({"exit/inner": "normal"})
    branch.echo = False
    branch.say({"door/outer": "closed"})
    branch.say({"exit/inner": "active"})
    branch.say({"exit/inner": "normal"})
    assert writes(branch) == [LOCK]
    branch.say({"lock/outer": "locked"})
    branch.say({"exit/inner": "active"})
    assert writes(branch) == [("lock/inner", "unlocked")]


@pytest.mark.parametrize("same_boot", [True, False])
def test_a_restart_keeps_that_somebody_passed(same_boot: bool) -> None:
    """FIELD-FAULTS row 2: opened before the restart and closed after it locks; nothing else is cut short."""
    branch = passing(1)
    branch.restart(1, same_boot=same_boot)
    branch.say(AT_REST | {"exit/outer": "active", "lock/outer": "unlocked", "door/outer": "open"})
    branch.after(0.5)
    assert writes(branch) == []
    branch.say({"door/outer": "closed"})
    assert writes(branch) == [LOCK]


def test_a_restart_while_nobody_passed_cuts_nothing_short() -> None:
    """FIELD-FAULTS row 2: the first reading after a start is no closing."""
    branch = Branch()
    branch.say({"exit/outer": "active"})
    branch.restart(1)
    branch.say(AT_REST | {"exit/outer": "active", "lock/outer": "unlocked"})
    branch.after(3.9)
    assert writes(branch) == []
    branch.after(0.1)
    assert writes(branch) == [LOCK]


def test_a_siren_goes_on_through_a_restart() -> None:
    """FIELD-FAULTS row 2: the siren too, for what is left of its two minutes."""
    branch = Branch()
    branch.say({"door/outer": "open", "door/inner": "open"})
    branch.after(0.5)
    assert writes(branch) == [("output/hall", "on")]
    branch.restart(100, same_boot=False)
    still = AT_REST | {"door/outer": "open", "door/inner": "open", "output/hall": "on"}
    branch.say(still)
    branch.after(19)
    assert writes(branch) == []
    branch.after(1)
    assert writes(branch) == [("output/hall", "off")]


def test_an_end_that_passed_while_down_ends_at_once() -> None:
    """FIELD-FAULTS row 2: a lock is not left open because the agent was away at its end."""
    branch = Branch()
    branch.say({"exit/outer": "active"})
    branch.restart(60, same_boot=False)
    branch.echo = False
    branch.say({"device/io1": "online"})
    assert writes(branch) == [LOCK]
    branch.say({"lock/outer": "locked"})
    branch.after(60)
    assert writes(branch) == []


def test_a_wall_clock_that_went_back_does_not_hold_a_lock_longer() -> None:
    """After a restart of the machine only wall time is left, and it may be wrong: never longer than the pulse."""
    branch = Branch()
    branch.say({"exit/outer": "active"})
    branch.clock.set_wall(branch.clock.now().replace(year=2020))
    branch.restart(0, same_boot=False)
    branch.say(AT_REST | {"lock/outer": "unlocked"})
    branch.after(5)
    assert writes(branch) == [LOCK]


def test_a_module_that_forgot_is_written_again_and_the_end_until_it_is_read_back() -> None:
    """A module's restart does not silence the siren; a lost write does not leave a door unlocked."""
    branch = Branch()
    branch.say({"exit/outer": "active"})
    assert writes(branch) == [UNLOCK]
    branch.echo = False
    branch.after(2)
    branch.say({"lock/outer": "locked"})
    assert writes(branch) == [UNLOCK]
    branch.say({"lock/outer": "unlocked"})
    branch.after(5)
    assert writes(branch) == [LOCK, LOCK, LOCK]
    branch.say({"lock/outer": "locked"})
    branch.after(5)
    assert writes(branch) == []


def test_an_output_that_nobody_started_is_left_alone() -> None:
    """Somebody else's release is read, not undone."""
    branch = Branch()
    branch.say({"lock/outer": "unlocked"})
    branch.after(600)
    assert writes(branch) == []
    assert branch.state("lock/outer") == State.UNLOCKED
