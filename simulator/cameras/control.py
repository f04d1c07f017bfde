"""Commands to running simulated cameras: one line of JSON in, one out, over TCP on loopback.

Both ends: the server stands beside the cameras, `tell` is what `simulate act`, `simulate tell` and the demo call.
Flow: a word -> `tell` -> here -> camera.py.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.cameras.camera import STAY_S, SimulatedCamera
from simulator.cameras.faults import LOOKS, Fault
from simulator.cameras.listener import Listener

MAX_LINE: Final = 4 * 1024
TIMEOUT_S: Final = 5.0
CLEAR, PERSON, LEAVE = "clear", "person", "leave"
INPUT_ON, INPUT_OFF = "input-on", "input-off"

DONE_TO_IT: Final[Mapping[str, str]] = {
    PERSON: N_("somebody comes before the camera, stays a minute and goes; a clip is played from its beginning"),
    LEAVE: N_("whoever is before the camera goes"),
    CLEAR: N_("all faults of the camera end"),
    INPUT_ON: N_("the camera's first digital input is closed"),
    INPUT_OFF: N_("the camera's first digital input is open again"),
}
"""What can be done to a camera beside its faults, by word."""
WORDS: Final[Mapping[str, str]] = {**{fault.value: text for fault, text in LOOKS.items()}, **DONE_TO_IT}
"""Every word, and what it looks like."""


class CameraUnreachableError(SaidError):
    """No simulated camera answers there."""


class CameraRefusedError(SaidError):
    """The word or the camera is not known there; the message says what is."""


class ControlServer(Listener):
    """Takes commands for cameras by their names; use `start` and `stop`."""

    def __init__(self, cameras: Mapping[str, SimulatedCamera], port: int = 0) -> None:
        super().__init__(self._talk, "127.0.0.1", port, max_line=MAX_LINE)
        self._cameras = cameras

    @property
    def address(self) -> str:
        """host:port."""
        return f"{self.host}:{self.port}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            refused = await self._do(await reader.readline())
            writer.write(json.dumps({"refused": refused}).encode() + b"\n")
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _do(self, line: bytes) -> str:
        """Do it; why not, or nothing."""
        order = json.loads(line)
        camera = self._cameras.get(str(order.get("camera")))
        if camera is None:
            return "camera"
        word, stay_s = str(order.get("do")), float(order.get("stay_s", STAY_S))
        if word not in WORDS:
            return "word"
        await do(camera, word, stay_s)
        return ""


async def do(camera: SimulatedCamera, word: str, stay_s: float = STAY_S) -> None:
    """Do one of `WORDS` to this camera."""
    match word:
        case "clear":
            await camera.clear()
        case "person":
            camera.person(stay_s)
        case "leave":
            camera.leave()
        case "input-on" | "input-off":
            camera.input(1, word == INPUT_ON)
        case _:
            await camera.fault(Fault(word))


async def tell(address: str, camera: str, word: str, stay_s: float = STAY_S) -> None:
    """Have it done to the camera of that name at a control address (host:port).

    Raises:
        CameraUnreachableError: nobody answers.
        CameraRefusedError: no such camera or word.
    """
    if word not in WORDS:
        raise CameraRefusedError(
            N_('nothing called "{word}" can be done to a camera; there are {known}'), word=word, known=", ".join(WORDS)
        )
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer = await _asked(host, int(port), {"camera": camera, "do": word, "stay_s": stay_s})
    except (OSError, ValueError, TimeoutError):
        raise CameraUnreachableError(
            N_("no simulated camera answers at {address}; is it running?"), address=address
        ) from None
    if answer.get("refused"):
        raise CameraRefusedError(N_('there is no camera "{camera}" at {address}'), camera=camera, address=address)


async def _asked(host: str, port: int, order: Mapping[str, object]) -> Mapping[str, Any]:
    reader, writer = await asyncio.open_connection(host, port, limit=MAX_LINE)
    try:
        writer.write(json.dumps(order).encode() + b"\n")
        return dict(json.loads(await reader.readline()))
    finally:
        writer.close()
