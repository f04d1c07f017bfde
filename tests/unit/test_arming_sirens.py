"""Sirens and buzzers: for what, how long, and what ends them."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from tests.branch import site_of
from tests.guarded import SITE, Guarded


def test_a_siren_sounds_five_minutes_at_most() -> None:
    """Whatever the site file says; the alarm stays."""
    site = site_of(SITE)
    long = tuple(msgspec.structs.replace(each, sound_for=timedelta(minutes=15)) for each in site.siren)
    branch = Guarded(msgspec.structs.replace(site, siren=long))
    branch.armed("lobby")
    branch.say({"zone/window": "active"})
    branch.after(299)
    assert branch.state("output/hall") == "on"
    branch.after(1)
    assert branch.state("output/hall") == "off"
    assert branch.marks("zone/window") == ("alarm",)


def test_no_siren_sounds_for_a_hold_up_whatever_a_site_file_says() -> None:
    """Not even where the file names it: nobody at the counter may hear that help was called."""
    site = site_of(SITE)
    loud = tuple(msgspec.structs.replace(each, on=("zone.hold_up", "zone.duress")) for each in site.siren)
    branch = Guarded(msgspec.structs.replace(site, siren=loud))
    branch.say({"zone/button": "active"})
    branch.give("silence", duress="li-lei")
    assert branch.state("output/hall") == "off"
    assert branch.writes == []


def test_silence_ends_sirens_and_nothing_else() -> None:
    """The alarm stays latched and the partition in alarm; a new alarm sounds anew."""
    branch = Guarded()
    branch.armed()
    branch.say({"zone/window": "active"})
    assert branch.give("silence").refused == ""
    assert branch.state("output/hall") == "off"
    assert branch.state("partition/lobby") == "alarm"
    branch.say({"zone/glass": "active"})
    assert branch.state("output/hall") == "on"


def test_a_zone_that_acts_again_sounds_a_silent_siren_but_prolongs_none() -> None:
    """Who comes back is heard; who goes on does not make it longer."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/window": "active"})
    branch.after(200)
    branch.say({"zone/window": "normal"})
    branch.say({"zone/window": "active"})
    branch.after(101)
    assert branch.state("output/hall") == "off"
    branch.say({"zone/window": "normal"})
    branch.say({"zone/window": "active"})
    assert branch.state("output/hall") == "on"


def test_disarming_ends_what_nothing_else_needs() -> None:
    """With a fire beside the intrusion the siren goes on; once that is reset too, it ends."""
    branch = Guarded()
    branch.armed()
    branch.say({"zone/window": "active", "zone/smoke": "active"})
    branch.give("disarm", partition="site")
    assert branch.state("output/hall") == "on"
    branch.give("reset_latch", zone="smoke")
    assert branch.state("output/hall") == "off"
    assert branch.marks("zone/smoke") == ("alarm",), "it still burns: only the noise is over"


def test_a_siren_that_a_door_started_is_not_ended_by_disarming() -> None:
    """Two open doors of an interlock are not the partition's."""
    branch = Guarded(site_of(SITE, **{'"zone.fire"]': '"door.dual_open"]'}))
    branch.armed("lobby")
    branch.say({"door/outer": "open", "door/inner": "open"})
    branch.after(1)
    assert branch.state("output/hall") == "on"
    branch.give("disarm", partition="lobby")
    assert branch.state("output/hall") == "on"
    branch.give("silence")
    assert branch.state("output/hall") == "off"


def test_a_buzzer_sounds_for_its_partitions() -> None:
    """Through exit and entry delays of those it names, and for none else."""
    branch = Guarded(site_of(SITE, **{'output = "io1/do/3"': 'output = "io1/do/3"\npartitions = ["cash"]'}))
    branch.give("arm", partition="lobby")
    assert branch.state("output/buzz") == "off"
    branch.give("arm", partition="cash")
    assert branch.state("output/buzz") == "on"
    branch.after(20)
    assert branch.state("output/buzz") == "off"


def test_a_walk_test_may_sound_a_buzzer() -> None:
    """What nothing waits for is left to who asked for it."""
    branch = Guarded()
    assert branch.guard.exercise("output/buzz", branch.now())[0] == ""
    branch.say({})
    branch.say({"zone/window": "active"})
    assert branch.state("output/buzz") == "on"
