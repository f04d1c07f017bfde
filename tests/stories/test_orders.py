"""Orders through the whole bank: drawn up at the desk, approved with people's keys, obeyed by the box, joined again."""

from __future__ import annotations

import pytest

from simulator.model import Door
from tests.approvers import Approver
from tests.brokers import BrokerKind
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.guarded import GuardedBranch
from tests.whole.settings import PersonEntry

pytestmark = pytest.mark.timeout(180)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

OFFICER = PersonEntry(id="zhang-wei", roles=("security_officer",), name="张伟")
LEADER = PersonEntry(id="li-na", roles=("shift_leader",), name="李娜")
ZHANG = Approver("zhang-wei", 300)
LI = Approver("li-na", 301, roles=("shift-leader",))
UNDER_DURESS = Approver("zhang-wei", 302, duress=True)


def test_people_order_and_the_box_obeys(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """An officer releases a door; two people disarm the cash area, one cannot; each outcome comes back to its order."""
    bank = build_bank(broker=broker, people=(OFFICER, LEADER))
    branch = GuardedBranch(bank, ZHANG, LI)
    branch.start()
    officer, leader = bank.desk_of(OFFICER), bank.desk_of(LEADER)

    unlock = branch.draft(officer, "unlock", door="outer", for_s=20)
    assert (unlock["needed"], unlock["words"]["does"]) == (1, "Unlock 通道外门 for 20 s")
    assert branch.approve(officer, unlock, ZHANG)["state"] in {"sent", "executed"}  # the box may be quicker
    eventually_blocking(lambda: Door.OUTER in branch.box.branch.now().unlocked, what="the lock lets go")
    told = branch.ended(officer, unlock)
    assert (told["state"], told["outcome"]["facts"]["people"]) == ("executed", ["zhang-wei"])

    arm = branch.draft(leader, "arm", partition="site")
    branch.approve(leader, arm, LI)
    assert branch.ended(leader, arm)["state"] == "executed"
    eventually_blocking(
        lambda: branch.stages() == {"cash": "armed_away", "hall": "armed_away"}, what="the whole branch is armed"
    )

    disarm = branch.draft(officer, "disarm", partition="cash")
    assert disarm["needed"] == 2
    branch.approve(officer, disarm, ZHANG)
    assert branch.approve(leader, disarm, LI)["state"] in {"sent", "executed"}
    told = branch.ended(officer, disarm)
    assert (told["state"], told["outcome"]["facts"]["people"]) == ("executed", ["zhang-wei", "li-na"])
    assert branch.stages() == {"cash": "disarmed", "hall": "armed_away"}
    (point,) = [
        each
        for each in eventually_blocking(lambda: _points(branch, "disarmed"), timeout_s=20, what="the desk sees it")
        if each["id"] == "partition/cash"
    ]
    assert (point["marks"], point["people"]) == ([], 2)

    again = branch.draft(officer, "bypass", zone="glass-2", for_s=3600)
    assert branch.approve(officer, again, ZHANG)["state"] in {"sent", "executed"}
    assert branch.ended(officer, again)["state"] == "executed"
    assert branch.bypassed() == {"glass-2"}
    bank.wait_settled(branch.box)


def test_who_orders_under_duress_sees_the_ordinary_outcome(build_bank: BuildBank) -> None:
    """The box obeys outwardly and calls for help; the person's own session shows nothing of the second."""
    bank = build_bank(people=(OFFICER, LEADER))
    branch = GuardedBranch(bank, Approver(**(vars(ZHANG) | {"more": (UNDER_DURESS.key,)})), LI)
    branch.start()
    officer, leader = bank.desk_of(OFFICER), bank.desk_of(LEADER)
    order = branch.draft(officer, "unlock", door="outer", for_s=20)
    branch.approve(officer, order, UNDER_DURESS)
    assert branch.ended(officer, order)["state"] == "executed"
    eventually_blocking(lambda: Door.OUTER in branch.box.branch.now().unlocked, what="the lock lets go")
    (alarm,) = eventually_blocking(lambda: leader.alarms(kind="zone.duress"), what="the desk is called for help")
    assert (alarm["level"], alarm["facts"]["person"]) == (1, "zhang-wei")
    assert officer.alarms(kind="zone.duress") == []
    assert officer.events(kind="zone.duress") == []
    assert officer.ask("GET", f"/api/v1/alarms/{alarm['id']}").status_code == 404
    assert "duress" not in officer.ask("GET", f"/api/v1/orders/{order['id']}").text


def _points(branch: GuardedBranch, state: str) -> list[dict[str, object]]:
    items: list[dict[str, object]] = branch.bank.desk.get(f"/api/v1/sites/{branch.box.site.id}/points")["items"]
    cash = [each for each in items if each["id"] == "partition/cash"]
    assert [each["state"] for each in cash] == [state], cash
    return items
