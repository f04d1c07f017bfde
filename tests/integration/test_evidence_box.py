"""Promised pictures on the box: made, checked, sealed, kept; each promise is answered, wherever the box is cut off."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.evidence.describing import decode_description, description_name, encode_description
from agent.evidence.keeping import Limits
from agent.evidence.owing import STILL_WAIT_MS
from agent.findings import Phase
from agent.history import history
from agent.video.words import Made, TakeClip, TakeStill
from protocol.messages import Clock as ClockWord
from protocol.timestamps import format_time, parse_time
from tests.conftest import Eventually
from tests.picturing import ROOMY, STILL, PictureBox

TINY = Limits(budget_bytes=4_500, keep=timedelta(days=90), keep_routine=timedelta(days=30), margin_bytes=0)


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[PictureBox]:
    """A box with two cameras, at work."""
    made = PictureBox(tmp_path / "state")
    await made.start()
    yield made
    await made.kill()


async def test_an_event_leaves_at_once_its_still_is_taken_now_and_its_clip_when_it_is_over(box: PictureBox) -> None:
    """The ledger has the event with its slots, then what was sealed; hashes are those of the files on the disk."""
    event = await box.happens("door.forced", "door/vault")
    (told,) = box.told("door.forced")
    assert [(each.slot, each.camera, each.kind) for each in told.evidence] == [
        (f"{event}-1", "01", "still"),
        (f"{event}-2", "01", "clip"),
    ]
    await box.answered(1)
    assert [type(each) for each in box.eyes.asked] == [TakeStill]
    box.passes(20)
    assert len(box.sealed()) == 1
    box.passes(1)
    sealed = await box.answered(2)
    clip = box.eyes.asked[1]
    assert isinstance(clip, TakeClip)
    assert clip.to_ms - clip.from_ms == 30_000
    for slot, name in ((f"{event}-1", f"{event}-1.jpg"), (f"{event}-2", f"{event}-2.mp4")):
        path = box.shelf.path / name
        assert sealed[slot]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert sealed[slot]["event"] == event
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE((box.shelf.path / description_name(slot)).stat().st_mode) == 0o600
    span = parse_time(sealed[f"{event}-2"]["to"]) - parse_time(sealed[f"{event}-2"]["from"])
    assert span == timedelta(seconds=30)
    assert stat.S_IMODE(box.shelf.path.stat().st_mode) == stat.S_IMODE(box.shelf.making.stat().st_mode) == 0o700
    assert not list(box.shelf.making.iterdir())
    assert not box.promises.owed
    assert {each.source for each in box.told("evidence.sealed")} == {"camera/01"}


async def test_a_clip_within_an_open_clip_is_a_file_of_its_own(box: PictureBox) -> None:
    """Two events of one camera within seconds: two stills, two clips, each with its own times."""
    first = await box.happens("door.forced", "door/vault")
    box.passes(5)
    second = await box.happens("door.held_open", "door/vault")
    await box.answered(2)
    box.passes(21)
    await box.answered(3)
    box.passes(5)
    sealed = await box.answered(4)
    spans = [(sealed[f"{event}-2"]["from"], sealed[f"{event}-2"]["to"]) for event in (first, second)]
    assert parse_time(spans[1][0]) - parse_time(spans[0][0]) == timedelta(seconds=5)
    assert len(box.files()) == 8


@pytest.mark.parametrize(
    ("lie", "word"),
    [
        ({"sha256": "0" * 64}, "not_as_said"),
        ({"size": 999}, "not_as_said"),
        ({"media_type": "video/mp4"}, "not_as_said"),
        ({"missing": "no_picture"}, "no_picture"),
        ({"missing": "x" * 300}, "x" * 64),
    ],
)
async def test_what_an_eye_says_is_checked(box: PictureBox, lie: dict[str, Any], word: str) -> None:
    """Another hash, size or type than it said, or nothing: the promise is answered with why, and no hash."""
    box.eyes.lie = lie
    event = await box.happens("door.forced", "door/vault")
    (sealed,) = (await box.answered(1)).values()
    assert sealed == {"event": event, "slot": f"{event}-1", "kind": "still", "missing": word}
    assert not box.files()


@pytest.mark.parametrize("how", ["link", "hard", "pipe", "folder", "script", "empty", "none"])
async def test_an_eye_that_was_taken_over_leads_us_to_no_file(box: PictureBox, tmp_path: Path, how: str) -> None:
    """A link, a second name, a pipe, a folder, no picture at all: nothing is followed, nothing is waited for."""
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(STILL)
    box.eyes.silent = {"still"}
    event = await box.happens("door.forced", "door/vault")
    asked = box.eyes.asked[0]
    path = Path(asked.path)
    match how:
        case "link":
            path.symlink_to(secret)
        case "hard":
            path.hardlink_to(secret)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "script":
            path.write_bytes(b"<svg onload=alert(1)>")
        case "empty":
            path.touch()
    data = STILL if how in ("link", "hard") else b"<svg onload=alert(1)>"
    said = hashlib.sha256(data).hexdigest()
    box.evidence.made(Made(slot=asked.slot, path=str(secret), sha256=said, size=len(data), media_type="image/jpeg"))
    (sealed,) = (await box.answered(1)).values()
    assert sealed["missing"] == {"script": "foreign", "empty": "empty", "none": "gone"}.get(how, "no_file")
    assert sealed["event"] == event
    assert secret.read_bytes() == STILL


async def test_a_name_from_outside_leads_nowhere(box: PictureBox, tmp_path: Path) -> None:
    """A slot that is none, or one that nobody waits for, is left alone, whatever its path says."""
    victim = tmp_path / "victim.jpg"
    victim.write_bytes(STILL)
    for slot in ("../../victim", "/etc/passwd", "", "019af6a5-0000-7000-8000-000000000001-1"):
        box.evidence.made(Made(slot=slot, path=str(victim), sha256="0" * 64, size=10, media_type="image/jpeg"))
    event = await box.happens("door.forced", "door/vault")
    await box.answered(1)
    assert victim.read_bytes() == STILL
    assert box.files() == [f"{event}-1.jpg", f"{event}-1.json"]


async def test_no_eye_and_an_eye_that_does_not_answer_are_said(box: PictureBox) -> None:
    """An eye that is away is asked again for five seconds; one that is silent is waited for no longer."""
    box.eyes.gone = {"01"}
    first = await box.happens("door.forced", "door/vault")
    box.passes(3)
    box.eyes.gone = set()
    box.passes(1.5)
    assert "sha256" in (await box.answered(1))[f"{first}-1"]
    box.eyes.gone = {"01"}
    second = await box.happens("door.held_open", "door/vault")
    box.passes(STILL_WAIT_MS / 1000)
    assert (await box.answered(2))[f"{second}-1"]["missing"] == "no_eye"
    box.eyes.gone, box.eyes.silent = set(), {"clip"}
    box.passes(25)
    await asyncio.sleep(0)
    box.passes(95)
    assert (await box.answered(4))[f"{second}-2"]["missing"] == "no_answer"


CUTS = ("promised", "made", "described", "settled", "told")


@pytest.mark.parametrize("cut", CUTS)
async def test_wherever_the_box_is_cut_off_the_promise_is_answered_once(
    tmp_path: Path, cut: str, eventually: Eventually
) -> None:
    """Killed after each step of sealing: the next run answers with the same hash, or takes the picture late."""
    box = PictureBox(tmp_path / "state")
    await box.start()
    if cut != "told":
        box.eyes.silent = {"still"}
    event = await box.happens("door.forced", "door/vault")
    slot = f"{event}-1"
    if cut == "told":
        await box.answered(1)
    elif cut != "promised":
        Path(box.eyes.asked[0].path).write_bytes(STILL)
    promise = box.promises.owed.get(slot)
    await box.kill()
    if cut in ("described", "settled"):
        assert promise is not None
        made = Made(slot=slot, sha256=hashlib.sha256(STILL).hexdigest(), size=len(STILL), media_type="image/jpeg")
        description = box.evidence._described(promise, made, made.sha256, made.size)
        (box.shelf.settle if cut == "settled" else box.shelf.describe)(description)
    box.clock.advance(timedelta(seconds=2))
    box.eyes.silent = set()
    await box.start()
    box.passes(30)
    sealed = await box.answered(2)
    assert "sha256" in sealed[slot]
    if cut in ("described", "settled"):
        assert sealed[slot]["sha256"] == hashlib.sha256(STILL).hexdigest()
    assert (box.shelf.path / f"{slot}.jpg").exists()
    assert not box.promises.owed
    await box.kill()
    await box.start()
    await eventually(lambda: box.evidence.ready)
    assert len(box.sealed()) == 2
    await box.kill()


async def test_after_a_long_cut_what_is_gone_is_said_to_be_missing(tmp_path: Path) -> None:
    """A picture of now would be no picture of then: a minute later, or a clip whose ring is gone, is `restarted`."""
    box = PictureBox(tmp_path / "state")
    await box.start()
    box.eyes.silent = {"still"}
    event = await box.happens("door.forced", "door/vault")
    await box.kill()
    box.clock.advance(timedelta(seconds=90))
    await box.start(same_boot=False)
    sealed = await box.answered(2)
    assert {each["missing"] for each in sealed.values()} == {"restarted"}
    assert set(sealed) == {f"{event}-1", f"{event}-2"}
    await box.kill()


async def test_after_a_restart_a_camera_without_a_picture_yet_is_asked_again(tmp_path: Path) -> None:
    """Eyes take seconds to begin: the late still comes when the first picture does."""
    box = PictureBox(tmp_path / "state")
    await box.start()
    box.eyes.silent = {"still"}
    event = await box.happens("door.forced", "door/vault")
    await box.kill()
    box.eyes.silent, box.eyes.missing = set(), {"still": "no_picture"}
    await box.start()
    for _ in range(3):
        box.passes(1.1)
        await asyncio.sleep(0)
    box.eyes.missing = {}
    box.passes(1.1)
    assert "sha256" in (await box.answered(1))[f"{event}-1"]
    await box.kill()


async def test_an_open_alarm_keeps_its_pictures_until_the_centre_says_that_it_is_over(
    tmp_path: Path, eventually: Eventually
) -> None:
    """With no room nothing protected goes: new ones are missing, `box.disk_low` is told once, and ends with room."""
    box = PictureBox(tmp_path / "state", TINY)
    await box.start()
    box.eyes.silent = {"clip"}
    events = []
    for _ in range(5):
        events.append(await box.happens("door.forced", "door/vault"))
        await box.answered(len(events))
        await box.happens("door.forced", "door/vault", Phase.ENDED)
        box.passes(400)
        await box.answered(2 * len(events) - 1)
    sealed = box.sealed()
    assert ["sha256" in sealed[f"{event}-1"] for event in events] == [True] * 4 + [False]
    assert sealed[f"{events[4]}-1"]["missing"] == "no_room"
    (low,) = box.told("box.disk_low")
    assert (low.source, low.facts["reason"]) == ("box/evidence", "no_room")
    await box.evidence.over_with(box.shelf.read(f"{events[0]}-1"), "sent", "")
    await box.ask("evidence_over", events=[events[0]])
    await eventually(lambda: box.told("request.answered"))
    sixth = await box.happens("door.forced", "door/vault")
    await eventually(lambda: "sha256" in box.sealed().get(f"{sixth}-1", {}))
    assert not (box.shelf.path / f"{events[0]}-1.jpg").exists()
    assert [each.kind for each in box.told("box.disk_low")] == ["box.disk_low", "box.disk_low.restored"]
    await box.kill()
    await box.start()
    assert set(box.stock.held) == {f"{event}-1" for event in (*events[1:4], sixth)}
    await box.kill()


async def test_what_the_centre_has_not_got_waits_while_there_is_a_way(tmp_path: Path) -> None:
    """Over but unsent: it stays while the centre answers, and goes for room when there is no way to it."""
    box = PictureBox(tmp_path / "state", TINY)
    await box.start()
    box.eyes.silent = {"clip"}
    for number in range(4):
        await box.ask("still", number=number, camera="01")
        await box.answered(number + 1)
    await box.ask("still", number=5, camera="01")
    assert "no_room" in [each.get("missing") for each in (await box.answered(5)).values()]
    box.way = False
    await box.ask("still", number=6, camera="01")
    assert "sha256" in (await box.answered(6))["019af6a5-0000-7000-8000-000000000006-1"]
    assert not (box.shelf.path / "019af6a5-0000-7000-8000-000000000000-1.jpg").exists()
    await box.kill()


async def test_too_old_goes_but_not_by_a_clock_that_is_suspect(box: PictureBox, eventually: Eventually) -> None:
    """Days are over by a believed clock only."""
    await box.ask("still", camera="01")
    (slot,) = await box.answered(1)
    await box.stock.sent(slot, "sent")
    box.passes(40 * 86_400)
    box.believed = ClockWord.SUSPECT
    await box.stock.tend()
    assert box.files()
    box.believed = ClockWord.SYNCED
    await box.stock.tend()
    assert not box.files()


async def test_the_centre_asks_for_a_still_and_for_a_clip(box: PictureBox, eventually: Eventually) -> None:
    """`request.answered` carries the slot; what is sealed names the request; a clip's end may lie ahead."""
    request = await box.ask("still", number=1, camera="02")
    now = box.clock.now()
    span: dict[str, Any] = {
        "from": format_time(now - timedelta(seconds=60)),
        "to": format_time(now + timedelta(seconds=30)),
    }
    clip = await box.ask("clip", number=2, camera="02", **span)
    answered = box.told("request.answered")
    assert [(each.facts["reason"], each.evidence[0].slot) for each in answered] == [
        ("served", f"{request}-1"),
        ("served", f"{clip}-1"),
    ]
    await box.answered(1)
    box.passes(31)
    sealed = await box.answered(2)
    assert sealed[f"{request}-1"]["request"] == request
    assert "event" not in sealed[f"{request}-1"]
    assert (sealed[f"{clip}-1"]["from"], sealed[f"{clip}-1"]["to"]) == (span["from"], span["to"])


