"""`branchwatch request still|clip|preset` before a real console: what is asked, what comes back, what is written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import branchwatch
from collector.orders.posting import RequestPost
from protocol.uploads import slot_of
from tests.browser.served import Served
from tests.bundles import SITE, Bureau
from tests.orders import OrderWorld
from tests.pictures import CLIP, JPEG, told
from tests.waiting import eventually_blocking

BUREAU = Bureau()


@pytest.fixture
def served(tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A console that listens, in English, whose box has a camera `cam1`."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "world").mkdir()
    world = OrderWorld(tmp_path / "world", BUREAU)
    console = Served(world, free_port())
    console.start()
    yield console
    console.stop()
    world.close()


def _types(served: Served, folder: Path, *words: str, who: str = "li") -> int:
    token = folder / f"{who}.token"
    token.write_text(f"token-{who}\n")
    return branchwatch.main(["request", *words, "--console", served.address, "--token-file", str(token)])


def _answers(served: Served, data: bytes, kind: str, reason: str = "served") -> threading.Thread:
    """The box answers the next request with this picture, in a thread of its own."""
    world = served.world

    def answer() -> None:
        (post,) = eventually_blocking(world.outgoing.take, what="something was asked")
        assert isinstance(post, RequestPost)
        facts = {"request": post.id, "action": post.action, "collector": "centre-1", "reason": reason}
        pictures = (("cam1", kind),) if reason == "served" else ()
        line, _ = told(world.box, "request.answered", "box/requests", facts, pictures=pictures, owner=post.id)
        world.centre.take(world.box.events(line))
        if reason == "served":
            world.brought(slot_of(post.id, 1), data, kind)

    thread = threading.Thread(target=answer, name="box")
    thread.start()
    return thread


def test_a_still_is_asked_for_and_written(served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exactly the bytes that the box sealed, in a file for nobody else."""
    box = _answers(served, JPEG, "still")
    out = tmp_path / "hall.jpg"
    assert _types(served, tmp_path, "still", SITE, "cam1", "--out", str(out)) == 0
    box.join()
    assert out.read_bytes() == JPEG
    assert out.stat().st_mode & 0o777 == 0o600
    assert str(out) in capsys.readouterr().out


def test_a_clip_has_a_span_and_a_purpose(served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for in the reader's own time zone; the purpose stays at the centre."""
    box = _answers(served, CLIP, "clip")
    out = tmp_path / "fall.mp4"
    words = ("clip", SITE, "cam1", "--from", "2026-11-21T10:15:00+08:00", "--for", "30s", "--purpose", "a fall")
    assert _types(served, tmp_path, *words, "--out", str(out)) == 0
    box.join()
    assert out.read_bytes() == CLIP
    for wrong in (
        ("--from", "2026-11-21T10:15:00", "--purpose", "no zone"),
        ("--from", "yesterday", "--purpose", "no time"),
        ("--from", "2026-11-21T10:15:00Z", "--for", "200s", "--purpose", "too long"),
        ("--from", "2026-11-21T10:15:00Z", "--for", "200", "--purpose", "no unit"),
        ("--from", "2026-11-21T10:15:00Z", "--purpose", "x"),
    ):
        assert _types(served, tmp_path, "clip", SITE, "cam1", *wrong) == 2, wrong
    assert _types(served, tmp_path, *words, who="wang") == 1  # an operator looks at no recordings
    capsys.readouterr()


def test_what_the_box_refuses_is_told_and_nothing_written(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, the reason in words, no file, no rest of one."""
    box = _answers(served, b"", "still", "no_eye")
    out = tmp_path / "hall.jpg"
    assert _types(served, tmp_path, "still", SITE, "cam1", "--out", str(out)) == 1
    box.join()
    assert "video process" in capsys.readouterr().out
    assert [path.name for path in tmp_path.glob("hall*")] == []
    assert _types(served, tmp_path, "still", SITE, "nowhere") == 2
    assert _types(served, tmp_path, "preset", SITE, "cam1", "door one") == 2
