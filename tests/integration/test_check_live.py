"""`agent check --live` at a real module: who answers, what moves, what to do; it never writes anything."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.branch import BranchServer
from simulator.model import Door, Part, Step, Swing, Touch, begin
from simulator.site import Centre, site_toml, sites
from tests.conftest import Eventually, StartProcess
from tests.local_box import local_box
from tests.processes import RunningProcess

pytestmark = pytest.mark.timeout(120)
ROOT = Path(__file__).parents[2]
CHECK = [sys.executable, "-m", "branchwatch", "agent", "check", "--live"]
ENGLISH = {"LC_ALL": "C.UTF-8"}


def _site(folder: Path, port: int) -> Path:
    here = folder / "none"
    centre = Centre(brokers=("192.0.2.1:8883",), root=here, certificate=here, key=here)
    file = folder / "site.toml"
    file.write_text(site_toml(sites(1)[0], modbus=f"127.0.0.1:{port}", centre=centre))
    return file


def _play(branch: BranchServer, *steps: Step) -> None:
    branch.state = begin(branch.now(), steps, asyncio.get_running_loop().time())
    branch.now()


def _lines(process: RunningProcess) -> list[dict[str, object]]:
    return [json.loads(line) for line in process.output().splitlines()]


async def _ended(process: RunningProcess) -> int:
    return await asyncio.to_thread(process.wait, 30.0)


async def test_a_finger_at_every_contact_is_seen(tmp_path: Path, process: StartProcess, eventually: Eventually) -> None:
    """Moved one by one; the last ones are named while they stand still; nothing was ever switched."""
    async with BranchServer(monotonic_s=asyncio.get_running_loop().time) as branch:
        watching = process([*CHECK, _site(tmp_path, branch.port), "--json"], cwd=ROOT, env=ENGLISH)
        await eventually(lambda: {"device/io1"} <= {each.get("point") for each in _lines(watching)}, timeout_s=20)

        async def moved(point: str, there: Step, back: Step) -> None:
            def states() -> list[object]:
                return [each["state"] for each in _lines(watching) if each.get("point") == point]

            _play(branch, there)
            await eventually(lambda: len(states()) == 2)
            _play(branch, back)
            await eventually(lambda: len(states()) == 3)

        for door in Door:
            await moved(f"door/{door}", Swing(door=door, open=True), Swing(door=door, open=False))
        for point, part in (
            *(("exit/outer", Part.EXIT_OUTER), ("exit/inner", Part.EXIT_INNER), ("key/outer", Part.KEY_OUTER)),
            *(("key/inner", Part.KEY_INNER), ("release/vestibule", Part.RELEASE), ("zone/cash-motion", Part.MOTION)),
        ):
            await moved(point, Touch(part=part, on=True), Touch(part=part, on=False))
        assert branch.now().unlocked == frozenset()
        watching.send(signal.SIGINT)
        assert await _ended(watching) == 1
        last = _lines(watching)[-1]
        assert isinstance(last["points"], list)
        left = {each["point"]: each["hint"] for each in last["points"] if each["hint"]}
        assert left == {"zone/glass-2": "still"}
        module = next(each for each in last["points"] if each["point"] == "device/io1")
        assert 0 < module["took_ms"] < 1000
        assert (branch.now().siren, branch.now().unlocked) == (False, frozenset())


async def test_a_silent_module_is_named_with_the_next_step(
    tmp_path: Path, process: StartProcess, free_port: Callable[[], int]
) -> None:
    """Nobody at the address: exit 1 after the time asked for, one sentence for the module."""
    watching = process([*CHECK, _site(tmp_path, free_port()), "--for", "2.5s"], cwd=ROOT, env=ENGLISH)
    assert await _ended(watching) == 1
    assert "Nobody answers at 127.0.0.1:" in watching.output()
    assert "See to its power and cable" in watching.output()
    assert "Traceback" not in watching.output()


async def test_a_running_agent_is_asked_instead(tmp_path: Path, process: StartProcess, eventually: Eventually) -> None:
    """With --state the agent's socket answers; the modules see no second master. The agent's end is said by exit 3."""
    async with local_box(tmp_path) as here:
        watching = process([*CHECK, "--state", tmp_path], cwd=ROOT, env=ENGLISH)
        await eventually(lambda: "door/outer" in watching.output(), timeout_s=20)
        here.say(door_outer="open")
        await eventually(lambda: " open" in watching.output())
        await eventually(lambda: len(here.moves._listeners) == 1)
    assert await _ended(watching) == 3
    assert "answers in 4.2 ms" in watching.output()
    assert re.search(r"Not moved yet.*\n(?:  .*\n)*  door/inner +Door inner +io1/di/1", watching.output())
    assert "The agent guards meanwhile" in watching.output()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--for", "3"], "must be a duration with its unit"),
        ([], "holds no identity"),
        (["nowhere.toml"], "nowhere.toml cannot be read"),
    ],
)
async def test_wrong_words_are_said(words: list[str], sentence: str, tmp_path: Path, process: StartProcess) -> None:
    """Exit 2 and one sentence."""
    child = process([*CHECK, *words], cwd=tmp_path, env={**ENGLISH, "PYTHONPATH": os.fspath(ROOT)})
    assert await _ended(child) == 2
    assert sentence in child.output()