async def test_requests_that_cannot_be_served_are_refused_with_a_word(box: PictureBox) -> None:
    """No such camera, too long, too early, too late, malformed, not to be had; and more than an honest centre asks."""
    now = box.clock.now()

    def span(since: float, until: float) -> dict[str, Any]:
        return {
            "from": format_time(now + timedelta(seconds=since)),
            "to": format_time(now + timedelta(seconds=until)),
        }

    assert await box.ask("still", camera="09") == "no_such_camera"
    assert await box.ask("still", camera=["01"]) == "malformed"
    assert await box.ask("still") == "malformed"
    assert await box.ask("clip", camera="01") == "malformed"
    assert await box.ask("clip", camera="01", **span(-10, -20)) == "malformed"
    assert await box.ask("clip", camera="01", **span(-121, 0)) == "too_long"
    assert await box.ask("clip", camera="01", **span(-200, -150)) == "not_in_ring"
    assert await box.ask("clip", camera="01", **span(150, 200)) == "in_the_future"
    assert await box.ask("playback", camera="01", **span(-7200, -7100)) == "not_supported"
    assert await box.ask("preset", camera="01", preset="1") == "not_supported"
    assert await box.ask("evidence_over", events=["../x"]) == "malformed"
    assert await box.ask("evidence_over", events=[]) == "malformed"
    words = [await box.ask("still", number=number, camera="01") for number in range(1, 13)]
    assert words[9] != "too_soon" == words[10] == words[11]
    assert await box.ask("still", number=20, camera="02") != "too_soon"
    assert {each.facts["reason"] for each in box.told("request.answered")} == {"served"}


