"""An eye as a real process before real cameras: looks, stills, clips, losses, and what hostile ones get."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agent.video.media import film
from agent.video.vision import opened
from agent.video.words import Look, Loss, Lost, Opened, Stop, TakeClip, TakeStill
from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.rtp import Packetizer
from tests import hostile_cameras as cameras
from tests.hostile_cameras import Hostile, Play, Talk, drawn, hostile, large_sps, playing, showing, units
from tests.kept import real_now
from tests.watched import AtOnce, Watched, settings, watched

UNITS = units(drawn(40))
SPS, PPS = UNITS[0][:2]


def plays(play: Play) -> Talk:
    """An honest camera up to what it sends."""
    return playing(play, SPS, PPS)


async def test_an_eye_looks_keeps_and_gives(tmp_path: Path) -> None:
    """Digest login, two looks a second, a still and a clip with their true hashes; no password in its arguments."""
    async with SimulatedCamera(user="admin", password="p w:d@1") as camera:
        way = AtOnce(camera.rtsp, "admin", "p w:d@1")
        async with watched(way, settings(tmp_path)) as eye:
            first = await eye.says(Opened)
            assert (first.codec, first.width, first.height, first.fps) == ("h264", 640, 360, 5)
            looks = [await eye.says(Look, number) for number in range(1, 7)]
            assert 1800 <= looks[-1].at_ms - looks[1].at_ms - 500 * (len(looks) - 6) <= 2200
            assert looks[2].measures.luma_std > 10
            assert looks[2].boxes is not None
            assert looks[2].model == "none"
            now_ms = real_now().mono_ms
            assert eye.link.take(TakeStill(slot="s", path=str(tmp_path / "s")))
            assert eye.link.take(
                TakeClip(slot="c", path=str(tmp_path / "c"), from_ms=now_ms - 2000, to_ms=now_ms + 1000)
            )
            still, clip = await eye.made("s"), await eye.made("c")
            for made, media_type in ((still, "image/jpeg"), (clip, "video/mp4")):
                data = Path(made.path).read_bytes()
                assert (made.media_type, made.size, made.missing) == (media_type, len(data), "")
                assert made.sha256 == hashlib.sha256(data).hexdigest()
            assert now_ms - 1000 <= still.from_ms <= now_ms + 1000
            assert clip.from_ms <= now_ms - 1500
            assert now_ms + 500 <= clip.to_ms <= now_ms + 1000
            frames = list(film(Path(clip.path)))
            # What came while the camera was being opened arrived at once: the camera's own times place it.
            assert -0.3 < frames[-1][0] - (clip.to_ms - clip.from_ms) / 1000 < 1.5
            assert not eye.of(Lost)
            pid = _pid_of(eye)
            assert b"p w" not in Path(f"/proc/{pid}/cmdline").read_bytes()
            assert b"p w" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert way.told == ["login", "accepted"]
        assert camera.wrong_logins == 0


def _pid_of(eye: Watched) -> int:
    """The newest child of the nursery: the only eye of this test."""
    me = os.getpid()
    nurseries = [pid for pid in _children(me) if b"nursery" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return _children(nurseries[0])[0]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


async def test_masks_cover_stills_and_clips(tmp_path: Path) -> None:
    """What leaves the eye is black where it must be, and says that it is."""
    about = settings(tmp_path, masks=(((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)),))
    async with hostile(plays(showing(UNITS))) as camera, watched(AtOnce(camera.url), about) as eye:
        await eye.says(Look, 2)
        now_ms = real_now().mono_ms
        eye.link.take(TakeStill(slot="s", path=str(tmp_path / "s")))
        eye.link.take(TakeClip(slot="c", path=str(tmp_path / "c"), from_ms=now_ms - 5000, to_ms=now_ms))
        still, clip = await eye.made("s"), await eye.made("c")
        assert (still.masked, clip.masked) == (True, True)
        for frame in (opened(Path(still.path).read_bytes()), next(film(Path(clip.path)))[1].bgr()):
            rows = frame.mean(axis=(1, 2))
            assert rows[:80].max() < 10
            assert rows[100:].min() > 40


@pytest.mark.timeout(90)
async def test_every_loss_has_its_name(tmp_path: Path) -> None:
    """FIELD-FAULTS 10: silent, playing nothing, stopped in the middle, 401, 403, 453, no video: each told as itself.

    All at once, each with an eye of its own; a stall is found within 5 s, and a refused login is never repeated.
    """
    stops = showing(UNITS[:10])

    async def stopping(writer: asyncio.StreamWriter, packets: Packetizer) -> None:
        try:
            await asyncio.wait_for(stops(writer, packets), 3.0)
        except TimeoutError:
            await asyncio.Event().wait()

    talks: dict[str, tuple[Talk, Loss]] = {
        "silent": (cameras.silent, Loss.SILENT),
        "nothing": (plays(cameras.nothing), Loss.SILENT),
        "stopping": (plays(stopping), Loss.STALLED),
        "401": (cameras.answering(401), Loss.LOGIN_REFUSED),
        "403": (cameras.answering(403), Loss.NOT_ALLOWED),
        "453": (cameras.answering(453), Loss.BUSY),
        "453 later": (playing(cameras.nothing, SPS, PPS, refuse="SETUP"), Loss.BUSY),
        "endless": (cameras.endless_sdp, Loss.TOO_LARGE),
        "rubbish": (cameras.rubbish, Loss.BROKEN),
        "flood": (plays(cameras.flooding(UNITS)), Loss.TOO_LARGE),
        "large": (
            playing(showing([(large_sps(10_000, 10_000), PPS, UNITS[0][-1])]), large_sps(10_000, 10_000), PPS),
            Loss.TOO_LARGE,
        ),
    }
    async with AsyncExitStack() as stack:
        eyes: dict[str, tuple[Watched, AtOnce, Hostile]] = {}
        for name, (talk, _) in talks.items():
            camera = await stack.enter_async_context(hostile(talk))
            way = AtOnce(camera.url, "admin", "secret")
            eyes[name] = await stack.enter_async_context(watched(way, settings(tmp_path))), way, camera
        told = {name: (await eye.lost(40))[0] for name, (eye, _, _) in eyes.items()}
        assert told == {name: cause for name, (_, cause) in talks.items()}
        eye, way, camera = eyes["401"]
        assert way.told == ["login", "refused"]
        assert camera.logins == 1
        eye, _, _ = eyes["stopping"]
        newest = max(eye.of(Look), key=lambda look: look.at_ms)
        assert eye.of(Lost)[0].at_ms - newest.at_ms < 7_000
        for name, (eye, way, _) in eyes.items():
            if name != "401":
                assert "refused" not in way.told, name
            assert eye.link.child.restarts == 0, name
            assert not any("secret" in each.detail for each in eye.of(Lost))


async def test_the_same_picture_for_ever_is_seen_as_such(tmp_path: Path) -> None:
    """FIELD-FAULTS 10: a camera that sends the same picture again and again, its times going on or not: all equal."""
    frames = units(drawn(1))
    for still in (False, True):
        talk = playing(showing(frames, still=still), frames[0][0], frames[0][1])
        async with hostile(talk) as camera, watched(AtOnce(camera.url), settings(tmp_path)) as eye:
            await eye.says(Look, 12)
            keys = [look.measures.equal for look in eye.of(Look) if look.measures.equal is not None]
            assert len(keys) >= 2
            assert set(keys) == {1.0}


async def test_a_camera_comes_back_while_it_is_opened(tmp_path: Path) -> None:
    """FIELD-FAULTS 10: refused, then hung up on in the middle of being opened, then there: the third try sees."""
    honest = plays(showing(UNITS))

    async def talk(it: Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if it.connections == 1:
            return
        if it.connections == 3:  # asked on the second connection, and opened on this one
            await it.request(reader)
            return
        await honest(it, reader, writer)

    async with hostile(talk) as camera, watched(AtOnce(camera.url), settings(tmp_path)) as eye:
        await eye.says(Look, 1)
        assert [each.cause for each in eye.of(Lost)] == [Loss.BROKEN, Loss.BROKEN]


async def test_a_picture_that_changes_its_size_is_followed(tmp_path: Path) -> None:
    """In mid-stream, on the same connection: told as opened anew, looked at, and no clip mixes two sizes."""
    pictures = [*UNITS[:10], *units(drawn(10, 480, 272))]
    async with hostile(plays(showing(pictures))) as camera, watched(AtOnce(camera.url), settings(tmp_path)) as eye:
        await eye.says(Opened, 3)
        assert [(each.width, each.height) for each in eye.of(Opened)[:3]] == [(320, 180), (480, 272), (320, 180)]
        now_ms = real_now().mono_ms
        eye.link.take(TakeClip(slot="c", path=str(tmp_path / "c"), from_ms=0, to_ms=now_ms))
        made = await eye.made("c")
        assert made.missing == "too_long"
        eye.link.take(TakeClip(slot="d", path=str(tmp_path / "d"), from_ms=now_ms - 15_000, to_ms=now_ms))
        assert len({picture.width for _, picture in film(Path((await eye.made("d")).path))}) == 1
        assert not eye.of(Lost)


@pytest.mark.timeout(120)
async def test_fuzzed_streams_end_in_a_loss_or_a_new_eye(tmp_path: Path) -> None:
    """Spoiled headers, lengths and pictures may cost the eye its life, never the agent; a sound one is still seen."""
    seeds = random.Random(20261122).sample(range(10_000), 6)
    async with AsyncExitStack() as stack:
        eyes = []
        for seed in seeds:
            camera = await stack.enter_async_context(hostile(plays(cameras.fuzzed(UNITS, seed))))
            eyes.append(await stack.enter_async_context(watched(AtOnce(camera.url), settings(tmp_path))))
        sound = await stack.enter_async_context(hostile(plays(showing(UNITS))))
        witness = await stack.enter_async_context(watched(AtOnce(sound.url), settings(tmp_path)))
        await witness.says(Look, 12, 40)
        assert not witness.of(Lost)
        for eye in eyes:
            assert eye.heard
            assert all(each.cause in Loss for each in eye.of(Lost))


async def test_a_killed_eye_is_replaced_and_owes_nothing(tmp_path: Path) -> None:
    """Killed outright: told as a loss, what it owed is answered as missing, and its successor sees."""
    async with hostile(plays(showing(UNITS))) as camera, watched(AtOnce(camera.url), settings(tmp_path)) as eye:
        await eye.says(Look, 2)
        now_ms = real_now().mono_ms
        assert eye.link.take(TakeClip(slot="c", path=str(tmp_path / "c"), from_ms=now_ms, to_ms=now_ms + 60_000))
        os.kill(_pid_of(eye), signal.SIGKILL)
        assert await eye.lost() == (Loss.CHILD, "died")
        assert (await eye.made("c")).missing == "no_eye"
        seen = len(eye.of(Look))
        assert not eye.link.take(TakeStill(slot="s", path=str(tmp_path / "s")))
        await eye.says(Opened, 2)
        await eye.says(Look, seen + 2)
        assert [each.name for each in tmp_path.iterdir() if "part" in each.name] == []


async def test_a_still_without_a_picture_is_missing(tmp_path: Path) -> None:
    """And so are clips of times that the ring does not hold, and files where none can be written."""
    async with hostile(plays(showing(UNITS))) as camera, watched(AtOnce(camera.url), settings(tmp_path)) as eye:
        await eye.says(Look, 1)
        now_ms = real_now().mono_ms
        eye.link.take(TakeClip(slot="old", path=str(tmp_path / "o"), from_ms=now_ms - 90_000, to_ms=now_ms - 80_000))
        eye.link.take(TakeStill(slot="nowhere", path=str(tmp_path / "no" / "s")))
        assert (await eye.made("old")).missing == "no_picture"
        assert (await eye.made("nowhere")).missing == "disk"
        eye.link.take(Stop())
        eye.link.take(TakeStill(slot="after", path=str(tmp_path / "a")))
        assert (await eye.made("after")).missing == ""
    async with hostile(cameras.answering(404)) as camera, watched(AtOnce(camera.url), settings(tmp_path)) as eye:
        await eye.says(Lost)
        eye.link.take(TakeStill(slot="none", path=str(tmp_path / "n")))
        assert (await eye.made("none")).missing == "no_picture"


async def test_an_eye_comes_to_rest_and_wakes(tmp_path: Path) -> None:
    """Nothing stirs: quiet, on key frames alone; something walks in: awake within a second or so, twice a second."""
    still = drawn(1)[0]
    quiet = units([still] * 10)
    walk = drawn(40)
    stage = asyncio.Event()

    async def play(writer: asyncio.StreamWriter, packets: Packetizer) -> None:
        number = 0
        while True:
            pictures = units([still, *walk[1:20]]) if stage.is_set() else quiet
            for picture in pictures:
                for packet in packets.packets(picture, number * 18_000):
                    writer.write(cameras.interleaved(packet))
                number += 1
                await cameras.in_time(0.2)

    async with (
        hostile(playing(play, quiet[0][0], quiet[0][1])) as camera,
        watched(AtOnce(camera.url), settings(tmp_path)) as eye,
    ):
        eventually_quiet = await _quiet(eye)
        stage.set()
        began_ms = real_now().mono_ms
        first = await _awake(eye, eventually_quiet)
        assert first.at_ms - began_ms < 4_500  # the run of 2 s goes to its end first


async def _quiet(eye: Watched) -> int:
    """Wait until it is; how much it said until then."""
    number = 1
    while not (await eye.says(Look, number)).quiet:
        number += 1
    return number


async def _awake(eye: Watched, number: int) -> Look:
    """The first look after so many that is none of a quiet eye."""
    while True:
        number += 1
        look = await eye.says(Look, number)
        if not look.quiet:
            return look
