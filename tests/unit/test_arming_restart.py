"""Arming over restarts, power cuts and lost lines: it stands where it stood, and what happened meanwhile is found."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from agent.findings import Finding, Phase
from agent.guard import Guard
from agent.memory import SavedGuard
from agent.reporting import ReportingState
from agent.signals import OutputWrite, Signal, State
from agent.watch import Watch
from protocol.messages import decode_event
from tests.boxes import box, reading, rows
from tests.branch import told
from tests.clock import Clock
from tests.guarded import CALM, Guarded

BOOTS = pytest.mark.parametrize("same_boot", [True, False])


@BOOTS
@pytest.mark.parametrize("stage", ["disarmed", "arming", "armed_away", "armed_stay", "entry_delay", "alarm", "test"])
def test_a_partition_stands_where_it_stood(stage: str, same_boot: bool) -> None:
    """Each stage, with its delay, is there again at once, and is told to nobody anew."""
    branch = Guarded()
    if stage == "arming":
        branch.give("arm", partition="lobby")
    elif stage == "test":
        branch.give("run_test", partition="lobby")
    elif stage != "disarmed":
        branch.armed("lobby", "stay" if stage == "armed_stay" else "away")
    if stage == "entry_delay":
        branch.say({"zone/entrance": "active"})
    if stage == "alarm":
        branch.say({"zone/window": "active"})
    branch.restart(2, same_boot=same_boot)
    branch.findings.clear()
    assert branch.state("partition/lobby") == stage
    seen = {"entry_delay": {"zone/entrance": "active"}, "alarm": {"zone/window": "active"}}.get(stage, {})
    branch.say({**CALM, **seen})
    assert branch.findings == []
    branch.after(55)
    assert branch.state("partition/lobby") == {"entry_delay": "alarm"}.get(stage, stage)
    branch.after(4)
    assert branch.state("partition/lobby") == {"entry_delay": "alarm", "arming": "armed_away"}.get(stage, stage)


@BOOTS
@pytest.mark.parametrize(
    ("zone", "found"), [("window", ["zone.intrusion"]), ("entrance", []), ("button", ["zone.hold_up"])]
)
def test_what_was_opened_while_down_acts(zone: str, found: list[str], same_boot: bool) -> None:
    """FIELD-FAULTS row 1: a zone of an armed partition, opened while the agent was down, acts at its first reading."""
    branch = Guarded()
    branch.armed("lobby")
    branch.restart(600, same_boot=same_boot)
    branch.say({**CALM, f"zone/{zone}": "active"})
    assert told(branch.findings) == found
    assert all(each.facts["while_down"] is True for each in branch.findings)
    expected = {"window": "alarm", "entrance": "entry_delay", "button": "armed_away"}
    assert branch.state("partition/lobby") == expected[zone]


def test_a_pulse_that_only_a_counter_saw_acts() -> None:
    """FIELD-FAULTS row 1: opened and closed between two polls, or while down: the driver's two words make an alarm."""
    branch = Guarded()
    branch.armed("lobby")
    now = branch.now()
    pulse = [Signal(point="zone/window", state=state, at=now, cause="pulse") for state in (State.ACTIVE, State.NORMAL)]
    assert told(branch._observe(pulse)) == ["zone.intrusion"]


def test_what_changed_unseen_acts_and_says_so() -> None:
    """While its module was silent: `while_unknown`."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/window": "unknown"})
    branch.say({"zone/window": "active"})
    assert branch.of("zone.intrusion")[0].facts["while_unknown"] is True


def test_what_was_active_all_the_time_is_told_once() -> None:
    """Down or silent in between: the same alarm, not another."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/window": "active"})
    branch.restart(60)
    branch.findings.clear()
    branch.say({**CALM, "zone/window": "active"})
    branch.say({"zone/window": "unknown"})
    branch.say({"zone/window": "active"})
    assert branch.of("zone.intrusion") == []
    assert branch.marks("zone/window") == ("alarm",)


