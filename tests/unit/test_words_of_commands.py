"""What commands say to the person who typed them: in the language of the environment, whole, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import branchwatch
from protocol.texts import SaidError, texts_for, told

CHINESE = re.compile(r"[\u4e00-\u9fff]")
WRONG = [
    ["simulate", "act", "--dir", "nowhere", "0755-031", "dual-open"],
    ["simulate", "act", "--dir", "nowhere", "one-word"],
    ["provision", "crl", "--dir", "nowhere"],
    ["provision", "issue", "box", "UPPER", "--dir", "ca", "--out", "kit"],
    ["collector", "check", "--config", "nowhere.toml"],
    ["agent", "history", "--state", "nowhere"],
]
Typed = Callable[[list[str], str], tuple[int, str]]
HELP = [["demo"], ["simulate", "act"], ["simulate", "fleet"], ["provision", "broker"], ["collector"], ["agent", "run"]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type a command line in an empty folder, with this language around; gives the exit code and what was printed."""
    monkeypatch.chdir(tmp_path)

    def run(words: list[str], language: str) -> tuple[int, str]:
        monkeypatch.setenv("LC_ALL", language)
        code = branchwatch.main(words)
        seen = capsys.readouterr()
        return code, seen.out + seen.err

    return run


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_is_wrong_is_said_in_both_languages(words: list[str], typed: Typed) -> None:
    """Exit code 2 and one sentence, Chinese for a Chinese reader and English for others, with its places filled."""
    typed(["provision", "authority", "new", "--no-passphrase", "--dir", "ca"], "C")
    for language, chinese in (("zh_CN.UTF-8", True), ("en_US.UTF-8", False)):
        code, said = typed(words, language)
        assert code == 2, said
        assert bool(CHINESE.search(said)) is chinese, said
        assert not re.search(r"[{}]|Traceback", said)


@pytest.mark.parametrize("words", HELP, ids=" ".join)
def test_help_is_in_both_languages(words: list[str], typed: Typed) -> None:
    """What a command does and what its options mean."""
    assert CHINESE.search(typed([*words, "--help"], "zh_CN.UTF-8")[1])
    assert not CHINESE.search(typed([*words, "--help"], "C")[1])


def test_an_error_is_told_where_it_is_caught() -> None:
    """It carries the sentence and what fills it: English for logs, the reader's words for the reader."""
    error = SaidError("{path} is no certificate in PEM", path="a.pem")
    assert str(error) == told(error, texts_for("en")) == "a.pem is no certificate in PEM"
    assert told(error, texts_for("zh-CN")) == "a.pem 不是 PEM 证书"
    assert told(OSError("as it is"), texts_for("zh-CN")) == "as it is"
