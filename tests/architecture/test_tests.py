"""What every test keeps to: a promise in its docstring, no sleeping, no mocks."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import Source, report, sources_of_tests

WAITING = "tests/waiting.py"
"""The one file that lets real time pass."""

FORBIDDEN_CALLS = {
    "time.sleep": "sleeps; use the eventually fixture, or virtual time",
    "page.wait_for_timeout": "sleeps; wait for what should appear",
    "monkeypatch.setattr": "patches; give the code a port it asks for",
    "mock.patch": "patches; give the code a port it asks for",
}


def promise_faults(source: Source) -> list[str]:
    """Tests without a docstring."""
    return [
        f"{source.path}:{node.lineno}: {node.name} does not say which promise it keeps"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and source.path.split("/")[-1].startswith("test_")
        and not ast.get_docstring(node)
    ]


def habit_faults(source: Source) -> list[str]:
    """Sleeps, patches and mocks."""
    faults = [
        f"{source.path}:{line}: mocks nothing here; use a fake that passes the same contract as the real one"
        for line, name in source.imports()
        if name.startswith("unittest.mock")
    ]
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in FORBIDDEN_CALLS:
            faults.append(f"{source.path}:{node.lineno}: {name} {FORBIDDEN_CALLS[name]}")
        elif name in ("asyncio.sleep", "anyio.sleep", "sleep") and not _is_zero(node):
            faults.append(f"{source.path}:{node.lineno}: {name} sleeps; use the eventually fixture, or virtual time")
    return faults


def _is_zero(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def test_every_test_says_its_promise() -> None:
    """A failing test tells in a sentence what is broken."""
    faults = [fault for source in sources_of_tests() for fault in promise_faults(source)]
    assert not faults, report(faults)


def test_no_test_sleeps_or_mocks() -> None:
    """Tests are quick because time is virtual, and true because peers are real."""
    faults = [fault for source in sources_of_tests() if source.path != WAITING for fault in habit_faults(source)]
    assert not faults, report(faults)


def test_a_silent_test_is_found() -> None:
    """The rule of promises fails on a test without a docstring."""
    assert promise_faults(Source(path="tests/unit/test_x.py", text="async def test_a() -> None:\n    pass\n"))


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(1)",
        "await asyncio.sleep(0.01)",
        "await asyncio.sleep(pause)",
        "from unittest.mock import MagicMock",
        "monkeypatch.setattr(a, 'b', c)",
        "page.wait_for_timeout(100)",
    ],
)
def test_a_bad_habit_is_found(text: str) -> None:
    """The rule of habits fails on every way to sleep or mock that was seen in the field."""
    assert habit_faults(Source(path="tests/unit/test_x.py", text=text))


def test_giving_way_is_no_sleep() -> None:
    """`asyncio.sleep(0)` lets other tasks run and takes no time."""
    assert not habit_faults(Source(path="tests/unit/test_x.py", text="await asyncio.sleep(0)"))
