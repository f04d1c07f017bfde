"""What becomes of an order is asked for quickly at first and patiently later; sentences and JSON stay apart."""

from __future__ import annotations

import io
import json

import pytest

from ordering.drafts import Draft
from ordering.following import MISSED, PATIENCE_S, QUICK_FOR_S, QUICK_S, SLOW_S, follow
from ordering.refusal import UnreachedError
from ordering.terminal import Terminal
from protocol.texts import said, texts_for

SENT = Draft(id="01939f00-0000-7000-8000-000000000001", state="sent")
DONE = Draft(id=SENT.id, state="executed")


class Time:
    """Virtual time, and a console that answers by it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_a_box_that_answers_at_once_is_heard_at_once() -> None:
    """Asked again within a tenth of a second, until the order has ended; each look is told with its seconds."""
    time = Time()
    looks: list[float] = []
    after = follow(
        SENT,
        lambda _: DONE if time.now > 100.25 else SENT,
        clock=time.clock,
        pause=time.pause,
        tell=lambda _, passed: looks.append(round(passed, 2)),
    )
    assert after is DONE
    assert time.pauses == [QUICK_S] * 3
    assert looks == [0.0, 0.1, 0.2]


def test_nobody_waits_longer_than_a_challenge_lives() -> None:
    """Quick for some seconds, then once a second, then no more."""
    time = Time()
    after = follow(SENT, lambda _: SENT, clock=time.clock, pause=time.pause, tell=lambda *_: None)
    assert after is SENT
    assert set(time.pauses) == {QUICK_S, SLOW_S}
    assert PATIENCE_S <= time.now - 100 < PATIENCE_S + SLOW_S
    assert len(time.pauses) < QUICK_FOR_S / QUICK_S + PATIENCE_S + 2


def test_an_order_that_has_ended_is_not_asked_for() -> None:
    """Nothing is looked at twice."""
    time = Time()
    assert (
        follow(DONE, lambda _: pytest.fail("asked again"), clock=time.clock, pause=time.pause, tell=lambda *_: None)
        is DONE
    )


def test_a_console_that_is_away_for_a_moment_is_waited_for() -> None:
    """A broken line costs nothing; one that stays broken ends the command."""
    time = Time()
    answers: list[Draft | None] = [None] * (MISSED - 1) + [SENT] + [None] * (MISSED - 1) + [DONE]

    def ask(_: str) -> Draft:
        if (answer := answers.pop(0)) is None:
            raise UnreachedError("away")
        return answer

    assert follow(SENT, ask, clock=time.clock, pause=time.pause, tell=lambda *_: None) is DONE
    answers = [None] * MISSED
    with pytest.raises(UnreachedError):
        follow(SENT, ask, clock=time.clock, pause=time.pause, tell=lambda *_: None)


def test_a_program_reads_json_and_nothing_else() -> None:
    """With --json sentences go beside; without it they are the output, and there is no JSON."""
    for as_json in (True, False):
        out, beside = io.StringIO(), io.StringIO()
        terminal = Terminal(texts=texts_for("zh-CN"), as_json=as_json, out=out, beside=beside)
        terminal.progress(said("Waiting for the box"), 1)
        terminal.progress(said("Waiting for the box"), 2)
        terminal.line(said("Nothing was registered."))
        terminal.result({"name": "现金区"})
        assert beside.getvalue().count("等待前端主机应答") == 1
        if as_json:
            assert json.loads(out.getvalue()) == {"name": "现金区"}
        else:
            assert out.getvalue() == "没有登记任何密钥。\n"
