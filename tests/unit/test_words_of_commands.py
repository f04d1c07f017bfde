"""What commands say to the person who typed them: in the language of the environment, whole, in both languages."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import branchwatch
from agent.history import as_text
from protocol.texts import SaidError, system_said, texts_for, told

CHINESE = re.compile(r"[\u4e00-\u9fff]")
WRONG = [
    ["simulate", "act", "--dir", "nowhere", "0755-031", "dual-open"],
    ["simulate", "act", "--dir", "nowhere", "one-word"],
    ["provision", "crl", "--dir", "nowhere"],
    ["provision", "issue", "box", "UPPER", "--dir", "ca", "--out", "kit"],
    ["provision", "check", "--inventory", "nowhere"],
    ["provision", "code", "Li Na"],
    ["provision", "import", "nowhere.csv", "--inventory", "nowhere"],
    ["provision", "inventory", "new", "--dir", "."],
    ["provision", "people", "accept", "nowhere.json", "--inventory", "nowhere", "--may", "fly"],
    ["collector", "check", "--config", "nowhere.toml"],
    ["agent", "history", "--state", "nowhere"],
    ["agent", "check", "nowhere.toml"],
    ["agent", "check", "wrong-site.toml"],
    ["agent", "check", "--live"],
    ["agent", "acceptance", "--state", "x", "--installer-key", "k"],
    ["agent", "acceptance", "--state", "x", "--page", "--listen", "a b"],
    ["collector", "check", "--config", "wrong-centre.toml"],
    ["verify", "nowhere.ndjson"],
    ["agent"],
    ["agent", "chek", "site.toml"],
    ["agent", "history", "--state", "x", "--last", "many"],
    ["agent", "check", "site.toml", "--wat"],
    ["agent", "run", "--config"],
    ["collector", "export", "--config", "a", "--dir", "b", "--out", "c"],
    ["collector", "backup"],
    ["collector", "backup", "key", "--out", "no/where"],
    ["collector", "restore", "nowhere.tar.age", "--identity", "nowhere", "--into", "x"],
    ["collector", "restore", "nowhere.tar.age", "--identity", "nowhere"],
    ["order", "arm", "UPPER"],
    ["order", "disarm", "0755-031", "cash", "--console", "http://192.0.2.1"],
    ["order", "test", "0755-031", "cash", "--for", "9h"],
    ["order", "bypass", "0755-031", "glass-2", "--for", "soon"],
    ["order", "reset-latch", "0755-031"],
    ["order", "show", "one"],
    ["order", "list", "--dir", "nowhere"],
    ["order", "list", "--as", "zhao"],
    ["order", "keygen", "nowhere/zhao.pem", "--no-passphrase"],
    ["request", "announce", "0755-031", "LEAVE"],
]
Typed = Callable[[list[str], str], tuple[int, str]]
HELP = [
    *(["demo"], ["simulate"], ["simulate", "act"], ["simulate", "branch"], ["simulate", "fleet"], ["verify"]),
    *(["provision"], ["provision", "authority", "new"], ["provision", "issue"], ["provision", "broker"]),
    *(["provision", "check"], ["provision", "import"], ["provision", "inventory", "new"]),
    *(["provision", "people"], ["provision", "people", "accept"]),
    *(
        ["provision", "revoke"],
        ["provision", "crl"],
        ["collector"],
        ["collector", "serve"],
        ["collector", "export"],
        ["collector", "backup"],
        ["collector", "restore"],
    ),
    *(["order"], ["request"], ["request", "announce"], ["request", "health"]),
    *(["order", word] for word in ("arm", "disarm", "bypass", "unlock", "lock", "output", "reset-latch", "test")),
    *(["order", word] for word in ("silence", "list", "show", "approve", "withdraw", "keygen", "register")),
    *(["agent"], ["agent", "acceptance"], ["agent", "run"], ["agent", "check"], ["agent", "history"]),
    *(["agent", "arm"], ["agent", "disarm"], ["provision", "code"]),
]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type a command line in an empty folder, with this language around; gives the exit code and what was printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong-site.toml").write_text('id = "0755-031"\nname = 3\ntimezone = "Asia/Shangai"\nwat = [1,]\n')
    (tmp_path / "wrong-centre.toml").write_text('id = "centre-1"\nlisten = "8080"\n[[person]]\nid = "li"\n')

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
    said = typed([*words, "--help"], "zh_CN.UTF-8")[1]
    assert said.startswith("用法：")
    assert not re.search(r"usage|options|positional|show this|examples?:|exit code", said, re.IGNORECASE)
    assert not CHINESE.search(typed([*words, "--help"], "C")[1])


def test_no_english_is_left_in_chinese_help(typed: Typed) -> None:
    """Of `branchwatch agent check --help` only names are in Latin letters: the command, its options, its file."""
    said = typed(["agent", "check", "--help"], "zh_CN.UTF-8")[1]
    names = {"branchwatch", "agent", "check", "h", "help", "SITE", "site", "toml"}
    names |= {"live", "Ctrl", "C", "state", "DIR", "var", "lib", "for", "s", "json"}
    assert set(re.findall(r"[A-Za-z]+", said)) == names


@pytest.mark.parametrize("language", ["zh", "zh_CN.UTF-8", "zh_HK"])
def test_argparse_speaks_as_the_rest_does(language: str, typed: Typed) -> None:
    """Whatever name of Chinese the environment has, usage and error are in it."""
    code, said = typed(["agent", "site", "apply"], language)
    assert code == 2
    assert (
        said == "用法：branchwatch agent site apply [-h] [--state DIR] FILE\n"
        "branchwatch agent site apply：错误：缺少必需的参数：FILE\n"
    )


def test_what_an_outbox_holds_is_counted_in_chinese() -> None:
    """`branchwatch agent history`: lanes, states and holes in the reader's words."""
    summary = {
        "lanes": {"urgent": {"receipted": 7}},
        "holes": [{"lane": "routine", "first": 3, "last": 5, "cause": "shed", "told": 6}],
    }
    assert list(as_text(summary, [], texts_for("zh-CN"))) == [
        "紧急通道：7 已回执",
        "普通通道第 3 至 5 号缺失（已舍弃），由普通通道第 6 号说明",
    ]
    assert list(as_text(summary, [], texts_for("en"))) == [
        "urgent: 7 receipted",
        "hole in routine: 3 to 5 (shed), explained by routine 6",
    ]


