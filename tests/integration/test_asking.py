"""The asker as a real child process against devices that this project did not write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from agent.drivers.asking import words
from agent.drivers.asking.parent import Asker, Hearing
from agent.logins import Logins
from agent.timekeeper import system_now
from protocol.site.schema import Camera, SecretName
from tests.conftest import Eventually
from tests.logins import logins_of, site_of
from tests.onvif_peers import ipycam


def camera(port: int, **more: object) -> Camera:
    """An ONVIF camera at this port of loopback."""
    return Camera(id="03", address=f"127.0.0.1:{port}", login=SecretName(secret="cams"), **more)  # type: ignore[arg-type]


@asynccontextmanager
async def asked(port: int, secret: str, **more: object) -> AsyncIterator[tuple[Asker, Logins, list[words.FromAsker]]]:
    """An asker with one camera, what it said, and the logins it asks for."""
    site = site_of(cameras=(camera(port, **more),))
    logins = logins_of(site, {"cams": secret}, system_now)
    said: list[words.FromAsker] = []
    asker = Asker(site, logins, system_now, Hearing(heard=said.append))
    running = asyncio.create_task(asker.run())
    try:
        yield asker, logins, said
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_cameras_smaller_stream_is_found(eventually: Eventually) -> None:
    """The eye is sent to the sub-stream, at the address that a person wrote, with no password in it."""
    with ipycam("admin", "secret", local_ip="10.9.9.9") as port:
        async with asked(port, "admin:secret", events=False) as (asker, logins, said):
            await eventually(lambda: "camera/03" in asker.streams)
            stream = asker.streams["camera/03"]
            assert (stream.url, stream.width) == ("rtsp://127.0.0.1:8554/video_sub", 640)
            clock = next(each for each in said if isinstance(each, words.ClockTold))
            assert abs(clock.off_s) < 3
            assert next(each for each in said if isinstance(each, words.Reached)).model == "VirtualCam-1"
            assert logins.standing("camera/03") == ""


async def test_a_wrong_password_is_tried_once(eventually: Eventually) -> None:
    """After a 401 nobody tries again until the ledger's time has come: no camera locks our account."""
    with ipycam("admin", "secret") as port:
        async with asked(port, "admin:wrong", events=False) as (asker, logins, said):
            await eventually(lambda: logins.standing("camera/03") == "login_refused")
            await eventually(lambda: sum(isinstance(each, words.Wants) for each in said) == 2)
            assert sum(isinstance(each, words.Outcome) for each in said) == 1
            assert logins.ask("camera/03")[0] is None
            assert not asker.streams


async def test_the_main_stream_is_found_where_it_is_wanted(eventually: Eventually) -> None:
    """`stream = "main"` looks at the largest picture."""
    with ipycam() as port:
        async with asked(port, "admin:x", stream="main", events=False) as (asker, _, _):
            await eventually(lambda: "camera/03" in asker.streams)
            stream = asker.streams["camera/03"]
            assert (stream.width, stream.height) == (1920, 1080)
