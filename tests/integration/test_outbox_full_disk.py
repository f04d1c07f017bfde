"""The outbox on a disk that another program has filled to the last byte."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.outbox.capacity import Capacity
from agent.outbox.records import Outcome
from protocol.kinds import Lane
from tests.boxes import box, draft, follow, head_of, stored_lines

ROOMY = Capacity(limit_bytes=100 * 1024 * 1024, reserved_events=1500, margin_bytes=1024 * 1024)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 28 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=28m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_urgent_events_are_stored_on_a_full_disk(small_disk: Path) -> None:
    """WIRE 2.4: with not one byte free, all 1,500 reserved urgent events are stored, receipted, and the chains hold."""
    outbox = box(small_disk, capacity=ROOMY)
    for _ in range(100):
        await outbox.append([draft(filler="x" * 300) for _ in range(100)])
    with pytest.raises(OSError, match="No space left"):
        _fill(small_disk / "hog")
    for number in range(1500):
        await outbox.append([draft("door.forced", f"door/d{number % 5}", filler="x" * 300)])
    assert outbox.standing.coalesced == 0
    assert outbox.standing.lanes[Lane.URGENT].pending == 1501
    assert await outbox.receipt(head_of(outbox, Lane.URGENT)) is Outcome.ADVANCED
    await outbox.append([draft("door.forced")])
    await outbox.close()
    follow(stored_lines(small_disk, Lane.URGENT), stored_lines(small_disk, Lane.ROUTINE))
    follow(stored_lines(small_disk, Lane.ROUTINE))


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as hog:
        while True:
            hog.write(b"x" * 4096)
