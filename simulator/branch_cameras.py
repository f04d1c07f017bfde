"""The cameras and the recorder of a simulated branch: started together, told what happens through one control address.

A clip plays before the ATM hall's camera where the demo's data folder has it, once whenever somebody is asked to come;
else both rooms are drawn. Nothing is drawn or encoded while nobody watches.
"""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.control import ControlServer
from simulator.cameras.recordings import Recording
from simulator.cameras.scenes import ClipScene, DrawnScene, Room, Scene
from simulator.demo_file import CameraAccess
from simulator.watched import HALL, RECORDER, VAULT

DATA: Final = "BRANCHWATCH_DATA"
CLIP: Final = "clips/one-by-one-person-detection.mp4"
VISIT_S: Final = (20.0, 47.0)
"""The part of the clip that is played: one person who stays for 21 seconds, and an empty room before and after."""
MOST: Final = 2


def hall_clip(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The clip for the ATM hall, where the data folder has it."""
    folder = environment.get(DATA, "")
    path = Path(folder) / CLIP
    return path if folder and path.is_file() else None


class BranchCameras:
    """The first `count` cameras of a branch, and their recorder; use as an async context manager."""

    def __init__(self, count: int, *, user: str, password: str, host: str, clip: Path | None) -> None:
        scenes: list[tuple[str, Scene]] = [
            (HALL, ClipScene(clip, on_call=True, part=VISIT_S) if clip is not None else DrawnScene()),
            (VAULT, DrawnScene(seed=11, room=Room.VAULT)),
        ]
        self._devices = {
            name: SimulatedCamera(name=name, scene=scene, user=user, password=password, host=host)
            for name, scene in scenes[:count]
        }
        if self._devices:
            self._devices[RECORDER] = SimulatedCamera(
                name=RECORDER,
                scene=DrawnScene(),
                user=user,
                password=password,
                host=host,
                channels=len(self._devices) + (len(self._devices) == 1),  # one that has a free channel is one too
                recordings=[Recording(channel=number + 1) for number in range(len(self._devices))],
            )
        self._control = ControlServer(self._devices)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: nothing can listen on loopback.
        """
        async with AsyncExitStack() as stack:
            for device in self._devices.values():
                await stack.enter_async_context(device)
            await self._control.start()
            stack.push_async_callback(self._control.stop)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def access(self) -> list[CameraAccess]:
        """Where each is found."""
        return [
            CameraAccess(name=name, onvif=device.onvif, rtsp=device.rtsp, control=self._control.address)
            for name, device in self._devices.items()
        ]
