"""The mandatory clauses of GB 50394-2007, 5.2.2 to 5.2.4 and what they name, one story a clause.

From the point through guard, reporting and outbox to the centre's alarms, in virtual time. What a clause says stands in
the docstring; nothing here claims compliance.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from collector.alarms.correlation import Part
from collector.storage.records import PointRow
from collector.storage.schema import alarm_events, events
from protocol.kinds import Lane
from protocol.messages import decode_event
from provisioning.authority import Authority
from tests.boxes import audit, stored_lines
from tests.collecting import PaperCentre
from tests.guarded_box import GuardedBox
from tests.ledgers import NOW

STAGES = ["disarmed", "armed_away", "armed_stay"]


@pytest.fixture(scope="module")
def paper_authority() -> Authority:
    """One authority for all stories here: making one takes longer than a story."""
    return Authority.create(now=NOW - timedelta(days=1))


@pytest.fixture
async def branch(tmp_path: Path, paper_authority: Authority) -> AsyncIterator[GuardedBox]:
    """A disarmed branch at rest, and a centre that knows it."""
    centre = PaperCentre(folder=tmp_path, authority=paper_authority)
    made = GuardedBox(tmp_path / "box", centre)
    await made.start()
    made.send()
    yield made
    await made.close()
    centre.close()


async def bring_to(branch: GuardedBox, stage: str) -> None:
    """Have the whole site there."""
    if stage != "disarmed":
        assert (await branch.give("arm", partition="site", mode=stage.removeprefix("armed_"))).refused == ""
        await branch.after(61)
    assert {branch.state(f"partition/{each}") for each in ("lobby", "cash")} == {stage}


def alarms(branch: GuardedBox, kind: str) -> list[tuple[str, bool]]:
    """The centre's alarms of a kind: where, and whether what opened them has ended."""
    branch.send()
    return [(each.source, each.restored_ms is not None) for each in branch.centre.alarms() if each.kind == kind]


def told(branch: GuardedBox) -> list[tuple[str, str, str]]:
    """(Alarm, place, part) of every event that opened an alarm or stands in one beside it, in their order."""
    columns = (alarm_events.c.alarm, events.c.source, alarm_events.c.part)
    beside = alarm_events.c.part.in_((Part.OPENED.value, Part.SUPPORTS.value))
    with branch.centre.store.read() as reading:
        statement = select(*columns).join(events, events.c.number == alarm_events.c.number).where(beside)
        return [tuple(row) for row in reading.connection.execute(statement.order_by(events.c.number))]


def shown(branch: GuardedBox, point: str) -> PointRow:
    """A point as the centre has it."""
    branch.send()
    with branch.centre.store.read() as reading:
        (row,) = reading.boxes("", site=branch.site.id)
    return next(each for each in row.points if each.id == point)


@pytest.mark.parametrize("stage", STAGES)
async def test_a_panic_button_cannot_be_disarmed(branch: GuardedBox, stage: str) -> None:
    """Emergency alarm devices are in a state that cannot be disarmed, and latch: no order and no switch ends them."""
    await bring_to(branch, stage)
    assert (await branch.give("bypass", zone="button")).refused == "hold_up"
    await branch.give("run_test", partition="lobby")
    await branch.give("disarm", partition="site")
    await branch.say({"zone/button": "active"})
    assert alarms(branch, "zone.hold_up") == [("zone/button", False)]
    assert "output/hall" not in branch.outputs, "nothing at the branch may be heard"
    for action, partition in (("disarm", "site"), ("arm", "cash"), ("disarm", "cash")):
        await branch.give(action, partition=partition)
    await branch.give("silence")
    await branch.say({"zone/button": "normal"})
    await branch.after(600)
    assert (branch.marks("zone/button"), alarms(branch, "zone.hold_up")) == (("alarm",), [("zone/button", False)])
    await branch.give("reset_latch", zone="button")
    assert alarms(branch, "zone.hold_up") == [("zone/button", True)]


