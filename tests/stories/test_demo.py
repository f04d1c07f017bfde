"""`branchwatch demo` as a person meets it: it stands, it can be used, and nothing of it stays."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from simulator.demo_file import DemoFile, read_demo
from tests.conftest import EventuallyBlocking, StartProcess
from tests.processes import RunningProcess

pytestmark = [pytest.mark.timeout(180), pytest.mark.early]
STARTED_S = 90.0
"""How long a demo may take to stand while other tests have the machine; alone it takes some 3 s."""
BRANCHWATCH = (sys.executable, "-m", "branchwatch")
StartDemo = Callable[..., RunningProcess]


@pytest.fixture
def start_demo(tmp_path: Path, process: StartProcess) -> StartDemo:
    """Start a demo in the test's folder, on free ports."""

    def start(*words: str, data: str = "", language: str = "C.UTF-8") -> RunningProcess:
        command = [*BRANCHWATCH, "demo", "--dir", str(tmp_path / "demo"), "--port", "0", *words]
        return process(command, env={"LANG": language, "LC_ALL": "", "BRANCHWATCH_DATA": data})

    return start


def standing(demo: RunningProcess, folder: Path) -> DemoFile | None:
    """The demo's file, once this demo has written it and says so."""
    if not demo.running():
        raise RuntimeError(f"the demo ended\n{demo.tail()}")
    return read_demo(folder / "demo") if "password: " in demo.output() or "密码" in demo.output() else None


def alarms(demo: DemoFile) -> list[dict[str, Any]]:
    """The centre's alarms, as the demo's token sees them."""
    connection = http.client.HTTPConnection(urlsplit(demo.console).netloc, timeout=5)
    try:
        connection.request("GET", "/api/v1/alarms?limit=50", headers={"Authorization": f"Bearer {demo.token}"})
        items: list[dict[str, Any]] = json.load(connection.getresponse())["items"]
        return items
    finally:
        connection.close()


def test_a_demo_stands_is_used_and_starts_again(
    tmp_path: Path, start_demo: StartDemo, process: StartProcess, eventually_blocking: EventuallyBlocking
) -> None:
    """The first thing everybody types.

    A dual-open done from another process is an alarm in the API and in the demo's own words; a second demo in the same
    folder is refused; SIGTERM ends it with 0; started again it has the same certificates and the old alarms, and ends
    by itself.
    """
    first = start_demo("--sites", "2", "--cameras", "1", "--play", "doors")
    demo = eventually_blocking(lambda: standing(first, tmp_path), STARTED_S, "the demo stands")
    assert demo is not None
    assert [site.id for site in demo.sites] == ["0755-031", "0755-032"]
    assert demo.login.password in first.output()
    assert start_demo().wait(30) == 2
    act = process([*BRANCHWATCH, "simulate", "act", "--dir", tmp_path / "demo", "0755-031", "dual-open"])
    assert act.wait(60) == 0

    def alarmed() -> bool:
        return any(alarm["site"] == "0755-031" for alarm in alarms(demo))

    eventually_blocking(alarmed, 20, "the alarm is there")
    eventually_blocking(lambda: "alarm, level II" in first.output(), 20, "the demo tells")
    root = (tmp_path / "demo" / "keys" / "root.pem").read_bytes()
    assert first.stop() == 0

    second = start_demo("--sites", "2", "--for", "3", "--cameras", "0")
    again = eventually_blocking(lambda: standing(second, tmp_path), STARTED_S, "the demo stands again")
    assert again is not None
    assert again.token != demo.token
    assert any(alarm["site"] == "0755-031" for alarm in alarms(again))
    assert (tmp_path / "demo" / "keys" / "root.pem").read_bytes() == root
    assert second.wait(60) == 0


def test_a_customer_alone_raises_nothing(
    tmp_path: Path, start_demo: StartDemo, eventually_blocking: EventuallyBlocking
) -> None:
    """Of what happens at the doors only the dual-open is an alarm, at the last branch and at no other."""
    running = start_demo("--sites", "2", "--for", "30", "--cameras", "0")
    demo = eventually_blocking(lambda: standing(running, tmp_path), STARTED_S, "the demo stands")
    assert demo is not None

    def ended() -> list[dict[str, Any]]:
        return [alarm for alarm in alarms(demo) if alarm["restored_at"] is not None]

    eventually_blocking(ended, 40, "the doors were open and shut again")
    told = [(alarm["site"], alarm["kind"]) for alarm in alarms(demo) if not alarm["kind"].startswith("partition.")]
    assert told == [("0755-032", "door.dual_open")]
    running.send(signal.SIGINT)
    assert running.wait(30) == 0