@BOOTS
def test_an_entry_delay_that_ended_while_down_is_an_alarm(same_boot: bool) -> None:
    """Judged once the zones are read; the alarm names the zone that began it."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/entrance": "active"})
    branch.restart(60, same_boot=same_boot)
    branch.say({"zone/window": "normal"})
    assert branch.state("partition/lobby") == "entry_delay"
    branch.say(CALM)
    assert [each.source for each in branch.of("zone.intrusion")] == ["zone/entrance"]


def test_an_entry_during_which_the_line_was_lost_is_one_alarm() -> None:
    """The module is silent when the delay ends, and the door still open when it answers: nothing new happened."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/entrance": "active"})
    branch.say({point: "unknown" for point in CALM if point.startswith("zone/")})
    branch.after(31)
    assert branch.state("partition/lobby") == "alarm"
    branch.say({**CALM, "zone/entrance": "active"})
    branch.say({**CALM, "zone/entrance": "active"})
    assert [each.phase for each in branch.of("zone.intrusion")] == [Phase.RAISED]
    branch.say({"zone/entrance": "normal"})
    branch.say({"zone/entrance": "active"})
    assert [each.phase for each in branch.of("zone.intrusion")] == [Phase.RAISED, Phase.AGAIN]


@BOOTS
def test_a_delay_waits_five_seconds_at_most_for_its_zones(same_boot: bool) -> None:
    """A module that stays silent keeps no alarm back, and what cannot be read is not armed."""
    branch = Guarded()
    branch.armed("lobby")
    branch.give("arm", partition="cash")
    branch.say({"zone/entrance": "active"})
    branch.restart(60, same_boot=same_boot)
    branch.findings.clear()
    branch.say({})
    branch.after(4.9)
    assert branch.findings == []
    branch.after(0.2)
    assert {"zone.intrusion", "partition.arm_failed"} <= set(told(branch.findings))
    assert (branch.state("partition/lobby"), branch.state("partition/cash")) == ("alarm", "disarmed")


def test_what_arms_together_waits_for_the_zones_of_all() -> None:
    """After a start one partition was read and the other was not: neither is armed before both are known."""
    branch = Guarded()
    branch.give("arm", partition="site")
    branch.restart(70)
    branch.findings.clear()
    lobby = ("entrance", "hall-motion", "window", "button")
    branch.say({f"zone/{zone}": "normal" for zone in lobby})
    assert branch.findings == []
    branch.say({**CALM, "zone/glass": "active"})
    assert told(branch.findings) == ["partition.arm_failed", "partition.arm_failed"]
    assert branch.state("partition/lobby") == "disarmed"


@BOOTS
def test_an_exit_delay_that_ended_while_down_arms_or_fails(same_boot: bool) -> None:
    """By what is read now: who still stands inside stops it."""
    for state, stage in (("normal", "armed_away"), ("active", "disarmed")):
        branch = Guarded()
        branch.give("arm", partition="lobby")
        branch.restart(90, same_boot=same_boot)
        branch.say({**CALM, "zone/hall-motion": state})
        assert branch.state("partition/lobby") == stage


