"""Everything that looks, joined: the ledger of logins, the asker of devices, the eyes of the cameras. Decides nothing.

The asker learns where a camera's stream is and tells its eye; both share one ledger of refused logins, so that no
account is tried twice as often. A device whose password is not sealed to this box yet costs nothing: no process is
started for it. Flow: app.py -> here -> agent/drivers/asking, agent/eyes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from agent.config.asked import tasks_of
from agent.drivers.asking.devices import Carrying, Devices
from agent.drivers.asking.parent import Asker, Hearing
from agent.drivers.asking.words import Away, FromAsker, Stream
from agent.eyes.eyes import Branch, Eyes
from agent.eyes.told import told_of
from agent.eyes.ways import CameraWay
from agent.findings import Finding
from agent.logins import PENDING, UNUSABLE, Logins
from agent.reporting import ReportingState
from agent.secrets import Secrets
from protocol.site.schema import Site

Keep = Callable[[tuple[Finding, ...], Mapping[str, bytes]], Awaitable[object]]
"""Stores findings and what is remembered in one transaction."""

NO_LOGIN: Final = frozenset({PENDING, UNUSABLE})
_CAMERA: Final = "camera/"


class Seeing:
    """The cameras and recorders of one site, for one run."""

    def __init__(
        self,
        site: Site,
        state: Path,
        secrets: Secrets | None,
        saved: Mapping[str, bytes],
        told: ReportingState,
        branch: Branch,
        *,
        same_boot: bool,
        keep: Keep,
        suspect: Callable[[], bool] = lambda: False,
    ) -> None:
        self._keep = keep
        self._asked = [task.point for task in tasks_of(site)]
        self.logins = Logins(site, secrets, saved, branch.now, same_boot)
        self.asker = Asker(site, self.logins, branch.now, Hearing(stream=self._stream, heard=self._heard))
        self._ways = {camera.id: CameraWay(camera, self.logins) for camera in site.camera}
        self.eyes = Eyes(site, state, self._ways, told_of(told.active()), branch, moved=self._moved)
        carrying = Carrying(
            now=branch.now,
            suspect=suspect,
            deliver=branch.deliver,
            mark=lambda camera, marks: self.eyes.mark(camera, "asker", marks),
            ask=self.asker.ask,
        )
        self.devices = Devices(site, saved, told.active(), carrying)
        self._listeners: list[Callable[[FromAsker], None]] = []

    async def run(self) -> None:
        """Look and ask until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.logins.run(self._keep), name="logins")
            tasks.create_task(self.devices.run(self._keep), name="devices")
            if any(self.logins.standing(point) not in NO_LOGIN for point in self._asked):
                tasks.create_task(self.asker.run(), name="asker")
            tasks.create_task(self.eyes.run(), name="eyes")

    def listen(self, listener: Callable[[FromAsker], None]) -> None:
        """Have whatever the asker says told to somebody else too."""
        self._listeners.append(listener)

    def stirred(self, points: Iterable[str]) -> None:
        """These points of the branch changed."""
        self.eyes.stirred(points)

    def _stream(self, stream: Stream) -> None:
        if (way := self._ways.get(stream.point.removeprefix(_CAMERA))) is not None:
            way.found(stream.url)

    def _moved(self, camera: str) -> None:
        self.devices.moved(camera)

    def _heard(self, message: FromAsker) -> None:
        self.devices.hear(message)
        if isinstance(message, Away) and message.point.startswith(_CAMERA):
            camera = message.point.removeprefix(_CAMERA)
            if camera in self._ways and not self._ways[camera].known:
                self.eyes.away(camera, message.cause)
        for listener in self._listeners:
            listener(message)
