"""Good rules with one thing changed, mechanically: refused with a place, or they still reach somebody at every hour.

The named ways to spoil a folder stand in tests/unit/test_rules_folder.py; here every line and every target has its
turn, in the example of docs/escalation.md, in that of `provision inventory new`, and in the demo's own rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.escalation.chains import choose, steps_of
from collector.escalation.records import Watched
from collector.escalation.surroundings import Channel, Surroundings
from collector.escalation.targets import Looked, resolve
from collector.people import Credentials, People, Person, PersonRole
from collector.rules.checking import faults
from collector.rules.folder import Read, read_folder
from collector.rules.holding import Held
from collector.rules.knowing import Known
from collector.storage.records import AlarmState
from protocol.texts import texts_for
from provisioning.inventory.example import example
from simulator.demo_rules import rules_files
from tests.rules_folder import EXAMPLE, KNOWN

HOUR_MS = 3_600_000
MIDNIGHT_MS = 1_772_380_800_000  # 2026-03-02 00:00 at the branches
KINDS = ("zone.intrusion", "zone.hold_up", "partition.late_to_close")
EVERYBODY = dict(KNOWN.people) | {
    "director-1": frozenset({PersonRole.CENTRE_DIRECTOR}),
    "reviewer-1": frozenset({PersonRole.REVIEWER}),
    "officer-2": frozenset({PersonRole.SECURITY_OFFICER}),
}
KNOWING = msgspec.structs.replace(
    KNOWN, people=EVERYBODY, channels=frozenset({"call", "sms", "mail", "voice"}), sites={}
)


def folders() -> dict[str, dict[str, str]]:
    """The three good folders."""
    names = ("policies.toml", "rotas.toml", "contacts.toml", "procedures.toml", "calendar.toml")
    inventory = example("key", texts_for("en"))
    return {
        "docs": {name: (EXAMPLE / name).read_text(encoding="utf-8") for name in names},
        "inventory": {name: inventory[f"centre/{name}"] for name in names},
        "demo": dict(rules_files("zh")),
    }


def judged(read: Read, known: Known = KNOWING) -> list[str]:
    """Every fault as a person reads it."""
    return [str(each) for each in (*read.faults, *(read.fault(path, text) for path, text in faults(read.rules, known)))]


def mutations(files: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """One line left out; one line twice; one target, channel or person that is nobody's; one number of another size."""
    for name, text in files.items():
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if not line.strip() or line.startswith("#"):
                continue
            place = f"{name}:{number + 1}"
            yield f"{place} left out", files | {name: "\n".join([*lines[:number], *lines[number + 1 :]])}
            yield f"{place} twice", files | {name: "\n".join([*lines[:number], line, *lines[number:]])}
            for old, new in (
                (r'"(person|rota|group|role|receiver)/[^"]+"', r'"\1/nobody"'),
                (r'= "(\d+)([smhd])"', r'= "-\1\2"'),
                (r'= "(\d+)([smhd])"', r'= "9999999\2"'),
                (r"levels = \[[^]]*\]", "levels = [1]"),
                (r'"desk"', '"holder"'),
                (r'person = "[^"]+"', 'person = "nobody-1"'),
            ):
                changed, many = re.subn(old, new, line, count=1)
                if many:
                    yield (
                        f"{place} as {changed.strip()}",
                        files | {name: "\n".join([*lines[:number], changed, *lines[number + 1 :]])},
                    )


@pytest.mark.parametrize("which", ["docs", "inventory", "demo"])
def test_the_good_folders_are_sound(which: str, tmp_path: Path) -> None:
    """Else their mutations would prove nothing."""
    assert judged(_read(tmp_path, folders()[which])) == []


@pytest.mark.parametrize("which", ["docs", "inventory", "demo"])
def test_whatever_is_changed_is_refused_or_still_reaches_somebody(which: str, tmp_path: Path) -> None:
    """No slip of the pen loads rules under which some alarm at some hour reaches nobody."""
    refused, kept = 0, 0
    for what, files in mutations(folders()[which]):
        read = _read(tmp_path, files)
        found = judged(read)
        if found:
            refused += 1
            assert all(re.match(r"[a-z]+\.toml(:\d+)?: ", fault) for fault in found), (what, found)
        else:
            kept += 1
            assert list(_unheard(read)) == [], what
    assert refused > 40
    assert kept > 10


def _read(folder: Path, files: dict[str, str]) -> Read:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return read_folder(folder)


def _unheard(read: Read) -> Iterator[str]:
    """Level, hour and kind for which the policy tells no person beyond the desk."""
    people = People(
        Credentials(
            person=Person(id=name, name=name, roles=roles, unit="", language="zh"), password_hash=None, token_hash=None
        )
        for name, roles in EVERYBODY.items()
    )
    around = Surroundings(
        collector="centre-1",
        people=people,
        new_id=str,
        channels={name: Channel(name=name) for name in KNOWING.channels},
        receivers=("110",),
    )
    for hour in range(0, 24, 4):
        at_ms = MIDNIGHT_MS + hour * HOUR_MS
        looked = Looked(held=Held(version=1, rules=read.rules), around=around, now_ms=at_ms)
        for level in range(1, 6):
            for kind in KINDS:
                alarm = _alarm(level, kind, at_ms)
                policy = choose(read.rules, alarm, at_ms)
                targets = (
                    (target, step.by) for step in (steps_of(policy, alarm) if policy else ()) for target in step.tell
                )
                if policy is None or (
                    level < 3 and not any(resolve(looked, alarm, target, by).reaches_somebody for target, by in targets)
                ):
                    yield f"level {level}, {kind}, {hour}:00"


def _alarm(level: int, kind: str, at_ms: int) -> Watched:
    return Watched(
        id="a",
        number=1,
        site="0755-031",
        unit="市分行/西区支行",
        timezone="Asia/Shanghai",
        kind=kind,
        event_class="security",
        level=level,
        source="zone/hall",
        state=AlarmState.NEW,
        opened_ms=at_ms,
    )
