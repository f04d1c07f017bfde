"""`branchwatch agent health`: how this box is, in plain words. Flow: command.py -> here -> condition_seen, condition.

Exit codes: 0 nothing is bad, 1 something is.
"""

import argparse
import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from agent.state_option import add_state_option
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

if TYPE_CHECKING:
    from agent.condition import Line

DONE, SAYS_NO = 0, 1
WORDS: Final[Mapping[str, str]] = {
    "software": N_("software"),
    "clock": N_("clock"),
    "identity": N_("identity"),
    "site file": N_("site file"),
    "disk": N_("disk"),
    "agent": N_("agent"),
    "devices": N_("devices"),
    "announcements": N_("announcements"),
    "centre": N_("centre"),
    "events": N_("events"),
    "evidence": N_("evidence"),
    "people": N_("people in pictures"),
    "cameras": N_("cameras"),
    "ok": N_("ok"),
    "attention": N_("attention"),
    "bad": N_("bad"),
}

Say = Callable[[str], str]


def add_health_words(words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Teach `agent` its word about the box's health."""
    does = say("how this box is, in plain words, with the next step")
    health = words.add_parser(
        "health",
        help=does,
        description=does,
        epilog=say("example:") + "\n  branchwatch agent health",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_state_option(health, say)
    health.add_argument("--json", action="store_true", help=say("for a program"))
    health.set_defaults(run=_health)


def _health(arguments: argparse.Namespace, say: Say) -> int:
    from agent.condition import Level, judge, worst
    from agent.condition_seen import look

    now = datetime.now(UTC)
    lines = judge(look(arguments.state, now), now)
    if arguments.json:
        print(json.dumps({"level": worst(lines), "matters": [_plain(line) for line in lines]}, ensure_ascii=False))
    else:
        for text in _told(lines, say):
            print(text)
    return SAYS_NO if worst(lines) is Level.BAD else DONE


def _plain(line: "Line") -> dict[str, str]:
    """For a program: sentences in English."""
    step = {"next": str(line.next_step)} if line.next_step else {}
    return {"matter": line.matter, "level": line.level, "text": str(line.text), **step}


def _told(lines: "tuple[Line, ...]", say: Say) -> Iterator[str]:
    levels = _filled([say(WORDS[line.level]) for line in lines])
    matters = _filled([say(WORDS[line.matter]) for line in lines])
    for line, level, matter in zip(lines, levels, matters, strict=True):
        yield f"{level}  {matter}  {line.text.told(say)}"
        if line.next_step:
            yield f"{' ' * (_width(level) + 2)}{say('next step:')} {line.next_step.told(say)}"


def _filled(texts: list[str]) -> list[str]:
    widest = max(_width(text) for text in texts)
    return [text + " " * (widest - _width(text)) for text in texts]


def _width(text: str) -> int:
    """Columns on a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
