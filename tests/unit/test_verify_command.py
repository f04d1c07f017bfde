"""`branchwatch verify` as an auditor types it: one sentence of verdict, an honest word on the root, an exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.certificates import Role
from protocol.command import main
from protocol.kinds import Lane
from provisioning.authority import Authority
from tests.ledgers import NOW, PaperBox, PaperExport
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


def test_what_is_wrong_is_told_in_the_readers_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same ledger with its tail cut off: Chinese for a Chinese auditor, one and the same report for a program."""
    (tmp_path / "cut.ndjson").write_bytes(b"".join(LEDGER.read_bytes().splitlines(keepends=True)[:-1]))
    reports = []
    for language, sentence in (
        ("C", "NOT SOUND: missing: the file has no manifest at its end: its tail was cut off (record "),
        ("zh_CN.UTF-8", "不完好：缺失：文件末尾没有清单：尾部已被截去（第 "),
    ):
        monkeypatch.setenv("LC_ALL", language)
        assert main([str(tmp_path / "cut.ndjson")]) == 1
        assert sentence in capsys.readouterr().out
        assert main([str(tmp_path / "cut.ndjson"), "--json"]) == 1
        reports.append(json.loads(capsys.readouterr().out))
    assert reports[0] == reports[1]
    assert reports[0]["problems"][0]["text"] == "the file has no manifest at its end: its tail was cut off"


def _excused(authority: Authority) -> list[bytes]:
    """A sound export of a box with a damaged urgent record, whose store was set back afterwards."""
    centre = PaperBox(authority, id="centre-north", site="centre-north", role=Role.COLLECTOR)
    box = PaperBox(authority)
    export = PaperExport(authority, centre)
    export.signer(centre)
    export.signer(box)
    export.events(box, box.opened(Lane.URGENT))
    before = box.tips[Lane.URGENT].hash
    box.line("door.forced")
    hole: dict[str, Any] = {"from": 2, "to": 2, "first_prev": before, "last_hash": box.tips[Lane.URGENT].hash}
    export.events(box, box.line("door.forced"))
    export.events(box, box.opened(Lane.ROUTINE))
    tip = box.tips[Lane.ROUTINE]
    export.events(box, box.line("ledger.shed", lane="urgent", **hole))
    box.restart()
    box.tips[Lane.ROUTINE] = tip
    export.events(box, box.opened(Lane.ROUTINE))
    export.events(centre, centre.opened(Lane.URGENT))
    export.events(centre, centre.line("ledger.rollback", box=box.id, lane="routine", run=box.run))
    return export.finish()


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "C",
            (
                "0755-031-a: 1 events are gone from the urgent lane; the box signed for the hole",
                "0755-031-a routine: the store was set back before run ",
                "SOUND: nothing missing",
            ),
        ),
        ("zh_CN.UTF-8", ("0755-031-a：紧急通道缺失 1 条事件", "之前存储被回退，监控中心已有记录", "完好")),
    ],
)
def test_what_is_excused_is_said_all_the_same(
    language: str,
    sentences: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A sound ledger may hold a recorded rollback and a signed urgent hole: each has a line of its own."""
    (tmp_path / "ledger.ndjson").write_bytes(b"".join(_excused(Authority.create(now=NOW))))
    monkeypatch.setenv("LC_ALL", language)
    assert main([str(tmp_path / "ledger.ndjson")]) == 0
    printed = capsys.readouterr().out
    assert [sentence for sentence in sentences if sentence not in printed] == []


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
