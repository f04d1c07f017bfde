"""What people may see and do at the centre, and what stands of it afterwards: security officer, operator, auditor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simulator.model import Door
from tests.waiting import eventually_blocking
from tests.whole.accounts import centre_rows
from tests.whole.bank import Bank
from tests.whole.settings import PersonEntry

pytestmark = pytest.mark.timeout(180)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

WEST = PersonEntry(id="operator-west", roles=("operator",), unit="市分行/西区支行")
EAST = PersonEntry(id="operator-east", roles=("operator",), unit="市分行/东区支行")
LEADER = PersonEntry(id="leader-1", roles=("shift_leader",))
AUDITOR = PersonEntry(id="auditor-1", roles=("auditor",))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Bank]:
    """Two branches of two units, 西区支行 and 东区支行, for all stories of this file."""
    built = Bank(tmp_path_factory.mktemp("bank"), free_port, boxes=2, people=(LEADER, WEST, EAST, AUDITOR))
    try:
        built.start()
        for box in built.boxes:
            built.wait_watching(box)
        yield built
    finally:
        built.close()


def _new_alarm(bank: Bank) -> dict[str, Any]:
    """An alarm of the western branch that nobody has taken: its outer door was forced and is shut again."""
    box = bank.boxes[0]

    def untaken() -> list[dict[str, Any]]:
        alarms = bank.desk.alarms(kind="door.forced", site=box.site.id, state="new")
        return [alarm for alarm in alarms if alarm["restored_at"]]

    if not untaken():
        box.branch.open(Door.OUTER)
        eventually_blocking(lambda: box.remembers("door/outer")["state"] == "open", what="the door is seen open")
        box.branch.close(Door.OUTER)
    return eventually_blocking(untaken, timeout_s=20, what="the alarm is at the desk, and over")[0]


def test_who_handled_what_stands_in_the_journal(bank: Bank) -> None:
    """A security officer asks who took an alarm and how it ended: the person stands on every entry, in the chain."""
    alarm = _new_alarm(bank)
    west = bank.desk_of(WEST)
    taken = west.acknowledge(alarm)
    assert taken.status_code == 200, taken.text
    assert taken.json()["holder"] == WEST.id
    held = bank.desk_of(LEADER).get(f"/api/v1/alarms/{alarm['id']}")
    closed = west.resolve(held, "false_alarm", "保洁员推着两扇门，已电话核实")
    assert closed.status_code == 200, closed.text
    record = bank.desk_of(AUDITOR).get(f"/api/v1/alarms/{alarm['id']}")["record"]
    done = [(entry["action"], entry["person"]) for entry in record]
    assert ("acknowledged", WEST.id) in done or ("acknowledge", WEST.id) in done, done
    rows = centre_rows(bank.database, "SELECT action, person, line FROM journal WHERE subject = ?", alarm["id"])
    assert [person for _, person, _ in rows].count(WEST.id) == 2, rows
    assert all(json.loads(line)["person"] == person for _, person, line in rows), "the chained line names the person"


def test_an_auditor_reads_and_changes_nothing(bank: Bank) -> None:
    """An auditor sees the alarm and its record and cannot acknowledge it; the refusal says so in both languages."""
    alarm = _new_alarm(bank)
    auditor = bank.desk_of(AUDITOR)
    assert auditor.get(f"/api/v1/alarms/{alarm['id']}")["state"] == "new"
    refused = auditor.acknowledge(alarm)
    assert refused.status_code == 403
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert refused.json()["type"].startswith("urn:branchwatch:problem:")
    chinese = auditor.ask(
        "POST",
        f"/api/v1/alarms/{alarm['id']}/acknowledge",
        headers={"If-Match": f'"{alarm["version"]}"', "Accept-Language": "zh-CN"},
    )
    assert chinese.json()["title"] != refused.json()["title"]
    assert bank.desk.get(f"/api/v1/alarms/{alarm['id']}")["state"] == "new"


def test_another_unit_does_not_see_the_site(bank: Bank) -> None:
    """A person of one sub-branch sees nothing of a sibling's site: no alarm, event, box or site, and may not act."""
    alarm = _new_alarm(bank)
    east, site, box = bank.desk_of(EAST), bank.boxes[0].site.id, bank.boxes[0].id
    assert site not in {each["site"] for each in east.alarms()}
    assert east.ask("GET", "/api/v1/alarms", params={"site": site}).status_code == 404
    assert site not in {event["site"] for event in east.events()}
    assert {item["id"] for item in east.get("/api/v1/sites")["items"]} == {bank.boxes[1].site.id}
    assert box not in {item["id"] for item in east.get("/api/v1/boxes")["items"]}
    assert east.ask("GET", f"/api/v1/alarms/{alarm['id']}").status_code == 404
    assert east.acknowledge(alarm).status_code == 404
    assert bank.desk_of(WEST).alarms(site=site)


def test_two_operators_at_once(bank: Bank) -> None:
    """Two people take one alarm at the same version: one gets it, the other is told who holds it."""
    alarm = _new_alarm(bank)
    assert bank.desk_of(WEST).acknowledge(alarm).status_code == 200
    late = bank.desk_of(LEADER).acknowledge(alarm)
    assert late.status_code in (409, 412)
    assert late.json()["holder"] == WEST.id