async def test_a_preset_is_answered_with_what_became_of_it(tmp_path: Path, eventually: Eventually) -> None:
    """Whoever turns cameras says how it went."""
    box = PictureBox(tmp_path / "state")
    turned = []

    async def turn(camera: str, preset: str) -> str:
        turned.append((camera, preset))
        return "" if preset == "gate" else "no_such_preset"

    box.turn = turn
    await box.start()
    await box.ask("preset", number=1, camera="01", preset="gate")
    await box.ask("preset", number=2, camera="01", preset="nowhere")
    await eventually(lambda: len(box.told("request.answered")) == 2)
    assert [each.facts["reason"] for each in box.told("request.answered")] == ["served", "no_such_preset"]
    assert [(each.facts["camera"], each.facts["preset"]) for each in box.told("request.answered")] == turned
    assert turned == [("01", "gate"), ("01", "nowhere")]
    assert not any(each.evidence for each in box.told("request.answered"))
    await box.kill()


async def test_duress_leaves_no_trace_in_pictures(box: PictureBox) -> None:
    """No still, no file, no line beside the event itself: nothing at the site shows it (hidden.py)."""
    await box.happens("zone.duress", "door/vault", Phase.TOLD)
    box.passes(60)
    assert not box.eyes.asked
    assert not box.files()
    _, shown = history(box.folder, 100)
    assert not [each for each in shown if each["kind"].startswith(("evidence", "zone"))]


