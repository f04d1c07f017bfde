"""Every reason that a box or the centre can give has its words: read out of the code that gives them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from agent import guard, points
from agent.detectors import faults, interlock
from agent.drivers.modbus.frames import EXCEPTION, HEADER_BYTES, Expected, Refused, judge
from collector.console.wording import Wording
from collector.ingest.received import Reason
from protocol.certificates import CertificateFault
from protocol.texts import texts_for
from tests.architecture.sources import ROOT

NAMES = {"door/outer": "通道外门"}
GIVERS = {"Wrong", "Refused", "DeviceError", "_lost", "_pause"}
"""Calls whose first text is the cause of an unknown point or an offline device."""
NAMED = {"cause", "reason", "opened_by", "by"}
"""Arguments, facts and variables that hold a reason."""
NOT_TOLD = {"agent/outbox/capacity.py"}
"""What is decided there is logged, never sent."""
FILES = [path for path in sorted((ROOT / "agent").rglob("*.py")) if path.relative_to(ROOT).as_posix() not in NOT_TOLD]


def _texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can be; what is filled in is a 7 or, for a door, its id."""
    match node:
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.JoinedStr(values=values):
            parts = [str(each.value) if isinstance(each, ast.Constant) else _sample(each) for each in values]
            yield "".join(parts)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body)
            yield from _texts(orelse)
        case ast.BoolOp(values=values):
            for each in values:
                yield from _texts(each)


def _sample(node: ast.expr) -> str:
    return "outer" if "opened" in ast.dump(node) else "7"


def _given(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if name in GIVERS:
                yield from _texts(first)
            case ast.Call(func=ast.Attribute(attr="report" | "report_each"), args=[_, _, cause]):
                yield from _texts(cause)
            case ast.keyword(arg=str(name), value=value) if name in NAMED:
                yield from _texts(value)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in {*NAMED, "earlier"}:
                yield from _texts(value)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in NAMED:
                        yield from _texts(value)


def _refusals() -> Iterator[str]:
    """Why a box does not do what the centre asks: the words that conversation.py returns."""
    for node in ast.walk(ast.parse((ROOT / "agent" / "conversation.py").read_text())):
        if isinstance(node, ast.Return) and node.value is not None:
            yield from _texts(node.value)


def _exceptions() -> Iterator[str]:
    """What a device can refuse with, by code."""
    expected = Expected(transaction=1, unit=1, function=3, data=2)
    for code in range(256):
        frame = bytes([0, 1, 0, 0, 0, 3, 1, 3 | EXCEPTION, code])
        assert len(frame) > HEADER_BYTES
        verdict = judge(frame, expected)
        assert isinstance(verdict, Refused)
        yield verdict.cause


def _reasons() -> list[str]:
    found = {reason for path in FILES for reason in _given(ast.parse(path.read_text()))}
    found |= {by for _, by in guard._LETS_OPEN.values()}
    found |= {
        points.NOT_READ,
        *faults.NAMES,
        *map(str, CertificateFault),
        *map(str, Reason),
        *_refusals(),
        *_exceptions(),
    }
    return sorted(found)


@pytest.mark.parametrize("reason", _reasons())
def test_every_reason_has_its_words(reason: str) -> None:
    """In Chinese no English is left over, in English no name of ours: nothing is shown as it came."""
    chinese, english = (Wording(texts=texts_for(language), names=NAMES).reason(reason) for language in ("zh-CN", "en"))
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese.replace("通道外门", "")), chinese
    assert "_" not in english


def test_reasons_are_found() -> None:
    """The collecting finds what is known to be given: a release, a missing answer, another unit, a removed device."""
    found = _reasons()
    for known in ("release", "emergency release", "outer not closed", "cannot be connected", "answer of unit 7"):
        assert known in found
    assert "no longer in the site file" in found
    assert interlock.DUAL_OPEN not in found


def test_a_released_lock_is_no_emergency() -> None:
    """`release` says that the lock was released; the emergency release has words of its own."""
    words = Wording(texts=texts_for("zh-CN"))
    assert words.reason("release") == "门锁已释放"
    assert words.reason("emergency release") == "使用应急开关"
