"""`branchwatch agent replay` on real clips, against what was seen in them by eye, and on what is no footage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.replaying.spans import seconds

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "replay.toml"
DATA = Path(os.environ.get("BRANCHWATCH_DATA", "/nonexistent"))
with_data = pytest.mark.skipif(not (DATA / "clips").is_dir(), reason="BRANCHWATCH_DATA names no folder with clips")
AT_MOST_OFF_S = 1.5


def replay(*arguments: object, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command as a person types it."""
    return subprocess.run(
        [sys.executable, str(ROOT / "branchwatch.py"), "agent", "replay", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "LC_ALL": "C", **(environment or {})},
        check=False,
    )


def found(*arguments: object) -> list[dict[str, Any]]:
    """What it finds, as a program reads it."""
    done = replay("--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def truth(name: str) -> dict[str, Any]:
    """What was seen by eye."""
    read: dict[str, Any] = json.loads((DATA / "truth" / name).read_text())
    return read


@with_data
def test_the_example_finds_the_three_who_stay_and_nobody_else() -> None:
    """One line each, beginning with the time in the clip and the kind; the dwell is what was seen by eye, to 1.5 s."""
    clip = truth("one-by-one.visits.json")
    done = replay("--config", EXAMPLE, "--ends", DATA / "clips" / clip["clip"])
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert [words[1] for words in told] == ["presence.loitering", "presence.loitering.restored"] * 3
    stays = [visit for visit, loiters in zip(clip["visits"], clip["loiter_at_15s"], strict=True) if loiters]
    for begun, over, visit in zip(told[::2], told[1::2], stays, strict=True):
        facts = dict(word.split("=") for word in begun[3:] if "=" in word)
        came_s, left_s = seconds(begun[0]) - float(facts["dwell_s"]), seconds(over[0]) - 5
        assert abs(came_s - visit["first"] / clip["fps"]) < AT_MOST_OFF_S, begun
        assert abs((left_s - came_s) - visit["seconds"]) < AT_MOST_OFF_S, (begun, over, visit)
        assert begun[2] == "area/hall"
    assert "02:19" in done.stderr


@with_data
def test_every_vehicle_that_stood_there_came_and_left() -> None:
    """Three visits, each told twice; nothing else."""
    clip = truth("car.vehicles.json")
    events = found("--config", ROOT / "tests" / "data" / "replay-car.toml", DATA / "clips" / clip["clip"])
    assert [each["facts"]["bay"] for each in events] == ["came", "left"] * len(clip["vehicles"])
    for came, left, seen in zip(events[::2], events[1::2], clip["vehicles"], strict=True):
        first, last = seen["first"] / clip["fps"], seen["last"] / clip["fps"]
        assert first < came["at_s"] < last
        assert abs(left["facts"]["stood_s"] - (last - first)) < AT_MOST_OFF_S
    assert all(each["because"] for each in events)


@with_data
def test_doors_and_hours_are_said_on_the_command_line(tmp_path: Path) -> None:
    """A vault that is open with one person in it; a hall in which somebody is after hours; a part of the clip only."""
    site = tmp_path / "site.toml"
    door = '[[io]]\nid = "io1"\naddress = "192.0.2.10"\n[[door]]\nid = "vault"\ncontact = "io1/di/0"\nclosed = 1\n'
    rules = 'two_people_while = "vault"\ngrace = "5s"\nafter_hours = true\n'
    hours = '[opening]\nweekdays = "08:30-17:00"\n'
    site.write_text(EXAMPLE.read_text().replace('loitering_after = "15s"\n', rules) + hours + door)
    clip = DATA / "clips" / "one-by-one-person-detection.mp4"
    at = ["--config", site, "--since", "20", "--until", "0:45", clip]
    shut = found("--closed", "--open", "vault@0:25-0:45", *at)
    assert [each["kind"] for each in shut][:2] == ["presence.after_hours", "custody.single_person"]
    assert 30 <= shut[1]["at_s"] < 32
    assert [each["kind"] for each in found("--start", "2026-11-20 20:00", *at)] == ["presence.after_hours"]
    assert found("--start", "2026-11-20 10:00", *at) == []


@with_data
def test_without_a_model_every_finding_says_so(tmp_path: Path) -> None:
    """No model anywhere: what moves is taken for somebody, told on stderr and in each finding."""
    clip = DATA / "clips" / "one-by-one-person-detection.mp4"
    done = replay("--config", EXAMPLE, "--json", "--until", "50", clip, environment={"BRANCHWATCH_DATA": str(tmp_path)})
    assert done.returncode == 0
    assert "without people model" in done.stderr
    assert "branchwatch agent models --get" in done.stderr
    assert all(json.loads(line)["facts"]["model"] == "none" for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--camera", "yard"], 'camera "yard" is not in the site file; there are: hall'),
        (["--open", "vault@0:10-1:00"], '--open: "vault" is not in the site file'),
        (["--open", "vault@1:00-0:10"], "ends before it begins"),
        (["--since", "1:99"], "is no time in a clip; write it like 1:23"),
        (["--since", "20", "--until", "10"], "--until lies before --since"),
        (["--start", "tonight"], 'is no time; write it like "2026-11-21 20:30"'),
        (["--start", "2026-11-21 20:30", "--closed"], "leave --closed away"),
    ],
)
def test_what_was_typed_wrongly_is_one_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    """Exit 2, what is wrong and the next step; no traceback, and no line on stdout."""
    done = replay("--config", EXAMPLE, *arguments, tmp_path / "clip.mp4")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("data", [None, b"", b"no footage at all", b"\x00\x00\x00\x18ftypmp42" + bytes(200)])
