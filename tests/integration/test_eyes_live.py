"""Everything that looks, on real processes: a simulated camera, its eye, the people server, the asker, and the mind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from agent.eyes.eyes import Branch
from agent.findings import Finding, Phase
from agent.reporting import ReportingState
from agent.secrets import Secrets
from agent.seeing import Seeing
from agent.signals import Signal, State
from protocol.site.reading import read_site
from protocol.site.schema import Site
from simulator.cameras.camera import SimulatedCamera
from tests.kept import real_now
from tests.logins import PlainKey
from tests.waiting import eventually

DATA = Path(os.environ.get("BRANCHWATCH_DATA", "/nonexistent"))
with_models = pytest.mark.skipif(not (DATA / "models").is_dir(), reason="BRANCHWATCH_DATA names no folder with models")

SITE = """
id = "0755-031"
name = "河西分理处"
unit = "西区支行"
timezone = "Asia/Shanghai"

[[camera]]
id = "03"
address = "{address}"
protocol = "{protocol}"
login = {{ secret = "cameras" }}
watch = ["people"]

[[area]]
id = "hall"
camera = "03"
polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
loitering_after = "3s"
"""


class Heard:
    """What came of it."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.points: dict[str, Signal] = {}

    def deliver(self, signals: Iterable[Signal]) -> None:
        self.points |= {each.point: each for each in signals}

    async def tell(self, findings: Iterable[Finding]) -> None:
        self.findings += findings

    def state(self, point: str) -> State | None:
        """Of a point, as it was told last."""
        return self.points[point].state if point in self.points else None

    def finds_people(self) -> bool:
        """Whether the area is known to be empty, by the model."""
        known = self.state("area/hall") is State.NORMAL
        return known and "no_model" not in (self.points["camera/03"].marks or ())

    def told(self, kind: str, phase: Phase = Phase.RAISED) -> list[Finding]:
        """The findings of a kind."""
        return [each for each in self.findings if each.kind == kind and each.phase is phase]


@asynccontextmanager
async def seeing(site: Site, folder: Path, secret: str) -> AsyncIterator[Heard]:
    """The cameras of a site, watched inside the block."""
    heard = Heard()
    branch = Branch(
        now=real_now,
        deliver=heard.deliver,
        tell=heard.tell,
        points=tuple,
        released=dict,
        announce=lambda _name, _done: "no_loudspeaker",
    )

    async def keep(findings: tuple[Finding, ...], _remember: object) -> None:
        heard.findings += findings

    secrets = Secrets("box-1", {"cameras": secret}, frozenset(), PlainKey())
    it = Seeing(site, folder, secrets, {}, ReportingState(), branch, same_boot=True, keep=keep)
    task = asyncio.ensure_future(it.run())
    try:
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@with_models
@pytest.mark.parametrize("protocol", ["rtsp", "onvif"])
async def test_who_stays_before_a_camera_is_told(protocol: str, tmp_path: Path) -> None:
    """From the camera's picture to the finding, with a password; by its stream, or by asking it where that is."""
    async with SimulatedCamera(user="admin", password="Tidal:7") as camera:
        address = camera.rtsp if protocol == "rtsp" else camera.onvif
        site = read_site(SITE.format(address=address, protocol=protocol), "site.toml")
        async with seeing(site, tmp_path, "admin:Tidal:7") as heard:
            # Until the model is loaded, which a busy machine takes its time for, what moves stands in for people.
            await eventually(heard.finds_people, 60, "an empty hall in which people would be found")
            assert heard.state("camera/03") is State.ONLINE
            camera.person(stay_s=30)
            await eventually(lambda: bool(heard.told("presence.loitering")), 30, "a loiterer")
            (finding,) = heard.told("presence.loitering")
            assert finding.facts["model"].startswith("person-vehicle-bike-detection")
            assert heard.state("area/hall") is State.ACTIVE
    assert camera.wrong_logins == 0


async def test_a_wrong_password_is_told_once_and_tried_once(tmp_path: Path) -> None:
    """`device.login_refused` and a video loss with that cause; the camera sees one try and no second."""
    async with SimulatedCamera(user="admin", password="right") as camera:
        site = read_site(SITE.format(address=camera.rtsp, protocol="rtsp"), "site.toml")
        async with seeing(site, tmp_path, "admin:wrong") as heard:
            await eventually(lambda: bool(heard.told("camera.video_loss")), 30, "a video loss")
            await eventually(lambda: heard.points["camera/03"].marks == ("login_refused",), 5, "the mark")
            assert heard.told("camera.video_loss")[0].facts["cause"] == "login_refused"
            assert len(heard.told("device.login_refused")) == 1
            tried = camera.wrong_logins
            await asyncio.sleep(0)
        assert tried == 1
