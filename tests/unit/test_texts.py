"""The catalogue: whatever is said to people is said in both languages."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from collector.alarms.lifecycle import Resolution
from collector.console import desk_words, sentences
from collector.people import PersonRole
from collector.storage.records import AlarmState
from protocol.audit_lanes import Fault
from protocol.kinds import KINDS
from protocol.texts import FOLDER, LANGUAGES, match_language, texts_for, texts_for_user

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agent", "collector", "ordering", "protocol", "provisioning", "simulator")
TEMPLATES = ROOT / "collector" / "console" / "templates"
KEYWORDS = {"_": None, "N_": None, "texts": None, "say": None, "_say": None, "said": None, "Said": None}
"""Functions whose first argument is a message id."""
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _said_in_code() -> Iterator[tuple[str, str]]:
    files = [ROOT / "branchwatch.py", *(path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")))]
    for path in files:
        for _, message, _, _ in extract_from_file("python", path, keywords=KEYWORDS):
            if isinstance(message, str):
                yield message, path.relative_to(ROOT).as_posix()


def _said_in_templates() -> Iterator[tuple[str, str]]:
    for path in sorted(TEMPLATES.glob("*.html")):
        for call in Environment(autoescape=True).parse(path.read_text()).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "_":
                (message,) = call.args
                assert isinstance(message, nodes.Const), f"{path.name}: a text is not written out"
                yield message.value, path.name


def _catalogue() -> set[str]:
    with (FOLDER / "zh_CN" / "LC_MESSAGES" / "branchwatch.po").open("rb") as stream:
        return {str(message.id) for message in read_po(stream) if message.id}


def test_everything_said_stands_in_the_catalogue() -> None:
    """A text in code or a page that has no Chinese twin is named here; add it to protocol/texts."""
    known = _catalogue()
    missing = [f"{place}: {text!r}" for text, place in (*_said_in_code(), *_said_in_templates()) if text not in known]
    assert not missing, "\n".join(missing)


FOR_PROGRAMMERS = re.compile(
    r"conflict|not defined|mode %r|merge|positionals|option string %|dest=|must be optional|calla"
)
"""What argparse says of a parser that is built wrongly; nobody who types a command meets it."""


def test_argparses_own_words_stand_in_the_catalogue() -> None:
    """Usage, headings and errors of every command have a Chinese twin."""
    known = _catalogue()
    keywords = {"_": None, "ngettext": (1, 2)}
    found: set[str] = set()
    for _, message, _, _ in extract_from_file("python", argparse.__file__, keywords=keywords):
        found |= {message} if isinstance(message, str) else set(message)
    assert "usage: " in found
    assert {each for each in found - known if not FOR_PROGRAMMERS.search(each)} <= {
        "cannot have multiple subparser arguments"
    }


def test_what_a_setting_must_be_is_marked() -> None:
    """The rule that a setting's type carries is told to people: `description=N_(...)`."""
    files = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
    rules = [
        (path.name, keyword.value)
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Meta"
        for keyword in node.keywords
        if keyword.arg == "description"
    ]
    assert rules
    assert [(name, ast.unparse(rule)) for name, rule in rules if not ast.unparse(rule).startswith("N_(")] == []


