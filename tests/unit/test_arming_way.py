"""Arming, the exit delay, an intruder, the entry delay, alarm and disarming: the thinnest whole way."""

from __future__ import annotations

from agent.findings import Phase
from tests.branch import told
from tests.guarded import TWO, Guarded


def test_a_branch_is_armed_entered_and_disarmed() -> None:
    """Two people arm it; an intruder has the entry delay, then it is an alarm with a siren; disarming ends all."""
    branch = Guarded()
    assert branch.give("arm", partition="lobby").refused == ""
    assert branch.state("partition/lobby") == "arming"
    assert branch.state("output/buzz") == "on"
    branch.say({"zone/hall-motion": "active"})
    branch.say({"zone/hall-motion": "normal"})
    branch.after(60)
    assert branch.state("partition/lobby") == "armed_away"
    assert branch.state("output/buzz") == "off"
    assert branch.of("partition.armed")[0].facts["people"] == list(TWO)

    branch.findings.clear()
    branch.say({"zone/entrance": "active"})
    branch.say({"zone/hall-motion": "active"})
    assert branch.state("partition/lobby") == "entry_delay"
    assert told(branch.findings) == []
    branch.after(30)
    assert branch.state("partition/lobby") == "alarm"
    assert [each.source for each in branch.of("zone.intrusion")] == ["zone/entrance", "zone/hall-motion"]
    assert [each.facts["verification"] for each in branch.of("zone.intrusion")] == [1, 2]
    assert branch.state("output/hall") == "on"

    branch.findings.clear()
    branch.say({"zone/entrance": "normal", "zone/hall-motion": "normal"})
    assert branch.of("zone.intrusion") == []
    assert branch.give("disarm", partition="lobby").refused == ""
    assert branch.state("partition/lobby") == "disarmed"
    assert branch.state("output/hall") == "off"
    assert {each.phase for each in branch.of("zone.intrusion")} == {Phase.ENDED}
    assert branch.of("order.executed", "box/orders")[0].facts["action"] == "disarm"
