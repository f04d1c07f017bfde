"""The pages below docs/decisions/ stay short and alike, so that they are read."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT, report

PAGES = ROOT / "docs" / "decisions"
NAME = re.compile(r"\d{2}-[a-z0-9-]+\.md")
LONGEST_LINES = 45
HEADINGS = ["Context", "Decision", "Consequences"]


def page_faults(name: str, text: str) -> list[str]:
    """What keeps a page from being a short decision: its name, its date, its parts, its length."""
    faults = []
    if not NAME.fullmatch(name):
        faults.append(f"{name}: is not named like 01-what-was-decided.md")
    lines = text.splitlines()
    if len(lines) > LONGEST_LINES:
        faults.append(f"{name}: {len(lines)} lines, more than {LONGEST_LINES}")
    if not re.search(r"^Date: \d{4}-\d{2}-\d{2}$", text, re.MULTILINE):
        faults.append(f"{name}: has no line `Date: YYYY-MM-DD`")
    if re.findall(r"^## (.+)$", text, re.MULTILINE)[:3] != HEADINGS:
        faults.append(f"{name}: its parts are not {', '.join(HEADINGS)}")
    return faults


def test_decisions_are_short_and_alike() -> None:
    """Each page says when, why, what, and what follows, on one screen."""
    pages = sorted(PAGES.glob("[0-9]*.md"))
    assert pages
    faults = [fault for page in pages for fault in page_faults(page.name, page.read_text())]
    assert not faults, report(faults)


def test_the_index_names_every_decision() -> None:
    """A page nobody can find was not written."""
    index = (PAGES / "README.md").read_text()
    assert [page.name for page in PAGES.glob("[0-9]*.md") if page.name not in index] == []


def test_a_bad_page_is_found() -> None:
    """The rule fails on a page with the wrong name, no date, no parts and too many lines."""
    assert len(page_faults("Notes.md", "words\n" * (LONGEST_LINES + 1))) == 4
