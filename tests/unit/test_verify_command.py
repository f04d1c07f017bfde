"""`branchwatch verify` as an auditor types it: one sentence of verdict, an honest word on the root, an exit code."""

import json
from pathlib import Path

import pytest

from protocol.command import main
from tests.vectors.generate import HERE

LEDGER = HERE / "ledger.ndjson"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The auditor's own copy of the root certificate."""
    vectors = json.loads((HERE / "vectors.json").read_text(encoding="utf-8"))
    path = tmp_path / "root.pem"
    path.write_text(vectors["certificates"]["root"])
    return path


def test_a_sound_ledger(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, what was checked, and that the root is the auditor's own."""
    assert main([str(LEDGER), "--trust", str(root)]) == 0
    said = capsys.readouterr().out
    assert "SOUND" in said
    assert "3 events" in said
    assert "root checked" in said


def test_without_a_root_it_claims_nothing_about_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0 and the fingerprint to compare, with the word NOT (WIRE 2.10)."""
    assert main([str(LEDGER)]) == 0
    assert "root NOT checked" in capsys.readouterr().out


@pytest.mark.parametrize("at", [40, 900, 2500, 4000, 5000, -3])
def test_one_altered_byte(at: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 and the record that is wrong, wherever the byte stands."""
    data = bytearray(LEDGER.read_bytes())
    data[at] ^= 1
    (tmp_path / "altered.ndjson").write_bytes(data)
    assert main([str(tmp_path / "altered.ndjson")]) == 1
    assert "NOT SOUND" in capsys.readouterr().out


def test_the_report_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` gives the same verdict as data."""
    assert main([str(LEDGER), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sound"] is True
    assert report["events"] == 3


def test_wrong_input_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file and a root that is no certificate: exit 2, the path, no traceback."""
    assert main([str(tmp_path / "nothing.ndjson")]) == 2
    assert main([str(LEDGER), "--trust", str(LEDGER)]) == 2
    said = capsys.readouterr().err
    assert "nothing.ndjson" in said
    assert "PEM" in said
    assert "Traceback" not in said


def test_rubbish_is_not_sound(tmp_path: Path) -> None:
    """An empty file, and one that is no ledger, are answered with exit 1, not with a crash."""
    for content in (b"", b"\n\n", b"\xff" * 100, b"{}\n" * 3):
        (tmp_path / "rubbish").write_bytes(content)
        assert main([str(tmp_path / "rubbish")]) == 1
