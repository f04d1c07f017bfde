"""`branchwatch collector rules` and `collector audit`: what people type, what they read, and the exit codes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from branchwatch import main
from collector.config import read_config
from collector.escalation.records import Purpose, Timer
from collector.rules.holding import rules_now
from collector.rules_words import said_rules
from collector.storage.conditions import Open, begin
from collector.storage.store import Store, sqlite_url
from collector.storage.timers import put_timers
from tests.rules_folder import CONFIG, copy_of, spoil

PEOPLE = {
    "operator-1": "operator",
    "leader-1": "shift_leader",
    "leader-2": "shift_leader",
    "centre-director": "centre_director",
    "officer-1": "security_officer",
    "admin-1": "administrator",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example, and a configuration with its people, channels and receiver; today's year is known."""
    text = CONFIG + '[[receiver]]\nid = "110"\naddresses = ["10.1.1.5:7700"]\naccount = "0755"\n'
    for name in ("call", "sms", "mail"):
        text += f'[[channel]]\nname = "{name}"\nkind = "webhook"\naddress = "https://{name}.bank.example/"\n'
        text += f'secret = "{name}.key"\n'
    for number, (name, role) in enumerate(PEOPLE.items()):
        text += f'[[person]]\nid = "{name}"\nname = "{name}"\nroles = ["{role}"]\ntoken_hash = "{number:064x}"\n'
    (tmp_path / "collector.toml").write_text(text)
    rules = copy_of(tmp_path)
    years = [datetime.now(UTC).year, datetime.now(UTC).year + 1]
    spoil(rules, "calendar.toml", "holidays = []", f"years = {years}\nholidays = {[f'{year}-01-01' for year in years]}")
    return tmp_path


def run(folder: Path, *words: str) -> int:
    """One command with the folder's configuration."""
    return main(["collector", *words, "--config", str(folder / "collector.toml")])


def version(folder: Path) -> int:
    """Which rules hold."""
    store = Store(sqlite_url(folder / "collector.sqlite"))
    try:
        with store.read() as reading:
            return rules_now(reading.connection).version
    finally:
        store.close()


def test_the_example_is_checked_loaded_once_and_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Check changes nothing; load makes version 1; the same rules again are no new version; show says who."""
    assert run(folder, "rules", "check", str(folder / "rules")) == 0, capsys.readouterr().err
    assert not (folder / "collector.sqlite").exists()
    assert run(folder, "rules", "load", str(folder / "rules"), "--as", "centre-director") == 0
    assert run(folder, "rules", "load", str(folder / "rules"), "--as", "admin-1") == 0
    assert version(folder) == 1
    capsys.readouterr()
    assert run(folder, "rules", "show") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("rules 1 hold since ")
    assert "centre-director" in shown
    config = read_config(CONFIG, "collector.toml", folder)
    assert said_rules(config, str).startswith("rules 1 hold since ")
    assert "\n" not in said_rules(config, str, date(2026, 11, 30))
    later = said_rules(config, str, date(2031, 1, 1)).splitlines()  # loaded when the year was known, and running since
    assert len(later) == 2
    assert later[1].startswith("worth a look: nobody knows which days of 2031 are worked")
    assert "admin-1" not in shown


def test_a_folder_with_a_fault_is_refused_and_what_held_holds_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, file and line, and the version before holds."""
    assert run(folder, "rules", "load", str(folder / "rules")) == 0
    rules = folder / "rules"
    line = spoil(rules, "policies.toml", "receiver/110", "receiver/119")
    assert run(folder, "rules", "check", str(rules)) == 2
    assert f"policies.toml:{line}: " in capsys.readouterr().err
    assert run(folder, "rules", "load", str(rules)) == 2
    assert version(folder) == 1
    assert run(folder, "rules", "load", str(folder / "rules"), "--as", "nobody-1") == 2
    capsys.readouterr()
    assert run(folder, "rules", "load", str(folder / "rules"), "--as", "leader-1") == 2
    assert 'a person with role "administrator" or "centre_director" does' in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_the_only_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether there is a hole, nobody can tell then: it would lead away from what is wrong."""
    rules = folder / "rules"
    spoil(rules, "policies.toml", "levels = [1, 2]", "levels = [1, 2")
    assert run(folder, "rules", "check", str(rules)) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert told[0].startswith("policies.toml:6: ")
    assert run(folder, "rules", "check", str(folder / "nowhere")) == 2
    assert "catch-all" not in capsys.readouterr().err


def test_one_hole_is_one_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All levels that nobody takes at the same hours stand in one sentence."""
    rules = folder / "rules"
    spoil(rules, "policies.toml", 'repeat = "10m"', 'repeat = "10m"\nwhen = { hours = "08:00-20:00" }')
    assert run(folder, "rules", "check", str(rules)) == 2
    told = capsys.readouterr().err
    assert told.count("no policy takes") == 1
    assert "level 3, 4, 5 from 20:00 to 08:00" in told


