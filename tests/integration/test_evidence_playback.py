"""A clip out of a recorder: played by a real eye, masked like the camera's own pictures, under the times asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.clocks import Reading
from agent.evidence.playing import Player
from agent.timekeeper import system_now
from agent.video.media import film
from protocol.messages import Clock as ClockWord
from protocol.site.schema import Camera, Recorder, SecretName
from protocol.timestamps import format_time
from simulator.cameras.camera import SimulatedCamera
from tests.conftest import Eventually
from tests.logins import logins_of, site_of
from tests.picturing import PictureBox

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


@dataclass(frozen=True)
class Told:
    """What a recorder answers."""

    url: str = ""
    cause: str = ""


class RealTime(PictureBox):
    """In the machine's own time."""

    def reading(self) -> Reading:
        return Reading(moment=system_now(), clock=ClockWord.SYNCED)


@asynccontextmanager
async def recorded(folder: Path, make: str = "hikvision", login: str = "admin:p", **told: Any) -> AsyncIterator[Any]:
    """A box, and a recorder that plays what a simulated camera shows."""
    async with SimulatedCamera(user="admin", password="p") as camera:
        secret = SecretName(secret="cams")
        recorder = Recorder(id="nvr1", address="127.0.0.1", login=secret, protocol=make)  # type: ignore[arg-type]
        cameras = tuple(
            Camera(id=name, address=f"192.0.2.{name}", login=secret, recorder=f"nvr1/{int(name)}", mask=(LEFT_HALF,))
            for name in ("01", "02")
        )
        site = site_of(cameras=cameras, recorders=(recorder,))
        asked: list[tuple[Any, ...]] = []

        async def address(*stretch: Any) -> Told:
            asked.append(stretch)
            return Told(**told) if told else Told(url=camera.rtsp)

        box = RealTime(folder / "state")
        logins = logins_of(site, {"cams": login}, system_now)
        box.player = Player(site, address, logins, system_now)
        await box.start()
        try:
            yield box, asked, logins
        finally:
            await box.kill()


def _span() -> dict[str, Any]:
    since = system_now().wall - timedelta(hours=3)
    return {"from": format_time(since), "to": format_time(since + timedelta(seconds=2))}


@pytest.mark.timeout(90)
async def test_a_stretch_is_played_masked_and_sealed_under_its_own_times(
    tmp_path: Path, eventually: Eventually
) -> None:
    """The recorder is asked for the channel and the times; what is sealed bears them, and shows nothing of the mask."""
    span = _span()
    async with recorded(tmp_path) as (box, asked, _):
        request = await box.ask("playback", number=1, camera="02", **span)
        await eventually(box.sealed, timeout_s=40)
        sealed = box.sealed()[f"{request}-1"]
    assert asked == [("nvr1", 2, span["from"], span["to"])]
    assert (sealed["from"], sealed["masked"], sealed["request"]) == (span["from"], True, request)
    assert span["from"] < sealed["to"] <= span["to"]
    frames = [frame.bgr() for _, frame in film(box.shelf.path / f"{request}-1.mp4")]
    assert len(frames) >= 5
    assert all(frame[:, :300].max() < 40 < frame[:, 340:].max() for frame in frames)


@pytest.mark.parametrize(
    ("told", "word"), [({"cause": "not_found"}, "not_found"), ({"url": "rtsp://127.0.0.1:1/x"}, "unreachable")]
)
async def test_why_a_stretch_cannot_be_had_is_said(
    tmp_path: Path, eventually: Eventually, told: dict[str, str], word: str
) -> None:
    """Nothing recorded, or nobody who plays it: the promise is answered with the word."""
    async with recorded(tmp_path, **told) as (box, _, _):
        request = await box.ask("playback", number=1, camera="01", **_span())
        await eventually(box.sealed, timeout_s=30)
        assert box.sealed()[f"{request}-1"]["missing"] == word


async def test_a_refused_login_is_one_try(tmp_path: Path, eventually: Eventually) -> None:
    """Playback shares the ledger of refusals: the account is not tried again for five minutes."""
    async with recorded(tmp_path, login="admin:wrong") as (box, _, logins):
        request = await box.ask("playback", number=1, camera="01", **_span())
        await eventually(box.sealed, timeout_s=30)
        assert box.sealed()[f"{request}-1"]["missing"] == "login_refused"
        assert logins.times_refused("device/nvr1") == 1


async def test_a_make_whose_times_cannot_be_asked_for_is_refused(tmp_path: Path) -> None:
    """ONVIF's replay would play another time than the one asked for: that is no evidence."""
    async with recorded(tmp_path, make="onvif") as (box, asked, _):
        assert await box.ask("playback", number=1, camera="01", **_span()) == "not_supported"
    assert not asked
