"""The outbox's process killed at random points: what was said to be stored is stored, and the chain goes on."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from protocol.kinds import Lane
from protocol.messages import decode_event
from tests.boxes import follow, rows, stored_lines
from tests.conftest import EventuallyBlocking, StartProcess

ROOT = Path(__file__).parents[2]


def kill_rounds(rounds: int, folder: Path, process: StartProcess, eventually_blocking: EventuallyBlocking) -> None:
    """Write, kill, look, `rounds` times over."""
    chance = random.Random(2026)
    stored: set[int] = set()
    for _ in range(rounds):
        writer = process([sys.executable, "-m", "tests.outbox_writer", folder], cwd=ROOT)
        wanted = chance.randrange(0, 60)
        eventually_blocking(lambda writer=writer, wanted=wanted: writer.output().count("\n") > wanted)  # type: ignore[misc]
        writer.kill()
        said = {int(word) for word in writer.output().rpartition("\n")[0].split("\n") if word.isdigit()}
        stored |= said
        for lane in Lane:
            follow(stored_lines(folder, lane))
        events = [decode_event(line) for lane in Lane for line in stored_lines(folder, lane)]
        numbers = [event.facts["n"] for event in events if "n" in event.facts]
        assert stored <= set(numbers), "an event that was said to be stored is gone"
        assert len(numbers) == len(set(numbers)), "an event is there twice"
        # FIELD-FAULTS row 18: what is remembered is exactly what the last stored event left behind.
        ((remembered,),) = rows(folder, "SELECT value FROM saved WHERE key = 'number'") or [(b"0",)]
        assert int(remembered) in set(numbers) | {0}
    assert len(stored) > rounds


@pytest.mark.timeout(120)
def test_a_killed_writer_loses_nothing_it_said_was_stored(
    tmp_path: Path, process: StartProcess, eventually_blocking: EventuallyBlocking
) -> None:
    """FIELD-FAULTS row 18: killed 20 times between deciding and storing: no loss, no duplicate, memory agrees."""
    kill_rounds(20, tmp_path, process, eventually_blocking)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_killed_writer_loses_nothing_in_the_long_run(
    tmp_path: Path, process: StartProcess, eventually_blocking: EventuallyBlocking
) -> None:
    """The same promise over 200 kills."""
    kill_rounds(200, tmp_path, process, eventually_blocking)