def test_what_is_no_footage_is_said(data: bytes | None, tmp_path: Path) -> None:
    """A file that is missing, empty, a text, or half an MP4."""
    clip = tmp_path / "clip.mp4"
    if data is not None:
        clip.write_bytes(data)
    done = replay("--config", EXAMPLE, clip)
    assert done.returncode == 2
    assert str(clip) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_list_of_other_files_is_no_footage(tmp_path: Path) -> None:
    """A text is not drawn as one, and a playlist leads nowhere: footage is what recorders write."""
    for name, data in (("a.txt", "words " * 500), ("a.m3u8", "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")):
        clip = tmp_path / name
        clip.write_text(data)
        done = replay("--config", EXAMPLE, clip)
        assert done.returncode == 2
        assert "cannot be read as footage" in done.stderr


@with_data
@pytest.mark.parametrize("option", ["--since", "--learn"])
def test_a_time_after_the_end_of_a_clip_is_said(option: str) -> None:
    """Else nothing found would look like nothing there."""
    done = replay("--config", EXAMPLE, option, "9:00", DATA / "clips" / "car-detection.mp4")
    assert done.returncode == 2
    assert f"ends before {option}" in done.stderr


@with_data
def test_a_clip_without_a_quiet_moment_says_what_was_not_judged() -> None:
    """A fascia of which nothing was learned is not one that nobody changed."""
    site = ROOT / "tests" / "data" / "replay-bottle.toml"
    done = replay("--config", site, "--until", "0:04", DATA / "clips" / "bottle-detection.mp4")
    assert done.returncode == 0
    assert "were not judged; see --learn" in done.stderr


@with_data
def test_what_was_taken_from_a_fascia_is_found_within_six_seconds() -> None:
    """What is taken away is told while it is away, and its return; nothing is told while all is as it was."""
    clip = truth("bottle.presence.json")
    site = ROOT / "tests" / "data" / "replay-bottle.toml"
    events = found("--config", site, "--learn", "0:03", "--ends", DATA / "clips" / clip["clip"])
    told = [each["at_s"] for each in events if each["kind"] == "atm.fascia_changed"]
    gone = [
        (begin / clip["fps"], end / clip["fps"])
        for name in ("left", "middle", "right")
        for begin, end, state in clip[name]
        if state == "absent"
    ]
    first = min(begin for begin, _ in gone)
    assert first < told[0] < first + 6
    false = [at for at in told if not any(begin <= at <= end + 0.5 for begin, end in gone)]
    assert len(false) <= 1, (told, gone)
    assert events[-1]["kind"] == "atm.fascia_changed.restored"
