"""Commands: by which way what may be asked, what is told of it, and orders about locks and outputs."""

from __future__ import annotations

from typing import Any

import pytest

from agent.arming.commands import Command, Way
from agent.findings import Finding, Phase
from protocol.orders import DisarmArgs, SilenceArgs
from tests.branch import site_of, told
from tests.guarded import SITE, TWO, Guarded

KEYSWITCH = """
[[keyswitch]]
id = "front"
input = "io1/di/30"
partitions = ["lobby", "cash"]
"""
OPENING = """
[opening]
weekdays = "08:30-17:00"
auto_arm = "18:00"
auto_arm_warning = "10m"
"""
BY_ORDER_ONLY: list[tuple[str, dict[str, Any]]] = [
    ("bypass", {"zone": "window"}),
    ("unlock", {"door": "outer"}),
    ("lock", {"door": "outer"}),
    ("output", {"output": "light", "on": True}),
    ("reset_latch", {"partition": "lobby"}),
    ("run_test", {"partition": "lobby"}),
    ("silence", {}),
]


@pytest.mark.parametrize("way", [Way.CODE, Way.KEYSWITCH, Way.PANEL])
def test_ways_at_the_site_never_disarm_what_needs_two(way: Way) -> None:
    """They arm everything, and disarm what one person may; the cash area stays armed, and the site whole."""
    branch = Guarded()
    assert branch.give("arm", way=way, partition="site", people=("li-lei",)).refused == ""
    branch.after(61)
    assert branch.give("disarm", way=way, partition="cash", people=TWO).refused == "needs_order"
    assert branch.give("disarm", way=way, partition="site", people=TWO).refused == "needs_order"
    assert {branch.state("partition/lobby"), branch.state("partition/cash")} == {"armed_away"}
    assert branch.of("order.refused")[0].facts["way"] == str(way)
    assert branch.give("disarm", way=way, partition="lobby", people=("li-lei",)).refused == ""
    assert branch.of("partition.disarmed")[0].facts["way"] == str(way)


def test_what_needs_two_and_is_disarmed_already_hinders_nobody() -> None:
    """One person opens the rest of the site by code; nothing that two guard is touched by it."""
    branch = Guarded()
    branch.armed("lobby")
    assert branch.give("disarm", way=Way.CODE, partition="site", people=("li-lei",)).refused == ""
    assert branch.state("partition/lobby") == "disarmed"


def test_a_site_file_can_ask_for_two_at_a_general_partition() -> None:
    """`people = 2` holds for every way."""
    branch = Guarded(site_of(SITE, **{'kind = "general"': 'kind = "general"\npeople = 2'}))
    branch.armed("lobby")
    assert branch.give("disarm", way=Way.CODE, partition="lobby", people=("li-lei",)).refused == "needs_order"
    assert branch.give("disarm", partition="lobby", people=("li-lei",)).refused == "needs_people"
    assert branch.give("disarm", partition="lobby", people=("li-lei", "li-lei")).refused == "needs_people"
    assert branch.give("disarm", partition="lobby").refused == ""


def test_the_schedule_disarms_nothing() -> None:
    """Not even what one person may disarm."""
    branch = Guarded()
    branch.armed("lobby")
    assert branch.give("disarm", way=Way.SCHEDULE, partition="lobby").refused == "needs_order"


@pytest.mark.parametrize(("action", "args"), BY_ORDER_ONLY)
@pytest.mark.parametrize("way", [Way.CODE, Way.KEYSWITCH, Way.PANEL, Way.SCHEDULE])
def test_everything_else_needs_an_order(way: Way, action: str, args: dict[str, Any]) -> None:
    """No code, key switch, panel or schedule bypasses, unlocks, switches, resets, tests or silences."""
    branch = Guarded()
    assert branch.give(action, way=way, **args).refused == "needs_order"
    assert branch.writes == []


@pytest.mark.parametrize(
    ("action", "args", "word"),
    [
        ("arm", {"partition": "attic"}, "no_such_partition"),
        ("bypass", {"zone": "attic"}, "no_such_zone"),
        ("unlock", {"door": "attic"}, "no_such_door"),
        ("output", {"output": "hall", "on": True}, "no_such_output"),
        ("run_test", {"partition": "lobby", "zones": ["glass"]}, "zone_elsewhere"),
    ],
)
def test_what_is_not_there_is_refused(action: str, args: dict[str, Any], word: str) -> None:
    """Each with its word; a siren is no output that people switch."""
    branch = Guarded()
    assert branch.give(action, **args).refused == word
    assert branch.of("order.refused")[0].facts["reason"] == word


