"""Draws a partition's table for docs/arming.md and its Chinese twin, between the page's own marks. Decides nothing.

Flow: agent/arming/table.py -> `drawn` -> the page's text, by `python -m scripts.diagrams`. A test keeps both current.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from agent.arming.table import TABLE, Stage, Step, Trigger

DOCS: Final = Path(__file__).parent.parent / "docs"
PAGES: Final[Mapping[str, str]] = {"en": "arming.md", "zh-CN": "arming.zh-CN.md"}
BEGIN, END = "<!-- drawn from agent/arming/table.py -->", "<!-- end of the drawing -->"
_BLOCK: Final = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)

STAGES: Final[Mapping[Stage, tuple[str, str]]] = {
    Stage.DISARMED: ("disarmed", "撤防"),
    Stage.ARMING: ("arming (exit delay)", "布防中(退出延时)"),
    Stage.ARMED_AWAY: ("armed, everybody out", "全部布防"),
    Stage.ARMED_STAY: ("armed, people inside", "部分布防"),
    Stage.ENTRY_DELAY: ("entry delay", "进入延时"),
    Stage.ALARM: ("alarm", "报警"),
    Stage.TEST: ("test", "测试"),
}
TRIGGERS: Final[Mapping[Trigger, tuple[str, str]]] = {
    Trigger.ARM_AWAY: ("arm", "布防"),
    Trigger.ARM_STAY: ("arm, people stay", "部分布防"),
    Trigger.DISARM: ("disarm", "撤防"),
    Trigger.RUN_TEST: ("test", "发起测试"),
    Trigger.EXIT_OVER_AWAY: ("exit delay over", "退出延时结束"),
    Trigger.EXIT_OVER_STAY: ("exit delay over, people stay", "退出延时结束(部分布防)"),
    Trigger.NOT_READY: ("not ready", "未就绪"),
    Trigger.ENTRY: ("a delayed zone acts", "延时防区触发"),
    Trigger.ACTS: ("another zone acts", "其他防区触发"),
    Trigger.ENTRY_OVER: ("entry delay over", "进入延时结束"),
    Trigger.RESET_AWAY: ("reset by hand", "手动复位"),
    Trigger.RESET_STAY: ("reset by hand, people stay", "手动复位(部分布防)"),
    Trigger.TEST_OVER: ("test over", "测试结束"),
    Trigger.TEST_OVER_AWAY: ("test over, was armed", "测试结束(原为全部布防)"),
    Trigger.TEST_OVER_STAY: ("test over, people stay", "测试结束(原为部分布防)"),
}


def with_drawing(text: str, language: str) -> str:
    """A page with its drawing as the table is now; only what stands between the marks changes."""
    return _BLOCK.sub(lambda _: f"{BEGIN}\n\n{drawn(language)}\n{END}", text)


def drawn(language: str) -> str:
    """The table as a picture, in words of that language; what changes nothing is left out."""
    column = list(PAGES).index(language)
    arrows: dict[tuple[Stage, Stage], list[str]] = {}
    for (before, trigger), (after, steps) in TABLE.items():
        if before is not after and Step.REFUSE not in steps:
            arrows.setdefault((before, after), []).append(TRIGGERS[trigger][column])
    joint = (" or ", "或")[column]
    lines = [f'    state "{words[column]}" as {stage}' for stage, words in STAGES.items()]
    lines += [f"    [*] --> {Stage.DISARMED}"]
    lines += [f"    {before} --> {after}: {joint.join(words)}" for (before, after), words in arrows.items()]
    return "\n".join(("```mermaid", "stateDiagram-v2", *lines, "```", ""))


def pages() -> Mapping[Path, str]:
    """Both pages as they should be."""
    found = {DOCS / name: language for language, name in PAGES.items()}
    return {path: with_drawing(path.read_text(encoding="utf-8"), language) for path, language in found.items()}
