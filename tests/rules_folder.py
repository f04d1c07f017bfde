"""The example folder of rules, the configuration that knows its people, and ways to spoil one thing in it."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from collector.people import PersonRole
from collector.rules.checking import faults, warnings
from collector.rules.folder import Read, read_folder
from collector.rules.knowing import Known

EXAMPLE = Path(__file__).parent.parent / "docs" / "examples" / "rules"

KNOWN = Known(
    people={
        "operator-1": frozenset({PersonRole.OPERATOR}),
        "leader-1": frozenset({PersonRole.SHIFT_LEADER}),
        "leader-2": frozenset({PersonRole.SHIFT_LEADER}),
        "centre-director": frozenset({PersonRole.CENTRE_DIRECTOR}),
        "officer-1": frozenset({PersonRole.SECURITY_OFFICER}),
        "auditor-1": frozenset({PersonRole.AUDITOR}),
    },
    channels=frozenset({"call", "sms", "mail"}),
    mails=frozenset({"mail"}),
    receivers=frozenset({"110"}),
    today=date(2026, 3, 2),
    sites={"0755-031": "市分行/西区支行"},
)

CONFIG = """
id = "centre-1"
brokers = ["127.0.0.1:1"]
trust = "root.pem"
certificate = "centre-1.pem"
key = "centre-1.key"
crls = ["ca/crls.pem"]
"""


def copy_of(folder: Path) -> Path:
    """The example, to be spoilt."""
    return Path(shutil.copytree(EXAMPLE, folder / "rules"))


def spoil(folder: Path, file: str, before: str, after: str) -> int:
    """Replace the first `before` of a file; the line where it stands."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert before in text, f"{file} has no {before!r} to spoil"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return text[: text.index(before)].count("\n") + 1


def told(folder: Path, known: Known = KNOWN) -> list[str]:
    """Every fault, as a person reads it in English."""
    read = read_folder(folder)
    found = [*read.faults, *(read.fault(path, message) for path, message in faults(read.rules, known))]
    return [str(fault) for fault in found]


def warned(read: Read, known: Known = KNOWN) -> list[str]:
    """Every warning."""
    return [str(read.fault(path, message)) for path, message in warnings(read.rules, known)]