async def test_what_is_not_ours_is_named_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    """Foreign names, links, damaged descriptions: a restart goes on with the rest; what was changed is told once."""
    box = PictureBox(tmp_path / "state")
    await box.start()
    event = await box.happens("door.forced", "door/vault")
    await box.answered(1)
    box.eyes.silent = {"still"}
    await box.kill()
    folder, slot = box.shelf.path, f"{event}-1"
    good = decode_description((folder / f"{slot}.json").read_bytes(), slot)
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "x").write_bytes(b"x")
    (folder / "notes.txt").write_bytes(b"hello")
    (folder / "tree").symlink_to(tmp_path / "away")
    (folder / "019af6a5-0000-7000-8000-0000000000aa-1.json").symlink_to(tmp_path / "away" / "x")
    (folder / "019af6a5-0000-7000-8000-0000000000ab-1.json").write_bytes(b"{}" * 4000)
    (folder / "019af6a5-0000-7000-8000-0000000000ac-1.json").write_bytes(encode_description(good))
    (folder / "019af6a5-0000-7000-8000-0000000000ad-1.json.new").write_bytes(b"{")
    await box.start()
    await eventually(lambda: len(box.told("evidence.damaged")) == 3)
    assert set(box.stock.held) == {slot}
    assert (tmp_path / "away" / "x").read_bytes() == b"x"
    assert (folder / "notes.txt").read_bytes() == b"hello"
    assert "notes.txt" in caplog.text
    await box.kill()
    await box.start()
    assert len(box.told("evidence.damaged")) == 3
    await box.kill()


