"""The live check: what an installer is told about a point that never moved, chatters, or looks upside down."""

from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import condition_eyes
from agent.acceptance.plan import Step, Task, plan_of
from agent.drivers.modbus.frames import EXCEPTION, HEADER_BYTES, Expected, Refused, judge
from agent.live import columns, moves, sentences
from agent.live.moves import Book, Hint
from agent.live.showing import Mode, Showing
from agent.signals import State
from protocol.texts import texts_for
from tests.branch import AT_REST, site_of

DOOR = Step(point="door/outer", task=Task.OPEN, wiring="io1/di/0", level="closed = 1")
MODULE = Step(point="device/io1", task=Task.ANSWER, wiring="192.0.2.10:502")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _watched(step: Step, *states: tuple[int, str]) -> Book:
    book: Book = {}
    for at_ms, state in states:
        book = moves.seen(book, step.point, State(state), "", at_ms)
    return book


@pytest.mark.parametrize(
    ("states", "hint"),
    [
        ([], Hint.UNREAD),
        ([(0, "unknown")], Hint.UNREAD),
        ([(0, "closed")], Hint.STILL),
        ([(0, "closed"), (5_000, "open")], None),
        ([(0, "closed"), (5_000, "open"), (7_000, "closed")], None),
        ([(0, "open")], Hint.TURNED),
        ([(0, "open"), (8_000, "closed"), (9_000, "open")], Hint.TURNED),
        ([(0, "closed"), (1_000, "unknown"), (2_000, "closed")], Hint.STILL),
        ([(n * 300, "open" if n % 2 else "closed") for n in range(12)], Hint.FLUTTERS),
        ([(n * 900, "open" if n % 2 else "closed") for n in range(9)], None),
    ],
)
def test_what_looks_wrong_about_a_contact(states: list[tuple[int, str]], hint: Hint | None) -> None:
    """Not read, never moved, mostly open, or chattering; a door that is opened and shut is fine."""
    assert moves.hint(DOOR, _watched(DOOR, *states).get(DOOR.point), 10_000) is hint


def test_a_chatter_is_remembered_and_a_module_only_has_to_answer() -> None:
    """A wire that shook for a moment is loose; a module that answers is fine, moving or not."""
    shaken = _watched(DOOR, *((n * 100, "open" if n % 2 else "closed") for n in range(10)), (60_000, "closed"))
    assert moves.hint(DOOR, shaken[DOOR.point], 90_000) is Hint.FLUTTERS
    assert moves.hint(MODULE, _watched(MODULE, (0, "online"))[MODULE.point], 1) is None
    assert moves.hint(MODULE, _watched(MODULE, (0, "offline"))[MODULE.point], 1) is Hint.SILENT


def test_outputs_are_looked_at_and_need_not_move() -> None:
    """Locks and sirens are read, never written here: standing still is no fault of theirs."""
    siren = Step(point="output/hall", task=Task.SOUND, wiring="io1/do/2")
    assert moves.hint(siren, _watched(siren, (0, "off"))["output/hall"], 9_000) is None
    assert moves.hint(siren, _watched(siren, (0, "unknown"))["output/hall"], 9_000) is Hint.UNREAD


CAUSES = [
    *("cannot be connected", "no answer within 0.4 s", "answer is not Modbus TCP", "answer of unit 7"),
    *("bytes behind the answer", "answer has 3 bytes, not 1", "write was not echoed", "something new"),
]
for _code in range(1, 12):
    _frame = bytes(5) + bytes([3, 1, 1 | EXCEPTION, _code])
    _verdict = judge(_frame, Expected(transaction=0, unit=1, function=1, data=1))
    if isinstance(_verdict, Refused) and len(_frame) > HEADER_BYTES:
        CAUSES.append(_verdict.cause)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_silence_has_a_next_step(cause: str) -> None:
    """Whatever a driver says of a silent module, the installer is told what to look at, in both languages."""
    known = moves.seen({}, MODULE.point, State.OFFLINE, cause, 0)[MODULE.point]
    english = sentences.told(MODULE, known, Hint.SILENT, texts_for("en"))
    assert "192.0.2.10:502" in english
    assert re.search(r"See to|Compare", english), english
    assert CHINESE.search(sentences.told(MODULE, known, Hint.SILENT, texts_for("zh-CN")))


CAMERA = Step(point="camera/03", task=Task.COVER, name="Hall", wiring="192.0.2.21")


@pytest.mark.parametrize("cause", condition_eyes.CAUSES)
def test_a_camera_without_picture_says_why_and_what_to_do(cause: str) -> None:
    """In words of both languages, never the wire's word; a stream that is no video is no matter of cables."""
    book = moves.seen({}, CAMERA.point, State.OFFLINE, cause, 0)
    assert moves.hint(CAMERA, book[CAMERA.point], 0) is Hint.SILENT
    for say in (texts_for("en"), texts_for("zh-CN")):
        text = sentences.told(CAMERA, book[CAMERA.point], Hint.SILENT, say)
        assert "_" not in text
        assert say("next step:") in text
    assert CHINESE.search(text)


