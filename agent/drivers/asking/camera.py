"""One camera as the asker asks it: who it is, its clock, its stream's address, presets. Events stand in listening.py.

Raises `DeviceError` to whoever runs it when the camera cannot be had; starts over then. Flow: asker.py -> here ->
agent/drivers/onvif/device.py.
"""

import asyncio
from typing import Final

from agent.drivers.asking import words
from agent.drivers.asking.asker import Desk, Request, mono_ms
from agent.drivers.asking.listening import Listening
from agent.drivers.asking.words import Anew, AskCamera, GoTo, LogIn
from agent.drivers.onvif.device import OnvifDevice
from agent.drivers.onvif.facts import Profile
from agent.drivers.onvif.streams import chosen
from agent.drivers.trouble import DeviceError, Trouble

LOOK_AGAIN_S: Final = 600.0
"""Clock and stream's address are asked for again so often: an installer may change them while we run."""


class CameraWatcher:
    """One ONVIF camera."""

    def __init__(self, task: AskCamera) -> None:
        self._task = task
        self._profile: Profile | None = None

    async def watch(self, login: LogIn, desk: Desk) -> None:
        """Ask it until it cannot be had. Raises: DeviceError."""
        task = self._task
        device = OnvifDevice(task.host, task.port, login.user, login.password, refused=login.refused)
        try:
            about = await device.open()
            desk.accepted(about)
            listening = Listening(device, desk, task.listener)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._look(device, desk))
                tasks.create_task(self._serve(device, desk, listening))
                if task.events:
                    tasks.create_task(listening.run())
        finally:
            await device.close()

    async def _look(self, device: OnvifDevice, desk: Desk) -> None:
        """Its clock and its stream, now and then."""
        while True:
            self._tell_clock(device, desk)
            await self._tell_stream(device, desk)
            await asyncio.sleep(LOOK_AGAIN_S)
            await device.clock(login=device.clock_needs_login)

    def _tell_clock(self, device: OnvifDevice, desk: Desk) -> None:
        if device.offset is not None:
            desk.say(words.ClockTold(point=desk.point, off_s=device.offset.total_seconds(), at_ms=mono_ms()))

    async def _tell_stream(self, device: OnvifDevice, desk: Desk) -> None:
        """The first profile that has an address, best first."""
        for profile in chosen(await device.profiles(), self._task.stream):
            try:
                url = await device.stream(profile.token)
            except DeviceError as error:
                if error.trouble is not Trouble.REFUSED:
                    raise
                continue
            if url is None:
                continue
            self._profile = profile
            desk.say(
                words.Stream(
                    point=desk.point,
                    url=url,
                    codec=profile.codec,
                    width=profile.width,
                    height=profile.height,
                    fps=profile.fps,
                )
            )
            return
        raise DeviceError(Trouble.NOT_FOUND, "no stream")

    async def _serve(self, device: OnvifDevice, desk: Desk, listening: Listening) -> None:
        while True:
            request: Request = await desk.requests.get()
            if isinstance(request, Anew):
                listening.anew.set()
            elif isinstance(request, GoTo):
                desk.say(words.Answered(ask=request.ask, cause=await self._go(device, request.preset)))

    async def _go(self, device: OnvifDevice, wanted: str) -> str:
        if self._profile is None:
            return Trouble.NOT_FOUND
        try:
            presets = await device.presets(self._profile.token)
            found = next((each for each in presets if wanted in {each.token, each.name}), None)
            if found is None:
                return Trouble.NOT_FOUND
            await device.go_to(self._profile.token, found.token)
        except DeviceError as error:
            return error.trouble
        return ""