async def test_an_intrusion_is_told_with_its_place_while_armed_only(branch: GuardedBox) -> None:
    """Armed, the equipment shows where an intrusion happens; disarmed, the system does not answer to detectors."""
    await branch.say({"zone/window": "active"})
    await branch.say({"zone/window": "normal"})
    assert alarms(branch, "zone.intrusion") == []
    await bring_to(branch, "armed_away")
    await branch.say({"zone/window": "active"})
    assert alarms(branch, "zone.intrusion") == [("zone/window", False)]
    assert (shown(branch, "partition/lobby").state, shown(branch, "partition/cash").state) == ("alarm", "armed_away")
    assert branch.outputs["output/hall"] == "on"


@pytest.mark.parametrize(
    ("zone", "kind"),
    [
        *(("window", "zone.intrusion"), ("glass", "zone.glass_break"), ("button", "zone.hold_up")),
        *(("smoke", "zone.fire"), ("case", "zone.tamper"), ("safe", "zone.intrusion")),
    ],
)
async def test_an_alarm_lasts_until_it_is_reset_by_hand(branch: GuardedBox, zone: str, kind: str) -> None:
    """Alarm information is held until it is reset by hand: neither rest, nor time, nor a power cut ends it."""
    await bring_to(branch, "armed_away")
    await branch.say({f"zone/{zone}": "active"})
    await branch.say({f"zone/{zone}": "normal"})
    await branch.after(400)
    assert branch.outputs.get("output/hall", "off") == "off", "a siren ends after five minutes"
    assert (alarms(branch, kind), branch.marks(f"zone/{zone}")) == ([(f"zone/{zone}", False)], ("alarm",))
    await branch.cut_power()
    await branch.after(15)
    assert (alarms(branch, kind), branch.marks(f"zone/{zone}")) == ([(f"zone/{zone}", False)], ("alarm",))
    await branch.give("reset_latch", partition="site")
    assert (alarms(branch, kind), branch.marks(f"zone/{zone}")) == ([(f"zone/{zone}", True)], ())


async def test_no_alarm_is_lost(branch: GuardedBox) -> None:
    """No alarm signal is lost: with the line down and the power cut, all arrive, each once, in their order."""
    await bring_to(branch, "armed_away")
    branch.send()
    branch.line_up = False
    zones = ["window", "button", "glass", "case", "safe", "smoke"]
    for zone in zones:
        await branch.say({f"zone/{zone}": "active"})
        await branch.cut_power()
        await branch.say({f"zone/{zone}": "normal"})
        await branch.after(15)
    assert branch.centre.alarms() == []
    branch.line_up = True
    branch.send()
    assert [place for _, place, _ in told(branch)] == [f"zone/{zone}" for zone in zones]
    assert audit(branch.folder) == []
    at_centre = [(each.lane, each.seq) for each in branch.centre.events()]
    kept = [(lane.value, decode_event(line).seq) for lane in Lane for line in stored_lines(branch.folder, lane)]
    assert sorted(at_centre) == sorted(kept)
    assert branch.centre.events("ledger.gap") == []


async def test_an_alarm_that_comes_again_is_told_again(branch: GuardedBox) -> None:
    """No alarm signal is lost: one that comes while the same zone is latched is counted, with the time of each."""
    for _ in range(3):
        await branch.say({"zone/button": "active"})
        await branch.say({"zone/button": "normal"})
        await branch.after(30)
    branch.send()
    (alarm,) = [each for each in branch.centre.alarms() if each.kind == "zone.hold_up"]
    assert alarm.events == 3
    assert [each.facts.get("again") for each in branch.centre.events("zone.hold_up")] == [None, 1, 2]