def test_templates_say_nothing_past_the_catalogue() -> None:
    """No sentence stands in a page itself: words between tags come through `_` or from data."""
    written = re.compile(r">([^<>{}]*[A-Za-z\u4e00-\u9fff][^<>{}]*)<")
    allowed = {"?", "Branchwatch", "Branchwatch API", "OpenAPI", " · RFC 9457 · ", "Ctrl ↵", "Esc"}
    found = [
        f"{path.name}: {words!r}"
        for path in sorted(TEMPLATES.glob("*.html"))
        for words in written.findall(
            re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<kbd>.</kbd>", "{}", path.read_text(), flags=re.DOTALL)
        )
        if words.strip() and words not in allowed
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_both_languages(kind: str) -> None:
    """Title and explanation of each kind in Chinese and English."""
    chinese, english = texts_for("zh-CN"), texts_for("en")
    for text in (KINDS[kind].title, KINDS[kind].explanation):
        assert english(text) == text
        assert CHINESE.search(chinese(text)), text


def test_every_state_role_and_code_has_both_languages() -> None:
    """Nothing that an alarm, a person, a point or a resolution can be lacks a word."""
    assert set(desk_words.STATES) == set(AlarmState)
    assert set(desk_words.ROLES) == set(PersonRole)
    assert set(desk_words.RESOLUTIONS) == set(Resolution)
    chinese = texts_for("zh-CN")
    words = [*desk_words.STATES.values(), *desk_words.ROLES.values(), *desk_words.RESOLUTIONS.values()]
    for word in (*words, *sentences.STATES.values(), *sentences.STATES_OF.values(), *sentences.FAMILIES.values()):
        assert CHINESE.search(chinese(word)), word


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_of_a_ledger_has_both_languages(fault: Fault) -> None:
    """What `branchwatch verify` can find has a word."""
    assert CHINESE.search(texts_for("zh-CN")(fault.value))


def test_chinese_uses_the_branchs_words() -> None:
    """A sample of TERMS: acknowledging is 接警, an alarm on the desk is 警情, a resolved one waits for 审核."""
    chinese = texts_for("zh-CN")
    assert chinese("Acknowledge") == "接警"
    assert chinese("False alarm") == "误报"
    assert chinese("Resolved, to be reviewed") == "待审核"
    assert chinese("Two histories under one identity").startswith("主机身份重复")


@pytest.mark.parametrize(
    ("tag", "served_by"),
    [
        ("zh", "zh-CN"),
        ("zh_CN", "zh-CN"),
        ("zh-Hans-CN", "zh-CN"),
        ("en-GB", "en"),
        ("EN", "en"),
        ("fr", None),
        ("", None),
    ],
)
def test_a_reader_is_served_by_the_nearest_language(tag: str, served_by: str | None) -> None:
    """A wider or narrower tag finds its catalogue; another language finds none."""
    assert match_language(tag) == served_by


def test_every_language_is_there() -> None:
    """The compiled catalogues exist; English is what the message ids say."""
    assert [texts_for(language)("closed") for language in LANGUAGES] == ["关闭", "closed"]


@pytest.mark.parametrize(
    ("environment", "word"),
    [({"LANG": "zh_CN.UTF-8"}, "关闭"), ({"LANG": "C"}, "closed"), ({"LC_ALL": "zh", "LANG": "en"}, "关闭")],
)
def test_a_command_speaks_the_language_of_its_environment(
    environment: dict[str, str], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """POSIX order: LC_ALL, then LC_MESSAGES, then LANG; English where none is ours."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert texts_for_user()("closed") == word


OTHER_WORDS = {
    "清册": "台账",
    "证书机构": "签发机构",
    "签发方": "签发者",
    "注册服务器": "注册服务",
    "人员名单": "人员名册",
    "登记码": "注册码",
    "安装人员": "安装调试员",
    "安全保卫人员": "安全保卫员",
    "安全管理员": "安全保卫员",
    "盒子": "前端主机",
}
"""What was once said beside the word that stands: one thing has one name."""


def test_one_thing_has_one_name() -> None:
    """No second word for a thing, and the box is never only a host, which at a bank is the alarm panel."""
    with (FOLDER / "zh_CN" / "LC_MESSAGES" / "branchwatch.po").open("rb") as stream:
        said = [message.string for message in read_po(stream) if isinstance(message.string, str)]
    other = [text for text in said for word in OTHER_WORDS if word in text]
    host = re.compile(r"(?<!前端)(?<!报警)主机(?!名|身份|可能|:)")
    alone = [text for text in said if host.search(text) and "无法到达主机" not in text]
    assert not [*other, *alone]
