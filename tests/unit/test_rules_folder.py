"""A folder of rules: the example is sound, and each way to spoil it is refused with its file and line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from collector.rules.checking import faults
from collector.rules.folder import read_folder
from tests.rules_folder import EXAMPLE, KNOWN, copy_of, spoil, told, warned

POLICIES, ROTAS, CONTACTS = "policies.toml", "rotas.toml", "contacts.toml"
PROCEDURES, CALENDAR = "procedures.toml", "calendar.toml"

WRONG = [
    (POLICIES, 'after = "30s"', 'after = "soon"', "after"),
    (POLICIES, "levels = [1, 2]", "levels = [0]", "from 1 to 5"),
    (POLICIES, '"20:00-08:00"', '"20:00-25:00"', "must be hours"),
    (POLICIES, 'tell = ["desk"]', "tell = []", "tell must have"),
    (POLICIES, 'tell = ["desk"]', 'tell = ["the desk"]', '"desk", "holder"'),
    (POLICIES, 'repeat = "3m"', 'repeat = "3m"\nrepeated = 1', 'unknown key "repeated"; did you mean "repeat"?'),
    (POLICIES, "person/centre-director", "person/center-director", 'did you mean "centre-director"?'),
    (POLICIES, "person/centre-director", "person/auditor-1", 'no channel reaches "person/auditor-1"'),
    (POLICIES, "rota/shift-leader", "rota/shift-leaders", 'no rota "shift-leaders"'),
    (POLICIES, "group/leadership", "group/leaders", 'no group "leaders"'),
    (POLICIES, "role/shift_leader", "role/shift_leaders", 'did you mean "shift_leader"?'),
    (POLICIES, "role/shift_leader", "role/reviewer", 'nobody is behind "role/reviewer"'),
    (POLICIES, "role/shift_leader", "role/auditor", 'no channel reaches "role/auditor"'),
    (POLICIES, "receiver/110", "receiver/119", 'no [[receiver]] "119"'),
    (POLICIES, 'by = ["call", "sms"]', 'by = ["call", "fax"]', 'no [[channel]] "fax"'),
    (POLICIES, 'after = "2m"', 'after = "10s"', "in the order of their times"),
    (POLICIES, '"zone.hold_up"', '"zone.holdup"', 'did you mean "zone.hold_up"?'),
    (POLICIES, 'repeat = "3m"', 'repeat = "3m"\ntimes = 3', "leave times out"),
    (POLICIES, 'repeat = "3m"', 'repeat = "1s"', "from 10 s to one day"),
    (POLICIES, 'name = "day, gravest"', 'name = "night, gravest"', "there are two of"),
    (POLICIES, 'repeat = "10m"', 'when = { levels = [3, 4] }\nrepeat = "10m"', "no policy takes level 5"),
    (POLICIES, 'repeat = "10m"', 'when = { hours = "08:00-20:00" }', "from 20:00 to 08:00"),
    (POLICIES, 'repeat = "10m"', 'when = { unit = "市分行" }', "no policy takes level 3"),
    (ROTAS, 'people = ["leader-1"]', 'people = ["leader-9"]', 'no person "leader-9"'),
    (ROTAS, 'people = ["leader-1"]', 'people = ["auditor-1"]', "no channel reaches that person"),
    (ROTAS, 'timezone = "Asia/Shanghai"', 'timezone = "Asia/Peking"', "no time zone"),
    (ROTAS, 'begins = "2026-01-05"', 'begins = "2026-02-30"', "no such day"),
    (ROTAS, 'length = "12h"', 'length = "12s"', "from one hour to a year"),
    (ROTAS, '"rota/shift-leader", "person', '"group/leadership", "person', "leadership > leadership"),
    (ROTAS, '"rota/shift-leader", "person', '"desk", "person', "a group has people"),
    (ROTAS, '"rota/shift-leader", "person', '"receiver/110", "person', "a group has people"),
    (CONTACTS, 'person = "leader-1"', 'person = "leader-9"', 'no person "leader-9"'),
    (CONTACTS, "reach = { call", "reach = { fax", 'no [[channel]] "fax"'),
    (CONTACTS, 'order = ["sms", "call", "mail"]', 'order = ["sms", "fax"]', 'order names "fax"'),
    (CONTACTS, 'unit = "市分行"', 'unit = "市分行"\nsite = "0755-031"', "one of the two"),
    (CONTACTS, '"leader-1@bank.example"', '"leader-1"', '"leader-1" is no mail address'),
    (CONTACTS, 'reach = { sms = "0755 5550 0131" }', 'reach = { mail = "bank@" }', '"bank@" is no mail address'),
    (CONTACTS, '"officer-1"', '"officer-9"', 'no person "officer-9"'),
    (CONTACTS, 'reach = { sms = "0755 5550 0131" }', "reach = {}", "how a site's contact is reached"),
    (CONTACTS, 'name = "值班行长"', 'responsible = ["officer-9"]', 'did you mean "officer-1"?'),
    (CONTACTS, 'reach = { sms = "0755 5550 0131" }', 'follow_up = "outlet"', "the outlet follows up"),
    (PROCEDURES, 'kind = "wait"', 'kind = "waits"', 'did you mean "wait"?'),
    (PROCEDURES, 'wait = "2m"', "", "needs wait"),
    (PROCEDURES, 'number = "0755 5550 0131"', "", 'a step of kind "call" needs number, like "0755 5550 0131"'),
    (PROCEDURES, 'number = "0755 5550 0131"', 'number = "  "', 'a step of kind "call" needs number'),
    (PROCEDURES, '"zone.duress"', '"zone.duresss"', 'did you mean "zone.duress"?'),
    (ROTAS, '"person/centre-director"]', '"person/auditor-1"]', 'and no channel reaches "auditor-1"'),
    (POLICIES, 'tell = ["group/leadership"]', 'tell = ["holder"]', "nobody holds an alarm before"),
    (CALENDAR, "holidays = []", 'holidays = ["2026-02-30"]', "2026-02-30"),
    (CALENDAR, "holidays = []", 'holidays = ["2026年2月3日"]', "must be a date"),
    (CALENDAR, "working = []", "working = [2026-02-07]", "working[0]"),
]


def test_the_example_is_sound() -> None:
    """What docs/escalation.md teaches, the policy of the interfaces' page word for word among it, is accepted."""
    assert told(EXAMPLE) == []
    assert warned(read_folder(EXAMPLE)) == []


