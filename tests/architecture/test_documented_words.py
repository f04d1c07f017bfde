"""What the documents and help texts tell people to type exists: the words of make, the commands and their options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

import branchwatch
from tests.architecture.sources import ROOT, documents, report

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?branchwatch +([a-z].*)$")
MAKE = re.compile(r"^(?:\$ )?make ([a-z][a-z-]*)")
END_OF_COMMAND = re.compile(r"\s(?:#|>|\||&&|<).*$|\s{2,}.*$")


def code_lines(markdown: str) -> Iterator[str]:
    """Lines of fenced blocks, and inline code, of a Markdown text."""
    for block in FENCE.findall(markdown):
        yield from (line.strip() for line in block.splitlines())
    yield from SPAN.findall(FENCE.sub("", markdown))


def commands(lines: Iterator[str]) -> Iterator[list[str]]:
    """The arguments of each `branchwatch` command line among the lines."""
    for line in lines:
        if match := COMMAND.match(line):
            yield [word.strip("[]") for word in shlex.split(END_OF_COMMAND.sub("", match[1]))]


def make_words() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def command_faults(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    """What is wrong with one documented command, and its help: its words must lead to a help that names its options."""
    code = branchwatch.main([*words, "--help"])
    seen = capsys.readouterr()
    line = "branchwatch " + " ".join(words)
    if code != 0:
        return [f"{line}: there is no such command: {seen.err.strip()}"], ""
    options = {word.split("=")[0] for word in words if word.startswith("--")}
    return [f"{line}: {option} is not in its help" for option in options if option not in seen.out], seen.out


def _documented() -> list[tuple[str, list[str]]]:
    found = [("branchwatch.py", list(words)) for words in commands(word.example for word in branchwatch.WORDS.values())]
    for place, text in documents():
        found += [(place, words) for words in commands(code_lines(text))]
    return found


def test_every_documented_command_exists(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command line in a document, and each example in the help it leads to, is one that the program knows."""
    faults, asked = [], set()
    waiting = _documented()
    while waiting:
        place, words = waiting.pop()
        if tuple(words) in asked:
            continue
        asked.add(tuple(words))
        found, text = command_faults(words, capsys)
        faults += [f"{place}: {fault}" for fault in found]
        examples = (line.strip().removeprefix("example:").strip() for line in text.splitlines() if "usage:" not in line)
        waiting += [(f"help of {' '.join(words)}", example) for example in commands(examples)]
    assert not faults, report(faults)


def test_every_documented_word_of_make_exists() -> None:
    """Each `make WORD` in a document is a target."""
    known = make_words()
    faults = [
        f"{place}: make {match[1]}"
        for place, text in documents()
        for line in code_lines(text)
        if (match := MAKE.match(line)) and match[1] not in known
    ]
    assert not faults, report(faults)


def broken_links(place: str, text: str) -> list[str]:
    """Links and pictures of a document that lead to no file of the project."""
    folder = (ROOT / place).parent
    targets = (target.split("#")[0] for target in LINK.findall(FENCE.sub("", text)))
    return [
        f"{place}: {target}" for target in targets if target and "://" not in target and not (folder / target).exists()
    ]


def test_every_link_leads_somewhere() -> None:
    """Pages and pictures that a document names are there."""
    faults = [fault for place, text in documents() for fault in broken_links(place, text)]
    assert not faults, report(faults)
    assert broken_links("README.md", "[x](docs/nowhere.md)") == ["README.md: docs/nowhere.md"]


def test_the_readme_names_the_two_commands_in_both_languages() -> None:
    """Whoever comes first reads `make demo` and `make test`, in English or Chinese."""
    for name in ("README.md", "README.zh-CN.md"):
        words = {match[1] for line in code_lines((ROOT / name).read_text()) if (match := MAKE.match(line))}
        assert {"demo", "test"} <= words, name


def test_wrong_documents_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The rules fail on an unknown command and an unknown option, and read commands out of blocks and spans."""
    text = "Say `branchwatch frobnicate --x` or\n```sh\n$ branchwatch provision crl --dir ca --wrong  # why\n```\n"
    first, second = sorted(commands(code_lines(text)))
    assert command_faults(first, capsys)[0]
    assert command_faults(second, capsys)[0] == [
        "branchwatch provision crl --dir ca --wrong: --wrong is not in its help"
    ]
