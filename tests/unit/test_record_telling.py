"""What an alarm's record says beside its words: whom, until when, which step; and why a notice did not go."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from collector.alarms.words import Move
from collector.console.life_words import RECORD
from collector.console.record_telling import Around, about, written
from collector.escalation.nexts import who_is
from collector.notify import reasons
from collector.notify.dc09.records import Reason
from collector.storage.records import AlarmStep
from protocol.texts import Said, texts_for

ENGLISH, CHINESE = texts_for("en"), texts_for("zh-CN")
STEP = AlarmStep(
    alarm="a",
    position=1,
    kind="police",
    required=True,
    line={"kind": "police", "text": "Tell the police"},
    state="done",
)
ROOT = Path(__file__).parents[2]


def _lines(action: str, facts: Mapping[str, Any]) -> str | None:
    names = {"li": "Li"}
    return about(action, facts, Around(texts=ENGLISH, person=names.get, timezone="Asia/Shanghai", steps={1: STEP}))


@pytest.mark.parametrize(
    ("action", "facts", "said"),
    [
        ("hand_over", {"given_to": "li", "text": "the keys are there"}, "to Li"),
        ("dispatch", {"whom": "guard"}, "guard"),
        ("park", {"until_ms": 1_795_000_000_000}, "until 11-18 19:06"),
        ("resolve", {"resolution": "false_alarm"}, "False alarm"),
        ("close", {"verified_by": "video"}, "by video"),
        ("score", {"score": 4}, "4 · threat to life"),
        ("raised", {"level": 1}, "Level I"),
        ("paused", {"until_ms": 1_795_000_000_000, "way": "reply"}, "until 11-18 19:06:40\nby a reply to a notice"),
        ("acknowledge", {"way": "link"}, "by the link of a notice"),
        ("acknowledge", {"way": "console", "from": "new"}, None),
        ("step", {"step": 1, "step_kind": "police", "outcome": "skipped", "text": "why"}, "skipped: Tell the police"),
        (
            "step",
            {"step": 1, "outcome": "done", "number": "110", "person": "Zhao", "at": "2026-11-22T09:51:00.000Z"},
            "done: Tell the police\n110, Zhao, 11-22 17:51",
        ),
        (
            "told",
            {"targets": ["desk", "person/li"], "missed": {"desk": "empty"}},
            "told: Li\nreached nobody: the people at the desk",
        ),
    ],
)
def test_an_entry_says_whom_until_when_and_which_step(action: str, facts: dict[str, Any], said: str | None) -> None:
    """What the journal keeps of a move is read without opening the journal; what a person wrote stands apart."""
    assert _lines(action, facts) == said


def test_whom_the_next_step_tells_is_no_bare_name() -> None:
    """Below "if nobody acts" a rota, a group and a receiver are called so; a person has the name."""
    assert Said("{who} is told", {"who": who_is("rota/leaders")}).told(CHINESE) == "将通知轮值表 leaders"
    assert str(who_is("receiver/110")) == "receiver 110"
    assert str(who_is("role/reviewer")) == "the reviewers"
    assert who_is("person/li", {"li": "Li"}.__getitem__) == "Li"


def test_hours_of_a_step_are_those_of_the_site() -> None:
    """What was written down with a step names the hour on the branch's clock, not the wire's."""
    assert written({"at": "2026-11-22T18:30:00.000Z", "number": "110"}, "Asia/Shanghai", ENGLISH) == "110, 11-23 02:30"


def test_every_entry_that_is_written_has_its_words() -> None:
    """No action of an alarm's journal is shown as the program's own word."""
    written_actions = set(_actions())
    assert {"paused", "sheltered", "unparked", "closed", "overdue"} <= written_actions
    assert written_actions | {move.value for move in Move} <= set(RECORD)


def test_every_reason_of_a_channel_is_a_sentence() -> None:
    """Each word that a channel leaves is said in both languages; a number stays, an unknown word too."""
    assert set(_failures()) <= set(reasons.CHANNELS)
    for reason in reasons.CHANNELS:
        assert reasons.why(reason).told(ENGLISH) != reasons.why(reason).told(CHINESE)
    assert reasons.why("status 503").told(ENGLISH) == "answered 503"
    assert reasons.why("refused 403").told(ENGLISH) == "refused (403)"
    assert reasons.why("odd {word}").told(ENGLISH) == "odd {word}"
    assert "key" in reasons.why(Reason.UNPROVEN, receiver=True).told(ENGLISH)


def _calls(folder: str) -> Iterator[ast.Call]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield from (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def _actions() -> Iterator[str]:
    """The literal actions of entries on topic `alarm`, and of the functions that write them."""
    for call in [*_calls("collector/escalation"), *_calls("collector/storms"), *_calls("collector/alarms")]:
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        named = {word.arg: word.value for word in call.keywords}
        if name == "Entry" and ast.unparse(named.get("topic", ast.Constant(""))) == "Topic.ALARM":
            action: ast.expr | None = named.get("action")
        elif name in ("_entry", "note") and len(call.args) > 1:
            action = call.args[1]
        else:
            continue
        if (
            isinstance(action, ast.Constant)
            and isinstance(action.value, str)
            and action.value not in ("begun", "ended")
        ):
            yield action.value


def _failures() -> Iterator[str]:
    """The literal words of `failed(...)` in the channels; those with a number end at it."""
    for call in _calls("collector/notify"):
        if isinstance(call.func, ast.Name) and call.func.id == "failed" and isinstance(call.args[0], ast.Constant):
            yield str(call.args[0].value)
