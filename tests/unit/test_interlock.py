"""The interlock: both doors open at once, its tolerance, the emergency release, and what unknown doors do not do."""

from __future__ import annotations

from itertools import product

import pytest

from agent.detectors.interlock import TABLE, Seen, Stage
from agent.findings import Phase
from tests.branch import Branch, site_of, told

BOTH = {"door/outer": "open", "door/inner": "open"}
SIREN_ON = ["door.dual_open"]


def opened(branch: Branch) -> None:
    """The outer door is open, by its exit button."""
    branch.say({"exit/outer": "active"})
    branch.say({"exit/outer": "normal"})
    branch.say({"door/outer": "open"})
    branch.findings.clear()


def of_interlock(branch: Branch) -> list[str]:
    """What was told of the vestibule."""
    return told([finding for finding in branch.findings if finding.source == "interlock/vestibule"])


def test_the_table_is_whole() -> None:
    """Every stage has an answer to everything that can be seen."""
    assert set(TABLE) == set(product(Stage, Seen))


def test_both_open_longer_than_the_tolerance_is_a_breach() -> None:
    """door.dual_open after 0.5 s, with who opened what and when, and its restore when one closes."""
    branch = Branch()
    opened(branch)
    branch.after(1.6)
    branch.say({"door/inner": "open"})
    assert of_interlock(branch) == []
    branch.after(0.499)
    assert of_interlock(branch) == []
    branch.after(0.001)
    assert of_interlock(branch) == ["door.dual_open"]
    finding = branch.findings[-1]
    assert finding.facts == {"overlap_s": 0.5, "tolerance_s": 0.5, "doors": ["outer", "inner"]}
    assert finding.because == (
        ("2026-11-21T02:13:49.000Z", "door/outer", "open", "release"),
        ("2026-11-21T02:13:50.600Z", "door/inner", "open", "outer not closed"),
    )
    assert branch.state("interlock/vestibule") == "active"
    branch.after(3)
    branch.say({"door/inner": "closed"})
    assert of_interlock(branch) == ["door.dual_open", "door.dual_open.restored"]
    assert branch.state("interlock/vestibule") == "normal"


def test_a_step_through_within_the_tolerance_is_none() -> None:
    """Closing in time is an ordinary passage."""
    branch = Branch()
    opened(branch)
    branch.say({"door/inner": "open"})
    branch.after(0.4)
    branch.say({"door/outer": "closed"})
    branch.after(10)
    assert of_interlock(branch) == []


def test_a_tolerance_of_nothing_acts_at_once() -> None:
    """`tolerance = "0s"`: the first sample that shows both open is the alarm."""
    branch = Branch(site_of(**{'"0.5s"': '"0s"'}))
    assert "door.dual_open" in told(branch.say(BOTH))


def test_a_return_that_is_not_believed_yet_holds_back_and_does_not_start_anew() -> None:
    """A contact that bounces while both are open does not win time: the next open sample after the tolerance raises."""
    branch = Branch()
    opened(branch)
    branch.say({"door/inner": "open"})
    branch.after(0.45)
    branch.say({"door/inner": "open"}, settling=True)
    branch.after(0.1)
    assert of_interlock(branch) == []
    branch.say({"door/inner": "open"})
    assert of_interlock(branch) == ["door.dual_open"]


def test_the_emergency_release_is_another_event() -> None:
    """No dual_open while the release is active; when it ends with both open the tolerance starts anew."""
    branch = Branch()
    branch.say({"release/vestibule": "active"})
    branch.say(BOTH)
    branch.after(5)
    assert of_interlock(branch) == ["door.emergency_release"]
    assert branch.findings[-1].because[-1][1:3] == ("release/vestibule", "active")
    branch.say({"release/vestibule": "normal"})
    branch.after(0.4)
    assert of_interlock(branch) == ["door.emergency_release", "door.emergency_release.restored"]
    branch.after(0.2)
    assert of_interlock(branch)[2:] == ["door.dual_open"]


def test_doors_opened_under_the_emergency_release_are_not_forced() -> None:
    """The release lets both doors open, in the same poll too."""
    branch = Branch()
    branch.say({**BOTH, "release/vestibule": "active"})
    assert told(branch.findings) == ["door.emergency_release"]


def test_a_breach_that_is_released_ends_and_becomes_a_release() -> None:
    """Both are told, each with its end."""
    branch = Branch()
    branch.say(BOTH)
    branch.after(1)
    branch.say({"release/vestibule": "active"})
    branch.say({"door/outer": "closed"})
    assert of_interlock(branch) == [
        "door.dual_open",
        "door.dual_open.restored",
        "door.emergency_release",
        "door.emergency_release.restored",
    ]


@pytest.mark.parametrize("door", ["outer", "inner"])
def test_an_unknown_door_neither_raises_nor_restores(door: str) -> None:
    """Silence of a module is a fault, no breach and no end of one."""
    branch = Branch()
    branch.say(BOTH)
    branch.after(0.3)
    branch.say({f"door/{door}": "unknown"}, cause="no answer")
    branch.after(10)
    assert of_interlock(branch) == []
    assert branch.state("interlock/vestibule") == "unknown"
    branch.say({f"door/{door}": "open"})
    branch.after(1)
    assert of_interlock(branch) == ["door.dual_open"]
    branch.say({"door/outer": "unknown", "door/inner": "unknown"}, cause="no answer")
    branch.after(10)
    assert of_interlock(branch) == ["door.dual_open"]
    assert branch.state("interlock/vestibule") == "active"


def test_a_breach_during_a_restart_is_told_once_and_ended_once() -> None:
    """FIELD-FAULTS row 18: what was stored goes on; what was not is found again from the inputs."""
    branch = Branch()
    branch.say(BOTH)
    branch.after(1)
    branch.restart(3)
    branch.findings.clear()
    branch.say(dict.fromkeys(("release/vestibule",), "normal") | BOTH)
    branch.after(1)
    assert of_interlock(branch) == []
    branch.say({"door/inner": "closed"})
    assert of_interlock(branch) == ["door.dual_open.restored"]


def test_both_opened_while_the_agent_was_down() -> None:
    """FIELD-FAULTS row 1: found after the start, and said to have begun while nobody watched."""
    branch = Branch()
    branch.restart(60, same_boot=False)
    branch.say({"release/vestibule": "normal"} | BOTH)
    branch.after(0.5)
    (finding,) = [each for each in branch.findings if each.kind == "door.dual_open"]
    assert finding.phase is Phase.RAISED
    assert finding.facts["while_down"] is True


def test_an_interlock_that_left_the_site_file_ends_what_it_told() -> None:
    """A condition never stands for ever because its door is no longer configured."""
    branch = Branch()
    branch.say(BOTH)
    branch.after(1)
    without = branch.site
    branch.restart(
        1, site=site_of(**{'doors = ["outer", "inner"]': 'doors = ["outer", "vault"]', '"vestibule"': '"other"'})
    )
    assert without is not branch.site
    branch.findings.clear()
    branch.after(0)
    branch.say({"zone/cash-motion": "normal"})
    assert of_interlock(branch) == ["door.dual_open.restored"]