def test_no_delay_gets_longer_by_a_clock_that_is_set() -> None:
    """The machine comes up in the wrong year: the entry delay has its thirty seconds and no more."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"zone/entrance": "active"})
    stored = msgspec.json.encode(branch.guard.saved())
    branch.clock = Clock(branch.clock.now() - timedelta(days=400), mono_ms=5_000)
    branch.guard = Guard(branch.site, msgspec.json.decode(stored, type=SavedGuard), branch.now(), same_boot=False)
    branch.say({**CALM, "zone/entrance": "active"})
    branch.after(29)
    assert branch.state("partition/lobby") == "entry_delay"
    branch.after(1.1)
    assert branch.state("partition/lobby") == "alarm"


@BOOTS
def test_a_siren_goes_on_as_it_was(same_boot: bool) -> None:
    """FIELD-FAULTS row 2: with siren and buzzer on: nothing is written anew, both end at their own time."""
    branch = Guarded()
    branch.armed("lobby")
    branch.give("arm", partition="cash")
    branch.say({"zone/window": "active"})
    branch.after(5)
    branch.restart(5, same_boot=same_boot)
    branch.say({**CALM, "zone/window": "active", "output/hall": "on", "output/buzz": "on"})
    assert branch.writes == []
    branch.after(11)
    assert [(each.point, each.state) for each in branch.writes] == [("output/buzz", "off")]
    branch.give("disarm", partition="lobby")
    assert branch.state("output/hall") == "off", "it is known still what it sounds for"


@BOOTS
def test_latches_bypasses_and_shutdowns_are_kept(same_boot: bool) -> None:
    """Marks and counts are there again: the third alarm shuts down, the bypass ends at its time."""
    branch = Guarded()
    branch.give("bypass", zone="glass", for_s=600)
    branch.armed()
    for _ in range(2):
        branch.say({"zone/window": "active"})
        branch.say({"zone/window": "normal"})
    branch.say({"zone/button": "active"})
    branch.restart(30, same_boot=same_boot)
    branch.findings.clear()
    branch.say(CALM)
    assert branch.marks("zone/window") == branch.marks("zone/button") == ("alarm",)
    assert branch.marks("zone/glass") == ("bypassed",)
    branch.say({"zone/window": "active"})
    assert told(branch.findings) == ["zone.intrusion", "zone.swinger_shutdown"]
    branch.after(600)
    assert told(branch.of("zone.bypassed")) == ["zone.bypassed.restored"]


def test_an_alarm_decided_but_not_stored_is_found_again() -> None:
    """FIELD-FAULTS row 18: power is cut between deciding and storing: the inputs tell it again."""
    branch = Guarded()
    branch.armed("lobby")
    stored = msgspec.json.encode(branch.guard.saved())
    branch.say({"zone/window": "active", "zone/button": "active"})
    assert len(branch.findings) == 2
    branch.guard = Guard(branch.site, msgspec.json.decode(stored, type=SavedGuard), branch.now(), same_boot=False)
    branch.findings.clear()
    branch.say({**CALM, "zone/window": "active", "zone/button": "active"})
    assert set(told(branch.findings)) == {"zone.intrusion", "zone.hold_up"}
    assert branch.state("partition/lobby") == "alarm"


def test_a_memory_from_before_zones_is_read() -> None:
    """An older version's memory has no arming: everything begins disarmed, and what is active always acts."""
    saved = msgspec.json.decode(b'{"points": {}}', type=SavedGuard)
    branch = Guarded(at_rest=False)
    branch.guard = Guard(branch.site, saved, branch.now(), same_boot=False)
    branch.say({**CALM, "zone/button": "active"})
    assert told(branch.findings) == ["zone.hold_up"]
    assert branch.state("partition/lobby") == "disarmed"


async def test_a_lost_line_changes_nothing(tmp_path: Path) -> None:
    """FIELD-FAULTS row 3: the uplink is lost while armed: its loss is told, no zone alarms, nothing changes state."""
    clock, writes = Clock(), list[OutputWrite]()
    branch, outbox = Guarded(clock=clock), box(tmp_path, clock)
    branch.armed()
    guard = branch.guard
    watch = Watch(
        guard,
        ReportingState(),
        outbox,
        reading=lambda: reading(clock),
        write=writes.append,
        changed=lambda _: None,
        random=os.urandom,
        boot="boot",
    )
    await watch.step()
    memory = "SELECT value FROM saved WHERE key = 'guard'"
    before, kept = guard.points(), rows(tmp_path, memory)
    ((known,),) = rows(tmp_path, "SELECT count(*) FROM events")
    lost = Finding(kind="link.primary_lost", source="link/primary", phase=Phase.RAISED, at=branch.now())
    await watch.tell([lost])
    await watch.step()
    clock.advance(timedelta(hours=8))
    await watch.step()
    await watch.tell([msgspec.structs.replace(lost, phase=Phase.ENDED, at=branch.now())])
    await watch.step()
    assert (guard.points(), rows(tmp_path, memory), writes) == (before, kept, [])
    lines = rows(tmp_path, "SELECT line FROM events ORDER BY rowid")[known:]
    assert [decode_event(line).kind for (line,) in lines] == ["link.primary_lost", "link.primary_lost.restored"]
    await outbox.close()
