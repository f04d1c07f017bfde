"""What a demo's stories meet: alarms that were left open in its folder, or that a story before them opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.escalation.records import Purpose
from collector.storage.records import AlarmState
from provisioning.authority import Authority
from simulator.console import Console
from simulator.demo_file import SiteAccess
from simulator.escalating import anew
from simulator.watching import newest, raised
from tests.browser.served import Served
from tests.console import ConsoleWorld
from tests.escalating import EscalatingCentre
from tests.ledgers import NOW


@pytest.fixture
def bank(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Served]:
    """A centre that escalates, with its console."""
    world = ConsoleWorld(folder=tmp_path, authority=Authority.create(now=NOW), make_centre=EscalatingCentre)
    console = Served(world, free_port())
    console.start()
    yield console
    console.stop()
    world.close()


@pytest.mark.parametrize("left", ["waiting", "held"])
async def test_a_hold_up_that_was_left_open_waits_from_its_beginning(bank: Served, left: str) -> None:
    """Whether its chain ran on for ten minutes or somebody has it: the first step is the next one again."""
    centre = bank.world.centre
    assert isinstance(centre, EscalatingCentre)
    centre.at_desk.add("wang")
    bank.world.happens("zone.hold_up", "zone/button", {})
    (alarm,) = centre.alarms()
    desk, leader = (Console(bank.address, f"token-{who}", "en") for who in ("wang", "li"))
    if left == "held":
        await leader.post(f"/api/v1/alarms/{alarm.id}/acknowledge", {}, version=alarm.version)
    centre.pass_seconds(600, step=30)
    await anew(desk, leader, _site(alarm.site), lambda words: words)
    (alarm,) = centre.alarms()
    (due,) = [each.due_ms for each in centre.timers_of(alarm.id) if each.purpose is Purpose.ESCALATE]
    assert (alarm.state, alarm.holder) == (AlarmState.NEW, None)
    assert 0 <= due - int(centre.now.timestamp() * 1000) <= 30_000, "the shift leader is told when the time is over"


async def test_a_covered_camera_is_found_where_a_break_in_keeps_it(bank: Served) -> None:
    """After the story of closing time the lens opens no alarm of its own: it makes that intrusion graver."""
    desk, site = Console(bank.address, "token-wang", "en"), _site("0755-031")
    bank.world.happens("zone.intrusion", "zone/staff-shutter", {})
    before = await newest(desk, site, "camera.covered")
    assert await raised(desk, site, "camera.covered", before) is None
    event = bank.world.happens("camera.covered", "camera/03", {})
    seen = await raised(desk, site, "camera.covered", before)
    assert seen is not None
    assert (seen.event["id"], seen.alarm["kind"], seen.alarm["level"]) == (event, "zone.intrusion", 1)
    assert await raised(desk, site, "camera.covered", seen.event) is None


def _site(name: str) -> SiteAccess:
    return SiteAccess(id=name, box="", modbus="", cert="", key="", state="")
