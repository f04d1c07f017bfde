"""Every text that people read has its Chinese twin, with the same places to fill in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from tests.architecture.sources import ROOT, report

CATALOGUES = sorted((ROOT / "protocol" / "texts").glob("*/LC_MESSAGES/*.po"))
FIELD = re.compile(r"\{[^{}]*\}|%\(\w+\)[sd]")


def text_faults(messages: Iterable[Message]) -> list[str]:
    """Texts that are untranslated, doubtful, or fill in something else than the English."""
    faults = []
    for message in messages:
        english, other = str(message.id), str(message.string or "")
        if not english:
            continue
        if not other or message.fuzzy:
            faults.append(f"not translated: {english!r}")
        elif sorted(FIELD.findall(english)) != sorted(FIELD.findall(other)):
            faults.append(f"other places to fill in: {english!r} -> {other!r}")
    return faults


def said_by_the_one_command() -> Iterator[str]:
    """The English texts of branchwatch.py: what it says, and what each word does."""
    for node in ast.walk(ast.parse((ROOT / "branchwatch.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            if isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)
        elif isinstance(node, ast.keyword) and node.arg == "does" and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_every_text_is_translated(path: Path) -> None:
    """No text is missing or doubtful, and each fills in what the English fills in."""
    with path.open("rb") as stream:
        faults = text_faults(read_po(stream))
    assert not faults, report(faults)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_the_one_command_speaks_it(path: Path) -> None:
    """`branchwatch --help` and its errors are in every catalogue."""
    with path.open("rb") as stream:
        known = {str(message.id) for message in read_po(stream)}
    assert [text for text in said_by_the_one_command() if text not in known] == []


def test_faulty_texts_are_found() -> None:
    """The rule fails on a missing, a doubtful and a wrongly filled text."""
    messages = [
        Message("a", ""),
        Message("b", "乙", flags=["fuzzy"]),
        Message("{door} open", "{dor} 开"),
        Message("c", "丙"),
    ]
    assert len(text_faults(messages)) == 3
