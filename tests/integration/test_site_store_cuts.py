"""Committing a site bundle, cut off at every step, and on a disk that is full to the last byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from agent.site_store import SiteStore

OLDER, OLD, NEW = (f"{word} ".encode() * 40_000 for word in ("older", "old", "new"))


def cut_at(step: int, folder: Path) -> bool:
    """Commit in a child that is killed at the `step`th call into the system; whether it came to its end before."""
    child = os.fork()
    if child == 0:
        left = step

        def count(frame: FrameType, event: str, called: Any) -> None:
            nonlocal left
            if event in {"c_call", "c_return"}:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.setprofile(count)
            SiteStore(folder).commit(NEW, keep=OLD)
            sys.setprofile(None)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_commit_cut_at_any_step_leaves_the_old_or_the_new_whole(tmp_path: Path) -> None:
    """A power cut at every step in turn: one of the two is in force, never neither, and the next commit works."""
    seen = set()
    for step in range(1, 1000):
        folder = tmp_path / str(step)
        folder.mkdir()
        store = SiteStore(folder)
        store.commit(OLDER, keep=None)
        store.commit(OLD, keep=OLDER)
        done = cut_at(step, folder)
        found = (store.current(), store.previous())
        assert found in {(OLD, OLDER), (OLD, OLD), (NEW, OLD)}, f"cut at {step}"
        seen.add(found)
        store.commit(NEW, keep=OLD)
        assert (store.current(), store.previous()) == (NEW, OLD)
        assert len(list(store.folder.iterdir())) == 2
        if done:
            break
    assert seen == {(OLD, OLDER), (OLD, OLD), (NEW, OLD)}
    assert step > 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_keeps_the_bundle_that_is_in_force(small_disk: Path) -> None:
    """No room for the new one, or only for half of it: nothing changed and nothing left lying about."""
    store = SiteStore(small_disk)
    store.commit(OLD, keep=None)
    with pytest.raises(OSError, match="No space left"):
        fill(small_disk / "hog")
    for room in (0, 4096, len(NEW) // 2, len(NEW) + 4096):
        (small_disk / "spare").unlink(missing_ok=True)
        os.truncate(small_disk / "hog", (small_disk / "hog").stat().st_size - room)
        with pytest.raises(OSError, match="No space left"):
            store.commit(NEW, keep=OLDER)
        assert store.current() == OLD
        assert [path.name for path in store.folder.iterdir()] == ["current.json"]
        with pytest.raises(OSError, match="No space left"):
            fill(small_disk / "hog")
    os.truncate(small_disk / "hog", 0)
    store.commit(NEW, keep=OLD)
    assert (store.current(), store.previous()) == (NEW, OLD)


def fill(file: Path) -> None:
    """Take every byte that is left."""
    with file.open("ab", buffering=0) as hog:
        while True:
            hog.write(b"x" * 4096)
