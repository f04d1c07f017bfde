"""Outputs moved for a walk test: a siren for three seconds, a lock for its release, never past the interlock."""

from __future__ import annotations

import pytest

from agent.findings import Finding, Phase
from agent.guard import EXERCISE
from tests.branch import Branch, told


def _exercise(branch: Branch, point: str) -> tuple[str, list[Finding]]:
    refused, found = branch.guard.exercise(point, branch.now())
    branch.say({})
    return refused, list(found)


def test_a_siren_sounds_for_three_seconds() -> None:
    """On at once, off by itself, and nobody is told of an alarm."""
    branch = Branch()
    assert _exercise(branch, "output/hall") == ("", [])
    assert branch.state("output/hall") == "on"
    branch.after(EXERCISE.total_seconds() - 0.1)
    assert branch.state("output/hall") == "on"
    branch.after(0.2)
    assert branch.state("output/hall") == "off"
    assert branch.findings == []


def test_an_alarm_that_sounds_is_not_cut_short() -> None:
    """A siren that an alarm started goes on for its own time."""
    branch = Branch()
    branch.say({"door/outer": "open", "key/inner": "active"})
    branch.say({"door/inner": "open"})
    branch.after(1)
    assert branch.state("output/hall") == "on"
    assert _exercise(branch, "output/hall")[0] == ""
    branch.after(30)
    assert branch.state("output/hall") == "on"


def test_a_lock_lets_go_as_for_its_exit_button() -> None:
    """It is told as released, the door may be opened, and it locks again when it is closed."""
    branch = Branch()
    refused, found = _exercise(branch, "lock/outer")
    assert (refused, [(each.kind, each.phase, each.facts["by"]) for each in found]) == (
        "",
        [("door.unlocked", Phase.TOLD, "walk test")],
    )
    assert branch.state("lock/outer") == "unlocked"
    branch.say({"door/outer": "open"})
    branch.say({"door/outer": "closed"})
    assert branch.state("lock/outer") == "locked"
    assert "door.forced" not in told(branch.findings)


@pytest.mark.parametrize(
    ("states", "point", "word"),
    [
        ({"door/inner": "open"}, "lock/outer", "interlock"),
        ({"door/inner": "unknown"}, "lock/outer", "interlock"),
        ({"lock/inner": "unlocked"}, "lock/outer", "interlock"),
        ({"lock/outer": "unknown"}, "lock/outer", "unknown"),
        ({"output/hall": "unknown"}, "output/hall", "unknown"),
        ({}, "output/other", "no_output"),
        ({}, "door/outer", "no_output"),
        ({}, "lock/vault", "no_output"),
    ],
)
def test_what_is_not_safe_is_refused(states: dict[str, str], point: str, word: str) -> None:
    """The other door open, released or unknown, an output that cannot be seen, or none at all: nothing is written."""
    branch = Branch()
    branch.say(states)
    branch.writes.clear()
    assert _exercise(branch, point) == (word, [])
    assert branch.writes == []


def test_a_siren_that_does_not_follow_is_told() -> None:
    """The walk test's siren goes the way of every other: a module that refuses it raises `device.output_refused`."""
    branch = Branch()
    branch.echo = False
    _exercise(branch, "output/hall")
    branch.after(EXERCISE.total_seconds() + 1)
    assert told(branch.findings) == ["device.output_refused", "device.output_refused.restored"]
