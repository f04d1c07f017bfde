"""A broken way to the centre, told with the whole product: lost, half-open, killed; a backlog, a poisoned record."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing

import pytest

from protocol.kinds import EventClass, kind_of
from simulator.model import Door
from tests.brokers import BrokerKind
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.accounts import centre_rows
from tests.whole.backlog import write_backlog
from tests.whole.bank import Bank
from tests.whole.box import Box
from tests.whole.line import Line

pytestmark = pytest.mark.timeout(180)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

BACKLOG = 5_000
WINDOW_LINES = 2 * 8 * 100
"""What a box may have under way: eight envelopes of a hundred lines in each lane."""


def _arrived(bank: Bank, box: Box, lines: int) -> None:
    eventually_blocking(
        lambda: bank.centre_lines(box.id).total() >= lines, timeout_s=60, what=f"{lines} lines are at the centre"
    )


def test_a_broker_restart_under_a_backlog(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """FIELD-FAULTS row 4: 5,000 unreceipted events and the broker dies twice: in order, complete, little sent twice."""
    bank = build_bank(broker=broker)
    box = bank.boxes[0]
    write_backlog(box.state, box.id, box.site.id, BACKLOG, random.Random(4))
    if bank.broker is not None:
        bank.broker.start()
    bank.start_collector()
    bank.start_box(box)
    for reached in (500, 2_500):
        _arrived(bank, box, reached)
        bank.kill_broker()
        bank.start_broker()
    bank.wait_settled()
    again = bank.desk.metrics()["branchwatch_duplicates_total"]
    assert again <= 3 * WINDOW_LINES, f"{again} lines were sent twice"
    for lane in ("urgent", "routine"):
        query = "SELECT seq FROM events WHERE box = ? AND lane = ? ORDER BY seq"
        numbers = [seq for (seq,) in centre_rows(bank.database, query, box.id, lane)]
        assert numbers == list(range(1, len(numbers) + 1))
    assert not bank.found_by_centre("ledger.fork", "ledger.rollback", "ledger.gap", "envelope.rejected")


def test_a_half_open_link_while_the_outbox_drains(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 5: the link goes dead without a word under a backlog; the box notices, nothing is lost."""
    bank = build_bank(broker=BrokerKind.MOSQUITTO)
    box = bank.boxes[0]
    line = Line(bank.loop, bank.broker_address)
    try:
        bank.write_site(box, brokers=(line.address,))
        write_backlog(box.state, box.id, box.site.id, BACKLOG, random.Random(5))
        assert bank.broker is not None
        bank.broker.start()
        bank.start_collector()
        bank.start_box(box)
        _arrived(bank, box, 1_000)
        assert line.half_open() > 0
        assert box.account().pending > 0, "the link went dead too late for this test"
        bank.wait_settled()
    finally:
        line.close()
    assert not bank.found_by_centre("ledger.fork", "ledger.rollback", "ledger.gap", "envelope.rejected")


def test_a_lost_uplink_is_no_alarm(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 3: while the uplink is lost nothing is alarmed but the link, and the branch guards itself."""
    bank = build_bank(broker=BrokerKind.MOSQUITTO)
    box = bank.boxes[0]
    bank.start()
    bank.wait_watching(box)
    before, rest = box.account(), box.branch.now()
    bank.kill_broker()
    eventually_blocking(lambda: "link.primary_lost" in box.account().kinds, timeout_s=40, what="the loss is told")
    during = box.account().kinds[: len(box.account().kinds)]
    new = set(during) - set(before.kinds)
    assert not [kind for kind in new if kind_of(kind).event_class is EventClass.SECURITY], new
    assert box.branch.now() == rest, "nothing moved at the branch"
    box.branch.open(Door.OUTER)
    eventually_blocking(lambda: "door.forced" in box.account().kinds, what="the door is seen while cut off")
    bank.start_broker()
    bank.wait_settled()
    eventually_blocking(
        lambda: "link.primary_lost.restored" in box.account().kinds, timeout_s=20, what="the return is told"
    )


def test_a_new_configuration_meets_a_backlog(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 6: the site file changes while a backlog waits: all of it is delivered, old points and new."""
    bank = build_bank()
    box = bank.boxes[0]
    bank.start()
    bank.wait_watching(box)
    bank.kill_collector()
    box.branch.open(Door.VAULT)
    box.branch.open(Door.OUTER)
    eventually_blocking(lambda: "door.forced" in box.account().kinds, what="the door is forced")
    bank.stop_box(box)
    write_backlog(box.state, box.id, box.site.id, 500, random.Random(6))
    text = box.config.read_text(encoding="utf-8")
    for old, new in (('id = "vault"', 'id = "strongroom"'), ('tolerance = "0.5s"', 'tolerance = "2s"')):
        assert old in text, old
        text = text.replace(old, new)
    box.config.write_text(text, encoding="utf-8")
    bank.start_box(box)
    eventually_blocking(lambda: box.account().kinds.count("box.started") == 2, timeout_s=30, what="the box is back")
    bank.start_collector()
    bank.wait_settled()
    eventually_blocking(
        lambda: bank.desk.point(box.id, "door/strongroom")["state"] == "open",
        timeout_s=30,
        what="the new name is shown",
    )


def test_a_poisoned_record_in_the_backlog(build_bank: BuildBank) -> None:
    """FIELD-FAULTS row 7: one record changed on the disk: its hole is signed for, the rest arrives and verifies."""
    bank = build_bank()
    box = bank.boxes[0]
    write_backlog(box.state, box.id, box.site.id, 600, random.Random(7))
    with sqlite3.connect(box.state / "outbox.db") as connection:
        connection.execute(
            "UPDATE events SET line = replace(line, 'door.held_open', 'door.held_shut')"
            " WHERE lane = 'routine' AND seq = (SELECT max(seq) / 2 FROM events WHERE lane = 'routine')"
        )
        changed = connection.execute("UPDATE events SET line = X'7B7D' WHERE lane = 'urgent' AND seq = 50").rowcount
    connection.close()
    assert changed == 1
    bank.start()
    bank.wait_settled()
    assert len(box.account().quarantined) in (1, 2)
    with closing(sqlite3.connect(box.state / "outbox.db")) as connection:
        shed = [
            json.loads(row[0])
            for row in connection.execute("SELECT line FROM events WHERE CAST(line AS TEXT) LIKE '%ledger.shed%'")
        ]
    assert {event["facts"]["from"] for event in shed} >= {50}
    # The desk has them; numbers of the urgent lane are an auditor's.
    assert {event["id"] for event in bank.desk.events(kind="ledger.shed")} == {event["id"] for event in shed}
    told = [alarm for alarm in bank.desk.alarms() if alarm["kind"] == "envelope.rejected"]
    assert [alarm["facts"]["reason"] for alarm in told] == ["damaged_on_disk"]
    ledger = bank.folder / "ledger.ndjson"
    bank.export(ledger)
    code, said = bank.verify(ledger)
    assert code == 0, said
