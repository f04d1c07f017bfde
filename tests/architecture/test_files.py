"""What every file keeps to: a docstring at its head, a readable length, nothing that belongs to one machine."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.sources import Source, python_sources, report, text_files

LONGEST_LINES = 500
"""No file written by hand is longer; most are under 150."""

FOLDERS = r"(?<![\w.~-])/(?:work|root|home|Users)/\w"
REGISTRIES = r"pypi[.]org|python[h]osted|npmjs[.]|deb[.]debian[.]org"
PER_MACHINE = re.compile(f"{FOLDERS}|{REGISTRIES}")
"""Folders of somebody's machine, and addresses of package registries: those are each reader's own."""


def head_faults(source: Source) -> list[str]:
    """A missing docstring at the head; an empty package marker needs none."""
    if not source.text.strip() or ast.get_docstring(source.tree):
        return []
    return [f"{source.path}: opens without a docstring that says what it is and where it lies in the flow"]


def length_faults(source: Source) -> list[str]:
    """More lines than anyone reads at once."""
    lines = len(source.text.splitlines())
    return [f"{source.path}: {lines} lines, more than {LONGEST_LINES}"] if lines > LONGEST_LINES else []


def machine_faults(place: str, text: str) -> list[str]:
    """Lines that name one machine's folders or a registry's address."""
    return [
        f"{place}:{number}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), start=1)
        if PER_MACHINE.search(line)
    ]


def test_every_file_opens_with_a_docstring() -> None:
    """Whoever opens a file learns in its first lines what it is."""
    faults = [fault for source in python_sources() for fault in head_faults(source)]
    assert not faults, report(faults)


def test_no_file_is_too_long() -> None:
    """One concept a file."""
    faults = [fault for source in python_sources() for fault in length_faults(source)]
    assert not faults, report(faults)


def test_nothing_belongs_to_one_machine() -> None:
    """A clone works anywhere: no absolute folder and no registry address in any file."""
    faults = [fault for place, text in text_files() for fault in machine_faults(place, text)]
    assert not faults, report(faults)


def test_faulty_files_are_found() -> None:
    """The rules of this file fail on what they forbid."""
    assert head_faults(Source(path="agent/x.py", text="import os\n"))
    assert length_faults(Source(path="agent/x.py", text="x = 1\n" * (LONGEST_LINES + 1)))


@pytest.mark.parametrize(
    "line", ["cd /work" + "/main", "--index https://py" + "pi.org/simple", "see /home" + "/anna/x"]
)
def test_a_machine_line_is_found(line: str) -> None:
    """The rule of machines fails on folders and registries."""
    assert machine_faults("x", line)


@pytest.mark.parametrize("line", ["../shared/data", "/api/v1/work/orders", "/var/lib/branchwatch", "~/.local/state"])
def test_an_honest_path_is_left_alone(line: str) -> None:
    """Relative and standard places are fine."""
    assert not machine_faults("x", line)
