"""A branch through power cuts, dead modules and wrong clocks: what happened is found, nothing is made up."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulator.model import Door, Part, Swing
from tests.processes import RunningProcess
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.bank import Bank
from tests.whole.box import Box
from tests.whole.line import Line

pytestmark = pytest.mark.timeout(180)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

WRONG_CLOCK = Path(__file__).parents[1] / "whole" / "wrong_clock.c"


def _running(build_bank: BuildBank, **settings: object) -> tuple[Bank, Box]:
    bank = build_bank(**settings)
    bank.start()
    box = bank.boxes[0]
    bank.wait_watching(box)
    return bank, box


def _event(bank: Bank, kind: str, matches: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
    """The first event of a kind that arrives at the centre and matches."""

    def arrived() -> list[dict[str, Any]]:
        return [event for event in reversed(bank.desk.events(kind=kind)) if matches(event)]

    return eventually_blocking(arrived, timeout_s=30, what=f"{kind} arrives")[0]


def test_a_door_that_opened_while_the_box_was_down(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 1: a contact opens while the agent is dead: found at the first poll, said to be from then."""
    bank, box = _running(build_bank)
    bank.kill_box(box)
    box.branch.open(Door.OUTER)
    bank.start_box(box)
    event = _event(bank, "door.forced")
    assert event["source"] == "door/outer"
    assert event["facts"].get("while_down") is True


