"""`branchwatch simulate camera`, `simulate tell` and `simulate act SITE camera-03`: what is typed, what comes of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.control import CameraRefusedError, CameraUnreachableError, ControlServer, tell
from simulator.cameras.faults import Fault
from simulator.demo_file import BrokerAccess, CameraAccess, DemoFile, Login, SiteAccess, write_demo
from tests.conftest import EventuallyBlocking, StartProcess

BRANCHWATCH = (sys.executable, "-m", "branchwatch", "simulate")
ENGLISH = {"LANG": "C.UTF-8", "LC_ALL": ""}


async def test_a_camera_is_told_by_name_what_happens() -> None:
    """A fault comes and goes, an input closes; another name, another word and another address are three answers."""
    async with SimulatedCamera() as camera:
        control = ControlServer({"camera-03": camera})
        await control.start()
        try:
            await tell(control.address, "camera-03", "snow")
            assert camera.state.faults == {Fault.SNOW}
            await tell(control.address, "camera-03", "clear")
            assert not camera.state.faults
            await tell(control.address, "camera-03", "person")
            with pytest.raises(CameraRefusedError, match="camera-09"):
                await tell(control.address, "camera-09", "snow")
            with pytest.raises(CameraRefusedError, match="fly"):
                await tell(control.address, "camera-03", "fly")
        finally:
            await control.stop()
        with pytest.raises(CameraUnreachableError, match="is it running"):
            await tell(control.address, "camera-03", "snow")


def test_one_is_run_by_hand_and_told(
    tmp_path: Path, process: StartProcess, eventually_blocking: EventuallyBlocking
) -> None:
    """It prints where it is and never the password of a file; `tell` reaches it; SIGTERM ends it with 0."""
    (tmp_path / "login").write_text("lens:very secret\n")
    words = ("camera", "--faults", "cover", "--recorder", "2", "--login-file", str(tmp_path / "login"))
    camera = process([*BRANCHWATCH, *words], env=ENGLISH)
    shown = eventually_blocking(lambda: re.search(r"tell (\S+) --name", camera.output()), 30, "it stands")
    assert shown is not None
    told = process([*BRANCHWATCH, "tell", shown[1], "clear"], env=ENGLISH)
    assert told.wait(30) == 0
    assert "all faults of the camera end" in told.output()
    assert "login:  lens" in camera.output()
    assert "very secret" not in camera.output()
    assert camera.stop() == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("camera", "--faults", "fly"), 2, 'nothing called "fly"'),
        (("camera", "--quirks", "shy"), 2, 'nothing called "shy"'),
        (("camera", "--clip", "no.mp4"), 2, "no video that can be read"),
        (("camera", "--login-file", "no"), 2, "cannot be read"),
        (("tell", "127.0.0.1:9", "cover"), 3, "no simulated camera answers"),
        (("tell", "nowhere", "cover"), 3, "no simulated camera answers"),
        (("tell", "127.0.0.1:9"), 2, "name the control address"),
    ],
)
def test_what_is_typed_wrongly_is_said(words: tuple[str, ...], code: int, says: str, process: StartProcess) -> None:
    """One sentence with what is wrong, the exit code of its kind, no traceback."""
    typed = process([*BRANCHWATCH, *words], env=ENGLISH)
    assert typed.wait(30) == code
    assert says in typed.output()
    assert "Traceback" not in typed.output()


def test_a_camera_of_a_demo_is_named_as_it_is_there(tmp_path: Path, process: StartProcess) -> None:
    """Another camera is answered with those that there are, a missing word with all words, a demo that ended with 3."""
    there = CameraAccess(name="camera-03", onvif="127.0.0.1:9", rtsp="rtsp://127.0.0.1:9/sub", control="127.0.0.1:9")
    site = SiteAccess(
        id="0755-031", box="0755-031-a", modbus="127.0.0.1:9", cert="c", key="k", state="s", cameras=[there]
    )
    broker = BrokerAccess(host="localhost", port=1, ca="ca", cert="c", key="k")
    login = Login(name="operator-1", password="none")
    demo = DemoFile(console="c", token="t", login=login, broker=broker, collector_db="d", sites=[site])
    write_demo(demo, tmp_path)
    for words, code, says in (
        (("camera-09", "cover"), 2, "there are camera-03"),
        (("camera-03",), 2, "colour-cast"),
        (("camera-03", "fly"), 2, 'nothing called "fly"'),
        (("camera-03", "cover"), 3, "is it running"),
    ):
        typed = process([*BRANCHWATCH, "act", "--dir", str(tmp_path), "0755-031", *words], env=ENGLISH)
        assert typed.wait(30) == code
        assert says in typed.output()
