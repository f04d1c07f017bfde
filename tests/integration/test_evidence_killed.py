"""The box's process killed at random points while pictures are promised, made and sealed."""

from __future__ import annotations

import hashlib
import random
import sys
from pathlib import Path

import pytest

from protocol.kinds import Lane
from protocol.messages import Event, decode_event
from tests.boxes import stored_lines
from tests.conftest import EventuallyBlocking, StartProcess

ROOT = Path(__file__).parents[2]


def _told(folder: Path) -> list[Event]:
    return [decode_event(line) for lane in Lane for line in stored_lines(folder, lane)]


def _answers(folder: Path) -> dict[str, Event]:
    sealed = [event for event in _told(folder) if event.kind == "evidence.sealed"]
    answers = {str(event.facts["slot"]): event for event in sealed}
    assert len(answers) == len(sealed), "a promise was answered twice"
    return answers


def kill_rounds(rounds: int, folder: Path, process: StartProcess, eventually_blocking: EventuallyBlocking) -> None:
    """Promise, kill, look, `rounds` times over; then one run that comes to its end."""
    chance = random.Random(2026)
    said: set[str] = set()
    for _ in range(rounds):
        writer = process([sys.executable, "-m", "tests.evidence_writer", folder], cwd=ROOT)
        wanted = chance.randrange(1, 25)
        eventually_blocking(lambda writer=writer, wanted=wanted: writer.output().count("\n") > wanted, 30)  # type: ignore[misc]
        writer.kill()
        said |= {word for word in writer.output().rpartition("\n")[0].split("\n") if word.count("-") == 4}
        _answers(folder)
    last = process([sys.executable, "-m", "tests.evidence_writer", folder, "0"], cwd=ROOT)
    assert last.wait(60) == 0, last.tail()
    answers = _answers(folder)
    promised = {slot.slot: slot for event in _told(folder) for slot in event.evidence}
    assert set(answers) == set(promised)
    assert said <= {slot.rpartition("-")[0] for slot in promised}
    kept = 0
    for slot, event in answers.items():
        files = sorted(path.name for path in (folder / "evidence").glob(f"{slot}.*"))
        if "missing" in event.facts:
            assert files == [], f"{slot} is said to be missing: {event.facts['missing']}"
        else:
            (media,) = [name for name in files if not name.endswith(".json")]
            data = (folder / "evidence" / media).read_bytes()
            assert hashlib.sha256(data).hexdigest() == event.facts["sha256"]
            kept += 1
    assert kept > rounds


@pytest.mark.timeout(180)
def test_a_killed_box_owes_nothing_in_the_end(
    tmp_path: Path, process: StartProcess, eventually_blocking: EventuallyBlocking
) -> None:
    """Killed 6 times: every promise is answered once, with the hash of the file that lies there, or as missing."""
    kill_rounds(6, tmp_path / "state", process, eventually_blocking)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_killed_box_owes_nothing_in_the_long_run(
    tmp_path: Path, process: StartProcess, eventually_blocking: EventuallyBlocking
) -> None:
    """The same promise over 60 kills."""
    kill_rounds(60, tmp_path / "state", process, eventually_blocking)