def test_ctrl_c_while_starting(start_demo: StartDemo, eventually_blocking: EventuallyBlocking) -> None:
    """Ctrl-C before anything stands ends it as cleanly as later, without a traceback."""
    running = start_demo("--cameras", "0")
    eventually_blocking(lambda: "Starting the centre" in running.output(), STARTED_S, "it is starting")
    running.send(signal.SIGINT)
    assert running.wait(30) == 0
    assert "Traceback" not in running.output()


def test_a_part_that_dies_is_named(
    tmp_path: Path, start_demo: StartDemo, eventually_blocking: EventuallyBlocking
) -> None:
    """When a process of the demo is killed, the demo says which, ends the others and exits with 1."""
    running = start_demo("--sites", "1", "--cameras", "0")
    eventually_blocking(lambda: standing(running, tmp_path), STARTED_S, "the demo stands")
    agent = next(child for child in psutil.Process(running.pid).children() if "agent" in child.cmdline())
    os.kill(agent.pid, signal.SIGKILL)
    assert running.wait(30) == 1
    assert "agent-0755-031-a ended with code -9" in running.output()
    assert "Traceback" not in running.output()


def test_a_killed_demo_leaves_nothing(
    tmp_path: Path, start_demo: StartDemo, eventually_blocking: EventuallyBlocking
) -> None:
    """kill -9 of the demo ends centre, broker and boxes too."""
    running = start_demo("--sites", "1")
    eventually_blocking(lambda: standing(running, tmp_path), STARTED_S, "the demo stands")
    family = psutil.Process(running.pid).children(recursive=True)
    assert len(family) >= 3
    os.kill(running.pid, signal.SIGKILL)
    eventually_blocking(lambda: not [each for each in family if _alive(each)], 30, "all are gone")


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


CLOSING = (
    "nobody has armed: late to close",
    "about to arm by itself",
    "lobby, cash area and vault are armed",
    "raises the shutter",
    "entry delay",
    "alarm, the siren sounds",
    "two officers sign",
    "disarmed, and the siren is silent",
)


@pytest.mark.timeout(360)
def test_closing_time_is_played_to_its_end(
    tmp_path: Path, start_demo: StartDemo, eventually_blocking: EventuallyBlocking
) -> None:
    """Late, warned, armed by the box itself, an intruder, entry delay, alarm with siren, and two people who disarm.

    Everything is the box's own doing on real inputs; the two officers' order carries their signatures. Played again at
    once in the same folder the box does not arm by itself a second time: an officer does, and the story goes on.
    """
    running = start_demo("--sites", "1", "--cameras", "0")
    demo = eventually_blocking(lambda: standing(running, tmp_path), STARTED_S, "the demo stands")
    assert demo is not None
    eventually_blocking(lambda: CLOSING[-1] in running.output(), 150, "the story ends")
    told = running.output()
    assert [told.index(scene) for scene in CLOSING] == sorted(told.index(scene) for scene in CLOSING)
    kinds = {alarm["kind"] for alarm in alarms(demo)}
    assert {"partition.late_to_close", "zone.intrusion"} <= kinds

    assert running.stop() == 0
    again = start_demo("--sites", "1", "--cameras", "0")  # to the box it is the same evening: it arms by itself once
    eventually_blocking(lambda: CLOSING[-1] in again.output(), STARTED_S, "the story is played again")
    told = again.output()
    scenes = ("an officer signs the order to arm", *CLOSING[2:])
    assert [told.index(scene) for scene in scenes] == sorted(told.index(scene) for scene in scenes)


WATCHED = (
    "walks into the hall",
    "the box says so, after 15 s",
    "the centre has a picture",
    "and a clip, whose hash the box has signed",
    "somebody covers that camera",
    "with the picture as it was and as it is",
    "it sees again",
)
WATCHED_IN_CHINESE = ("有人走进自助银行厅", "15 秒后前端主机报告", "中心已收到图片", "录像片段", "有人遮挡", "画面恢复")


