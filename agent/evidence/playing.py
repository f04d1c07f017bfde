"""A clip out of a recorder: an eye of its own plays the stretch at the recorder and writes it, with the camera's masks.

Only of makes whose address says from when to when (Hikvision, Dahua; not tried on hardware). ONVIF's replay says it in
a header that our video library cannot send: such a stretch would bear times that are not its own, so it is refused.
One at a time, as fast as the recorder plays. Flow: evidence.py -> here -> asker (address), logins, EyeLink -> `made`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec

from agent.evidence.promising import Promise
from agent.logins import PENDING, REFUSED, UNUSABLE, Logins
from agent.signals import Moment
from agent.video.watcher import EyeLink, Way
from agent.video.words import EyeSettings, FromEye, Login, Loss, Lost, Made, Opened, TakeClip
from protocol.site.schema import Camera, Site
from protocol.timestamps import format_time

MAKES: Final = frozenset({"hikvision", "dahua"})
OPENS_IN_S: Final = 20.0
WRITTEN_IN_S: Final = 90.0
SLACK_S: Final = 1.0
MOST_WAITING: Final = 3
RING_BYTES: Final = 48 * 1024 * 1024
"""Two minutes of a main stream of 3 Mbit/s."""

_STANDING: Final = {PENDING: Loss.SECRET, UNUSABLE: Loss.SECRET, REFUSED: Loss.LOGIN_REFUSED}


class Told(Protocol):
    """What a recorder answers: the address of a stretch, or a word why there is none."""

    @property
    def url(self) -> str:
        """Where it plays."""

    @property
    def cause(self) -> str:
        """Why not; empty where it does."""


class Link(Protocol):
    """An eye, as agent/video/watcher.py keeps it."""

    def take(self, message: TakeClip) -> bool:
        """Tell the eye; False: it cannot hear now."""

    async def run(self) -> None:
        """Look until cancelled."""


Address = Callable[[str, int, str, str], Awaitable[Told]]
"""Recorder, channel, from, to."""

MakeLink = Callable[[EyeSettings, Way, Callable[[FromEye], None], Callable[[], Moment]], Link]


class Player:
    """Plays what is asked for, one after the other. `made` is called with what became of it."""

    def __init__(
        self,
        site: Site,
        address: Address,
        logins: Logins,
        now: Callable[[], Moment],
        *,
        make: MakeLink = EyeLink,
    ) -> None:
        makes = {recorder.id: recorder.protocol for recorder in site.recorder}
        self._cameras = {
            camera.id: camera for camera in site.camera if makes.get((camera.recorder or "").partition("/")[0]) in MAKES
        }
        self._address = address
        self._logins = logins
        self._now = now
        self._make = make
        self._waiting: asyncio.Queue[tuple[Promise, Path]] = asyncio.Queue(MOST_WAITING)
        self.made: Callable[[Made], None] = lambda made: None

    def can(self, camera: str) -> bool:
        """Whether the recordings of this camera can be played."""
        return camera in self._cameras

    def take(self, promise: Promise, path: Path) -> bool:
        """Play this stretch when it is its turn; False: too many wait."""
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait((promise, path))
            return True
        return False

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            promise, path = await self._waiting.get()
            self.made(msgspec.structs.replace(await self._played(promise, path), slot=promise.slot))

    async def _played(self, promise: Promise, path: Path) -> Made:
        camera = self._cameras.get(promise.camera)
        if camera is None or promise.since is None or promise.until is None:
            return Made(slot="", missing="not_supported")
        recorder, _, channel = (camera.recorder or "").partition("/")
        since, until = format_time(promise.since.wall), format_time(promise.until.wall)
        told = await self._address(recorder, int(channel), since, until)
        if not told.url:
            return Made(slot="", missing=told.cause or "no_picture")
        span_ms = promise.until.mono_ms - promise.since.mono_ms
        way = _RecorderWay(f"device/{recorder}", told.url, self._logins)
        made = await self._out_of(camera, way, TakeClip(slot=promise.slot, path=str(path), from_ms=0, to_ms=span_ms))
        if made.missing:
            return made
        length_ms = max(0, made.to_ms - made.from_ms)  # its packets came now; they are of then
        begin_ms = promise.since.mono_ms
        return msgspec.structs.replace(made, from_ms=begin_ms, to_ms=begin_ms + min(length_ms, span_ms))

    async def _out_of(self, camera: Camera, way: "_RecorderWay", asked: TakeClip) -> Made:
        said: asyncio.Queue[FromEye] = asyncio.Queue()
        settings = EyeSettings(
            camera=camera.id,
            picture=False,
            people=False,
            ring_s=asked.to_ms / 1000 + 60,
            ring_bytes=RING_BYTES,
            references="",
            masks=camera.mask,
        )
        link = self._make(settings, way, said.put_nowait, self._now)
        looking = asyncio.create_task(link.run(), name=f"playing {camera.id}")
        try:
            async with asyncio.timeout(OPENS_IN_S):
                begun = await _one_of(said, Opened, Lost)
            if isinstance(begun, Lost):
                return Made(slot="", missing=begun.cause.value)
            began_ms = self._now().mono_ms
            with suppress(TimeoutError):
                async with asyncio.timeout(asked.to_ms / 1000 + SLACK_S):
                    await _one_of(said, Lost)  # it ends by itself where there is less
            to_ms = min(self._now().mono_ms, began_ms + asked.to_ms)
            if not link.take(msgspec.structs.replace(asked, from_ms=began_ms - int(SLACK_S * 1000), to_ms=to_ms)):
                return Made(slot="", missing="no_eye")
            async with asyncio.timeout(WRITTEN_IN_S):
                made = await _one_of(said, Made)
            return made if isinstance(made, Made) else Made(slot="", missing="no_answer")
        except TimeoutError:
            return Made(slot="", missing="no_answer")
        finally:
            looking.cancel()
            await asyncio.wait({looking})


async def _one_of(said: asyncio.Queue[FromEye], *kinds: type[Opened | Lost | Made]) -> FromEye:
    """The next word of these kinds."""
    while True:
        word = await said.get()
        if isinstance(word, kinds):
            return word


class _RecorderWay:
    """The way to one stretch of a recorder (agent/video/watcher.py's `Way`)."""

    def __init__(self, point: str, url: str, logins: Logins) -> None:
        self._point, self._url, self._logins = point, url, logins

    def standing(self) -> Loss | None:
        return _STANDING.get(self._logins.standing(self._point))

    async def login(self) -> Login:
        found = await self._logins.ready(self._point)
        return Login(url=self._url, user=found.user, password=found.password)

    def accepted(self) -> None:
        self._logins.accepted(self._point)

    def refused(self) -> None:
        self._logins.refused(self._point)

    def given_up(self) -> None:
        self._logins.given_up(self._point)
