"""A simulated camera: an RTSP server over a scene, with faults on command. `async with SimulatedCamera(...) as camera`.

The shell that joins scene, feeds and servers. Everything runs in the caller's event loop; frames are made in threads,
and only while somebody watches.
"""

import secrets
import threading
import time
from pathlib import Path
from typing import Final, Self

import numpy as np

from simulator.cameras.faults import Fault, Frame, spoil
from simulator.cameras.feed import Feed
from simulator.cameras.rtsp import RtspServer
from simulator.cameras.scenes import HEIGHT, WIDTH, Scene, scene_of, stamped, wall_text
from simulator.cameras.state import CameraState

FPS: Final = 5
MAIN_SIZE: Final = (1280, 720)
MAIN_FPS: Final = 10
HANG_UP: Final = frozenset({Fault.LOGIN_REFUSED, Fault.NOT_ALLOWED, Fault.BUSY, Fault.NOT_FOUND})
"""Faults that would not be met by whoever is in already: they are thrown out."""
STAY_S: Final = 60.0


class SimulatedCamera:
    """One camera on loopback; ports that are 0 become free ones and stay the same."""

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
        fps: int = FPS,
        gop_s: float = 2.0,
        sessions: int = 8,
        osd: bool = False,
        seed: int = 7,
    ) -> None:
        self.state = CameraState(
            name=name, user=user, password=password, nonce=secrets.token_hex(16), sessions=sessions
        )
        self._scene = scene_of(clip, on_call=on_call, seed=seed) if scene is None else scene
        self._osd = osd
        self._chance = np.random.default_rng(seed)
        self._lock = threading.Lock()  # the two feeds draw in threads of their own
        self._began_s = time.monotonic()
        width, height = MAIN_SIZE
        self._feeds = {
            "sub": Feed(self.state, self._picture, width=WIDTH, height=HEIGHT, fps=fps, gop_s=gop_s),
            "main": Feed(self.state, self._picture, width=width, height=height, fps=MAIN_FPS, gop_s=gop_s),
        }
        self._rtsp = RtspServer(self.state, self._feeds, host, rtsp_port)

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
        await self._rtsp.start()

    async def stop(self) -> None:
        """Hang up on everybody; nothing of it runs any more."""
        await self._rtsp.stop()
        for feed in self._feeds.values():
            await feed.stop()

    @property
    def rtsp(self) -> str:
        """Address of the sub-stream, without name and password."""
        return f"rtsp://{self._rtsp.host}:{self._rtsp.port}/sub"

    @property
    def rtsp_main(self) -> str:
        """Address of the main stream."""
        return f"rtsp://{self._rtsp.host}:{self._rtsp.port}/main"

    @property
    def rtsp_port(self) -> int:
        """Its port."""
        return self._rtsp.port

    @property
    def playing(self) -> int:
        """How many clients are being sent pictures."""
        return self._rtsp.playing

    @property
    def connections(self) -> int:
        """How many RTSP clients are connected."""
        return self._rtsp.connections

    @property
    def wrong_logins(self) -> int:
        """How often somebody came with a wrong password, or was told so."""
        return self.state.wrong_logins

    async def fault(self, *names: Fault | str) -> None:
        """From now on these faults too.

        Raises:
            ValueError: there is no such fault.
        """
        before = self.state.faults
        await self._become(before | {Fault(name) for name in names})

    async def clear(self, *names: Fault | str) -> None:
        """Without these faults from now on; without any where none is named."""
        gone = {Fault(name) for name in names} or set(Fault)
        await self._become(self.state.faults - gone)

    async def hang_up(self) -> None:
        """End all connections; they may come again."""
        await self._rtsp.hang_up()

    def person(self, stay_s: float = STAY_S) -> None:
        """Somebody comes, stays so long, and goes. A clip plays from its beginning."""
        with self._lock:
            self._scene.come(self._at_s(), stay_s)

    def leave(self) -> None:
        """Whoever is there goes now."""
        with self._lock:
            self._scene.leave(self._at_s())

    async def _become(self, faults: frozenset[Fault]) -> None:
        before = self.state.faults
        self.state.set_faults(faults)
        if Fault.AWAY in faults - before:
            await self._rtsp.stop()
        if Fault.AWAY in before - faults:
            await self._rtsp.start()
        if (faults - before) & HANG_UP:
            await self._rtsp.hang_up()

    def _at_s(self) -> float:
        return time.monotonic() - self._began_s

    def _picture(self, number: int) -> Frame:
        with self._lock:
            frame = spoil(self._scene.frame(self._at_s()), self.state.faults, number, self._chance)
        return stamped(frame, wall_text(self.state.name, self.state.wall_s)) if self._osd else frame
