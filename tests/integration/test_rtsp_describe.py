"""A camera is asked what it streams: honest servers by digest, and every way of refusing, told apart."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.drivers.rtsp.describe import Described, RtspError, describe
from agent.video.words import Loss
from simulator.cameras.rtp import sdp
from tests import hostile_cameras as cameras
from tests.conftest import EventuallyBlocking, StartProcess
from tests.hostile_cameras import Talk, hostile

PASSWORD = "a b:c/d@1%"
SPS, PPS = cameras.large_sps(640, 352), b"\x68\xce\x3c\x80"


async def asked(url: str, user: str = "", password: str = "", patience_s: float = 1.0) -> Described | RtspError:
    """What comes of asking."""
    try:
        return await asyncio.to_thread(describe, url, user, password, patience_s)
    except RtspError as error:
        return error


def play_file(path: Path) -> Path:
    """Ten pictures as a file that other servers play."""
    path.write_bytes(b"".join(b"\0\0\0\1" + nal for unit in cameras.units(cameras.drawn(10)) for nal in unit))
    return path


@pytest.mark.skipif(
    not Path("/usr/lib/python3/dist-packages/gi").exists(), reason="GStreamer's RTSP server is not there"
)
def test_a_server_of_gstreamer_is_asked_by_digest(
    process: StartProcess, free_port: Callable[[], int], tmp_path: Path, eventually_blocking: EventuallyBlocking
) -> None:
    """The right password is taken, with letters that addresses must quote; a wrong one is 401, a wrong path 404."""
    port = free_port()
    file = play_file(tmp_path / "x.h264")
    peer = Path(__file__).parents[1] / "rtsp_peer.py"
    server = process(["/usr/bin/python3", peer, str(port), "--file", file, "--user", "admin", "--password", PASSWORD])
    eventually_blocking(lambda: "ready" in server.output(), 20)
    url = f"rtsp://127.0.0.1:{port}/0"
    told = describe(url, "admin", PASSWORD)
    assert (told.codec, told.login, told.sets) == ("H264", "digest", True)
    for path, password, cause in ((url, "wrong", Loss.LOGIN_REFUSED), (url + "9", PASSWORD, Loss.NOT_FOUND)):
        with pytest.raises(RtspError) as refused:
            describe(path, "admin", password)
        assert refused.value.cause is cause


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (401, Loss.LOGIN_REFUSED),
        (403, Loss.NOT_ALLOWED),
        (404, Loss.NOT_FOUND),
        (453, Loss.BUSY),
        (503, Loss.BUSY),
        (500, Loss.BROKEN),
        (302, Loss.BROKEN),
    ],
)
async def test_refusals_are_told_apart(status: int, cause: Loss) -> None:
    """FIELD-FAULTS 10: 401, 403 and 453 are three things; one login at most is tried, and no secret is said."""
    async with hostile(cameras.answering(status)) as camera:
        error = await asked(camera.url, "admin", "secret")
    assert isinstance(error, RtspError)
    assert (error.cause, error.detail) == (cause, str(status))
    assert camera.logins <= 1
    assert "secret" not in repr(error) + str(error)
    assert not any("secret" in request for request in camera.requests)


@pytest.mark.parametrize(
    ("talk", "cause", "detail"),
    [
        (cameras.silent, Loss.SILENT, ""),
        (cameras.trickling, Loss.SILENT, "in the middle"),
        (cameras.endless_head, Loss.TOO_LARGE, "head"),
        (cameras.endless_sdp, Loss.TOO_LARGE, "SDP"),
        (cameras.rubbish, Loss.BROKEN, "not RTSP"),
    ],
)
async def test_what_is_no_camera_is_found_out_in_time(talk: Talk, cause: Loss, detail: str) -> None:
    """FIELD-FAULTS 10: silence and rubbish end within the patience, and nothing endless is read to its end."""
    async with hostile(talk) as camera:
        error = await asked(camera.url)
    assert isinstance(error, RtspError)
    assert (error.cause, error.detail) == (cause, detail)


async def test_nobody_there() -> None:
    """A port that nobody listens at."""
    async with hostile(cameras.silent) as camera:
        url = camera.url
    error = await asked(url)
    assert isinstance(error, RtspError)
    assert error.cause is Loss.UNREACHABLE


async def test_a_camera_that_hangs_up_after_asking_for_a_login_is_asked_anew() -> None:
    """Some close the connection with their 401; the login then comes on another, once."""

    async def talk(it: cameras.Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await it.request(reader)
        if "Authorization" not in request:
            writer.write(
                b'RTSP/1.0 401 No\r\nConnection: close\r\nWWW-Authenticate: Digest realm="x", nonce="n"\r\n\r\n'
            )
        else:
            body = sdp("127.0.0.1", "x", SPS, PPS, 5)
            writer.write(b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()

    async with hostile(talk) as camera:
        told = await asked(camera.url, "admin", "x")
    assert told == Described(codec="H264", sets=True, login="digest")
    assert camera.logins == 1


async def test_a_password_is_never_said_in_clear() -> None:
    """A camera, or whoever sits in its line, that asks for a basic login gets none, and is named for it."""

    async def talk(it: cameras.Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await it.request(reader)
        writer.write(b'RTSP/1.0 401 No\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n')
        await it.request(reader)

    async with hostile(talk) as camera:
        error = await asked(camera.url, "admin", "x")
    assert isinstance(error, RtspError)
    assert (error.cause, error.detail) == (Loss.NOT_ALLOWED, "basic login")
    assert camera.logins == 0


def test_the_main_process_learns_no_video_library(process: StartProcess) -> None:
    """The agent itself never loads what decodes, measures or parses: that stays in its children."""
    code = (
        "import sys, agent.app, agent.process, agent.video.watcher, agent.drivers.rtsp.describe\n"
        "print(sorted({'av', 'cv2', 'numpy', 'openvino', 'zeep', 'onvif'} & set(sys.modules)))"
    )
    child = process([sys.executable, "-c", code])
    assert child.wait(30) == 0, child.output()
    assert child.output().strip() == "[]"
