"""Two histories under one identity, and stores that were set back: found, named, alarmed, and nothing lost by it."""

from __future__ import annotations

import shutil
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulator.model import Door
from tests.brokers import BrokerKind
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.bank import Bank
from tests.whole.box import Box

pytestmark = [pytest.mark.timeout(180), pytest.mark.early]
"""Seconds: real processes start and settle, beside whatever else the machine does."""


def _swing(box: Box, door: Door, times: int = 1) -> None:
    """Open and close a door, each seen."""
    for _ in range(times):
        for word, move in (("open", box.branch.open), ("closed", box.branch.close)):
            move(door)
            eventually_blocking(partial(_shows, box, door, word), what=f"{door} is {word}")


def _shows(box: Box, door: Door, word: str) -> bool:
    return bool(box.remembers(f"door/{door}")["state"] == word)


def _alarm(bank: Bank, kind: str, timeout_s: float = 60) -> dict[str, Any]:
    return eventually_blocking(lambda: bank.desk.alarms(kind=kind), timeout_s=timeout_s, what=f"an alarm {kind}")[0]


def _verified(bank: Bank) -> None:
    ledger = bank.folder / "ledger.ndjson"
    bank.export(ledger)
    code, said = bank.verify(ledger)
    assert code == 0, said


def test_a_cloned_disk_image(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """FIELD-FAULTS row 14: a copied box comes up beside the first: fork found, both named, alarm of level 1."""
    bank = build_bank(broker=broker)
    box = bank.boxes[0]
    bank.start()
    bank.wait_watching(box)
    bank.stop_box(box)
    clone = bank.clone(box, "clone")
    bank.start_box(box)
    bank.wait_heard(box)
    bank.start_box(clone)
    alarm = _alarm(bank, "ledger.fork", timeout_s=90)
    assert (alarm["level"], alarm["site"]) == (1, box.site.id)
    told = [event["facts"] for event in bank.desk.events(kind="ledger.fork") if "other_run" in event["facts"]]
    runs = {bank.run_of(box), bank.run_of(clone)}
    assert any({facts["run"], facts["other_run"]} == runs for facts in told), (runs, told)
    for facts in told:
        assert {len(facts["machine"]), len(facts["other_machine"])} == {16}, "both machines are named"
        assert facts["first_heard"] != facts["other_first_heard"]
    whole = bank.desk.get(f"/api/v1/alarms/{alarm['id']}")
    assert f"provision revoke {box.id}" in whole["next_step"]
    assert len(whole["timeline"]) == 3, "each of the two, and what follows"
    assert bank.desk.box(box.id)["forked"]
    both = box.account().lines | clone.account().lines

    def stored() -> bool:
        lacking = both - bank.centre_lines(box.id).keys()
        assert not lacking, sorted(lacking)[:3]
        return True

    eventually_blocking(stored, timeout_s=90, what="both histories are at the centre")
    _locked_out(bank, box)


def _locked_out(bank: Bank, box: Box) -> None:
    """The key that both hold is revoked: what either sends is set aside, and that is an alarm of its own."""
    bank.revoke(box.id)
    told = eventually_blocking(
        lambda: bank.desk.events(kind="certificate.revoked"), timeout_s=60, what="the revocation is told"
    )
    assert [(event["site"], event["facts"]["box"]) for event in told] == [(box.site.id, box.id)]

    def rejected() -> dict[str, Any]:
        """The centre's own alarm: each of the two has told of the other's receipts before."""
        own = [each for each in bank.desk.alarms(kind="envelope.rejected") if "claimed_box" in each["facts"]]
        assert own
        return own[0]

    alarm = eventually_blocking(rejected, timeout_s=60, what="what a revoked box sends is an alarm")
    assert (alarm["facts"]["claimed_box"], alarm["facts"]["reason"]) == (box.id, "revoked")
    assert "whose certificate was revoked" in alarm["words"]["headline"]
    _alarm(bank, "box.silent")
    stored = bank.centre_lines(box.id)
    eventually_blocking(lambda: _heard_in_vain(bank, box) > 5, timeout_s=60, what="both go on speaking in vain")
    assert bank.centre_lines(box.id) == stored
    assert bank.desk.box(box.id)["revoked"]


def _heard_in_vain(bank: Bank, box: Box) -> int:
    """How much of this box's stands in quarantine as revoked."""
    connection = sqlite3.connect(bank.database, timeout=10)
    try:
        query = "SELECT count(*) FROM quarantine WHERE claimed_box = ? AND reason = 'revoked'"
        (count,) = connection.execute(query, (box.id,)).fetchone()
    finally:
        connection.close()
    return int(count)


def test_a_store_set_back(build_bank: BuildBank) -> None:
    """A box restored from an older copy: rollback told with its range, nothing refused or lost, the ledger sound."""
    bank = build_bank()
    box = bank.boxes[0]
    bank.start()
    bank.wait_watching(box)
    bank.stop_box(box)
    older = box.state.with_name("older")
    shutil.copytree(box.state, older)
    bank.start_box(box)
    bank.wait_watching(box)
    _swing(box, Door.OUTER, 2)
    bank.wait_settled(box)
    bank.stop_box(box)
    first_history = box.account().lines
    shutil.rmtree(box.state)
    older.rename(box.state)
    box.seen.clear()
    bank.start_box(box)
    alarm = _alarm(bank, "ledger.rollback")
    assert (alarm["level"], alarm["site"]) == (2, box.site.id)
    _swing(box, Door.INNER)
    second_history = box.account().lines

    def stored() -> bool:
        lacking = (first_history | second_history) - bank.centre_lines(box.id).keys()
        assert not lacking, sorted(lacking)[:3]
        pending = box.account().pending
        assert not pending, f"{pending} without receipt"
        return True

    eventually_blocking(stored, timeout_s=60, what="both histories are at the centre")
    (told,) = [event for event in bank.desk.events(kind="ledger.rollback") if event["lane"] == "urgent"][:1]
    assert told["facts"]["box"] == box.id
    assert told["facts"]["from"] <= told["facts"]["to"]
    assert not bank.found_by_centre("ledger.fork", "ledger.gap", "envelope.rejected")
    _verified(bank)


def test_a_restored_centre(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """The centre restored from an older copy states its heads, and boxes send what it lacks: nothing is missing."""
    bank = build_bank(broker=broker)
    box = bank.boxes[0]
    bank.start()
    bank.wait_watching(box)
    bank.wait_settled()
    older = bank.folder / "older.sqlite"
    _copy_database(bank.database, older)
    _swing(box, Door.OUTER, 3)
    bank.wait_settled()
    receipted = box.account().receipted
    bank.kill_collector()
    for part in bank.database.parent.glob(bank.database.name + "*"):
        part.unlink()
    older.rename(bank.database)
    bank.start_collector()
    bank.wait_settled()
    assert receipted <= bank.centre_lines(box.id).keys()
    # A box that came back after the centre listened is answered by its birth's receipt; else it is asked.
    assert box.process is not None
    answered = broker is None and "sending again from there" in box.process.output()
    assert answered or "sending urgent again from" in box.process.output()
    assert not bank.found_by_centre("ledger.fork", "ledger.rollback", "ledger.gap", "envelope.rejected")
    _verified(bank)


def _copy_database(file: Path, copy: Path) -> None:
    source, target = sqlite3.connect(file), sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
