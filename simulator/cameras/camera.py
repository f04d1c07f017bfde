"""A simulated camera, or a recorder of several: `async with SimulatedCamera(...) as camera`, faults on command.

The shell that joins scene, feeds, RTSP and ONVIF. Everything runs in the caller's event loop; frames are made in
threads, and only while somebody watches. Ports that are 0 become free ones and stay the same.
"""

import asyncio
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np

from simulator.cameras.device import Device, Source, Stream
from simulator.cameras.discovery import Discovery
from simulator.cameras.events import Events, Property, Quirk, Topic
from simulator.cameras.faults import Fault, Frame, spoil
from simulator.cameras.feed import Feed
from simulator.cameras.onvif import OnvifServer, service_address
from simulator.cameras.recordings import Recording
from simulator.cameras.rtsp import RtspServer
from simulator.cameras.scenes import HEIGHT, WIDTH, Scene, jpeg, scene_of, stamped, wall_text
from simulator.cameras.state import CameraState

FPS: Final = 5
MAIN_SIZE: Final = (1280, 720)
MAIN_FPS: Final = 10
HANG_UP: Final = frozenset({Fault.LOGIN_REFUSED, Fault.NOT_ALLOWED, Fault.BUSY, Fault.NOT_FOUND})
"""Faults that would not be met by whoever is in already: they are thrown out."""
STAY_S: Final = 60.0
PRESET_STEP: Final = 48
"""Columns by which the picture moves from one preset to the next."""
MOTION_STEP: Final = 8
MOTION_GREY: Final = 14
MOTION_SHARE: Final = 0.004
MOTION_HELD_S: Final = 4.0
"""The camera's own idea of motion: coarse points that changed by so many steps, and how long it says so."""


