"""What a camera with a privacy area gives away: a real eye before a real camera, and what lies in the folder then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agent.clocks import Reading
from agent.timekeeper import system_now
from agent.video.media import film
from agent.video.watcher import EyeLink
from agent.video.words import EyeSettings, FromEye, Look, Made, TakeClip, TakeStill
from protocol.messages import Clock as ClockWord
from protocol.timestamps import format_time
from simulator.cameras.camera import SimulatedCamera
from tests.conftest import Eventually
from tests.picturing import PictureBox
from tests.watched import QUICK, AtOnce, settings

MASK = ((0.25, 0.0), (0.75, 0.0), (0.75, 1.0), (0.25, 1.0))
BLACK = 36
"""Of 255: what an encoder may make of black beside an edge."""


class EyedBox(PictureBox):
    """A box in the machine's own time, whose camera 01 is a real one."""

    def __init__(self, folder: Path, camera: SimulatedCamera, about: EyeSettings) -> None:
        super().__init__(folder)
        way = AtOnce(camera.rtsp, "admin", "p")
        self.looks = 0
        self.link = EyeLink(about, way, self._hear, system_now, limits=QUICK)
        self.cameras = self

    def take(self, camera: str, message: TakeStill | TakeClip) -> bool:
        return camera == "01" and self.link.take(message)

    def reading(self) -> Reading:
        return Reading(moment=system_now(), clock=ClockWord.SYNCED)

    def _hear(self, said: FromEye) -> None:
        self.looks += isinstance(said, Look)
        if isinstance(said, Made):
            self.evidence.made(said)


@asynccontextmanager
async def eyed(folder: Path, **about: Any) -> AsyncIterator[EyedBox]:
    """A box that sees."""
    async with SimulatedCamera(user="admin", password="p") as camera:
        box = EyedBox(folder / "state", camera, settings(folder, **about))
        await box.start()
        looking = asyncio.create_task(box.link.run())
        try:
            yield box
        finally:
            looking.cancel()
            await asyncio.wait({looking})
            await box.kill()


@pytest.mark.timeout(90)
async def test_nothing_behind_a_mask_leaves_the_box(tmp_path: Path, eventually: Eventually) -> None:
    """Still and clip of a masked camera: its area is black in every picture that can be decoded, the rest is not."""
    async with eyed(tmp_path, masks=(MASK,)) as box:
        await eventually(lambda: box.looks >= 2, timeout_s=20)
        now = system_now().wall
        span: dict[str, Any] = {"from": format_time(now), "to": format_time(now + timedelta(seconds=2))}
        still = await box.ask("still", number=1, camera="01")
        clip = await box.ask("clip", number=2, camera="01", **span)
        await eventually(lambda: len(box.sealed()) == 2, timeout_s=30)
        sealed = box.sealed()
    assert sealed[f"{still}-1"]["masked"] is sealed[f"{clip}-1"]["masked"] is True
    picture = cv2.imread(str(box.shelf.path / f"{still}-1.jpg"))
    assert picture is not None
    assert _covered(np.asarray(picture))
    frames = [frame.bgr() for _, frame in film(box.shelf.path / f"{clip}-1.mp4")]
    assert len(frames) >= 5
    assert all(_covered(frame) for frame in frames)


@pytest.mark.timeout(90)
async def test_an_event_is_pictured_by_a_real_eye(tmp_path: Path, eventually: Eventually) -> None:
    """Without a mask packets go as they came; the still is there once the event happened."""
    async with eyed(tmp_path) as box:
        await eventually(lambda: box.looks >= 2, timeout_s=20)
        event = await box.happens("door.forced", "door/vault")
        await eventually(box.sealed)
        sealed = box.sealed()[f"{event}-1"]
        assert sealed["masked"] is False
        picture = cv2.imread(str(box.shelf.path / f"{event}-1.jpg"))
        assert picture is not None
        assert picture.shape == (360, 640, 3)
        assert not _covered(np.asarray(picture))


def _covered(picture: np.ndarray[Any, Any]) -> bool:
    width = picture.shape[1]
    inside = picture[:, int(0.28 * width) : int(0.72 * width)]
    outside = picture[:, : int(0.2 * width)]
    return bool(inside.max() <= BLACK and outside.std() > 5)
