"""Partitions: readiness, delays, stay and away, and the whole site together or not at all."""

from __future__ import annotations

import pytest

from agent.findings import Phase
from tests.branch import site_of, told
from tests.guarded import SITE, Guarded


@pytest.mark.parametrize("state", ["active", "tamper", "unknown"])
def test_what_prevents_arming_is_named(state: str) -> None:
    """A zone that would act and is not at rest refuses arming: the answer and the event say which and why."""
    branch = Guarded()
    branch.say({"zone/window": state})
    assert "not_ready" in branch.marks("partition/lobby")
    answer = branch.give("arm", partition="lobby")
    assert (answer.refused, answer.blocking) == ("not_ready", (("zone/window", state),))
    failed = branch.of("partition.arm_failed", "partition/lobby")[0]
    assert (failed.phase, failed.facts["blocking"], failed.facts["way"]) == (
        Phase.RAISED,
        [["zone/window", state]],
        "order",
    )
    assert branch.of("order.refused")[0].facts["reason"] == "not_ready"
    assert branch.state("partition/lobby") == "disarmed"


def test_a_failure_to_arm_ends_when_it_is_armed() -> None:
    """Told again when somebody tries again in vain; ended by arming."""
    branch = Guarded()
    branch.say({"zone/window": "active"})
    branch.give("arm", partition="lobby")
    branch.give("arm", partition="lobby")
    branch.say({"zone/window": "normal"})
    branch.give("arm", partition="lobby")
    branch.after(61)
    assert [each.phase for each in branch.of("partition.arm_failed")] == [Phase.RAISED, Phase.AGAIN, Phase.ENDED]


def test_the_way_out_is_free_until_the_exit_delay_ends() -> None:
    """Door and motion of the way out may be active at the command; who still stands there at its end stops it."""
    branch = Guarded()
    branch.say({"zone/entrance": "active", "zone/hall-motion": "active"})
    assert "not_ready" not in branch.marks("partition/lobby")
    assert branch.give("arm", partition="lobby").refused == ""
    branch.say({"zone/entrance": "normal"})
    branch.after(60)
    assert branch.state("partition/lobby") == "disarmed"
    assert branch.of("partition.arm_failed")[0].facts["blocking"] == [["zone/hall-motion", "active"]]
    assert branch.of("zone.intrusion") == []


def test_a_door_that_just_closes_does_not_stop_the_arming() -> None:
    """A return that debounce has not confirmed counts as one; if it proves wrong, the zone acts."""
    branch = Guarded()
    branch.say({"zone/entrance": "active"})
    branch.give("arm", partition="lobby")
    branch.after(59.9)
    branch.say({"zone/entrance": "active"}, settling=True)
    branch.after(0.2)
    assert branch.state("partition/lobby") == "armed_away"
    branch.say({"zone/entrance": "active"})
    assert branch.state("partition/lobby") == "entry_delay"


def test_an_instant_zone_stops_the_arming_at_once() -> None:
    """A window that opens during the exit delay: not armed, and told why."""
    branch = Guarded()
    branch.give("arm", partition="lobby")
    branch.after(5)
    branch.say({"zone/window": "active"})
    assert branch.state("partition/lobby") == "disarmed"
    assert branch.of("partition.arm_failed")[0].facts["blocking"] == [["zone/window", "active"]]
    assert branch.of("zone.intrusion") == []
    assert branch.state("output/buzz") == "off"


def test_stay_leaves_interior_zones_out() -> None:
    """People inside move freely; the window alarms; away follows at once when nobody is inside any more."""
    branch = Guarded()
    branch.say({"zone/hall-motion": "active"})
    branch.armed("lobby", "stay")
    assert branch.state("partition/lobby") == "armed_stay"
    branch.say({"zone/hall-motion": "normal"})
    branch.say({"zone/hall-motion": "active"})
    assert branch.findings == []
    assert branch.give("arm", partition="lobby").blocking == (("zone/hall-motion", "active"),)
    assert branch.state("partition/lobby") == "armed_stay", "what cannot be armed away stays as it is"
    branch.say({"zone/hall-motion": "normal"})
    assert branch.give("arm", partition="lobby").refused == ""
    assert branch.state("partition/lobby") == "armed_away"
    assert branch.of("partition.armed")[0].facts["mode"] == "away"


