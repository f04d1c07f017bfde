"""`branchwatch verify --evidence`: every sealed line against the files beside the ledger, as an auditor types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from protocol.certificates import Role
from protocol.command import main
from protocol.kinds import Lane
from protocol.uploads import slot_of
from provisioning.authority import Authority
from tests.collecting import Box
from tests.ledgers import NOW, PaperBox, PaperExport
from tests.pictures import CLIP, JPEG, sealed_facts, told


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")


Exported = Callable[..., tuple[Path, Path, list[str]]]


@pytest.fixture
def exported(tmp_path: Path, paper_authority: Authority) -> Exported:
    """A ledger in which a still and a clip were sealed so long ago, and the folder of both."""

    def make(
        ago: timedelta = timedelta(days=3), again: bytes | None = None, *, clip: str = "sealed"
    ) -> tuple[Path, Path, list[str]]:
        centre = PaperBox(paper_authority, "centre-1", role=Role.COLLECTOR)
        box = Box(authority=paper_authority, now=NOW - ago)
        lines, routine = [box.opened(Lane.URGENT)], [box.opened(Lane.ROUTINE)]
        promise, event = told(box, "presence.loitering", "area/hall", pictures=(("03", "still"), ("03", "clip")))
        slots = [slot_of(event.id, number) for number in (1, 2)]
        {Lane.URGENT: lines, Lane.ROUTINE: routine}[event.lane].append(promise)
        for slot, data, kind in zip(slots, (JPEG, CLIP), ("still", "clip"), strict=True):
            facts = sealed_facts(slot, data, kind)
            if kind == "clip" and clip == "missing":
                facts = {name: facts[name] for name in ("event", "slot", "kind")} | {"missing": "no_picture"}
            if kind == "still" or clip != "silent":
                routine.append(told(box, "evidence.sealed", "camera/03", facts)[0])
        if again is not None:
            routine.append(told(box, "evidence.sealed", "camera/03", sealed_facts(slots[0], again))[0])
        export = PaperExport(paper_authority, centre)
        export.signer(centre)
        export.signer(box)
        export.events(box, *routine)
        export.events(box, *lines)
        ledger = tmp_path / "ledger.ndjson"
        ledger.write_bytes(b"".join(export.finish()))
        folder = tmp_path / "pictures"
        (folder / box.id).mkdir(parents=True)
        (folder / box.id / f"{slots[0]}.jpg").write_bytes(JPEG)
        (folder / box.id / f"{slots[1]}.mp4").write_bytes(CLIP)
        return ledger, folder / box.id, slots

    return make


def _verify(ledger: Path, folder: Path, *more: str) -> int:
    return main([str(ledger), "--evidence", str(folder.parent), *more])


def test_files_that_are_what_was_sealed(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, and how many were compared."""
    ledger, folder, _ = exported()
    assert _verify(ledger, folder) == 0
    assert "2 of 2 sealed pictures and clips are here and are what was sealed" in capsys.readouterr().out


def test_a_promise_that_nobody_answered(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    """A box that promises a clip and never says what became of it is told; one that says why there is none is not."""
    ledger, folder, slots = exported(clip="missing")
    (folder / f"{slots[1]}.mp4").unlink()
    assert _verify(ledger, folder) == 0
    ledger, folder, slots = exported_again(exported, folder)
    assert _verify(ledger, folder) == 1
    out = capsys.readouterr().out
    assert f"promised {slots[1]} of camera 03 and never said what became of it" in out


def exported_again(exported: Exported, folder: Path) -> tuple[Path, Path, list[str]]:
    """The same ledger without a word about the clip."""
    for path in (*folder.iterdir(), folder, folder.parent):
        path.rmdir() if path.is_dir() else path.unlink()
    ledger, folder, slots = exported(clip="silent")
    (folder / f"{slots[1]}.mp4").unlink()
    return ledger, folder, slots


def test_one_byte_of_a_picture(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1; the file, its box and its camera are named."""
    ledger, folder, slots = exported()
    path = folder / f"{slots[0]}.jpg"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(bytes(data))
    assert _verify(ledger, folder) == 1
    out = capsys.readouterr().out
    assert "NOT SOUND: altered" in out
    assert slots[0] in out
    assert "camera 03" in out


def test_a_picture_that_is_gone_or_was_put_there(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    """One that was taken away is missing; one that no line seals is foreign, as is a link, and neither is followed."""
    ledger, folder, slots = exported()
    (folder / f"{slots[0]}.jpg").rename(folder / "holiday.jpg")
    (folder / "passwd.jpg").symlink_to("/etc/passwd")
    assert _verify(ledger, folder, "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert sorted(each["fault"] for each in report["problems"]) == ["foreign", "foreign", "missing"]
    assert report["evidence"] == {"files": 3, "sealed": 2, "verified": 1, "waited": 0, "over": 0}


def test_a_link_in_a_pictures_place_is_not_followed(exported: Exported, tmp_path: Path) -> None:
    """Though it leads to the very bytes: what is there now may be something else tomorrow."""
    ledger, folder, slots = exported()
    path = folder / f"{slots[0]}.jpg"
    path.rename(tmp_path / "elsewhere.jpg")
    path.symlink_to(tmp_path / "elsewhere.jpg")
    assert _verify(ledger, folder) == 1


def test_the_young_and_the_old_are_counted_and_not_missed(
    exported: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was sealed within the last day may be on its way; what is older than it is kept may be gone."""
    for ago, kept, word in (
        (timedelta(hours=2), "90d", "are not here: not come yet, or taken away"),
        (timedelta(days=40), "30d", "older than"),
    ):
        ledger, folder, slots = exported(ago)
        (folder / f"{slots[0]}.jpg").unlink()
        assert _verify(ledger, folder, "--kept", kept) == 0
        assert word in capsys.readouterr().out
        (folder / f"{slots[1]}.mp4").unlink()
        folder.rmdir()
        folder.parent.rmdir()


def test_a_slot_that_was_sealed_twice_is_told(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    """Two hashes of one slot are two histories of a picture."""
    ledger, folder, _ = exported(again=b"another picture")
    assert _verify(ledger, folder) == 1
    assert "twice, with two hashes" in capsys.readouterr().out


def test_a_folder_that_is_none_is_input(exported: Exported, tmp_path: Path) -> None:
    """Exit 2, as for any other input; so for a time that is none."""
    ledger, folder, _ = exported()
    assert main([str(ledger), "--evidence", str(tmp_path / "nothing")]) == 2
    assert _verify(ledger, folder, "--kept", "ninety") == 2
