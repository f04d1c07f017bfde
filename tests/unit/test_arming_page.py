"""docs/arming.md and its Chinese twin: every reason is explained, both say the same, the drawing is the table's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.arming.table import TABLE, Stage, Step, Trigger
from collector.console.wording import Wording
from protocol.texts import LANGUAGES, texts_for
from scripts.arming_drawing import BEGIN, END, PAGES, STAGES, TRIGGERS, drawn, pages

ROOT = Path(__file__).parents[2]
TEXTS = {language: (ROOT / "docs" / name).read_text(encoding="utf-8") for language, name in PAGES.items()}
JUDGES = (
    *("agent/orders/admission.py", "agent/orders/rights.py", "agent/arming/permitted.py", "agent/arming/codes.py"),
    *("agent/arming/arming.py", "agent/arming/panel_moves.py", "agent/guard.py", "agent/local/arming.py"),
    *("protocol/orders.py", "agent/conversation.py"),
)
SAID = re.compile(
    r'(?:reason=|refused=|fault=|Error\(|return |else |then |, |: )"'
    r'([a-z]+(?:_[a-z]+)+|stale|expired|repeated|role|unit|duty|busy|interlock|unknown|fire|malformed)"'
)
NO_REASONS = frozenset(
    {"atm_service", "down_of", "no_loudspeaker", "release_s", "reset_latch", "run_test", "too_soon", "unknown_head"}
)
"""Words of the same form that those files say of something else, or of requests, which need nobody's approval."""

WORD = re.compile(r"`([a-z]+(?:_[a-z]+)*)`")
ONE_TERM = {
    "布防": ("设防",),
    "撤防": ("解防", "撤布防"),
    "前端主机": ("盒子", "前端机"),
    "布撤防开关": ("锁匙开关", "钥匙开关"),
    "接警台": ("监控台", "值班台"),
    "值班员": ("操作员",),
    "安全保卫员": ("保安员",),
    "手动复位": ("消警",),
    "警号": ("警笛", "声光报警器"),
    "人员名册": ("花名册",),
    "防护目标": ("站点",),
    "批准": ("审批",),
    "远程开门": ("远程解锁",),
}
"""The word of the screens, and others that mean the same."""


def reasons(language: str) -> set[str]:
    """The words that section 10 explains."""
    table = TEXTS[language].split("\n## 10. ")[1].split("\n## ")[0]
    return {word for row in table.splitlines() if row.startswith("| `") for word in WORD.findall(row.split("|")[1])}


def said_by_the_box() -> set[str]:
    """Every word that the box gives for refusing an order, a code, a switch or a panel."""
    found = {word for file in JUDGES for word in SAID.findall((ROOT / file).read_text(encoding="utf-8"))}
    return found - NO_REASONS


@pytest.mark.parametrize("language", PAGES)
def test_every_word_of_a_refusal_is_explained(language: str) -> None:
    """Nobody stands before a word that the page does not explain in plain words, with what to do."""
    words = said_by_the_box()
    assert {"needs_people", "not_ready", "roster_older", "code_hours", "no_such_door", "not_encrypted"} <= words
    assert words <= reasons(language), words - reasons(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_a_refusal_has_words_at_the_desk(language: str) -> None:
    """No operator reads `code_partition`: the centre's sentence for a refused order says why in his language."""
    wording = Wording(texts=texts_for(language), names={}, people=lambda person: person)
    for word in reasons(language):
        told = wording.headline("order.refused", "box/orders", {"reason": word})
        assert word not in told or "_" not in word, told
        assert language == "en" or not re.search("[a-z]", told), told


def test_both_pages_say_the_same() -> None:
    """The same sections, rows, words and commands in both languages: neither grows alone."""
    english, chinese = TEXTS.values()
    for count in (r"^## ", r"^### ", r"^\|", r"^ *\d\. |^- "):
        assert len(re.findall(count, english, re.MULTILINE)) == len(re.findall(count, chinese, re.MULTILINE)), count
    assert reasons("en") == reasons("zh-CN")
    commands = re.compile(r"branchwatch [a-z]+ [^`\n]*")
    assert sorted(commands.findall(english)) == sorted(commands.findall(chinese))


def test_one_chinese_word_for_one_thing() -> None:
    """The page says what the screens say, and nothing else for it."""
    text = TEXTS["zh-CN"]
    for right, others in ONE_TERM.items():
        assert right in text, right
        assert not [each for each in others if each in text.replace(right, "")], right


@pytest.mark.parametrize("language", PAGES)
def test_the_drawing_is_the_table(language: str) -> None:
    """What stands between the marks is what the table gives now, with a word for every stage and trigger."""
    path = ROOT / "docs" / PAGES[language]
    assert pages()[path] == TEXTS[language], "run: python -m scripts.diagrams"
    assert TEXTS[language].count(BEGIN) == TEXTS[language].count(END) == 1
    assert STAGES.keys() == set(Stage)
    assert TRIGGERS.keys() == set(Trigger)
    changing = {(a, b) for (a, _), (b, steps) in TABLE.items() if a is not b and Step.REFUSE not in steps}
    assert drawn(language).count(" --> ") == len(changing) + 1