class SimulatedCamera:
    """One device; with more than one channel it is a recorder."""

    def __init__(
        self,
        *,
        name: str = "camera",
        clip: Path | None = None,
        on_call: bool = False,
        scene: Scene | None = None,
        user: str = "",
        password: str = "",
        host: str = "127.0.0.1",
        rtsp_port: int = 0,
        onvif_port: int = 0,
        fps: int = FPS,
        gop_s: float = 2.0,
        sessions: int = 8,
        osd: bool = False,
        channels: int = 1,
        inputs: int = 2,
        presets: Sequence[str] = (),
        recordings: Sequence[Recording] = (),
        quirks: Sequence[Quirk] = (),
        discovery: str = "",  # the address of the interface on which it answers to discovery
        seed: int = 7,
    ) -> None:
        self.state = CameraState(
            name=name, user=user, password=password, nonce=secrets.token_hex(16), sessions=sessions
        )
        self._scene = scene_of(clip, on_call=on_call, seed=seed) if scene is None else scene
        self._osd = osd
        self._chance = np.random.default_rng(seed)
        self._lock = threading.Lock()  # feeds and snapshots draw in threads of their own
        self._began_s = self.state.monotonic_s()
        self._coarse: Frame | None = None
        self._moved_s = float("-inf")
        sources = tuple(_source(number, name, fps) for number in range(1, channels + 1))
        sub = self._feed(WIDTH, HEIGHT, fps, gop_s)
        main = self._feed(*MAIN_SIZE, MAIN_FPS, gop_s)
        feeds = {each.sub.path: sub for each in sources} | {each.main.path: main for each in sources}
        feeds |= {f"replay/{each.channel}": sub for each in recordings}
        self._feeds = (sub, main)
        self._rtsp = RtspServer(self.state, feeds, host, rtsp_port)
        self.device = Device(
            state=self.state,
            events=Events(_properties(sources, inputs), frozenset(quirks)),
            sources=sources,
            rtsp_port=lambda: self._rtsp.port,
            snapshot=lambda _: jpeg(self._picture(0)),
            inputs=inputs,
            presets=tuple(presets),
            recordings=tuple(recordings),
            model="SIM-NVR" if channels > 1 else "SIM-1",
        )
        self._onvif = OnvifServer(self.device, host, onvif_port)
        self._discovery = (
            Discovery(self.device, lambda: service_address(self._onvif.address), discovery) if discovery else None
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._still: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: an address is taken.
        """
        self._loop = asyncio.get_running_loop()
        await self._rtsp.start()
        try:
            await self._onvif.start()
            if self._discovery is not None:
                await self._discovery.start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Hang up on everybody; nothing of it runs any more."""
        if self._discovery is not None:
            await self._discovery.stop()
        await self._onvif.stop()
        await self._rtsp.stop()
        for feed in self._feeds:
            await feed.stop()
        if self._still is not None:
            self._still.cancel()
        self._loop = None

    # Where it is found, and who was there.

    @property
    def rtsp(self) -> str:
        """Address of the sub-stream, without name and password."""
        return f"rtsp://{self._rtsp.host}:{self._rtsp.port}/{self.device.sources[0].sub.path}"

    @property
    def rtsp_main(self) -> str:
        """Address of the main stream."""
        return f"rtsp://{self._rtsp.host}:{self._rtsp.port}/{self.device.sources[0].main.path}"

    @property
    def onvif(self) -> str:
        """host:port of its ONVIF services, as a site file names a camera."""
        return self._onvif.address

    @property
    def playing(self) -> int:
        """How many clients are being sent pictures."""
        return self._rtsp.playing

    @property
    def connections(self) -> int:
        """How many RTSP clients are connected."""
        return self._rtsp.connections

    @property
    def resting(self) -> bool:
        """Nobody watches, and no picture is being made."""
        return all(each.resting for each in self._feeds)

    @property
    def listeners(self) -> int:
        """How many event subscriptions stand."""
        return self.device.events.listeners(self.state.monotonic_s())

    @property
    def wrong_logins(self) -> int:
        """How often somebody came with a wrong password, or was told so."""
        return self.state.wrong_logins

    # What can be done to it.

    async def fault(self, *names: Fault | str) -> None:
        """From now on these faults too.

        Raises:
            ValueError: there is no such fault.
        """
        await self._become(self.state.faults | {Fault(name) for name in names})

    async def clear(self, *names: Fault | str) -> None:
        """Without these faults from now on; without any where none is named."""
        gone = {Fault(name) for name in names} or set(Fault)
        await self._become(self.state.faults - gone)

    async def hang_up(self) -> None:
        """End all RTSP connections; they may come again."""
        await self._rtsp.hang_up()

    def restart_events(self) -> None:
        """As after a restart of the device: it knows no subscription any more."""
        self.device.events.forget_all()

    def person(self, stay_s: float = STAY_S) -> None:
        """Somebody comes, stays so long, and goes. A clip plays from its beginning."""
        with self._lock:
            self._scene.come(self._at_s(), stay_s)

    def leave(self) -> None:
        """Whoever is there goes now."""
        with self._lock:
            self._scene.leave(self._at_s())

    def input(self, number: int, on: bool) -> None:
        """Its digital input, from 1."""
        self._tell(Topic.INPUT, f"input-{number}", on)

    def motion(self, on: bool) -> None:
        """It says by itself that something moves; it also does so by its own picture while somebody watches."""
        self._tell(Topic.MOTION, self.device.sources[0].token, on)

    def tamper(self, on: bool) -> None:
        """It says that somebody is at it."""
        self._tell(Topic.TAMPER, self.device.sources[0].token, on)

    def signal_loss(self, on: bool, channel: int = 1) -> None:
        """It says that a channel has no signal."""
        self._tell(Topic.SIGNAL_LOSS, self.device.sources[channel - 1].token, on)

    async def _become(self, faults: frozenset[Fault]) -> None:
        before = self.state.faults
        now_s = self.state.wall_s()
        self.state.set_faults(faults)
        if Fault.RECORDING_STOPPED in faults:
            for each in self.device.recordings:
                self.device.stopped_s.setdefault(each.channel, now_s)
        else:
            self.device.stopped_s.clear()
        self.tamper(Fault.COVER in faults)
        if Fault.AWAY in faults - before:
            await self._onvif.stop()
            await self._rtsp.stop()
            self.restart_events()
        if Fault.AWAY in before - faults:
            await self._rtsp.start()
            await self._onvif.start()
        if (faults - before) & HANG_UP:
            await self._rtsp.hang_up()

    def _tell(self, topic: Topic, source: str, on: bool) -> None:
        self.device.events.become(Property(topic=topic, source=source), on, self.state.wall_s())

    def _feed(self, width: int, height: int, fps: int, gop_s: float) -> Feed:
        return Feed(self.state, self._picture, width=width, height=height, fps=fps, gop_s=gop_s)

    def _at_s(self) -> float:
        return self.state.monotonic_s() - self._began_s

    def _picture(self, number: int) -> Frame:
        """Called in threads."""
        with self._lock:
            frame = self._scene.frame(self._at_s())
            if self.device.preset:
                frame = np.roll(frame, PRESET_STEP * self.device.preset, axis=1)
            frame = spoil(frame, self.state.faults, number, self._chance)
            self._look_for_motion(frame)
        return stamped(frame, wall_text(self.state.name, self.state.wall_s)) if self._osd else frame

    def _look_for_motion(self, frame: Frame) -> None:
        coarse = frame[::MOTION_STEP, ::MOTION_STEP]
        before, self._coarse = self._coarse, coarse
        if before is None:
            return
        changed = np.abs(coarse.astype(np.int16) - before).max(axis=2) > MOTION_GREY
        if changed.mean() > MOTION_SHARE and (loop := self._loop) is not None:
            loop.call_soon_threadsafe(self._saw_motion)

    def _saw_motion(self) -> None:
        if self._loop is None:
            return
        self.motion(True)
        if self._still is not None:
            self._still.cancel()
        self._still = self._loop.call_later(MOTION_HELD_S, self.motion, False)


def _source(number: int, name: str, fps: int) -> Source:
    folder = "" if number == 1 else f"channel-{number}/"
    return Source(
        number=number,
        name=name if number == 1 else f"{name} {number}",
        main=Stream(path=f"{folder}main", width=MAIN_SIZE[0], height=MAIN_SIZE[1], fps=MAIN_FPS, kbps=2048),
        sub=Stream(path=f"{folder}sub", width=WIDTH, height=HEIGHT, fps=fps),
    )


def _properties(sources: Sequence[Source], inputs: int) -> dict[Property, bool]:
    of_inputs = [Property(topic=Topic.INPUT, source=f"input-{number}") for number in range(1, inputs + 1)]
    topics = (Topic.MOTION, Topic.TAMPER, Topic.SIGNAL_LOSS)
    of_sources = [Property(topic=topic, source=each.token) for each in sources for topic in topics]
    return dict.fromkeys((*of_inputs, *of_sources), False)
