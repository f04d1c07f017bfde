"""A new site file while things are armed: what is named anew guards on, what is gone ends, what is disarmed is told."""

from __future__ import annotations

import pytest

from tests.branch import site_of, told
from tests.guarded import CALM, SITE, Guarded


def test_a_new_site_file_ends_what_it_no_longer_names() -> None:
    """Conditions of zones and partitions that are gone end, and say why; the others stay."""
    branch = Guarded()
    branch.say({"zone/window": "active", "zone/button": "active"})
    branch.give("arm", partition="lobby")
    assert told(branch.findings) == ["zone.hold_up", "partition.arm_failed", "order.refused"]
    without = SITE.replace('"window", "button"]', '"button"]').replace('id = "lobby"', 'id = "hall"')
    without = without.replace('partition = "lobby"', 'partition = "hall"')
    branch.restart(site=site_of(without))
    branch.findings.clear()
    branch.say(CALM)
    assert told(branch.findings) == ["partition.arm_failed.restored"]
    assert branch.findings[0].facts["reason"] == "no longer in the site file"
    assert branch.marks("zone/button") == ("alarm",)


RENAMED = SITE.replace('id = "lobby"', 'id = "hall"').replace('partition = "lobby"', 'partition = "hall"')


@pytest.mark.parametrize("stage", ["arming", "armed_away", "armed_stay", "entry_delay", "alarm", "test"])
def test_a_partition_by_another_name_stands_where_it_stood(stage: str) -> None:
    """A new site file renames what is armed: it guards on, its delay ends on time, and nothing is told as disarmed."""
    branch = Guarded()
    if stage == "arming":
        branch.give("arm", partition="lobby")
    else:
        branch.armed("lobby", "stay" if stage == "armed_stay" else "away")
    if stage == "test":
        branch.give("run_test", partition="lobby")
    seen = {"entry_delay": {"zone/entrance": "active"}, "alarm": {"zone/window": "active"}}.get(stage, {})
    branch.say(seen)
    branch.restart(2, site=site_of(RENAMED))
    branch.findings.clear()
    branch.say({**CALM, **seen})
    assert (branch.state("partition/hall"), branch.findings) == (stage, [])
    branch.after(60)
    assert branch.state("partition/hall") == {"entry_delay": "alarm", "arming": "armed_away"}.get(stage, stage)


def test_what_is_renamed_while_the_site_arms_still_arms_with_the_rest() -> None:
    """A window that opens there stops all, and one elsewhere stops it."""
    for zone in ("window", "glass"):
        branch = Guarded()
        branch.give("arm", partition="site")
        branch.restart(2, site=site_of(RENAMED))
        branch.say(CALM)
        branch.say({f"zone/{zone}": "active"})
        assert [branch.state(f"partition/{name}") for name in ("hall", "cash")] == ["disarmed", "disarmed"]


def test_partitions_that_become_one_stand_as_the_most_guarded() -> None:
    """Armed with people inside, and in alarm: in alarm; what could not be armed fully before is not told of it."""
    branch = Guarded()
    branch.armed(mode="stay")
    branch.say({"zone/cash-motion": "active"})
    assert branch.give("arm", partition="cash").refused == "not_ready"
    branch.say({"zone/glass": "active"})
    one = SITE[: SITE.index("[[partition]]")].replace('partition = "lobby"', "").replace('partition = "cash"', "")
    zones = '"entrance", "hall-motion", "window", "glass", "cash-motion"'
    one += f'[[partition]]\nid = "all"\nkind = "cash"\nzones = [{zones}]\n'
    branch.restart(2, site=site_of(one))
    branch.findings.clear()
    branch.say({**CALM, "zone/glass": "active", "zone/cash-motion": "active"})
    assert branch.state("partition/all") == "alarm"
    assert told(branch.findings) == ["partition.arm_failed.restored"]
    branch.findings.clear()
    branch.give("disarm", partition="all")
    assert "partition.arm_failed.restored" not in told(branch.findings)


def test_a_partition_made_of_others_stands_as_the_one_that_guards_most() -> None:
    """Half of an armed lobby becomes a partition of its own: both guard; a disarmed one beside it changes nothing."""
    branch = Guarded()
    branch.armed("lobby")
    more = SITE.replace('zones = ["entrance", "hall-motion", "window", "button"]', 'zones = ["entrance", "button"]')
    more = more.replace('"safe", "smoke"', '"safe"')
    more += '\n[[partition]]\nid = "front"\nkind = "cash"\nzones = ["smoke", "window", "hall-motion"]\n'
    branch.say({"zone/entrance": "active"})
    branch.restart(2, site=site_of(more))
    branch.findings.clear()
    branch.say({**CALM, "zone/entrance": "active"})
    states = [branch.state(f"partition/{name}") for name in ("lobby", "front", "cash")]
    assert (states, branch.findings) == (["entry_delay", "armed_away", "disarmed"], [])
    branch.say({"zone/window": "active"})
    assert branch.state("partition/front") == "alarm"


@pytest.mark.parametrize(
    ("zones", "cash", "place", "lost"),
    [
        ('["entrance", "hall-motion", "button"]', '"window", "cash-motion"', "cash", ["window"]),  # moved
        ('["entrance", "hall-motion", "button"]', '"cash-motion"', "lobby", ["window"]),  # in none now
        ("", '"window", "entrance", "cash-motion"', "lobby", ["entrance", "hall-motion", "window"]),  # it is gone
        ("", '"button", "cash-motion"', "lobby", ["entrance", "hall-motion", "window"]),
    ],
)
def test_what_a_site_file_disarms_is_told(zones: str, cash: str, place: str, lost: list[str]) -> None:
    """An armed zone that comes to where nothing is armed: that is a disarming, and said with the zones."""
    branch = Guarded()
    branch.armed("lobby")
    text = SITE.replace('"cash-motion", "glass"', f'{cash}, "glass"')
    lobby = text[text.index('[[partition]]\nid = "lobby"') : text.index('[[partition]]\nid = "cash"')]
    kept = lobby.replace('["entrance", "hall-motion", "window", "button"]', zones)
    text = text.replace(lobby, kept) if zones else text.replace(lobby, "").replace('partition = "lobby"', "")
    branch.restart(2, site=site_of(text))
    branch.findings.clear()
    branch.say(CALM)
    assert told(branch.findings) == ["partition.disarmed"]
    facts = branch.findings[0].facts
    assert (branch.findings[0].source, facts["way"], facts["was"]) == (f"partition/{place}", "site_file", "armed_away")
    assert sorted(facts["zones"]) == lost
    branch.restart(2)
    assert told(branch.say(CALM)) == []


def test_a_zone_that_becomes_a_panic_button_is_neither_bypassed_nor_shut_down() -> None:
    """What a site file makes a hold-up works from its first reading on, whatever was ordered of the zone before."""
    branch = Guarded()
    branch.armed("lobby")
    for _ in range(3):
        branch.say({"zone/window": "active"})
        branch.say({"zone/window": "normal"})
    branch.give("bypass", zone="window", on=True, for_s=600)
    assert set(branch.marks("zone/window")) == {"alarm", "bypassed", "shut_down"}
    button = SITE.replace('id = "window"\ntype = "instant"', 'id = "window"\ntype = "hold-up"')
    branch.restart(2, site=site_of(button))
    branch.findings.clear()
    branch.say({**CALM, "zone/window": "active"})
    assert sorted(told(branch.findings)) == [
        "zone.bypassed.restored",
        "zone.hold_up",
        "zone.swinger_shutdown.restored",
    ]
