"""The simulated camera's RTSP server, as clients that are not ours see it: libav, GStreamer, and bare requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import av
import av.error
import numpy as np
import pytest
from numpy.typing import NDArray

from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.faults import Fault
from tests.conftest import Eventually

USER, PASSWORD = "guard", "a word"
PYTHON = "/usr/bin/python3"
"""Debian's own, which has its GStreamer."""
FAST = {"rtsp_transport": "tcp", "analyzeduration": "100000", "probesize": "50000"}
Picture = NDArray[np.uint8]


def logged_in(url: str, password: str = PASSWORD) -> str:
    """The address with name and password, as libav takes it."""
    return url.replace("rtsp://", f"rtsp://{USER}:{password.replace(' ', '%20')}@")


def pictures(url: str, count: int) -> list[Picture]:
    """The first pictures of a stream, by libav."""
    with av.open(url, options=FAST, timeout=10) as container:
        frames = islice(container.decode(video=0), count)
        return [np.asarray(each.to_ndarray(format="bgr24"), dtype=np.uint8) for each in frames]


async def asked(camera: SimulatedCamera, *requests: str) -> list[str]:
    """The status lines that bare requests get, on one connection."""
    host, _, port = camera.rtsp.removeprefix("rtsp://").partition("/")[0].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        lines = []
        for number, request in enumerate(requests):
            method, _, more = request.partition(" ")
            path = "/trackID=0" if method == "SETUP" else ""
            text = f"{method} {camera.rtsp}{path} RTSP/1.0\r\nCSeq: {number}\r\n"
            writer.write((text + (more + "\r\n" if more else "") + "\r\n").encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next((int(line[15:]) for line in head.splitlines() if line.startswith("Content-Length")), 0)
            await reader.readexactly(length)
            lines.append(head.splitlines()[0])
        return lines
    finally:
        writer.transport.abort()


TCP = "SETUP Transport: RTP/AVP/TCP;unicast;interleaved=0-1"


async def test_the_right_password_shows_a_picture_and_a_wrong_one_none() -> None:
    """Digest login by libav: 640 x 360 with the password; 401 with another, and the camera counts it."""
    async with SimulatedCamera(user=USER, password=PASSWORD) as camera:
        shown = await asyncio.to_thread(pictures, logged_in(camera.rtsp), 2)
        assert shown[0].shape == (360, 640, 3)
        assert camera.wrong_logins == 0
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(pictures, logged_in(camera.rtsp, "another"), 1)
        assert camera.wrong_logins == 1


async def test_gstreamer_plays_it_too() -> None:
    """A second client that this project did not write logs in and gets whole pictures, key frame first."""
    if not await _has_gstreamer():
        pytest.skip(
            "needs GStreamer for Python: apt install gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good python3-gi"
        )
    async with SimulatedCamera(user=USER, password=PASSWORD) as camera:
        player = await asyncio.create_subprocess_exec(
            PYTHON, "-c", PLAYER, camera.rtsp, USER, PASSWORD, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await player.communicate()
    assert told.split() == [b"key", b"other", b"other"]


async def _has_gstreamer() -> bool:
    look = "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')"
    if not Path(PYTHON).exists():
        return False
    tried = await asyncio.create_subprocess_exec(PYTHON, "-c", look, stderr=asyncio.subprocess.DEVNULL)
    return await tried.wait() == 0


PLAYER = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
line = Gst.parse_launch("rtspsrc name=source protocols=tcp latency=0 ! rtph264depay ! "
    "video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=sink sync=false max-buffers=9")
source, sink = line.get_by_name("source"), line.get_by_name("sink")
for name, value in zip(("location", "user-id", "user-pw"), sys.argv[1:]):
    source.set_property(name, value)
line.set_state(Gst.State.PLAYING)
for _ in range(3):
    sample = sink.emit("try-pull-sample", 15 * Gst.SECOND)
    if sample is None:
        sys.exit(1)
    print("other" if sample.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT) else "key")
line.set_state(Gst.State.NULL)
"""

JUDGED: dict[Fault, Callable[[Picture, Picture], bool]] = {
    Fault.BLACK: lambda good, bad: bad.std() <= 2.2,
    Fault.COVER: lambda good, bad: bad.std() <= 7.0,
    Fault.SNOW: lambda good, bad: bool(np.abs(np.diff(bad.astype(float), axis=1)).mean() > 60),
    Fault.COLOUR_CAST: lambda good, bad: (bad[..., 2].mean() - bad[..., 0].mean()) > 60,
    Fault.DEFOCUS: lambda good, bad: _edges(bad) < 0.3 * _edges(good),
    Fault.MOVE: lambda good, bad: bool(np.abs(bad.astype(float) - good).mean() > 15),
    Fault.JUMP: lambda good, bad: True,  # seen between two pictures, below
}


def _edges(picture: Picture) -> float:
    grey = picture.mean(axis=2)
    return float(np.abs(np.diff(grey, n=2, axis=1)).mean())


async def test_each_fault_of_the_picture_is_to_be_seen() -> None:
    """What a command spoils is spoilt in the decoded picture, by the figures that tell such faults from good pictures.

    And a good picture is none of them: the measure says so before.
    """
    async with SimulatedCamera(gop_s=0.4) as camera:
        good = (await asyncio.to_thread(pictures, camera.rtsp, 2))[-1]
        for fault, is_so in JUDGED.items():
            assert fault is Fault.JUMP or not is_so(good, good), fault
            await camera.fault(fault)
            shown = await asyncio.to_thread(pictures, camera.rtsp, 2)
            assert is_so(good, shown[-1]), fault
            if fault is Fault.JUMP:
                assert np.abs(shown[0].astype(float) - shown[1]).mean() > 10
            await camera.clear()


async def test_a_frozen_camera_sends_the_same_picture_for_ever() -> None:
    """Frozen: every decoded pixel of every later picture is equal; sound: an empty room still has a sensor's noise."""
    async with SimulatedCamera(gop_s=0.4) as camera:
        await camera.fault(Fault.FREEZE)
        first, *others = await asyncio.to_thread(pictures, camera.rtsp, 4)
        assert all(np.array_equal(first, each) for each in others)
        await camera.clear()
        one, other = (await asyncio.to_thread(pictures, camera.rtsp, 2))[:2]
        assert (one == other).all(axis=2).mean() < 0.9


@pytest.mark.parametrize(
    ("fault", "requests", "last"),
    [
        (Fault.LOGIN_REFUSED, ("OPTIONS", "DESCRIBE"), "401"),
        (Fault.NOT_ALLOWED, ("DESCRIBE",), "403"),
        (Fault.NOT_FOUND, ("DESCRIBE",), "404"),
        (Fault.BUSY, ("DESCRIBE", TCP), "453"),
    ],
)
async def test_a_refusal_has_its_own_status(fault: Fault, requests: tuple[str, ...], last: str) -> None:
    """A wrong password, no right, no such stream and no free session are four answers; cleared, all is well again."""
    async with SimulatedCamera() as camera:
        await camera.fault(fault)
        assert (await asked(camera, *requests))[-1].split()[1] == last
        await camera.clear(fault)
        assert (await asked(camera, *requests))[-1].split()[1] == "200"


async def test_one_client_more_than_sessions_is_told_453(eventually: Eventually) -> None:
    """A limit of sessions holds while they play, and a place is free when one goes."""
    async with SimulatedCamera(sessions=1) as camera:
        playing = asyncio.create_task(asyncio.to_thread(pictures, camera.rtsp, 5))
        await eventually(lambda: camera.playing == 1, 5, "the first one plays")
        assert (await asked(camera, "DESCRIBE", TCP))[-1].split()[1] == "453"
        await playing
        await eventually(lambda: camera.playing == 0, 5, "the session ends")
        assert (await asked(camera, "DESCRIBE", TCP))[-1].split()[1] == "200"


async def test_a_silent_camera_takes_connections_and_says_nothing(eventually: Eventually) -> None:
    """TCP is accepted and no byte comes; when it speaks again, it answers what it was asked meanwhile."""
    async with SimulatedCamera() as camera:
        await camera.fault(Fault.SILENCE)
        asking = asyncio.create_task(asked(camera, "OPTIONS"))
        await eventually(lambda: camera.connections == 1, 5, "it is connected")
        assert not (await asyncio.wait([asking], timeout=0.2))[0]
        await camera.clear()
        assert (await asking)[0].split()[1] == "200"


async def test_a_camera_that_was_away_comes_back_at_its_address() -> None:
    """Away: nobody listens, RTSP or ONVIF; back: the same ports, the same picture."""
    async with SimulatedCamera() as camera:
        at, services = camera.rtsp, camera.onvif
        await camera.fault(Fault.AWAY)
        with pytest.raises(ConnectionRefusedError):
            await asked(camera, "OPTIONS")
        await camera.clear()
        assert (camera.rtsp, camera.onvif) == (at, services)
        assert (await asked(camera, "OPTIONS"))[0].split()[1] == "200"


async def test_nobody_watches_and_nothing_is_made(eventually: Eventually) -> None:
    """A camera that nobody plays costs nothing: its feeds rest, whatever was asked before."""
    async with SimulatedCamera() as camera:
        await asyncio.to_thread(pictures, camera.rtsp, 1)
        await eventually(lambda: camera.connections == 0, 5, "the client went")
        await eventually(lambda: camera.resting, 5, "the feeds rest")


async def test_two_clients_watch_and_a_slow_one_harms_nobody(eventually: Eventually) -> None:
    """A client that reads nothing does not keep another from its pictures."""
    async with SimulatedCamera() as camera:
        await camera.fault(Fault.SNOW)  # the largest pictures that there are
        host, _, port = camera.rtsp.removeprefix("rtsp://").partition("/")[0].partition(":")
        _, writer = await asyncio.open_connection(host, int(port), limit=1)
        for number, line in enumerate(("DESCRIBE", TCP, "PLAY")):
            method, _, more = line.partition(" ")
            track = "/trackID=0" if method == "SETUP" else ""
            writer.write(f"{method} {camera.rtsp}{track} RTSP/1.0\r\nCSeq: {number}\r\n{more}\r\n\r\n".encode())
        await eventually(lambda: camera.playing == 1, 5, "the slow one plays")
        assert len(await asyncio.to_thread(pictures, camera.rtsp, 8)) == 8
        writer.transport.abort()


@pytest.mark.parametrize(
    "nonsense",
    [b"\x00" * 9000, b"OPTIONS\r\n\r\n", b"X y z\r\nContent-Length: 99999999\r\n\r\n", b"A b c\r\n" + b"d: e\r\n" * 99],
)
async def test_nonsense_is_hung_up_on(nonsense: bytes) -> None:
    """Lines, headers and bodies beyond what a client sends end the connection, and no other."""
    async with SimulatedCamera() as camera:
        host, _, port = camera.rtsp.removeprefix("rtsp://").partition("/")[0].partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(nonsense)
        try:
            async with asyncio.timeout(5):
                assert await reader.read() == b""
        except ConnectionResetError:
            pass  # as good
        writer.transport.abort()
        assert (await asked(camera, "OPTIONS"))[0].split()[1] == "200"
