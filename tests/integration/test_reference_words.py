"""`branchwatch agent reference`: the versions with their hashes, and asking the running agent for a new one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

import branchwatch
from agent.local import lines
from agent.local.client import SaysNoError
from agent.video import shelf
from tests.branch import VESTIBULE
from tests.local_box import client, local_box, only
from tests.picture_faults import drawn

CAMERA = '\n[[camera]]\nid = "hall"\naddress = "192.0.2.9"\nlogin = { secret = "cameras" }\nwatch = ["picture"]\n'


def _say(state: Path, *words: str) -> int:
    return branchwatch.main(["agent", "reference", *words, "--state", str(state)])


def test_versions_are_shown_with_date_reason_and_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a version, for people and for programs; what was touched is said, and nothing hides the rest."""
    folder = tmp_path / "references" / "hall"
    first = shelf.write(folder, drawn(1), light="colour", why="first", at="2026-03-02T09:00:00.000Z")
    second = shelf.write(folder, drawn(2), light="grey", why="infrared", at="2026-03-02T21:00:00.000Z")
    assert _say(tmp_path, "hall") == 0
    shown = capsys.readouterr().out.splitlines()
    told_first = f"1 2026-03-02T09:00:00.000Z by day, the first sha256 {first.description.sha256}"
    assert shown[0].split() == told_first.split()
    assert shown[1].endswith(second.description.sha256)
    (folder / "1.png").write_bytes(b"x")
    assert _say(tmp_path, "hall", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told[0] == {"version": 1, "refused": "damaged"}
    assert told[1]["sha256"] == second.description.sha256
    assert _say(tmp_path, "hall") == 0
    assert "not the one that was learned" in capsys.readouterr().out


def test_what_cannot_be_shown_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No reference: 1 and what to do; no id: 2; no agent to ask: 3. Nothing is ever a traceback."""
    assert _say(tmp_path, "hall") == 1
    assert "no reference picture of hall is here yet" in capsys.readouterr().err
    assert _say(tmp_path, "../x") == 2
    assert "is no id" in capsys.readouterr().err
    assert _say(tmp_path, "hall", "--learn") == 3
    assert "no agent answers" in capsys.readouterr().err


def test_looking_at_versions_loads_no_picture_library(tmp_path: Path) -> None:
    """An installer's look at the folder costs no OpenCV: a box without it shows what is there."""
    folder = tmp_path / "references" / "hall"
    shelf.write(folder, drawn(1), light="colour", why="first", at="2026-03-02T09:00:00.000Z")
    program = (
        "import sys, branchwatch; "
        f"code = branchwatch.main(['agent', 'reference', 'hall', '--state', {str(tmp_path)!r}]); "
        "sys.exit(code or ('cv2' in sys.modules) or ('numpy' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


async def test_the_running_agent_is_asked_to_learn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The eye of that camera is told; a camera that is not there, or that nobody looks at, is said."""
    async with local_box(tmp_path, VESTIBULE + CAMERA) as here, client(here) as connected:
        with pytest.raises(SaysNoError, match="no_such_camera"):
            await connected.ask(lines.Learn(camera="vault"))
        with pytest.raises(SaysNoError, match="no_eye"):
            await connected.ask(lines.Learn(camera="hall"))
        assert await asyncio.to_thread(_say, tmp_path, "hall", "--learn") == 1
        assert await asyncio.to_thread(_say, tmp_path, "vault", "--learn") == 2
        here.eyes = frozenset({"hall"})
        assert only(await connected.ask(lines.Learn(camera="hall"))).done == "learn"
        assert await asyncio.to_thread(_say, tmp_path, "hall", "--learn", "--json") == 0
        assert here.learning == ["hall", "hall"]
    assert '{"camera": "hall", "asked": true}' in capsys.readouterr().out
