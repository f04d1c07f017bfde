"""How each camera is reached: its address, of the site file or of the camera itself, and a login when it may be tried.

Flow: the asker (agent/drivers/asking) learns addresses, agent/logins.py keeps the ledger of refusals -> here ->
`EyeLink` of agent/video/watcher.py.
"""

import asyncio
from typing import Final

from agent.logins import PENDING, REFUSED, UNUSABLE, Logins
from agent.video.words import Login, Loss
from protocol.site.schema import Camera

_STANDING: Final = {PENDING: Loss.SECRET, UNUSABLE: Loss.SECRET, REFUSED: Loss.LOGIN_REFUSED}


class CameraWay:
    """The way to one camera (agent/video/watcher.py's `Way`)."""

    def __init__(self, camera: Camera, logins: Logins) -> None:
        self.point = f"camera/{camera.id}"
        self._logins = logins
        self._fixed = fixed_url(camera)
        self._url = self._fixed
        self._known = asyncio.Event()
        if self._fixed:
            self._known.set()

    def found(self, url: str) -> None:
        """The camera said where its stream is; what the site file says wins."""
        if not self._fixed:
            self._url = url
            self._known.set()

    @property
    def known(self) -> bool:
        """Whether it is known where the stream is."""
        return self._known.is_set()

    def standing(self) -> Loss | None:
        """What is known to keep the camera from being tried now."""
        return _STANDING.get(self._logins.standing(self.point))

    @property
    def url(self) -> str:
        """Where the stream is, as far as known."""
        return self._url

    async def login(self) -> Login:
        """Address and login, as soon as the camera may be tried."""
        await self._known.wait()
        found = await self._logins.ready(self.point)
        return Login(url=self._url, user=found.user, password=found.password)

    def accepted(self) -> None:
        """The camera let us in."""
        self._logins.accepted(self.point)

    def refused(self) -> None:
        """It refused the login."""
        self._logins.refused(self.point)

    def given_up(self) -> None:
        """Nothing is known about the login."""
        self._logins.given_up(self.point)


def fixed_url(camera: Camera) -> str:
    """The stream's address where the site file says it; empty: the camera is asked."""
    if camera.protocol == "rtsp":
        return camera.address
    return "" if camera.stream in {"sub", "main"} else camera.stream