@pytest.mark.parametrize("stage", ["arming", "armed_away", "entry_delay", "alarm"])
def test_arming_what_is_armed_changes_nothing(stage: str) -> None:
    """It is done, the delay does not begin anew, and an entry delay or an alarm is not ended by it."""
    branch = Guarded()
    branch.give("arm", partition="lobby")
    if stage != "arming":
        branch.after(60)
    if stage == "entry_delay":
        branch.say({"zone/entrance": "active"})
    if stage == "alarm":
        branch.say({"zone/window": "active"})
    branch.after(10)
    branch.findings.clear()
    assert branch.give("arm", partition="lobby").refused == ""
    assert branch.give("arm", partition="lobby", mode="stay").refused == ""
    assert branch.state("partition/lobby") == stage
    assert told(branch.findings) == ["order.executed"] * 2
    branch.after(51)
    assert branch.state("partition/lobby") == {"arming": "armed_away", "entry_delay": "alarm"}.get(stage, stage)


def test_entering_in_time_is_no_alarm() -> None:
    """The delayed zone begins the delay, interior ones are free meanwhile, and disarming ends it quietly."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/entrance": "active", "zone/hall-motion": "active"})
    assert branch.state("partition/lobby") == "entry_delay"
    assert branch.state("output/buzz") == "on"
    branch.after(29)
    branch.give("disarm", partition="lobby")
    branch.after(60)
    assert branch.of("zone.intrusion") == []
    assert branch.of("partition.disarmed")[0].facts["was"] == "entry_delay"
    assert branch.state("output/buzz") == "off"


def test_one_poll_with_door_and_motion_is_an_entry() -> None:
    """However the points are ordered, the door that opens is judged before the motion behind it."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/hall-motion": "active", "zone/entrance": "active"})
    assert branch.state("partition/lobby") == "entry_delay"


def test_motion_without_a_door_is_an_alarm() -> None:
    """Interior zones are free only in a delay that another zone began."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/hall-motion": "active"})
    assert branch.state("partition/lobby") == "alarm"


def test_an_instant_zone_ends_the_entry_delay() -> None:
    """A window during the entry delay is an alarm now; its explanation begins with the door."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/entrance": "active"})
    branch.say({"zone/window": "active"})
    assert branch.state("partition/lobby") == "alarm"
    assert [row[1] for row in branch.of("zone.intrusion")[0].because] == [
        "zone/entrance",
        "zone/window",
        "partition/lobby",
    ]


def test_an_entry_that_is_over_is_told_of_the_door_that_is_shut_again() -> None:
    """The alarm names the zone that began the delay, open or not; opened again it is told again."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/entrance": "active"})
    branch.say({"zone/entrance": "normal"})
    branch.after(30)
    assert [each.source for each in branch.of("zone.intrusion")] == ["zone/entrance"]
    branch.say({"zone/entrance": "active"})
    assert [each.phase for each in branch.of("zone.intrusion")] == [Phase.RAISED, Phase.AGAIN]


def test_the_whole_site_arms_at_one_moment() -> None:
    """The longest exit delay is everybody's."""
    branch = Guarded()
    branch.give("arm", partition="site")
    branch.after(59)
    assert {branch.state("partition/lobby"), branch.state("partition/cash")} == {"arming"}
    branch.after(1)
    assert {branch.state("partition/lobby"), branch.state("partition/cash")} == {"armed_away"}


def test_one_blocked_partition_blocks_the_site() -> None:
    """Nothing is armed, and only what is blocked says so."""
    branch = Guarded()
    branch.say({"zone/glass": "active"})
    assert branch.give("arm", partition="site").blocking == (("zone/glass", "active"),)
    assert {branch.state("partition/lobby"), branch.state("partition/cash")} == {"disarmed"}
    assert [each.source for each in branch.of("partition.arm_failed")] == ["partition/cash"]