def test_a_command_whose_arguments_are_of_another_action_is_refused() -> None:
    """Nothing is guessed from arguments that do not belong to the action."""
    branch = Guarded()
    branch.armed("lobby")
    for command in (
        Command(action="disarm", args=SilenceArgs(), way=Way.ORDER, people=TWO),
        Command(action="arm", args=DisarmArgs(partition="lobby"), way=Way.ORDER, people=TWO),
        Command(action="disarm", args=DisarmArgs(partition="lobby"), way=Way.ORDER, people=TWO, partitions=("cash",)),
    ):
        assert branch.send(command).refused == "malformed_args"
    unknown = Command(action="open", args=DisarmArgs(partition="lobby"), way=Way.ORDER, people=TWO)
    assert branch.send(unknown).refused == "unknown_action"
    assert branch.state("partition/lobby") == "armed_away"


def test_an_order_is_told_once_done_or_refused() -> None:
    """Its id, its action, its people and what it was about travel back, in the same round."""
    branch = Guarded()
    branch.give("arm", partition="lobby", mode="stay")
    done = branch.of("order.executed")[0]
    assert (done.source, done.phase) == ("box/orders", Phase.TOLD)
    assert done.facts == {
        "order": "01JD0000000000000000000000",
        "action": "arm",
        "people": list(TWO),
        "partition": "lobby",
        "mode": "stay",
    }


@pytest.mark.parametrize(
    ("action", "args", "source"),
    [
        ("disarm", {"partition": "lobby"}, "partition/lobby"),
        ("unlock", {"door": "inner"}, "door/inner"),
        ("bypass", {"zone": "glass"}, "partition/cash"),
        ("disarm", {"partition": "cash"}, "partition/cash"),
        ("silence", {}, "box/orders"),
    ],
)
def test_duress_is_told_and_nothing_else_differs(action: str, args: dict[str, Any], source: str) -> None:
    """The same answer, findings, writes and states as without, and one `zone.duress` more."""

    def lived(**more: Any) -> tuple[Guarded, list[Finding]]:
        branch = Guarded()
        branch.armed()
        branch.say({"zone/window": "active"})
        branch.give(action, **args, **more)
        branch.after(120)
        return branch, branch.findings

    (plain, without), (forced, found) = lived(), lived(duress="li-lei")
    more = [each for each in found if each.kind == "zone.duress"]
    assert [(each.source, each.facts["person"], each.facts["verification"]) for each in more] == [(source, "li-lei", 4)]
    assert [each for each in found if each.kind != "zone.duress"] == without
    assert forced.writes == plain.writes
    assert forced.guard.points() == plain.guard.points()
    assert forced.guard.saved() == plain.guard.saved()


def test_duress_is_told_of_an_order_that_is_refused() -> None:
    """What cannot be done is refused as always; that he was forced leaves all the same."""
    branch = Guarded()
    branch.armed()
    assert branch.give("disarm", partition="cash", people=("li-lei",), duress="li-lei").refused == "needs_people"
    assert len(branch.of("zone.duress")) == 1


def test_a_key_switch_arms_and_disarms() -> None:
    """Its first reading changes nothing; a turn arms all of its partitions; alone it disarms none that needs two."""
    branch = Guarded(site_of(SITE + KEYSWITCH))
    branch.say({"keyswitch/front": "active"})
    assert branch.findings == []
    branch.say({"keyswitch/front": "normal"})
    branch.say({"keyswitch/front": "active"})
    assert branch.state("partition/lobby") == "arming"
    branch.after(61)
    armed = branch.of("partition.armed")[0].facts
    assert (armed["way"], armed["source"]) == ("keyswitch", "keyswitch/front")
    branch.say({"keyswitch/front": "normal"})
    branch.say({"keyswitch/front": "active"})
    refused = branch.of("order.refused", "keyswitch/front")[0]
    assert (refused.facts["reason"], branch.state("partition/lobby")) == ("needs_order", "armed_away")
    branch.give("disarm", partition="cash")
    branch.after(3)
    branch.say({"keyswitch/front": "normal"})
    branch.say({"keyswitch/front": "active"})
    assert branch.state("partition/cash") == "arming", "not all of it is armed: a turn arms"


