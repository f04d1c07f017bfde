"""`--state` of the words of `agent`: one default, and one sentence for whoever may not look into the folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import branchwatch
from agent import command, state_option
from protocol.texts import texts_for

WORDS = (
    ["run"],
    ["history"],
    ["health"],
    ["site", "show"],
    ["check", "--live", "--for", "1s"],
    ["renew"],
    ["acceptance"],
)


def _typed(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = branchwatch.main(["agent", *words])
    seen = capsys.readouterr()
    return code, seen.out + seen.err


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_word_knows_where_the_kit_puts_a_box(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without --state each word looks where install.sh and the units have the box's folder."""
    parsed = command._parser(texts_for("en")).parse_args(words)
    folder = parsed.state if words[0] in {"history", "health", "site", "renew", "acceptance"} else None
    assert folder in {None, Path("/var/lib/branchwatch")}
    if not Path("/var/lib/branchwatch").exists():
        code, said = _typed(words, capsys)
        assert "/var/lib/branchwatch" in said or words == ["health"], said
        assert code in {1, 2, 3}


def test_a_file_to_be_tried_out_writes_nowhere_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`agent run --config` asks for a folder: it never fills the one of an installed box."""
    code, said = _typed(["run", "--config", str(tmp_path / "site.toml")], capsys)
    assert (code, "--state" in said) == (2, True), said


@pytest.mark.skipif(os.geteuid() != 0, reason="a folder is closed to nobody but to another user")
@pytest.mark.parametrize("words", [*WORDS, ["enrol", "--code", "x"], ["site", "apply", "f"]], ids=" ".join)
def test_another_user_is_told_to_be_root(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An installer who is not root reads one sentence with the next step, whatever he typed, and no fault of ours."""
    box = tmp_path / "box"
    box.mkdir(mode=0o700)
    os.seteuid(65534)
    try:
        code, said = _typed([*words, "--state", str(box)], capsys)
    finally:
        os.seteuid(0)
    assert (code, "run this as root" in said) == (2, True), said


def test_a_folder_that_is_not_there_is_left_to_the_word(tmp_path: Path) -> None:
    """Only a closed folder is refused here; what is missing, each word explains itself."""
    state_option.check_open(tmp_path / "nowhere")
    state_option.check_open(None)
