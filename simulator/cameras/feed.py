"""One encoded stream of a camera: makes pictures while somebody watches, and only then.

Newest picture wins: a machine that is too slow leaves pictures out, and keeps their times. Flow: a scene and its
faults -> here -> every viewer of `rtsp.py`.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final, Protocol

from simulator.cameras.encoding import PPS, SPS, AccessUnit, Encoder
from simulator.cameras.faults import Fault, Frame
from simulator.cameras.rtp import CLOCK_HZ
from simulator.cameras.scenes import fitted
from simulator.cameras.state import CameraState

OTHER_SIZE: Final = (352, 288)
"""What the picture becomes when it changes its size in mid-stream."""
BROKEN_BYTES: Final = 900


class Viewer(Protocol):
    """Whoever plays the stream."""

    def give(self, unit: AccessUnit, ticks: int) -> None:
        """One more picture. May leave it out, may not wait."""


class Feed:
    """One size of the picture at one rate."""

    def __init__(
        self,
        state: CameraState,
        picture: Callable[[int], Frame],
        *,
        width: int,
        height: int,
        fps: int,
        gop_s: float,
    ) -> None:
        self.width, self.height, self.fps, self.gop_s = width, height, fps, gop_s
        self._state = state
        self._picture = picture
        self._viewers: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None
        self._sets: tuple[bytes, bytes] | None = None
        self._kept: AccessUnit | None = None  # the key frame that a frozen camera repeats

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._viewers)

    @property
    def resting(self) -> bool:
        """No picture is being made."""
        return self._task is None or self._task.done()

    async def parameter_sets(self) -> tuple[bytes, bytes]:
        """The sequence and the picture parameter set, for the SDP."""
        if self._sets is None:
            unit = await asyncio.to_thread(self._encode_one)
            kinds = {nal[0] & 0x1F: nal for nal in unit.nals}
            self._sets = (kinds[SPS], kinds[PPS])
        return self._sets

    def watch(self, viewer: Viewer) -> None:
        """Give this viewer every picture from now on."""
        self._viewers.add(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def leave(self, viewer: Viewer) -> None:
        """No more for this one."""
        self._viewers.discard(viewer)

    async def stop(self) -> None:
        """Nobody gets anything any more; returns when all is still."""
        self._viewers.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        encoder = await asyncio.to_thread(self._encoder, frozenset[Fault]())
        began, number = loop.time(), 0
        while self._viewers:
            faults = self._state.faults
            if (encoder.width, encoder.height) != self._size(faults):
                encoder = await asyncio.to_thread(self._encoder, faults)
            unit = await asyncio.to_thread(self._make, encoder, number, faults)
            if not faults & {Fault.STALL, Fault.SILENCE}:
                for viewer in tuple(self._viewers):
                    viewer.give(unit, number * CLOCK_HZ // self.fps)
            number = max(number + 1, int((loop.time() - began) * self.fps))
            await asyncio.sleep(max(0.0, began + number / self.fps - loop.time()))

    def _size(self, faults: frozenset[Fault]) -> tuple[int, int]:
        return OTHER_SIZE if Fault.RESOLUTION in faults else (self.width, self.height)

    def _encoder(self, faults: frozenset[Fault]) -> Encoder:
        width, height = self._size(faults)
        return Encoder(width, height, self.fps, self.gop_s)

    def _encode_one(self) -> AccessUnit:
        return self._encoder(frozenset()).encode(fitted(self._picture(0), self.width, self.height))

    def _make(self, encoder: Encoder, number: int, faults: frozenset[Fault]) -> AccessUnit:
        """One picture; a frozen camera repeats its last key frame, to the byte."""
        if Fault.BROKEN in faults:
            return AccessUnit(nals=(b"\x65" + secrets.token_bytes(BROKEN_BYTES),), key=True)
        if Fault.FREEZE in faults and self._kept is not None:
            return self._kept
        picture = fitted(self._picture(number), encoder.width, encoder.height)
        unit = encoder.encode(picture, key=Fault.FREEZE in faults)
        self._kept = unit if Fault.FREEZE in faults and unit.key else None
        return unit
