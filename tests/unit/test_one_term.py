"""The words of the centre in Chinese: one for one thing, on every page, in every notice and in the rules' page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "protocol/texts/zh_CN/LC_MESSAGES/branchwatch.po"
ONE_TERM = {
    "接警台": ("监控台", "值班台", "值守台"),
    "接警": ("无人受理", "有人受理", "已受理"),
    "处置人": ("受理人",),
    "载入": ("装入规则", "未装入", "}装入"),
    "接警时限": ("响应时限", "处警时限"),
    "核查处置": ("跟进",),
    "核实评分": ("研判等级", "核实等级"),
    "通道": ("渠道",),
    "逐级上报": ("警情升级", "升级通知"),
    "审核": ("复核",),
}
"""The word of the screens, and others that mean the same."""


def _texts() -> Iterator[tuple[str, str]]:
    chinese = "".join(re.findall(r'^msgstr (?:".*"\n)+', CATALOGUE.read_text("utf-8"), re.MULTILINE))
    yield CATALOGUE.name, chinese
    for name in ("docs/escalation.zh-CN.md", "docs/notices.zh-CN.md", "collector/notify/texts/zh-CN.toml"):
        yield name, (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("word", ONE_TERM)
def test_one_thing_has_one_word(word: str) -> None:
    """Whoever read the page of rules finds its words again at the desk and on the telephone."""
    texts = dict(_texts())
    assert any(word in text for text in texts.values())
    others = [(name, other) for name, text in texts.items() for other in ONE_TERM[word] if other in text]
    assert not others
