"""What is printed for an installer can be typed as it stands: his pages, and the examples of --help."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.command import _parser
from protocol.texts import texts_for

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("install.md", "install.zh-CN.md")
TYPED = re.compile(r"branchwatch agent [^`|#<\n]*")


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _parsers(inner)


def _agent_words(text: str) -> list[str]:
    return [found.strip().rstrip("。；，,;.") for found in TYPED.findall(text)]


PRINTED = sorted({words for page in PAGES for words in _agent_words((DOCS / page).read_text("utf-8"))})
EXAMPLES = sorted(
    {words for parser in _parsers(_parser(texts_for("en"))) for words in _agent_words(parser.epilog or "")}
)


@pytest.mark.parametrize("typed", [*PRINTED, *EXAMPLES])
def test_what_is_printed_can_be_typed(typed: str) -> None:
    """No option that is not there any more, none missing."""
    _parser(texts_for("en")).parse_args(shlex.split(typed)[2:])


def test_every_word_has_its_example() -> None:
    """Of the agent; and the installer's page shows what he needs of them."""
    words = {parser.prog for parser in _parsers(_parser(texts_for("en"))) if not parser._subparsers}
    assert {word for word in words if not any(each.startswith(word) for each in EXAMPLES)} == set()
    assert {word for word in words if not any(each.startswith(word) for each in PRINTED)} == {"branchwatch agent run"}


def test_both_pages_show_the_same_commands() -> None:
    """Whoever reads Chinese types what whoever reads English does."""
    english, chinese = (
        re.findall(
            r"^(?:branchwatch|sh|mount|systemctl|openssl|cut|sed|runuser) .*$",
            (DOCS / page).read_text("utf-8"),
            re.MULTILINE,
        )
        for page in PAGES
    )
    assert english == chinese
    headings = [len(re.findall(r"^#+ ", (DOCS / page).read_text("utf-8"), re.MULTILINE)) for page in PAGES]
    rows = [len(re.findall(r"^\|", (DOCS / page).read_text("utf-8"), re.MULTILINE)) for page in PAGES]
    assert headings[0] == headings[1]
    assert rows[0] == rows[1]
