"""What is typed wrongly at the authority: refused in a sentence that says what to do, and nothing is made or lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from protocol.key_lock import is_locked
from provisioning import command

Typed = Callable[[str], tuple[int, str]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type words of `provision` in a folder that has the authority `ca`; gives the exit code and what was printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C")

    def run(words: str) -> tuple[int, str]:
        code = command.main(words.split())
        seen = capsys.readouterr()
        return code, seen.out + seen.err

    assert run("authority new --dir ca --no-passphrase")[0] == 0
    return run


def snapshot(folder: Path) -> Mapping[str, bytes | None]:
    """Every file and folder below, with content."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("path", ["ca/boxes/boxes.key", "out/centre-1.key", "out/0755-031-a.key", "out/broker-1.key"])
def test_the_key_of_a_program_is_never_locked(typed: Typed, tmp_path: Path, path: str) -> None:
    """Nobody is there to type its passphrase: enrolment, centre, broker or box would not start again."""
    for words in ("collector centre-1", "box 0755-031-a", "broker broker-1"):
        assert typed(f"issue {words} --dir ca --out out")[0] == 0
    before = snapshot(tmp_path)
    code, said = typed(f"lock {path} --passphrase-fd 99")
    assert (code, snapshot(tmp_path)) == (2, before)
    assert "is the key of a program" in said
    assert not is_locked((tmp_path / path).read_bytes())


MISTAKES = {
    "another authority's folder": ("issue person li-na --dir ca --out ca2", "the root of another authority"),
    "renewed into another authority's": ("renew out/zhang-wei.pem --dir ca --out ca2", "the root of another authority"),
    "a certificate is there": ("issue person li-na --dir ca --out kept", "already holds a certificate of li-na"),
    "named twice": ("issue box 0755-031-b 0755-031-b --dir ca --out new", '"0755-031-b" is named twice'),
    "no site in the id": ("issue box outlet --dir ca --out new", "--site SITE"),
    "enrolled by a code": ("revoke 0755-031-a --dir ca", "--enrolment DIR"),
}


@pytest.mark.parametrize(("words", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_slip_at_the_authority_loses_nothing(typed: Typed, tmp_path: Path, words: str, says: str) -> None:
    """Exit code 2, a sentence with the way out, and every file as it was, another authority's root among them."""
    assert typed("authority new --dir ca2 --no-passphrase")[0] == 0
    assert typed("issue person zhang-wei --dir ca --out out")[0] == 0
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "li-na.pem").write_bytes((tmp_path / "out" / "zhang-wei.pem").read_bytes())
    before = snapshot(tmp_path)
    code, said = typed(words)
    assert (code, snapshot(tmp_path)) == (2, before)
    assert says in said, said


def test_an_authority_put_together_of_two_issues_nothing(typed: Typed, tmp_path: Path) -> None:
    """A root of another authority, as a wrong copy leaves it, is found before anything is signed or handed out."""
    assert typed("authority new --dir ca2 --no-passphrase")[0] == 0
    (tmp_path / "ca" / "root.pem").write_bytes((tmp_path / "ca2" / "root.pem").read_bytes())
    before = snapshot(tmp_path)
    code, said = typed("issue person li-na --dir ca --out out")
    assert (code, snapshot(tmp_path)) == (2, before)
    assert "an issuer that its root did not make" in said


def test_the_authority_records_to_whom_its_boxes_issuer_went(typed: Typed, tmp_path: Path) -> None:
    """The one key that leaves it leaves a line, which names the record that goes on from there."""
    code, said = typed("enrolment new --dir ca --out enrolment")
    assert (code, "already" in said) == (0, False)
    run = (tmp_path / "enrolment" / "record.ndjson").read_text().partition('"run":"')[2].partition('"')[0]
    code, said = typed("audit --dir ca")
    assert (code, "issuer handed over" in said, run in said) == (0, True, True)


def test_a_second_enrolment_and_a_box_made_by_hand_are_told(typed: Typed, tmp_path: Path) -> None:
    """Neither knows of the other's boxes, so that an id could be given to two machines: said, not forbidden."""
    assert "may give its id away" not in typed("issue box 0755-030-a --dir ca --out kit")[1]
    assert typed("enrolment new --dir ca --out enrolment")[0] == 0
    code, said = typed("enrolment new --dir ca --out second")
    assert (code, "Two know nothing of each other's boxes" in said) == (0, True)
    code, said = typed("issue box 0755-031-a --dir ca --out kit")
    assert (code, "may give its id away" in said) == (0, True)
    assert "may give its id away" not in typed("issue person li-na --dir ca --out kit")[1]


def test_an_old_copy_of_the_enrolment_is_suspected(typed: Typed, tmp_path: Path) -> None:
    """Carried to the enrolling machine, its copy at home knows nobody who enrolled since: said where it matters."""
    assert typed("enrolment new --dir ca --out enrolment")[0] == 0
    before = snapshot(tmp_path / "ca")
    code, said = typed("revoke 0755-031-a --dir ca --enrolment enrolment")
    assert (code, "is it the newest one" in said, snapshot(tmp_path / "ca")) == (2, True, before)
