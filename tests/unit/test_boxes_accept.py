"""Keys of enrolled boxes enter the inventory after a person compared them, and never in the place of others."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest

from protocol.enrolled import Enrolled, spoken_fingerprint
from protocol.sealing import open_secret
from provisioning.inventory.loading import load_inventory
from tests.bundles import key, spki
from tests.offline import Offline

BOX = "0755-031-a"


@pytest.fixture
def offline(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Offline:
    """A new authority and an inventory of one site."""
    return Offline(tmp_path, capsys, monkeypatch)


def _spoken(enrolled: Enrolled) -> str:
    return spoken_fingerprint(enrolled.signing, b64decode(enrolled.sealing_key))


def test_a_written_yes_takes_the_keys_in(offline: Offline) -> None:
    """The fingerprint is shown, the person says yes, and the inventory knows the box's two keys."""
    enrolled = offline.enrolled(BOX)
    said = offline.accept(typed="y\n")
    assert (said.code, _spoken(enrolled) in said.out) == (0, True)
    known = load_inventory(offline.bank).boxes[BOX]
    assert (known.signing, known.sealing_key) == (enrolled.signing, b64decode(enrolled.sealing_key))
    again = offline.accept()
    assert (again.code, "Boxes accepted: 0; known before: 1" in again.out) == (0, True)


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "maybe\n"])
def test_anything_else_takes_nothing(offline: Offline, answer: str) -> None:
    """No answer, an end of input and a no leave the inventory as it was, and the exit code says that it is no."""
    offline.enrolled(BOX)
    before = offline.files()
    assert offline.accept(typed=answer).code == 1
    assert offline.files() == before


def test_a_typed_fingerprint_stands_for_the_yes(offline: Offline) -> None:
    """However it is spelt it must be the box's; another one is exit code 1 and nothing is taken."""
    enrolled = offline.enrolled(BOX)
    before = offline.files()
    other = spoken_fingerprint(enrolled.signing, spki(key(9).public_key()))
    said = offline.accept("--yes-fingerprint", other)
    assert (said.code, "compare again" in said.out) == (1, True)
    assert offline.accept("--yes-fingerprint", "").code == 1
    assert offline.files() == before
    spelt = _spoken(enrolled).lower().replace(" ", ":")
    assert offline.accept("--yes-fingerprint", spelt).code == 0
    assert BOX in load_inventory(offline.bank).boxes


@pytest.mark.parametrize("changed", [{"signing": 500}, {"sealing": 501}])
def test_other_keys_of_a_known_box_are_refused(offline: Offline, changed: dict[str, int]) -> None:
    """A stolen enrolment machine cannot exchange a box's keys; the next step for an honest new machine is named."""
    offline.enrol(BOX)
    offline.enrolled(BOX, **changed)
    before = offline.files()
    said = offline.accept(typed="y\n")
    assert (said.code, "provision replace 0755-031" in said.out) == (1, True)
    assert offline.files() == before


def test_keys_of_another_box_are_a_copied_disk(offline: Offline) -> None:
    """Two boxes of one key are one disk copied: neither a known one's nor a second file's keys are taken."""
    offline.write_site("0755-032", 32)
    offline.enrol("0755-032-a")
    offline.enrolled(BOX)
    assert "a disk was copied" in offline.accept(typed="y\n").out
    (offline.bank / "boxes" / "0755-032-a.toml").unlink()
    offline.enrolled("0755-032-a")
    said = offline.accept(typed="y\ny\n")
    assert (said.code, "a disk was copied" in said.out, "Boxes accepted: 1" in said.out) == (1, True, True)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"site": "0755-099"}, "no box 0755-031-a at site 0755-099"),
        ({"box": "0755-031-b"}, "is called otherwise"),
        ({"sealing_key": "AAAA"}, "no file of an enrolled box"),
        ({"sealing_key": "\u00e9"}, "no file of an enrolled box"),
    ],
)
def test_a_file_that_does_not_fit_is_told_and_left(offline: Offline, changes: dict[str, Any], part: str) -> None:
    """A foreign site, another name, no key: exit code 1, the file named, the inventory as it was."""
    offline.enrolled(BOX, **changes)
    before = offline.files()
    said = offline.accept(typed="y\n")
    assert (said.code, part in said.out, f"{BOX}.json" in said.out) == (1, True, True), said.out
    assert offline.files() == before


def test_one_torn_file_keeps_no_other_box_out(offline: Offline) -> None:
    """What can be read is asked about; the torn file is told and costs exit code 1."""
    offline.enrolled(BOX)
    (offline.folder / "enrolled" / "0755-032-a.json").write_bytes(b'{"v": 1, "box"')
    said = offline.accept(typed="y\n")
    assert (said.code, "Boxes accepted: 1" in said.out) == (1, True)


def test_a_stolen_machines_folder_neither_writes_lines_nor_holds_up(offline: Offline) -> None:
    """Names of files that show another fingerprint before the question, links to the officer's own files, a pipe."""
    enrolled = offline.enrolled(BOX)
    folder = next(offline.bank.parent.rglob(f"{BOX}.json")).parent
    (folder / "0\x1b[2J\n  fingerprint: AAAA.json").write_bytes(b"{}")
    (folder / "link.json").symlink_to(folder / f"{BOX}.json")
    os.mkfifo(folder / "pipe.json")
    said = offline.accept("--yes-fingerprint", _spoken(enrolled))
    assert said.code == 1, "three files are none"
    assert "\x1b" not in said.out
    assert [line for line in said.out.splitlines() if "fingerprint" in line and "AAAA" not in line]
    assert not any(line.startswith("  fingerprint: AAAA") for line in said.out.splitlines())
    assert said.out.count("no file of an enrolled box") == 3
    assert BOX in load_inventory(offline.bank).boxes


def test_a_folder_that_is_not_there_is_one_sentence(offline: Offline) -> None:
    """Exit code 2 and the folder's name."""
    said = offline.accept()
    assert (said.code, len(said.err.splitlines()), "enrolled" in said.err) == (2, 1, True)


def test_secrets_are_sealed_to_what_was_accepted(offline: Offline) -> None:
    """From the enrolment machine's file to a bundle of which the box's key opens the secret."""
    offline.enrolled(BOX, sealing=700)
    offline.accept(typed="y\n")
    offline.write_secrets('[secrets]\ncameras = "Tidal-Lantern-7"\n')
    assert offline.build("--secrets", offline.secrets).code == 0
    sealed = offline.given().sealed["cameras"]
    assert open_secret(sealed, box=BOX, name="cameras", key=key(700)) == b"Tidal-Lantern-7"
    assert b64encode(b"Tidal-Lantern-7") not in (offline.bundles / f"{BOX}.json").read_bytes()