def test_before_rules_are_loaded_it_is_said_that_no_receiver_hears(folder: Path) -> None:
    """A police receiver in collector.toml and no policy that names it: whoever checks the centre reads so."""
    Store(sqlite_url(folder / "collector.sqlite")).close()
    assert run(folder, "rules", "show") == 0  # makes the tables
    text = (folder / "collector.toml").read_text()
    with_one = said_rules(read_config(text, "collector.toml", folder), str, date(2026, 3, 2))
    without = said_rules(read_config(CONFIG, "collector.toml", folder), str, date(2026, 3, 2))
    assert with_one.splitlines()[1:] == ["no receiver is told of anything until a policy of loaded rules names it"]
    assert without.splitlines()[1:] == []


def test_a_receiver_that_does_not_answer_is_worth_a_look(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is an alarm of its own, so the invariant holds; whoever audits reads of it all the same."""
    assert run(folder, "rules", "load", str(folder / "rules")) == 0
    store = Store(sqlite_url(folder / "collector.sqlite"))
    with store.write() as connection:
        lost = Open(event_id="e", since_ms=1, facts={}, site="centre-1")
        begin(connection, {("receiver.lost", "centre-1", "110/10.1.1.5:7700"): lost})
    store.close()
    capsys.readouterr()
    assert run(folder, "audit") == 0
    assert "worth a look: receiver 110/10.1.1.5:7700 does not answer" in capsys.readouterr().out
    assert run(folder, "audit", "--json") == 0
    assert json.loads(capsys.readouterr().out)["silent_receivers"] == ["110/10.1.1.5:7700"]


def test_the_audit_says_yes_no_and_out_of_reach(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a database 3; with one where nothing is wrong 0; with a step that nobody fired 1, and it is named."""
    assert run(folder, "audit") == 3
    assert run(folder, "rules", "load", str(folder / "rules")) == 0
    capsys.readouterr()
    assert run(folder, "audit") == 0
    assert "it holds" in capsys.readouterr().out
    store = Store(sqlite_url(folder / "collector.sqlite"))
    with store.write() as connection:
        due_ms = round(datetime.now(UTC).timestamp() * 1000) - 60_000
        put_timers(connection, [Timer(id="t", alarm=None, purpose=Purpose.DIGEST, due_ms=due_ms)], due_ms)
    store.close()
    assert run(folder, "audit") == 1
    assert "late" in capsys.readouterr().err
    assert run(folder, "audit", "--json") == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["what"] == "late"


def test_checking_a_centre_says_that_its_database_cannot_be_asked(folder: Path) -> None:
    """An installer checks first: a server that is not there is worth a look, though nothing in the file is wrong."""
    text = CONFIG + 'database = "postgresql://bw@127.0.0.1:1/bw"\n'
    looked = said_rules(read_config(text, "collector.toml", folder), str)
    assert looked.startswith("worth a look: the database postgresql+psycopg://bw@127.0.0.1:1/bw cannot be used now")