async def test_simultaneous_alarms_are_shown_one_after_another(branch: GuardedBox) -> None:
    """Several detectors at once, panic buttons among them: each is shown with its own place, one after another; what
    breaks beside an intrusion confirms that alarm and stands in it."""
    await bring_to(branch, "armed_away")
    at_once = ["window", "button", "smoke", "case", "cash-motion", "glass", "safe"]
    await branch.say({f"zone/{zone}": "active" for zone in at_once})
    branch.send()
    found = branch.centre.alarms()
    assert sorted(place for _, place, _ in told(branch)) == sorted(f"zone/{zone}" for zone in at_once)
    beside = [place for _, place, part in told(branch) if part == Part.SUPPORTS.value]
    assert beside == ["zone/glass"]
    alone = len(at_once) - len(beside)
    assert len({each.id for each in found}) == alone, "each has a line of its own at the desk"
    assert len({each.cursor for each in found}) == alone, "and its own place in the order"
    assert {each.source: each.level for each in found}["zone/button"] == 1


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("cause", ["case", "open", "short", "band"])
async def test_meddling_is_told_armed_or_not(branch: GuardedBox, stage: str, cause: str) -> None:
    """A detector's case opened, its line cut or shorted: told armed or disarmed, held until it is reset by hand."""
    await bring_to(branch, stage)
    await branch.say({"zone/glass": "tamper"}, cause=cause)
    assert alarms(branch, "zone.tamper") == [("zone/glass", False)]
    assert branch.told("zone.tamper")[0].facts["cause"] == cause
    await branch.say({"zone/glass": "normal"})
    await branch.after(60)
    assert alarms(branch, "zone.tamper") == [("zone/glass", False)]
    await branch.give("reset_latch", zone="glass")
    assert alarms(branch, "zone.tamper") == [("zone/glass", True)]


@pytest.mark.parametrize("stage", STAGES)
async def test_faults_are_told_armed_or_not(branch: GuardedBox, stage: str) -> None:
    """Equipment that fails, or whose line is cut, is told armed or disarmed; what it held is unknown, never at rest."""
    await bring_to(branch, stage)
    lost = {f"zone/{each.id}": "unknown" for each in branch.site.zone}
    await branch.say({"device/io1": "offline", **lost}, cause="no answer")
    await branch.after(15)
    assert alarms(branch, "device.offline") == [("device/io1", False)]
    assert shown(branch, "zone/button").state == "unknown"
    armed = [f"zone/{each.id}" for each in branch.site.zone if stage != "disarmed"]
    assert {source for source, _ in alarms(branch, "zone.trouble")} >= set(armed)


async def test_a_line_that_is_cut_is_told_by_the_centre(branch: GuardedBox) -> None:
    """The line between equipment and centre is cut: told within seconds, armed or not, and not taken for quiet."""
    branch.send()
    branch.centre.pass_time(branch.paper.silent_after_s - 1)
    assert branch.centre.events("box.silent") == []
    branch.centre.pass_time(2)
    assert [each.source for each in branch.centre.events("box.silent")] == [f"box/{branch.paper.id}"]


async def test_arming_and_bypass_are_shown(branch: GuardedBox) -> None:
    """What is armed, disarmed or bypassed is shown, with who did it and until when, and kept as a record."""
    assert (await branch.give("bypass", zone="glass", for_s=3600)).refused == ""
    await bring_to(branch, "armed_away")
    assert shown(branch, "partition/cash").state == "armed_away"
    assert set(shown(branch, "partition/cash").marks) == {"bypassed"}
    assert shown(branch, "zone/glass").marks == ("bypassed",)
    (bypassed,) = branch.centre.events("zone.bypassed")
    assert bypassed.facts["people"] == ["li-lei", "han-mei"]
    assert bypassed.facts["until"].endswith("Z")
    armed = {each.source: each.facts for each in branch.centre.events("partition.armed")}
    assert armed["partition/cash"]["way"] == "order"
    assert armed["partition/cash"]["bypassed"] == ["glass"]
    await branch.say({"zone/glass": "active"})
    assert alarms(branch, "zone.glass_break") == [], "what is bypassed does not act"
    await branch.give("disarm", partition="cash")
    assert (shown(branch, "partition/cash").state, shown(branch, "zone/glass").marks) == ("disarmed", ())
    assert [each.source for each in branch.centre.events("zone.bypassed.restored")] == ["zone/glass"]
