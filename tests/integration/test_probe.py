"""`agent discover` and `agent probe` as processes, against devices on loopback and in a network of their own."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Callable
from typing import Any

import pytest

from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.recordings import Recording
from tests.conftest import StartProcess
from tests.onvif_peers import ipycam

USER, PASSWORD = "guard", "a word"
NETWORK = (
    "ip link set lo up && ip addr add 192.0.2.9/24 dev lo && ip link set lo multicast on "
    "&& ip route add 224.0.0.0/4 dev lo"
)


async def probe(*words: str, password: str = PASSWORD) -> tuple[int, str]:
    """Exit code and output of `branchwatch agent probe`, with the password on its standard input."""
    command = (sys.executable, "-m", "branchwatch", "agent", "probe", *words)
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    said, _ = await asyncio.wait_for(child.communicate(f"{password}\n".encode()), 40)
    assert PASSWORD.encode() not in said
    return child.returncode or 0, said.decode()


async def seen(*words: str, password: str = PASSWORD) -> tuple[int, dict[str, Any]]:
    """The same for a program."""
    code, said = await probe(*words, "--json", password=password)
    return code, json.loads(said)


async def test_a_camera_is_probed() -> None:
    """Who it is, its clock, its streams and the one that is chosen, that it answers, events, inputs, presets."""
    async with SimulatedCamera(user=USER, password=PASSWORD, presets=("door",)) as camera:
        code, found = await seen("onvif", camera.onvif, "--user", USER)
        assert code == 0, found
        assert found["device"]["model"] == "SIM-1"
        assert abs(found["clock_off_s"]) < 3
        assert [each["url"] for each in found["streams"] if each["chosen"]] == [camera.rtsp]
        assert found["rtsp"]["codec"] == "H264"
        assert (found["inputs"], found["presets"]) == (2, ["door"])
        assert "motion" in found["events"]
        assert found["troubles"] == []
        assert camera.wrong_logins == 0


async def test_a_wrong_password_costs_one_try() -> None:
    """Whoever mistypes makes one bad login, is told so, and nothing else is tried with it."""
    async with SimulatedCamera(user=USER, password=PASSWORD) as camera:
        code, said = await probe("onvif", camera.onvif, "--user", USER, password="wrong")
        assert code == 1
        assert "refuses the login" in said
        assert camera.wrong_logins == 1


async def test_a_stream_is_probed() -> None:
    """By its own address."""
    async with SimulatedCamera(user=USER, password=PASSWORD) as camera:
        code, found = await seen("rtsp", camera.rtsp, "--user", USER)
        assert (code, found["rtsp"]["codec"]) == (0, "H264")
        code, found = await seen("rtsp", camera.rtsp.replace("sub", "nowhere"), "--user", USER)
        assert (code, found["troubles"][0]["trouble"]) == (1, "not_found")


async def test_a_recorder_is_probed() -> None:
    """Its channels with what they keep; one that has none is not listed."""
    recordings = (Recording(channel=1, days=30), Recording(channel=2, days=5))
    async with SimulatedCamera(user=USER, password=PASSWORD, channels=2, recordings=recordings) as recorder:
        code, found = await seen("recorder", recorder.onvif, "--user", USER)
        assert code == 0, found
        assert [(each["channel"], round(each["days"])) for each in found["channels"]] == [(1, 30), (2, 5)]


async def test_ipycam_is_probed() -> None:
    """A camera not written here: streams and their choice, no events; its stream's port is not served in this test."""
    with ipycam(USER, PASSWORD) as port:
        code, found = await seen("onvif", f"127.0.0.1:{port}", "--user", USER)
        assert code in {1, 3}
        assert [each["name"] for each in found["streams"] if each["chosen"]] == ["SubStream"]
        assert found["events"] is None


async def test_a_device_that_is_not_there_is_three(free_port: Callable[[], int]) -> None:
    """Exit code 3 and the next step."""
    code, said = await probe("onvif", f"127.0.0.1:{free_port()}")
    assert code == 3
    assert "next step: " in said


def test_devices_are_discovered(process: StartProcess) -> None:
    """ipycam and a simulated camera answer to one question, each once, in a network of their own."""
    missing = [each for each in ("unshare", "ip") if shutil.which(each) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: apt install iproute2 util-linux")
    if process(["unshare", "-n", "true"]).wait(10) != 0:
        pytest.skip("needs the right to make a network namespace")
    command = f"{NETWORK} && exec {sys.executable} -m tests.devices_found --json"
    session = process(["unshare", "-n", "sh", "-c", command])
    assert session.wait(30) == 0, session.output()
    told = next(line for line in session.output().splitlines() if line.startswith("{"))
    devices = {each["name"]: each for each in json.loads(told)["devices"]}
    assert set(devices) == {"Front-door", "vault"}
    assert devices["Front-door"]["address"] == "192.0.2.9:8899"
    assert "Streaming" in devices["vault"]["profiles"]
