"""Forced, held open, opened by key: each door's own conditions."""

from __future__ import annotations

from itertools import product

import pytest

from agent.detectors import forced, held_open, key_override
from tests.branch import AT_REST, Branch, site_of, told


@pytest.mark.parametrize("module", [forced, held_open, key_override])
def test_the_tables_are_whole(module: object) -> None:
    """Every stage has an answer to everything that can be seen."""
    assert set(module.TABLE) == set(product(module.Stage, module.Seen))  # type: ignore[attr-defined]


def test_a_door_opened_by_nothing_is_forced_until_it_closes() -> None:
    """door.forced with the state of its lock, and its restore."""
    branch = Branch()
    (finding,) = branch.say({"door/outer": "open"})
    assert told([finding]) == ["door.forced"]
    assert finding.source == "door/outer"
    assert [row[1:3] for row in finding.because] == [("lock/outer", "locked"), ("door/outer", "open")]
    assert told(branch.say({"door/outer": "closed"})) == ["door.forced.restored"]


@pytest.mark.parametrize("how", ["lock/inner=unlocked", "key/inner=active", "exit/inner=active"])
@pytest.mark.parametrize("same_poll", [True, False])
def test_what_was_let_open_is_not_forced(how: str, same_poll: bool) -> None:
    """A release, a key or an exit request before it, or in the very same poll, explains an opening."""
    branch = Branch(site_of(**{'occupied_by = "zone/cash-motion"': ""}))
    point, _, state = how.partition("=")
    if same_poll:
        branch.say({"door/inner": "open", point: state})
    else:
        branch.say({point: state})
        branch.after(2)
        branch.say({"door/inner": "open"})
    assert "door.forced" not in told(branch.findings)


def test_a_request_explains_for_its_grace_only() -> None:
    """Five seconds after the lock closed again the door was not opened by that release."""
    for wait, expected in ((4.9, []), (5.1, ["door.forced"])):
        branch = Branch()
        branch.say({"lock/outer": "unlocked"})
        branch.after(3)
        branch.say({"lock/outer": "locked"})
        branch.after(wait)
        assert told(branch.say({"door/outer": "open"})) == expected


def test_a_request_that_the_interlock_refused_explains_nothing() -> None:
    """The button was pressed in vain: a door that opens then is forced."""
    branch = Branch()
    branch.say({"lock/outer": "unlocked"})
    branch.say({"door/outer": "open"})
    branch.say({"exit/inner": "active"})
    branch.after(1)
    assert branch.writes == []
    branch.say({"exit/inner": "normal"})
    assert told(branch.say({"door/inner": "open"})) == ["door.forced"]


def test_a_door_without_lock_or_button_is_never_forced() -> None:
    """The vault's contact alone cannot tell who opened it."""
    branch = Branch()
    assert branch.say({"door/vault": "open"}) == []


def test_a_door_opened_while_the_agent_was_down_is_found() -> None:
    """FIELD-FAULTS row 1: closed when last seen, open at the first poll: told, with `while_down`."""
    for same_boot in (True, False):
        branch = Branch()
        branch.restart(0.2, same_boot=same_boot)
        (finding,) = branch.say(AT_REST | {"door/outer": "open"})
        assert told([finding]) == ["door.forced"]
        assert finding.facts == {"while_down": True}


def test_a_door_opened_while_its_module_was_silent_is_found() -> None:
    """Cutting the module's wire does not hide an opening."""
    branch = Branch()
    branch.say({"door/outer": "unknown", "lock/outer": "unknown"}, cause="no answer")
    assert branch.after(60) == []
    (finding,) = branch.say({"door/outer": "open", "lock/outer": "locked"})
    assert finding.facts == {"while_unknown": True}


def test_a_door_never_seen_before_is_not_judged() -> None:
    """At the very first start nobody knows what an open door was before."""
    branch = Branch(at_rest=False)
    assert branch.say(AT_REST | {"door/outer": "open"}) == []


def test_a_door_that_stays_open_is_held_after_its_limit() -> None:
    """door.held_open at 30 s sharp, and its restore."""
    branch = Branch()
    branch.say({"lock/outer": "unlocked"})
    branch.say({"door/outer": "open"})
    assert branch.after(29.999) == []
    (finding,) = branch.after(0.001)
    assert told([finding]) == ["door.held_open"]
    assert finding.facts == {"open_s": 30.0, "limit_s": 30.0}
    assert branch.after(600) == []
    assert told(branch.say({"door/outer": "closed"})) == ["door.held_open.restored"]


def test_held_open_counts_across_a_restart() -> None:
    """The limit is not won anew by restarting the agent."""
    branch = Branch()
    branch.say({"lock/outer": "unlocked"})
    branch.say({"door/outer": "open"})
    branch.after(20)
    branch.restart(15, same_boot=False)
    assert told(branch.say(AT_REST | {"door/outer": "open", "lock/outer": "unlocked"})) == ["door.held_open"]


def test_held_open_is_neither_raised_nor_restored_by_silence() -> None:
    """Unknown is not open and not closed; after it the limit counts anew."""
    branch = Branch()
    branch.say({"lock/outer": "unlocked"})
    branch.say({"door/outer": "open"})
    branch.after(20)
    branch.say({"door/outer": "unknown"})
    assert branch.after(100) == []
    branch.say({"door/outer": "open"})
    assert branch.after(29) == []
    assert told(branch.after(1)) == ["door.held_open"]
    assert branch.say({"door/outer": "unknown"}) == []


@pytest.mark.parametrize("zone", ["active", "unknown"])
def test_the_key_is_told_while_somebody_is_inside(zone: str) -> None:
    """door.key_override; a zone that is not known counts as occupied, and the fact says so."""
    branch = Branch()
    branch.say({"zone/cash-motion": zone})
    (finding,) = branch.say({"key/inner": "active"})
    assert told([finding]) == ["door.key_override"]
    assert finding.facts == {"occupied": zone}
    assert branch.say({"zone/cash-motion": "normal"}) == []
    assert told(branch.say({"key/inner": "normal"})) == ["door.key_override.restored"]


def test_the_key_of_an_empty_site_is_an_ordinary_opening() -> None:
    """Nobody inside: no event, and the door is not forced either."""
    branch = Branch()
    assert branch.say({"key/inner": "active", "door/inner": "open"}) == []
    assert told(branch.say({"zone/cash-motion": "active"})) == ["door.key_override"]


def test_a_key_that_is_not_read_changes_nothing() -> None:
    """Unknown neither raises nor ends."""
    branch = Branch()
    branch.say({"zone/cash-motion": "active"})
    assert branch.say({"key/inner": "unknown"}) == []
    branch.say({"key/inner": "active"})
    assert branch.say({"key/inner": "unknown"}) == []
    assert told(branch.say({"key/inner": "normal"})) == ["door.key_override.restored"]