def test_the_systems_words_are_translated() -> None:
    """What a file or an address can usually be refused for has a Chinese sentence; another stands as it came."""
    usual = ("ENOENT", "EACCES", "EISDIR", "ENOTDIR", "ENOSPC", "EROFS", "EIO", "EADDRINUSE", "EADDRNOTAVAIL")
    for name in usual:
        number = getattr(errno, name)
        error = OSError(number, os.strerror(number))
        assert CHINESE.search(system_said(error).told(texts_for("zh-CN"))), name
        assert str(system_said(error)) == error.strerror
    taken = OSError(98, "Address already in use (while attempting to bind on address ('192.0.2.7', 8443))")
    assert system_said(taken).told(texts_for("zh-CN")) == "地址已被占用"
    assert system_said(OSError(1, "odd {words}")).told(texts_for("zh-CN")) == "odd {words}"


def test_faults_keep_their_form_in_chinese(typed: Typed) -> None:
    """File and line as every editor knows them, then the sentence."""
    lines = typed(["agent", "check", "wrong-site.toml"], "zh_CN.UTF-8")[1].splitlines()
    assert lines == [
        "wrong-site.toml:1: 缺少 unit",
        "wrong-site.toml:2: name 须为文本，而不是数值",
        "wrong-site.toml:3: 没有时区“Asia/Shangai”；是否应为“Asia/Shanghai”？",
        "wrong-site.toml:4: 无法识别的键“wat”",
        lines[-1],
    ]


def test_an_error_is_told_where_it_is_caught() -> None:
    """It carries the sentence and what fills it: English for logs, the reader's words for the reader."""
    error = SaidError("{path} is no certificate in PEM", path="a.pem")
    assert str(error) == told(error, texts_for("en")) == "a.pem is no certificate in PEM"
    assert told(error, texts_for("zh-CN")) == "a.pem 不是 PEM 证书"
    assert told(OSError("as it is"), texts_for("zh-CN")) == "as it is"


EVERY_WORD = [
    *(["provision", word] for word in ("authority", "enrolment", "inventory", "people", "boxes", "issue", "renew")),
    *(["provision", word] for word in ("revoke", "crl", "audit", "broker", "check", "import", "token", "serve")),
    *(["provision", word] for word in ("readmit", "replace", "kit", "lock", "build", "sign", "show")),
    *(["provision", *words] for words in (("authority", "new"), ("enrolment", "new"), ("inventory", "new"))),
    *(["provision", *words] for words in (("people", "accept"), ("boxes", "accept"))),
    *(["collector", word] for word in ("serve", "check", "migrate", "export", "backup", "restore", "deliver")),
    *(["collector", word] for word in ("registrations", "token", "password")),
    *(["order", word] for word in ("arm", "disarm", "bypass", "unlock", "lock", "output", "reset-latch", "test")),
    *(["order", word] for word in ("silence", "list", "show", "approve", "withdraw", "keygen", "register")),
    *(["request", word] for word in ("announce", "health")),
]


@pytest.fixture
def _somebody_types() -> Iterator[None]:
    """A line on standard input, for words that read a password there."""
    before, sys.stdin = sys.stdin, io.StringIO("tidal-lantern-orchid\n")
    yield
    sys.stdin = before


@pytest.mark.usefixtures("_somebody_types")
@pytest.mark.parametrize("words", EVERY_WORD, ids=" ".join)
def test_every_word_shows_how_it_is_typed(words: list[str], typed: Typed) -> None:
    """Its help has an example that begins with the word itself and parses: every option is one that it has."""
    example = typed([*words, "--help"], "C")[1].partition("example:")[2]
    lines = [line.strip() for line in example.splitlines() if line.strip().startswith("branchwatch ")]
    assert lines
    assert any(line.split()[1 : len(words) + 1] == words for line in lines), lines
    for line in lines:
        parts = line.partition(" <")[0].partition(" && ")[0].split("   ")[0].split()[1:]
        missing = typed(parts, "C")[1]
        assert "usage:" not in missing, missing
        assert "should not have happened" not in missing, missing
