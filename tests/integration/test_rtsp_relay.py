"""What a camera, or somebody in its place, gets of our login: a digest at its own address, and nothing elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from agent.drivers.rtsp.address import parse_stream
from agent.drivers.rtsp.relay import Relay
from agent.video.media import MediaError, open_camera
from tests import hostile_cameras as cameras
from tests.conftest import EventuallyBlocking, StartProcess
from tests.hostile_cameras import Hostile, Talk, hostile

PASSWORD = "a b:c/d@1%"
DIGEST = 'WWW-Authenticate: Digest realm="r", nonce="n"\r\n'
BASIC = 'WWW-Authenticate: Basic realm="r"\r\n'


def opened(url: str, user: str, password: str) -> tuple[str, str, list[int]]:
    """What comes of opening a camera through a relay: `ok` or the cause, the relay's own word, sizes of packets."""
    relay = Relay(parse_stream(url), user, password)
    try:
        stream = open_camera(relay.url, 1.0)
        sizes = [len(stream.next().data) for _ in range(8)]
        stream.close()
    except MediaError as error:
        return error.cause.value, relay.trouble, []
    else:
        return "ok", relay.trouble, sizes
    finally:
        relay.close()


def moving(*steps: str) -> Talk:
    """Answers OPTIONS, and each DESCRIBE by the next of these heads."""

    async def talk(it: Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = list(steps)
        while True:
            request = await it.request(reader)
            number = next(line for line in request.split("\r\n") if line.startswith("CSeq"))
            head = left.pop(0) if request.startswith("DESCRIBE") else "200 OK\r\nPublic: DESCRIBE\r\n"
            writer.write(f"RTSP/1.0 {head}{number}\r\n\r\n".encode())

    return talk


@pytest.mark.skipif(
    not Path("/usr/lib/python3/dist-packages/gi").exists(), reason="GStreamer's RTSP server is not there"
)
def test_a_server_of_gstreamer_plays_through_it(
    process: StartProcess, free_port: Callable[[], int], tmp_path: Path, eventually_blocking: EventuallyBlocking
) -> None:
    """An honest server by digest, with letters that addresses must quote; a wrong password is 401, and said as that."""
    port = free_port()
    file = tmp_path / "x.h264"
    pictures = cameras.units(cameras.drawn(10))
    file.write_bytes(b"".join(b"\0\0\0\1" + nal for unit in pictures for nal in unit))
    peer = Path(__file__).parents[1] / "rtsp_peer.py"
    server = process(["/usr/bin/python3", peer, str(port), "--file", file, "--user", "admin", "--password", PASSWORD])
    eventually_blocking(lambda: "ready" in server.output(), 20)
    cause, trouble, sizes = opened(f"rtsp://127.0.0.1:{port}/0", "admin", PASSWORD)
    assert (cause, trouble) == ("ok", "")
    assert min(sizes) > 20
    assert opened(f"rtsp://127.0.0.1:{port}/0", "admin", "wrong") == ("login_refused", "", [])


async def test_a_camera_that_sends_us_elsewhere_is_not_followed() -> None:
    """A redirection to another host, before a login and after it: nobody connects there, and no password is said."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.setblocking(False)
        there = f"302 Found\r\nLocation: rtsp://127.0.0.1:{stranger.getsockname()[1]}/steal\r\n"
        for steps in ((there,), ("401 No\r\n" + DIGEST, there)):
            async with hostile(moving(*steps)) as camera:
                came = await asyncio.to_thread(opened, camera.url, "admin", PASSWORD)
            assert came == ("broken", "redirected", [])
            assert camera.logins == len(steps) - 1
        with pytest.raises(BlockingIOError):
            stranger.accept()


async def test_nobody_is_told_the_password_in_clear() -> None:
    """Who asks for a basic login is told none; who refuses a digest is not tried twice, whatever it asks for then."""
    for steps, said, logins in (
        (("401 No\r\n" + BASIC,), ("broken", "basic login", []), 0),
        (("401 No\r\n" + DIGEST, "401 No\r\n" + BASIC), ("login_refused", "", []), 1),
        (("401 No\r\n" + DIGEST, "401 No\r\n" + DIGEST), ("login_refused", "", []), 1),
    ):
        async with hostile(moving(*steps)) as camera:
            assert await asyncio.to_thread(opened, camera.url, "admin", "secret") == said
        assert camera.logins == logins
        assert not any("Basic" in each or "secret" in each for each in camera.requests)


async def test_who_does_not_know_its_path_sees_nothing() -> None:
    """Its door is on this machine only, and whoever else comes there first is sent away; the library comes through."""
    talk = cameras.playing(cameras.showing(UNITS), UNITS[0][0], UNITS[0][1])
    async with hostile(talk) as camera:
        relay = await asyncio.to_thread(Relay, parse_stream(camera.url))
        host, port = relay.url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"DESCRIBE rtsp://{host}:{port}/ RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        stream = await asyncio.to_thread(open_camera, relay.url, 1.0)
        assert (await asyncio.to_thread(stream.next)).data
        stream.close()
        await asyncio.to_thread(relay.close)


UNITS = cameras.units(cameras.drawn(10))
