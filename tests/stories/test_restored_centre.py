"""The centre's disk is lost and yesterday's backup comes back: the boxes send the missing day again."""

from __future__ import annotations

from collections import Counter

import pytest

from simulator.model import Door
from tests.brokers import BrokerKind
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.accounts import bookkeeping_faults, centre_rows
from tests.whole.bank import BRANCHWATCH, COLLECTOR, READY_S, Bank
from tests.whole.box import Box
from tests.whole.publisher import Publisher
from tests.whole.safe import Safe

pytestmark = pytest.mark.timeout(180)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

STRANGER = "0755-999-a"


def _forced(bank: Bank, box: Box, door: Door, name: str) -> None:
    """Force a door and wait until it stands at the desk."""
    before = len(bank.desk.alarms(kind="door.forced", site=box.site.id))
    box.branch.open(door)
    eventually_blocking(lambda: box.remembers(f"door/{name}")["state"] == "open", what="the door is seen open")
    box.branch.close(door)
    eventually_blocking(
        lambda: len(bank.desk.alarms(kind="door.forced", site=box.site.id)) > before, timeout_s=20, what="the alarm"
    )


def _rejected(bank: Bank) -> None:
    """Have the centre write something itself: rubbish arrives under a box's name."""
    publisher = Publisher(bank.certificates, STRANGER, bank.broker_port)
    try:
        publisher.publish(f"bw/1/{STRANGER}/up/event", b"rubbish")
    finally:
        publisher.close()
    eventually_blocking(lambda: "envelope.rejected" in bank.found_by_centre(), timeout_s=20, what="it is told")


def test_yesterdays_backup_comes_back(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """Issue "trust" 8: nothing lost, nothing twice, no false gap, fork or rollback; what was handled stays handled."""
    bank = build_bank(broker=broker, boxes=2, more_boxes=(STRANGER,))
    safe = Safe(bank)
    bank.start()
    one, other = bank.boxes
    for box in bank.boxes:
        bank.wait_watching(box)
    _forced(bank, one, Door.OUTER, "outer")
    (alarm,) = bank.desk.alarms(kind="door.forced", site=one.site.id)
    assert bank.desk.acknowledge(alarm).status_code == 200
    bank.wait_settled()
    backup = safe.back_up()

    _forced(bank, other, Door.OUTER, "outer")
    _forced(bank, one, Door.INNER, "inner")
    _rejected(bank)
    bank.stop_box(other)
    bank.start_box(other)
    bank.wait_heard(other)
    bank.wait_settled()
    older = bank.folder / "older.ndjson"
    bank.export(older)
    lines = {box.id: bank.centre_lines(box.id) for box in bank.boxes}
    bank.kill_collector()
    safe.go_back(backup)
    assert sum(bank.centre_lines(other.id).values()) < sum(lines[other.id].values()), "the backup is older"

    bank.start_collector()
    bank.wait_settled()
    for box in bank.boxes:
        assert lines[box.id] <= bank.centre_lines(box.id), "a line that was there before is gone"
    found = Counter(bank.found_by_centre())
    assert not found["ledger.gap"] + found["ledger.fork"], found
    assert not bookkeeping_faults(bank.database)
    eventually_blocking(lambda: bank.found_by_centre("ledger.rollback"), timeout_s=20, what="the centre says it")
    (told,) = bank.desk.alarms(kind="ledger.rollback")
    assert (told["box"], told["site"]) == (COLLECTOR, COLLECTOR), "no box is blamed"
    assert "backup" in told["words"]["headline"]
    (kept,) = [each for each in bank.desk.alarms(kind="door.forced") if each["id"] == alarm["id"]]
    assert (kept["state"], kept["holder"]) == ("acknowledged", alarm["holder"] or bank.people[0].id)
    sites = Counter(each["site"] for each in bank.desk.alarms(kind="door.forced"))
    assert sites == {one.site.id: 2, other.site.id: 1}, "an alarm of the missing day stands there once"

    bank.kill_collector()
    bank.start_collector()
    _forced(bank, other, Door.INNER, "inner")
    bank.wait_settled()
    assert bank.found_by_centre("ledger.rollback") == ["ledger.rollback"], "told once"
    newer = bank.folder / "newer.ndjson"
    bank.export(newer)
    code, said = bank.verify(newer)
    assert code == 0, said
    held = bank.run(*BRANCHWATCH, "verify", newer, "--trust", bank.certificates.root, "--earlier", older, name="verify")
    assert held.wait(READY_S) == 1, "whoever has the older export sees what the centre itself had written"
    (line,) = [each for each in held.output().splitlines() if "NOT SOUND" in each]
    assert f"{COLLECTOR} urgent" in line
    assert "set back" in line
    assert not any(f"{box.id} " in held.output() for box in bank.boxes), "of the boxes nothing is missing"
    rows = centre_rows(bank.database, "SELECT action, person FROM journal WHERE topic = 'upkeep' ORDER BY number")
    assert [action for action, _ in rows] == ["done"], "of the backup only its restore can know"


def test_a_drill_is_seen_at_the_centre(build_bank: BuildBank) -> None:
    """Whoever answers for the centre sees how old its backup is, and that somebody tried to restore one."""
    bank = build_bank()
    safe = Safe(bank)
    bank.start()

    def health() -> dict[str, dict[str, object]]:
        return {each["name"]: each for each in bank.desk.get("/healthz")["checks"]}

    assert health()["backup"]["ok"] is False
    bank.wait_settled()
    said = safe.drill(safe.back_up())
    assert "SOUND" in said
    seen = health()
    assert seen["backup"]["ok"] is True
    assert seen["restore drill"]["ok"] is True
    assert "login:" in str(seen["restore drill"]["detail"])
    assert 0 <= bank.desk.metrics()["branchwatch_backup_age_seconds"] < 60
