"""Outputs that do not follow: a module that refuses a write, a siren or lock that is stuck."""

from __future__ import annotations

from itertools import product

import pytest

from agent.detectors.output_refused import TABLE, Seen, Stage
from agent.findings import Finding
from tests.branch import AT_REST, VESTIBULE, Branch, site_of, told

NAME = "device.output_refused"


def of_outputs(branch: Branch) -> list[Finding]:
    """What was told of outputs."""
    return [finding for finding in branch.findings if finding.kind == NAME]


def refusing() -> Branch:
    """The exit button was pressed, and the module does not take the write."""
    branch = Branch()
    branch.echo = False
    branch.say({"exit/outer": "active"})
    return branch


def test_the_table_is_whole() -> None:
    """Every stage has an answer to everything that can be seen."""
    assert set(TABLE) == set(product(Stage, Seen))


def test_a_lock_that_is_not_released_is_told_after_three_seconds() -> None:
    """Told with what was asked and what is read; over when nobody asks for it any more."""
    branch = refusing()
    branch.after(2.9)
    assert of_outputs(branch) == []
    branch.after(0.1)
    (finding,) = of_outputs(branch)
    assert (finding.source, finding.facts) == ("lock/outer", {"asked": "unlocked", "reads": "locked", "late_s": 3.0})
    assert finding.because[0][1:3] == ("lock/outer", "locked")
    branch.after(1.9)
    assert len(of_outputs(branch)) == 1
    branch.after(0.1)
    assert told(of_outputs(branch)) == [NAME, f"{NAME}.restored"]
    branch.after(600)
    assert len(of_outputs(branch)) == 2


def test_a_lock_that_follows_late_is_told_as_following() -> None:
    """The condition ends with the first sample that reads as asked."""
    branch = refusing()
    branch.after(4)
    branch.say({"lock/outer": "unlocked"})
    assert told(of_outputs(branch)) == [NAME, f"{NAME}.restored"]


def test_a_siren_that_is_stuck_is_told_until_it_is_quiet() -> None:
    """An output that stays on past its end is no less a fault than one that never came on."""
    branch = Branch()
    branch.say({"door/outer": "open", "door/inner": "open"})
    branch.after(0.5)
    branch.echo = False
    branch.after(122.9)
    assert of_outputs(branch) == []
    branch.after(0.1)
    assert of_outputs(branch)[0].facts == {"asked": "off", "reads": "on", "late_s": 3.0}
    branch.after(60)
    branch.say({"output/hall": "off"})
    assert told(of_outputs(branch)) == [NAME, f"{NAME}.restored"]


def test_a_module_that_obeys_is_never_told() -> None:
    """Releases and sirens that follow make no fault; nor does somebody else's release."""
    branch = Branch()
    branch.say({"exit/outer": "active"})
    branch.after(60)
    branch.say({"lock/outer": "unlocked"})
    branch.say({"door/outer": "open", "door/inner": "open"})
    branch.after(600)
    assert of_outputs(branch) == []


def test_an_output_that_is_not_read_starts_and_ends_nothing() -> None:
    """A module that is away is told as such; what it does meanwhile is not known."""
    branch = refusing()
    branch.after(2)
    branch.say({"lock/outer": "unknown"}, cause="no answer")
    branch.after(2)
    branch.say({"lock/outer": "locked"})
    branch.after(0.9)
    assert of_outputs(branch) == []
    branch = refusing()
    branch.after(4)
    branch.say({"lock/outer": "unknown"}, cause="no answer")
    branch.after(0.5)
    assert told(of_outputs(branch)) == [NAME]


@pytest.mark.parametrize("same_boot", [True, False])
def test_a_restart_keeps_what_was_told(same_boot: bool) -> None:
    """Told once, and its end is told although the agent was down in between."""
    branch = refusing()
    branch.after(4)
    branch.restart(2, same_boot=same_boot)
    branch.say(AT_REST)
    branch.after(0)
    assert told(of_outputs(branch)) == [NAME, f"{NAME}.restored"]


def test_an_output_that_a_new_site_file_drops_ends() -> None:
    """A condition of an output that is judged no more does not stand for ever."""
    branch = refusing()
    branch.after(4)
    without = VESTIBULE.replace('lock = "io1/do/0"\nlock_energised = "unlocked"\n', "")
    branch.restart(0, site=site_of(without))
    branch.say({point: state for point, state in AT_REST.items() if point != "lock/outer"})
    assert told(of_outputs(branch)) == [NAME, f"{NAME}.restored"]


def test_a_siren_may_sound_for_it() -> None:
    """It is a kind like any other that a site file names for its siren."""
    branch = Branch(site_of(**{'on = ["door.dual_open"]': 'on = ["device.output_refused"]'}))
    branch.echo = False
    branch.say({"exit/outer": "active"})
    branch.after(3)
    assert ("output/hall", "on") in [(write.point, str(write.state)) for write in branch.writes]