async def test_a_picture_that_is_gone_is_told(tmp_path: Path, eventually: Eventually) -> None:
    """Somebody took a sealed picture away while no agent ran, before the centre had it."""
    box = PictureBox(tmp_path / "state")
    await box.start()
    event = await box.happens("door.forced", "door/vault")
    await box.answered(1)
    await box.kill()
    (box.shelf.path / f"{event}-1.jpg").unlink()
    await box.start()
    told = await eventually(lambda: box.told("evidence.damaged"))
    assert told[0].facts == {"slot": f"{event}-1", "camera": "01", "reason": "gone"}
    await box.kill()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A box's folder of pictures, on a file system of its own of 1 MiB."""
    folder = tmp_path / "state" / "evidence"
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_is_a_fault_with_its_reason_and_the_rest_goes_on(
    small_disk: Path, tmp_path: Path, eventually: Eventually
) -> None:
    """No room for a description: the picture is missing, `box.disk_low` says why, events are stored all the same."""
    box = PictureBox(tmp_path / "state")
    await box.start()
    box.eyes.silent = {"still"}
    event = await box.happens("door.forced", "door/vault")
    asked = box.eyes.asked[0]
    Path(asked.path).write_bytes(STILL)
    _fill(small_disk / "hog")
    digest = hashlib.sha256(STILL).hexdigest()
    box.evidence.made(Made(slot=asked.slot, sha256=digest, size=len(STILL), media_type="image/jpeg"))
    sealed = await box.answered(1)
    assert sealed[f"{event}-1"]["missing"] == "no_room"
    (low,) = box.told("box.disk_low")
    assert (low.source, low.facts["reason"]) == ("box/evidence", "no_room")
    (small_disk / "hog").unlink()
    box.eyes.silent = set()
    second = await box.happens("door.held_open", "door/vault")
    await eventually(lambda: "sha256" in box.sealed().get(f"{second}-1", {}))
    assert [each.kind for each in box.told("box.disk_low")] == ["box.disk_low", "box.disk_low.restored"]
    await box.kill()


async def test_a_disk_that_refuses_while_it_is_written_to_is_told_too(
    small_disk: Path, tmp_path: Path, eventually: Eventually
) -> None:
    """Room for the file and none for what lies beside it; and an eye that finds the disk full itself."""
    box = PictureBox(tmp_path / "state", replace(ROOMY, margin_bytes=-(2**20)))
    await box.start()
    box.eyes.silent = {"still"}
    event = await box.happens("door.forced", "door/vault")
    asked = box.eyes.asked[0]
    Path(asked.path).write_bytes(STILL)
    _fill(small_disk / "hog")
    digest = hashlib.sha256(STILL).hexdigest()
    box.evidence.made(Made(slot=asked.slot, sha256=digest, size=len(STILL), media_type="image/jpeg"))
    assert (await box.answered(1))[f"{event}-1"]["missing"] == "disk_full"
    assert box.told("box.disk_low")[0].facts["reason"] == "disk_full"
    box.eyes.silent, box.eyes.missing = set(), {"still": "disk"}
    second = await box.happens("door.held_open", "door/vault")
    assert (await box.answered(2))[f"{second}-1"]["missing"] == "disk_refuses"
    assert len(box.told("box.disk_low")) == 1
    await box.kill()


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as hog, suppress(OSError):
        while True:
            hog.write(b"x" * 4096)
