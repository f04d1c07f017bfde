"""The table of a partition: whole where it must be, and no way out of guard but those that are named."""

from __future__ import annotations

import pytest

from agent.arming.table import ARM, ARMED, EXIT_OVER, RESET, TABLE, TEST_OVER, Mode, Stage, Step, Trigger
from agent.arming.zones import REACTIONS, RULES, Group
from agent.signals import State
from protocol.site.schema import ZoneType

COMMANDS = (Trigger.ARM_AWAY, Trigger.ARM_STAY, Trigger.DISARM, Trigger.RUN_TEST)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("trigger", COMMANDS)
def test_every_command_is_decided_in_every_stage(stage: Stage, trigger: Trigger) -> None:
    """Whatever a partition is doing, a command to it has a row."""
    assert (stage, trigger) in TABLE


def test_only_disarming_leads_out_of_guard() -> None:
    """What is armed is disarmed by a command that may, and by nothing else; a test comes back to what was before."""
    out = {trigger for (stage, trigger), (to, _) in TABLE.items() if stage in ARMED and to not in ARMED}
    assert out == {Trigger.DISARM, Trigger.RUN_TEST}
    assert TABLE[Stage.TEST, TEST_OVER[Stage.ARMED_AWAY]][0] is Stage.ARMED_AWAY
    assert TABLE[Stage.TEST, TEST_OVER[Stage.ARMED_STAY]][0] is Stage.ARMED_STAY


def test_every_stage_is_reached_from_disarmed() -> None:
    """No state of the drawing stands alone."""
    reached = {Stage.DISARMED}
    while more := {to for (stage, _), (to, _) in TABLE.items() if stage in reached} - reached:
        reached |= more
    assert reached == set(Stage)


def test_every_disarming_is_told_and_clears() -> None:
    """Whoever leaves guard by a command: it is told, and what disarming ends is ended."""
    for (stage, trigger), (_, steps) in TABLE.items():
        if trigger is Trigger.DISARM and stage is not Stage.DISARMED:
            assert {Step.TELL_DISARMED, Step.CLEAR} <= set(steps)


def test_each_mode_and_stage_has_its_triggers() -> None:
    """What `arming.py` looks up by mode or by the stage before a test has a row."""
    for mode in Mode:
        assert (Stage.DISARMED, ARM[mode]) in TABLE
        assert (Stage.ARMING, EXIT_OVER[mode]) in TABLE
        assert (Stage.ALARM, RESET[mode]) in TABLE
    tested = {stage for stage in Stage if Step.START_TEST in TABLE[stage, Trigger.RUN_TEST][1]}
    assert tested == set(TEST_OVER)


def test_stages_are_the_words_of_the_wire() -> None:
    """A partition's stage is shown as it is: each one is a point's state."""
    assert {State(str(stage)).value for stage in Stage} == {stage.value for stage in Stage}


def test_every_type_reacts_in_every_stage() -> None:
    """Each type of zone has its rule, each group its reaction in each stage."""
    assert set(RULES) == set(ZoneType)
    assert set(REACTIONS) == {(group, stage) for group in Group for stage in Stage}
