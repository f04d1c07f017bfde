"""The project's own files, as the architecture tests read them: text and syntax tree, nothing is imported.

Rules are functions from a `Source` to the faults found in it, so that each can be shown a bad example and seen to fail.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agent", "collector", "ordering", "protocol", "provisioning", "simulator")
PYTHON_FOLDERS = (*PACKAGES, "tests", "benchmarks", "scripts")
TEXT_SUFFIXES = {
    ".cfg", ".conf", ".css", ".html", ".ini", ".js", ".json", ".lock", ".mako", ".md", ".po", ".py", ".service", ".sh",
    ".svg", ".toml", ".txt", ".yml",
}  # fmt: skip
TEXT_NAMES = {".gitignore", ".editorconfig", "Makefile", "run"}
MADE_BY_TOOLS = {"__pycache__", ".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One Python file: its place from the root, with slashes, and its text."""

    path: str
    text: str

    @property
    def package(self) -> str:
        """Its first folder; for a file at the top, its name without suffix."""
        return self.path.split("/", maxsplit=1)[0].removesuffix(".py")

    @property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return _parse(self.text)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full dotted name of each import, wherever in the file it stands."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.name
            elif isinstance(node, ast.ImportFrom):
                yield node.lineno, self._absolute(node)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        here = self.path.removesuffix(".py").split("/")[: -node.level]
        return ".".join([*here, *filter(None, [node.module])])


@cache
def _parse(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def python_sources() -> tuple[Source, ...]:
    """Every Python file of the project."""
    found = list(ROOT.glob("*.py"))
    for folder in PYTHON_FOLDERS:
        found += _files_below(ROOT / folder, {".py"}, set())
    return tuple(Source(path=_place(path), text=path.read_text()) for path in sorted(found))


def package_sources() -> tuple[Source, ...]:
    """The Python files of the product: the packages and the one command."""
    return tuple(source for source in python_sources() if source.package in {*PACKAGES, "branchwatch"})


def sources_of_tests() -> tuple[Source, ...]:
    """The Python files below tests/."""
    return tuple(source for source in python_sources() if source.package == "tests")


def text_files() -> Iterator[tuple[str, str]]:
    """Place and text of every file that people wrote, code or not."""
    for path in _files_below(ROOT, TEXT_SUFFIXES, TEXT_NAMES):
        yield _place(path), path.read_text()


def documents() -> Iterator[tuple[str, str]]:
    """Place and text of the Markdown pages."""
    return ((place, text) for place, text in text_files() if place.endswith(".md"))


def report(faults: Iterable[str]) -> str:
    """Faults one a line, for an assertion's message."""
    return "\n" + "\n".join(faults)


def _files_below(folder: Path, suffixes: set[str], names: set[str]) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name not in MADE_BY_TOOLS and not path.name.endswith(".egg-info"):
                yield from _files_below(path, suffixes, names)
        elif path.suffix in suffixes or path.name in names:
            yield path


def _place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