def test_a_pulse_between_two_polls(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 1: a contact opens and closes between two polls: its counter tells, the centre hears."""
    bank, box = _running(build_bank)
    box.branch.play(Swing(door=Door.INNER, open=True), Swing(door=Door.INNER, open=False))
    assert Door.INNER not in box.branch.now().open
    assert _event(bank, "door.forced")["source"] == "door/inner"


def test_outputs_outlive_the_agent(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 2: killed with siren and lock pulse on: both stay as they were and end at their own time."""
    bank = build_bank()
    (box,) = bank.boxes
    longer = {'exit_button = "': 'release_for = "15s"\nexit_button = "', 'sound_for = "10s"': 'sound_for = "20s"'}
    for ours, its in longer.items():  # a busy machine is to have the agent back before either ends
        box.config.write_text(box.config.read_text().replace(ours, its))
    bank.start()
    bank.wait_watching(box)
    box.branch.touch(Part.EXIT_INNER)
    eventually_blocking(lambda: Door.INNER in box.branch.now().unlocked, what="the inner lock lets go")
    box.branch.touch(Part.EXIT_INNER, on=False)
    box.branch.open(Door.OUTER)
    eventually_blocking(lambda: box.branch.now().siren, what="the siren sounds: the outer door was forced")
    bank.kill_box(box)
    bank.start_box(box)

    def back() -> bool:
        now = box.branch.now()
        if not now.siren or Door.INNER not in now.unlocked:
            raise RuntimeError(f"an output went off with the agent: {now}")
        return box.account().kinds.count("box.started") == 2

    eventually_blocking(back, timeout_s=14, what="the agent is back before the lock's fifteen seconds are over")
    eventually_blocking(lambda: Door.INNER not in box.branch.now().unlocked, timeout_s=30, what="the lock locks again")
    eventually_blocking(lambda: not box.branch.now().siren, timeout_s=30, what="the siren ends")


def test_a_gateway_that_answers_late(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 9: late answers make every point unknown, with a fault; a reboot of the gateway heals it."""
    bank = build_bank()
    box = bank.boxes[0]
    line = Line(bank.loop, box.branch.address)
    try:
        bank.write_site(box, modbus=line.address)
        bank.start()
        bank.wait_watching(box)
        line.late(1.0)
        _event(bank, "device.offline")
        for point in ("door/outer", "door/inner", "door/vault", "lock/outer"):
            eventually_blocking(
                lambda point=point: bank.desk.point(box.id, point)["state"] == "unknown",  # type: ignore[misc]
                timeout_s=20,
                what=f"{point} is unknown",
            )
        box.branch.stop()
        box.branch.start()
        box.branch.open(Door.VAULT)
        line.late(0)
        _event(bank, "device.offline.restored")
        for door, state in ((Door.OUTER, "closed"), (Door.INNER, "closed"), (Door.VAULT, "open")):
            eventually_blocking(
                lambda door=door, state=state: bank.desk.point(box.id, f"door/{door}")["state"] == state,  # type: ignore[misc]
                timeout_s=20,
                what=f"{door} is {state}",
            )
        forced = [event["source"] for event in bank.desk.events(kind="door.forced")]
        assert not forced, f"nobody forced {forced}"
    finally:
        line.close()


@pytest.mark.parametrize("trouble", ["wrong unit", "silence"])
def test_a_module_that_is_no_help(build_bank: BuildBank, trouble: str) -> None:
    """A wrong unit or a silent module: a fault event, its points unknown with a cause, and never an alarm."""
    bank = build_bank()
    box = bank.boxes[0]
    if trouble == "wrong unit":
        text = box.config.read_text(encoding="utf-8")
        assert "unit_id = 1" in text
        box.config.write_text(text.replace("unit_id = 1", "unit_id = 9"), encoding="utf-8")
    else:
        box.branch.stop()
    bank.start()
    assert _event(bank, "device.offline")["source"] == "device/io1"
    door = bank.desk.point(box.id, "door/outer")
    assert door["state"] == "unknown"
    assert door["cause"]
    assert {alarm["class"] for alarm in bank.desk.alarms()} == {"fault"}


def test_power_cut_between_deciding_and_storing(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 18: power is cut at any point of an alarm: it is there, or found again from the inputs."""
    turns = 3  # of each box: more in so short a time would be chatter
    bank = build_bank(boxes=3)
    lines = [Line(bank.loop, box.branch.address) for box in bank.boxes]
    chance = random.Random(18)
    try:
        for box, line in zip(bank.boxes, lines, strict=True):
            bank.write_site(box, modbus=line.address)
        bank.start()
        for turn in range(1, turns + 1):
            for box, line in zip(bank.boxes, lines, strict=True):
                bank.wait_watching(box)
                eventually_blocking(partial(_is_at_rest, box), timeout_s=20, what="the dual-open before has ended")
                box.branch.play(Swing(door=Door.OUTER, open=True), Swing(door=Door.INNER, open=True))
                # A poll moves some 60 bytes: the cut falls between the first sight and the alarm's way to the centre.
                cut_at = line.carried_bytes + chance.randint(0, 1_500)
                eventually_blocking(partial(_has_carried, line, cut_at), what="so many polls passed")
                bank.kill_box(box)
                bank.start_box(box)
                eventually_blocking(
                    partial(_has_told, box, "door.dual_open", turn), timeout_s=20, what=f"dual-open {turn} is told"
                )
                box.branch.play(Swing(door=Door.OUTER, open=False), Swing(door=Door.INNER, open=False))
        bank.wait_settled()
    finally:
        for line in lines:
            line.close()
    for box in bank.boxes:
        assert box.account().kinds.count("door.dual_open") == turns, "told again although it was stored"


def test_a_fluttering_door(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 19: a door that flutters makes a bounded number of events, and one of them says so."""
    bank, box = _running(build_bank)
    for _ in range(40):
        for door in (Door.OUTER, Door.INNER):
            box.branch.play(Swing(door=door, open=True), Swing(door=door, open=False))
        edges = box.branch.now().edges
        eventually_blocking(
            lambda edges=edges: all(box.remembers(f"door/{door}")["counter"] == edges[door] for door in edges),  # type: ignore[misc]
            what="a poll passed",
        )
    flutter = _event(bank, "device.flutter")
    assert flutter["source"] in {"door/outer", "door/inner", "interlock/vestibule"}
    bank.wait_settled()
    forced = [event for event in bank.desk.events(kind="door.forced") if event["restores"] is None]
    assert len(forced) <= 2 * 10, f"{len(forced)} events of two chattering doors"


def test_a_clock_an_hour_off(build_bank: BuildBank, tmp_path: Path, process: Callable[..., RunningProcess]) -> None:
    """FIELD-FAULTS row 13 (box): a box an hour ahead: its events are accepted and flagged, it is told the time."""
    shim = tmp_path / "wrong_clock.so"
    compiler = shutil.which("gcc")
    assert compiler, "a C compiler is one of the test's peers"
    assert process([compiler, "-shared", "-fPIC", "-O1", "-o", shim, WRONG_CLOCK, "-ldl"]).wait() == 0
    bank = build_bank()
    box = bank.boxes[0]
    bank.start_collector()
    bank.start_box(box, env={"LD_PRELOAD": str(shim), "WRONG_BY_S": "3600"})
    bank.wait_watching(box)
    assert "clock_off" in _event(bank, "ledger.opened", lambda event: event["box"] == box.id)["flags"]
    fault = _event(bank, "box.clock_fault")
    assert fault["facts"]["offset_s"] == pytest.approx(-3600, abs=5)
    box.branch.open(Door.OUTER)
    forced = _event(bank, "door.forced")
    assert forced["clock"] == "suspect"
    assert {"clock_off", "clock_suspect"} <= set(forced["flags"])
    bank.wait_settled()
    assert not bank.found_by_centre("envelope.rejected")


def _is_at_rest(box: Box) -> bool:
    """Whether every dual-open that was told has ended."""
    kinds = box.account().kinds
    return kinds.count("door.dual_open") == kinds.count("door.dual_open.restored")


def _has_carried(line: Line, wanted: int) -> bool:
    return line.carried_bytes >= wanted


def _has_told(box: Box, kind: str, times: int) -> bool:
    return box.account().kinds.count(kind) >= times