@pytest.mark.parametrize(("file", "before", "after", "says"), WRONG)
def test_one_thing_wrong_is_told_with_its_file_and_line(
    tmp_path: Path, file: str, before: str, after: str, says: str
) -> None:
    """Each fault is named, in the file that was spoilt, at the line that was or beside it."""
    folder = copy_of(tmp_path)
    line = spoil(folder, file, before, after)
    found = told(folder)
    assert any(says in fault for fault in found), found
    places = [fault.split(":")[:2] for fault in found if says in fault]
    assert all(int(number) > 0 for _, number in places if number.strip().isdigit())
    assert any(name in (file, POLICIES) for name, _ in places)
    if not says.startswith(("no policy", "from 20", "no channel reaches that", "how a site")) and "two" not in says:
        assert any(name == file and abs(int(number) - line) <= 4 for name, number in places), (line, found)


def test_a_repeat_that_is_taken_away_from_the_gravest_is_refused() -> None:
    """Levels 1 and 2 never run out of steps: TOML has no null, so only another program can ask for it."""
    rules = read_folder(EXAMPLE).rules
    policies = tuple(msgspec.structs.replace(policy, repeat=None) for policy in rules.policy)
    paths = [path for path, _ in faults(msgspec.structs.replace(rules, policy=policies), KNOWN)]
    assert ("policy", 0, "repeat") in paths


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """Three files, three faults, one answer."""
    folder = copy_of(tmp_path)
    spoil(folder, POLICIES, "receiver/110", "receiver/119")
    spoil(folder, ROTAS, '"leader-2"', '"leader-9"')
    spoil(folder, CALENDAR, 'country = "CN"', 'country = "XX"')
    assert {fault.split(":")[0] for fault in told(folder)} == {POLICIES, ROTAS, CALENDAR}