def test_who_turns_the_key_and_opens_is_no_intruder() -> None:
    """In one poll the key switch counts before the zones that it disarms."""
    branch = Guarded(site_of(SITE + KEYSWITCH, **{'partitions = ["lobby", "cash"]': 'partitions = ["lobby"]'}))
    branch.say({"keyswitch/front": "normal"})
    branch.armed("lobby")
    branch.say({"zone/window": "active", "keyswitch/front": "active"})
    assert (branch.state("partition/lobby"), branch.of("zone.intrusion")) == ("disarmed", [])


def test_a_key_switch_that_swings_fills_no_ledger() -> None:
    """FIELD-FAULTS row 19: its refusals are told thirty times in ten minutes, then counted no more."""
    branch = Guarded(site_of(SITE + KEYSWITCH))
    branch.armed()
    branch.say({"keyswitch/front": "normal"})
    for _ in range(100):
        branch.after(3)
        branch.say({"keyswitch/front": "active"})
        branch.say({"keyswitch/front": "normal"})
    assert len(branch.of("order.refused")) == 30


def test_the_schedule_arms_and_says_so() -> None:
    """At its hour the box arms by itself after a warning with the buzzer; a window that is open prevents it."""
    branch = Guarded(site_of(SITE + OPENING))
    hours = 18 - 10 - 13 / 60 - 49 / 3600  # virtual time begins at 10:13:49 in Shanghai, on a Saturday
    branch.say({"zone/glass": "active"})
    branch.after((hours - 1 / 6) * 3600 + 1)
    assert branch.state("output/buzz") == "on"
    assert branch.marks("partition/lobby") == ("warned",)
    branch.after(600)
    assert (branch.state("partition/lobby"), branch.state("partition/cash")) == ("arming", "disarmed")
    assert branch.of("partition.arm_failed")[0].facts["blocking"] == [["zone/glass", "active"]]
    branch.after(61)
    assert branch.of("partition.armed")[0].facts["way"] == "schedule"
    assert branch.state("output/buzz") == "off"
    branch.after(1800)
    assert len(branch.of("partition.arm_failed")) == 1, "its tries are not told one by one"
    branch.say({"zone/glass": "normal"})
    branch.after(400)
    assert branch.state("partition/cash") == "armed_away"


def test_an_order_unlocks_a_door_for_its_time() -> None:
    """Through the interlock's own check; the opening that follows is not forced; `lock` ends it."""
    branch = Guarded()
    assert branch.give("unlock", door="outer", for_s=20).refused == ""
    assert branch.state("lock/outer") == "unlocked"
    assert branch.of("door.unlocked")[0].facts == {"by": "order", "release_s": 20.0}
    assert branch.give("unlock", door="inner").refused == "interlock"
    branch.after(5)
    assert branch.give("lock", door="outer").refused == ""
    assert branch.state("lock/outer") == "locked"
    branch.after(6)  # the grace of a release, however it ended
    branch.say({"door/outer": "open"})
    assert told(branch.of("door.forced")) == ["door.forced"]


def test_an_unlocking_of_the_cash_area_needs_two() -> None:
    """A door counts by its partition."""
    branch = Guarded()
    assert branch.give("unlock", door="inner", people=("li-lei",)).refused == "needs_people"
    assert branch.give("unlock", door="outer", people=("li-lei",)).refused == ""


def test_an_output_is_held_for_its_time() -> None:
    """On for as long as was asked, off by itself, or by an order before; unknown while its module is silent."""
    branch = Guarded()
    assert branch.give("output", output="light", on=True, for_s=60).refused == ""
    assert branch.state("output/light") == "on"
    branch.after(61)
    assert branch.state("output/light") == "off"
    branch.give("output", output="light", on=True, for_s=600)
    branch.give("output", output="light", on=False)
    assert branch.state("output/light") == "off"
    branch.say({"output/light": "unknown"})
    assert branch.give("output", output="light", on=True).refused == "unknown"


def test_every_action_is_obeyed_somewhere() -> None:
    """No order of the protocol is unknown to the guard."""
    for action, args in [*BY_ORDER_ONLY, ("arm", {"partition": "lobby"}), ("disarm", {"partition": "lobby"})]:
        assert Guarded().give(action, **args).refused == ""


def test_a_walk_test_lets_nobody_into_what_two_people_guard() -> None:
    """Whoever may begin a walk test is one person: the lock of an armed cash area stays; disarmed, it is tested."""
    branch = Guarded()
    branch.armed("cash")
    (door,) = [each.id for each in branch.site.door if each.partition == "cash"]
    assert branch.guard.exercise(f"lock/{door}", branch.now()) == ("needs_order", ())
    branch.give("disarm", partition="cash")
    assert branch.guard.exercise(f"lock/{door}", branch.now())[0] == ""