@pytest.mark.timeout(360)
@pytest.mark.parametrize(
    ("data", "language", "scenes"),
    [
        pytest.param("", "zh_CN.UTF-8", WATCHED_IN_CHINESE, id="drawn, without people model"),
        pytest.param(os.environ.get("BRANCHWATCH_DATA", ""), "C.UTF-8", WATCHED, id="clip and people model"),
    ],
)
def test_a_loiterer_and_a_covered_lens_are_alarms_with_pictures(
    data: str,
    language: str,
    scenes: tuple[str, ...],
    tmp_path: Path,
    start_demo: StartDemo,
    eventually_blocking: EventuallyBlocking,
) -> None:
    """Somebody stays in the hall: an alarm with still and clip at the centre. The lens is covered: another, which ends.

    On any machine, in both languages: drawn and found by what moves, which is said; and with clip and model where the
    data folder has them. Nobody else is alarmed about: an empty room raises nothing.
    """
    if scenes is WATCHED and not Path(data, "models").is_dir():
        pytest.skip("needs BRANCHWATCH_DATA with clips and models")
    running = start_demo("--sites", "1", "--play", "cameras", data=data, language=language)
    demo = eventually_blocking(lambda: standing(running, tmp_path), STARTED_S, "the demo stands")
    assert demo is not None
    assert [each.name for each in demo.sites[0].cameras] == ["camera-03", "camera-07", "recorder-nvr1"]
    eventually_blocking(lambda: scenes[-1] in running.output(), 200, "the story ends")
    told = running.output()
    assert [told.index(scene) for scene in scenes] == sorted(told.index(scene) for scene in scenes)
    raised = [alarm for alarm in alarms(demo) if not alarm["kind"].startswith("partition.")]
    assert sorted(alarm["kind"] for alarm in raised) == ["camera.covered", "presence.loitering"]
    model = next(alarm["facts"]["model"] for alarm in raised if alarm["kind"] == "presence.loitering")
    assert (model == "none") == (not data)
    assert running.stop() == 0


ESCALATED = (
    "everybody at the desk is asleep",
    "Nobody takes it",
    "the shift leader does not answer either",
    "the director replies",
    "the shift leader has come to the desk and takes it",
)
ESCALATED_IN_CHINESE = ("接警台无人理会", "20 秒后通知值班长", "值班长也没有回应", "中心主任回复", "值班长来到接警台")


@pytest.mark.timeout(360)
@pytest.mark.parametrize(
    ("language", "scenes", "rung"),
    [
        pytest.param("C.UTF-8", ESCALATED, "text message for", id="english"),
        pytest.param("zh_CN.UTF-8", ESCALATED_IN_CHINESE, "收到短信", id="chinese", marks=pytest.mark.long),
    ],
)
def test_an_alarm_nobody_takes_goes_through_three_people(
    language: str,
    scenes: tuple[str, ...],
    rung: str,
    tmp_path: Path,
    start_demo: StartDemo,
    process: StartProcess,
    eventually_blocking: EventuallyBlocking,
) -> None:
    """Hold-up: the desk sleeps, the shift leader's telephone rings after 20 s, the director's after 40 s, who replies.

    Whoever is told is told once, at the time that the rules say; then the shift leader takes it. The auditor finds
    nothing, on the live database, and a page has everybody's telephone.
    """
    running = start_demo("--sites", "1", "--cameras", "0", "--play", "escalation", language=language)
    demo = eventually_blocking(lambda: standing(running, tmp_path), STARTED_S, "the demo stands")
    assert demo is not None
    eventually_blocking(lambda: scenes[-1] in running.output(), 150, "the story ends")
    told = running.output()
    assert [told.index(scene) for scene in scenes] == sorted(told.index(scene) for scene in scenes)
    assert rung in told
    (alarm,) = [each for each in alarms(demo) if each["kind"] == "zone.hold_up"]
    assert (alarm["state"], alarm["holder"]) == ("acknowledged", "leader-1")
    page = json.loads(fetched(demo.phones + ".json"))
    grave = {each["id"]: [m for m in each["messages"] if m["level"] == 1] for each in page["phones"]}
    assert {owner: len(messages) for owner, messages in grave.items() if messages} == {"leader-1": 1, "director-1": 1}
    audit = process([*BRANCHWATCH, "collector", "audit", "--dir", tmp_path / "demo"])
    assert audit.wait(60) == 0, audit.output()
    assert running.stop() == 0


def fetched(address: str) -> str:
    """What stands at an address on this machine."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.netloc, timeout=5)
    try:
        connection.request("GET", place.path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