def test_a_long_loop_is_named_with_its_way(tmp_path: Path) -> None:
    """Group in group in group back to the first."""
    folder = copy_of(tmp_path)
    spoil(folder, ROTAS, '"rota/shift-leader", "person', '"group/b", "person')
    text = (folder / ROTAS).read_text(encoding="utf-8")
    more = '\n[[group]]\nname = "b"\nmembers = ["group/c"]\n\n[[group]]\nname = "c"\nmembers = ["group/leadership"]\n'
    (folder / ROTAS).write_text(text + more, encoding="utf-8")
    assert any("leadership > b > c > leadership" in fault for fault in told(folder))


def test_a_unit_that_no_site_has_is_worth_a_look_and_no_fault(tmp_path: Path) -> None:
    """A branch that opens next month may be written about today."""
    folder = copy_of(tmp_path)
    spoil(folder, POLICIES, 'unit = "市分行"', 'unit = "市分行/南区支行"')
    assert told(folder) == []
    (warning,) = warned(read_folder(folder))
    assert warning.startswith("policies.toml:6: ")
    assert "南区支行" in warning


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ('after = "0s"                       # hold', 'after = "9s"  # hold', 4),
        ('only_kinds = ["zone.hold_up", "zone.duress"]', 'only_kinds = ["zone.hold_up"]', 4),
        ("levels = [1, 2] }", "levels = [2] }", 40),
    ],
)
def test_a_robbery_that_no_receiver_hears_of_at_once_is_worth_a_look(
    before: str, after: str, line: int, tmp_path: Path
) -> None:
    """DOMAIN 3: hold-up and duress go to the police in parallel with the desk; not where a bank has no receiver."""
    folder = copy_of(tmp_path)
    spoil(folder, POLICIES, before, after)
    found = warned(read_folder(folder))
    assert len(found) == 1, found
    assert "told to no receiver at once" in found[0]
    assert int(found[0].split(":")[1]) >= line
    (folder / POLICIES).write_text('[[policy]]\nname = "all"\n[[policy.step]]\nafter = "0s"\ntell = ["desk"]\n')
    read = read_folder(folder)
    assert len(warned(read)) == 1
    assert warned(read, msgspec.structs.replace(KNOWN, receivers=frozenset())) == []


def test_a_camera_that_no_site_has_is_worth_a_look(tmp_path: Path) -> None:
    """A slip in a procedure is told where the centre knows its cameras, and not guessed at where it knows none."""
    folder = copy_of(tmp_path)
    spoil(folder, PROCEDURES, 'kind = "look"', 'kind = "look"\ncamera = "03"')
    read = read_folder(folder)
    assert warned(read) == []
    assert warned(read, msgspec.structs.replace(KNOWN, cameras=frozenset({"03"}))) == []
    (warning,) = warned(read, msgspec.structs.replace(KNOWN, cameras=frozenset({"04"})))
    assert '"03"' in warning


def test_a_year_that_no_calendar_knows_refuses_the_rules() -> None:
    """A calendar for an unknown year is a fault at load time, not a guess."""
    known = msgspec.structs.replace(KNOWN, today=date(2031, 3, 1))
    assert any("2031" in fault and fault.startswith("calendar.toml:") for fault in told(EXAMPLE, known))


@pytest.mark.parametrize("text", ["[[policy", "\x00", "\xff" * 4, "[[policy]]\n" * 300, "a" * 100_000])
def test_garbage_is_a_fault_and_never_a_traceback(tmp_path: Path, text: str) -> None:
    """Whatever stands in a file, the answer is a list of faults."""
    folder = copy_of(tmp_path)
    (folder / POLICIES).write_bytes(text.encode("latin-1"))
    assert told(folder)


def test_a_folder_without_rules_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    """An empty folder never loads the empty rules."""
    assert any("no rules are there" in fault for fault in told(tmp_path))
    assert any("cannot be read" in fault for fault in told(tmp_path / "nowhere"))
    (tmp_path / "policy.toml").write_text("")
    assert any("no rules are kept in a file of this name" in fault for fault in told(tmp_path))
