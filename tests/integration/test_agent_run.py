"""The whole agent as an operator starts it: simulated branch, real broker, small centre; and its other commands."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from protocol.kinds import Lane
from simulator.acting import act
from simulator.actions import Action
from simulator.branch import BranchServer
from simulator.model import Door
from simulator.site import Centre, site_toml, sites
from tests.boxes import follow
from tests.brokers import Broker, Certificates
from tests.conftest import Eventually, StartProcess
from tests.processes import RunningProcess
from tests.small_centre import SmallCentre, listening, make_centre

ROOT = Path(__file__).parents[2]
AGENT = [sys.executable, "-m", "branchwatch", "agent"]


def site_file(folder: Path, certificates: Certificates, modbus: int, broker: str) -> Path:
    """The first simulated site, its box talking to `broker`."""
    chain, key = certificates.pair("0755-031-a")
    centre = Centre(brokers=(broker,), root=certificates.root, certificate=chain, key=key)
    file = folder / "site.toml"
    file.write_text(site_toml(sites(1)[0], modbus=f"127.0.0.1:{modbus}", centre=centre, tolerance_s=0))
    return file


def agent(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """One agent command to its end."""
    return subprocess.run([*AGENT, *words], cwd=ROOT, capture_output=True, text=True, timeout=30)


async def started(
    process: StartProcess, folder: Path, file: Path, centre: SmallCentre, eventually: Eventually, runs: int = 1
) -> RunningProcess:
    """A running agent that the centre has heard of, with its doors seen."""
    child = process([*AGENT, "run", "--config", file, "--state", folder / "state"], cwd=ROOT)
    await eventually(lambda: centre.kinds()["box.started"] == runs, timeout_s=20)
    return child


async def test_a_dual_open_is_told_and_a_restart_tells_its_end(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """From contact to centre, over a kill -9 of the agent: the event once, its restore naming it, the chain whole."""
    centre = make_centre(certificates)
    async with BranchServer() as branch, listening(centre, certificates, mosquitto.host, mosquitto.port):
        file = site_file(tmp_path, certificates, branch.port, f"{mosquitto.host}:{mosquitto.port}")
        first = await started(process, tmp_path, file, centre, eventually)
        people = asyncio.create_task(act(f"127.0.0.1:{branch.port}", Action.DUAL_OPEN, None))
        await eventually(lambda: centre.kinds()["door.dual_open"] == 1, timeout_s=15)
        first.kill()
        second = await started(process, tmp_path, file, centre, eventually, runs=2)
        await eventually(lambda: centre.kinds()["door.dual_open.restored"] == 1, timeout_s=30)
        events = centre.events(Lane.URGENT)
        raised = next(event for event in events if event.kind == "door.dual_open")
        ended = next(event for event in events if event.kind == "door.dual_open.restored")
        assert ended.restores == raised.id
        assert raised.because
        twin = await asyncio.to_thread(agent, "run", "--config", file, "--state", tmp_path / "state")
        assert twin.returncode == 2
        assert "another agent already runs" in twin.stderr
        assert centre.kinds()["door.dual_open"] == 1
        await people
        await eventually(lambda: _pending(tmp_path) == 0)
        assert await asyncio.to_thread(second.stop) == 0
        await eventually(lambda: centre.deaths >= 1)
    follow(centre.lines[Lane.URGENT])
    follow(centre.lines[Lane.ROUTINE])
    shown = agent("history", "--state", tmp_path / "state", "--json")
    kept = json.loads(shown.stdout)
    assert {event["kind"] for event in kept["events"]} >= {"door.dual_open", "door.dual_open.restored", "box.started"}
    assert kept["lanes"]["urgent"].keys() == {"receipted"}


async def test_the_branch_is_guarded_without_a_centre_and_the_backlog_follows(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """FIELD-FAULTS rows 3 and 6: cut off, only the link's loss is added; after a change of settings all arrives."""
    centre = make_centre(certificates)
    async with BranchServer() as branch:
        file = site_file(tmp_path, certificates, branch.port, "127.0.0.1:1")
        child = process([*AGENT, "run", "--config", file, "--state", tmp_path / "state"], cwd=ROOT)
        await eventually(lambda: "guarding 0755-031" in child.output(), timeout_s=20)
        seen = "SELECT count(*) FROM saved WHERE key = 'guard' AND CAST(value AS TEXT) LIKE '%closed%'"
        await eventually(lambda: _count(tmp_path, seen), timeout_s=10)
        await act(f"127.0.0.1:{branch.port}", Action.FORCE, Door.INNER)
        await eventually(lambda: _stored(tmp_path, "door.forced"), timeout_s=15)
        assert _stored(tmp_path, "door.dual_open") == 0
        assert await asyncio.to_thread(child.stop) == 0
        assert child.output().count("is not reached") == 1
        text = file.read_text().replace('"127.0.0.1:1"', f'"{mosquitto.host}:{mosquitto.port}"')
        file.write_text(text.replace('name = "', 'name = "新', 1))
        async with listening(centre, certificates, mosquitto.host, mosquitto.port):
            again = await started(process, tmp_path, file, centre, eventually, runs=2)
            await eventually(lambda: centre.kinds()["door.forced"] == 1)
            assert await asyncio.to_thread(again.stop) == 0
    follow(centre.lines[Lane.URGENT])