@pytest.mark.parametrize("at_once", [True, False])
def test_one_failure_fails_all_that_arm_together(at_once: bool) -> None:
    """During the exit delay or at its end: no half of the site is armed, and each partition says so."""
    branch = Guarded()
    branch.give("arm", partition="site")
    branch.say({"zone/window" if at_once else "zone/cash-motion": "active"})
    branch.after(60)
    assert {branch.state("partition/lobby"), branch.state("partition/cash")} == {"disarmed"}
    assert {each.source for each in branch.of("partition.arm_failed")} == {"partition/lobby", "partition/cash"}


def test_what_is_armed_already_does_not_fail_with_the_rest() -> None:
    """A partition that was armed before the site was asked for stays armed when the others fail."""
    branch = Guarded()
    branch.armed("cash")
    branch.give("arm", partition="site")
    branch.say({"zone/window": "active"})
    assert (branch.state("partition/lobby"), branch.state("partition/cash")) == ("disarmed", "armed_away")


def test_resetting_in_guard_leads_back_to_guard() -> None:
    """An alarm that is reset while armed, and is at rest: the partition is armed as before."""
    branch = Guarded()
    branch.armed("lobby", "stay")
    branch.say({"zone/window": "active"})
    branch.give("reset_latch", partition="lobby")
    assert branch.state("partition/lobby") == "alarm"
    branch.say({"zone/window": "normal"})
    assert branch.state("partition/lobby") == "armed_stay"
    assert branch.state("output/hall") == "off"


def test_no_exit_delay_arms_at_once() -> None:
    """A delay of nothing: armed in the same round."""
    branch = Guarded(site_of(SITE, **{'exit_delay = "20s"': 'exit_delay = "0s"'}))
    branch.give("arm", partition="cash")
    assert branch.state("partition/cash") == "armed_away"


def test_disarming_during_the_exit_delay_ends_it() -> None:
    """Who turns back arms nothing."""
    branch = Guarded()
    branch.give("arm", partition="site")
    branch.give("disarm", partition="lobby")
    branch.after(61)
    assert (branch.state("partition/lobby"), branch.state("partition/cash")) == ("disarmed", "armed_away")


def test_who_arms_the_site_while_a_part_of_it_is_arming_arms_it_whole_or_not() -> None:
    """What was arming already ends with the others, and fails with them: no half of the site is armed by surprise."""
    for shut in (True, False):
        branch = Guarded()
        branch.give("arm", partition="lobby")
        branch.after(59)
        branch.give("arm", partition="site")
        branch.after(19)
        assert [branch.state(f"partition/{name}") for name in ("lobby", "cash")] == ["arming", "arming"]
        if not shut:
            branch.say({"zone/hall-motion": "active"})
        branch.after(1)
        expected = "armed_away" if shut else "disarmed"
        assert [branch.state(f"partition/{name}") for name in ("lobby", "cash")] == [expected, expected]


def test_who_asks_for_more_while_it_is_arming_gets_more() -> None:
    """Arming with people inside, then asked for everybody out: it waits for them anew, and leaves no zone out."""
    branch = Guarded()
    branch.give("arm", partition="lobby", mode="stay")
    branch.after(50)
    assert branch.give("arm", partition="lobby", mode="away").refused == ""
    branch.after(50)
    branch.give("arm", partition="lobby", mode="stay")  # less than what is under way: changes nothing
    assert branch.state("partition/lobby") == "arming"
    branch.after(10)
    assert branch.state("partition/lobby") == "armed_away"
    assert branch.of("partition.armed")[0].facts["mode"] == "away"


def test_one_that_waits_anew_has_the_others_wait() -> None:
    """What was asked to arm as one still does when one of them is asked for more."""
    branch = Guarded()
    branch.give("arm", partition="site", mode="stay")
    branch.after(50)
    branch.give("arm", partition="lobby")
    branch.after(59)
    assert [branch.state(f"partition/{name}") for name in ("lobby", "cash")] == ["arming", "arming"]
    branch.after(1)
    assert [branch.state(f"partition/{name}") for name in ("lobby", "cash")] == ["armed_away", "armed_stay"]