@pytest.mark.parametrize("mark", condition_eyes.MARKS)
def test_a_camera_that_answers_and_is_not_well_is_not_called_well(mark: str) -> None:
    """A covered lens, a clock that is off: the row says so, and it is left to be looked at until the mark is gone."""
    out = io.StringIO()
    showing = Showing(Mode.LINES, texts_for("zh-CN"), out)
    showing.begin("0755-031", "河西分理处", (CAMERA,))
    showing.seen(CAMERA.point, State.ONLINE, "", ("quiet", mark))
    assert showing.end({}) is False
    words = texts_for("zh-CN")(condition_eyes.MARKS[mark][0])
    assert words in out.getvalue()
    assert CHINESE.search(words)
    showing.seen(CAMERA.point, State.ONLINE, "", ("quiet",))
    assert showing.end({}) is True


@pytest.mark.parametrize("mode", Mode)
def test_every_way_of_showing_tells_the_same(mode: Mode) -> None:
    """Table, lines and JSON: what is left to look at, and whether nothing is."""
    out = io.StringIO()
    showing = Showing(mode, texts_for("en"), out)
    showing.begin("0755-031", "河西分理处", plan_of(site_of()))
    for point, state in AT_REST.items():
        showing.seen(point, State(state), "")
    showing.draw({"device/io1": 4.25})
    assert showing.end({"device/io1": 4.25}) is False
    text = out.getvalue()
    if mode is Mode.JSON:
        last = json.loads(text.splitlines()[-1])
        hints = {each["point"]: each["hint"] for each in last["points"]}
        assert (last["sound"], hints["door/outer"], hints["lock/outer"]) == (False, "still", None)
        assert next(each for each in last["points"] if each["point"] == "device/io1")["took_ms"] == 4.25
    else:
        assert "answers in 4.2 ms" in text
        assert re.search(r"Not moved yet.*\n(?:  .*\n)*  door/outer +Door outer +io1/di/0", text)
        assert "The agent guards" not in text
    for point, state in AT_REST.items():
        for other in ({"closed": "open", "normal": "active"}.get(state, state), state):
            showing.seen(point, State(other), "")
    assert showing.end({}) is True


ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (200, 60)], ids=str)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_table_never_leaves_the_screen(
    size: tuple[int, int], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty points with long names, some upside down, one silent module: what moved last stands on top and is seen."""
    monkeypatch.setenv("COLUMNS", str(size[0]))
    monkeypatch.setenv("LINES", str(size[1]))
    name = "号柜台紧急按钮（营业大厅东侧）"
    zones = (Step(point=f"zone/z{n}", task=Task.PRESS, name=f"{n} {name}", wiring=f"io1/di/{n}") for n in range(59))
    plan = (MODULE, *zones)
    out = io.StringIO()
    showing = Showing(Mode.TABLE, texts_for(language), out)
    showing.begin("0755-031", "滨海新区中心支行营业部", plan, guarded=True)
    for step in plan[1:]:
        showing.seen(step.point, State.ACTIVE if step.point == "zone/z9" else State.NORMAL, "")
    showing.seen("zone/z41", State.ACTIVE, "")
    out.truncate(0)
    showing.draw({"device/io1": 12.5})
    lines = ESCAPE.sub("", out.getvalue()).strip("\0").split("\n")
    assert sum(columns.height(line, size[0]) for line in lines) <= size[1] - 1
    assert any("io1/di/41" in line for line in lines), "what moved last is on the screen"
    rows = [line for line in lines if "io1/di/" in line and "号柜台" in line]
    assert len({columns.width(line.partition("io1/di/")[0]) for line in rows}) == 1, "columns stand below each other"


@given(st.text(), st.integers(2, 40))
def test_a_column_is_exactly_as_wide_as_it_is_told(text: str, wide: int) -> None:
    """Filled up or cut with a mark, Chinese or not."""
    assert columns.width(columns.fitted(text, wide)) == wide


@given(st.lists(st.tuples(st.integers(0, 2_000), st.sampled_from(State)), max_size=40))
def test_times_add_up(steps: list[tuple[int, State]]) -> None:
    """Time on the alarm side is part of the time read, and that part of the time watched, whatever happens."""
    book: Book = {}
    now_ms = 0
    for wait_ms, state in steps:
        now_ms += wait_ms
        book = moves.seen(book, DOOR.point, state, "", now_ms)
    if known := book.get(DOOR.point):
        later_ms = now_ms + 500
        assert 0 <= moves.alarm_ms(known, later_ms) <= moves.read_ms(known, later_ms) <= later_ms
        assert known.moves <= len(steps)
        moves.hint(DOOR, known, later_ms)