async def test_systemd_hears_readiness_and_the_watchdog(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """READY=1 once it guards, WATCHDOG=1 while it lives, STOPPING=1 at the end."""
    heard: list[bytes] = []
    async with BranchServer() as branch:
        file = site_file(tmp_path, certificates, branch.port, f"{mosquitto.host}:{mosquitto.port}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(tmp_path / "n"))
            listener.setblocking(False)
            loop = asyncio.get_running_loop()
            loop.add_reader(listener.fileno(), lambda: heard.append(listener.recv(100)))
            child = process(
                [*AGENT, "run", "--config", file, "--state", tmp_path / "state"],
                cwd=ROOT,
                env={"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "400000"},
            )
            await eventually(lambda: heard.count(b"WATCHDOG=1") >= 2, timeout_s=20)
            assert heard[0] == b"READY=1"
            assert await asyncio.to_thread(child.stop) == 0
            await eventually(lambda: heard[-1] == b"STOPPING=1")
            loop.remove_reader(listener.fileno())


def test_a_store_that_cannot_be_opened_is_said_in_a_sentence(certificates: Certificates, tmp_path: Path) -> None:
    """Exit 2, the folder and what to look at; no traceback."""
    file = site_file(tmp_path, certificates, 502, "127.0.0.1:1")
    (tmp_path / "state" / "outbox.db").mkdir(parents=True)
    said = agent("run", "--config", file, "--state", tmp_path / "state")
    assert said.returncode == 2
    assert "the store cannot be opened" in said.stderr
    assert str(tmp_path / "state") in said.stderr
    assert "Traceback" not in said.stderr


def test_check_says_what_is_sound_and_what_is_not_seen(certificates: Certificates, tmp_path: Path) -> None:
    """FIELD-FAULTS row 1 (said by `check`): without a counter register, pulses under 100 ms are not seen."""
    file = site_file(tmp_path, certificates, 502, "127.0.0.1:1")
    plain = "\n".join(line for line in file.read_text().splitlines() if "counter" not in line)
    file.write_text(plain)
    checked = agent("check", file)
    assert checked.returncode == 0, checked.stderr
    assert "pulses under 100 ms are not seen" in checked.stdout
    assert "door/outer" in checked.stdout


@pytest.mark.parametrize("words", [("check",), ("run", "--state", "state", "--config")])
def test_a_wrong_file_shows_every_fault_and_starts_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Every fault with file and line, exit code 2, no state folder, no traceback."""
    file = tmp_path / "wrong.toml"
    file.write_text('id = "0755-031"\nname = 5\nunit = "x"\ntimezone = "Asia/Shanghai"\nkey_site = "yes"\ncolour = 1\n')
    shown = subprocess.run([*AGENT, *words, file], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert shown.returncode == 2
    assert [f"wrong.toml:{line}:" in shown.stderr for line in (2, 5, 6)] == [True, True, True]
    assert "Traceback" not in shown.stderr
    assert not (ROOT / "state").exists()


def test_history_needs_an_outbox_and_says_so(tmp_path: Path) -> None:
    """One sentence with the place and the next step."""
    shown = agent("history", "--state", tmp_path)
    assert shown.returncode == 2
    assert "holds no outbox: no agent ran with it yet" in shown.stderr


def _stored(folder: Path, kind: str) -> int:
    return _count(folder, "SELECT count(*) FROM events WHERE kind = ?", kind)


def _pending(folder: Path) -> int:
    return _count(folder, "SELECT count(*) FROM events WHERE state = 'pending'")


def _count(folder: Path, query: str, *values: str) -> int:
    connection = sqlite3.connect(f"file:{folder / 'state' / 'outbox.db'}?mode=ro", uri=True)
    try:
        return int(connection.execute(query, values).fetchone()[0])
    except sqlite3.OperationalError as error:
        raise LookupError(error) from None
    finally:
        connection.close()


async def test_a_box_whose_store_folder_vanishes_ends_with_a_sentence(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """An agent without its folder must not stay, deaf to everything: it says why, ends with 1, and may start anew."""
    centre = make_centre(certificates)
    async with BranchServer() as branch, listening(centre, certificates, mosquitto.host, mosquitto.port):
        file = site_file(tmp_path, certificates, branch.port, f"{mosquitto.host}:{mosquitto.port}")
        child = await started(process, tmp_path, file, centre, eventually)
        shutil.rmtree(tmp_path / "state")
        people = asyncio.create_task(act(f"127.0.0.1:{branch.port}", Action.DUAL_OPEN, None))
        await eventually(lambda: not child.running(), timeout_s=15, what="the agent ends")
        await people
    assert child.wait() == 1
    assert "the folder of the store is gone" in child.output()
    assert "Traceback" not in child.output()
