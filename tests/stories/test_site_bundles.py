"""Signed site bundles through the whole bank: brought to the centre, carried, taken or refused, and all of it said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.brokers import BrokerKind
from tests.bundles import person
from tests.enrolled import RealBureau, branch_settings, changed, enrol
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.bank import BRANCHWATCH, READY_S, Bank
from tests.whole.box import Box
from tests.whole.settings import OPERATOR, PersonEntry

pytestmark = pytest.mark.timeout(180)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

OFFICER = PersonEntry(id="officer-1", roles=("security_officer",))


def test_a_bundle_goes_from_the_bureau_to_the_box(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """By command and by API; one that the box refuses is drift with its reason, until the second signature is there.

    With the built-in broker collector.toml names no box: whoever a bundle was delivered for is let in.
    """
    bank = build_bank(broker=broker, people=(OPERATOR, OFFICER), admit_boxes=False)
    box = bank.boxes[0]
    bureau = RealBureau(bank.certificates)
    settings = branch_settings(box.branch.port, bank.broker_address)
    first = bureau.document(bureau.bundle(1, settings=settings))
    enrol(box.state, bank.certificates, bureau, first)
    if bank.broker is not None:
        bank.broker.start()
    bank.start_collector()
    _deliver(bank, first)
    box.process = bank.run(*BRANCHWATCH, "agent", "run", "--state", box.state, name="box")
    _works_with(bank, box, 1)

    renamed = bureau.bundle(2, settings=changed(settings, name="河西分理处新址"))
    answer = _bring(bank, box, bureau.document(renamed))
    assert answer["remarks"] == []
    _works_with(bank, box, 2)
    eventually_blocking(lambda: _site(bank, box)["name"] == "河西分理处新址", what="the new name is at the centre")

    more_people = (*bureau.roster.people, person("li-na", 101))
    roster = type(bureau.roster)(version=2, not_after=bureau.roster.not_after, people=more_people)
    touching = bureau.bundle(3, settings=changed(settings, name="河西分理处新址"), roster=roster)
    answer = _bring(bank, box, bureau.document(touching, "bureau-1"))
    assert answer["touches"] == ["roster"]
    alarm = eventually_blocking(
        lambda: bank.desk.alarms(kind="config.drift"), timeout_s=READY_S, what="the refusal is an alarm"
    )[0]
    assert (alarm["site"], alarm["facts"]["reason"]) == (box.site.id, "refused")
    assert (alarm["facts"]["refused"], alarm["facts"]["wanted_version"]) == ("needs_two_signatures", 3)
    assert bank.desk.box(box.id)["config"]["version"] == 2

    answer = _bring(bank, box, bureau.document(touching))
    assert (answer["unchanged"], answer["remarks"]) == (False, [])
    _works_with(bank, box, 3)
    assert bank.desk.alarms(kind="config.drift")[0]["restored_at"]
    assert not bank.found_by_centre("ledger.fork", "ledger.gap", "envelope.rejected")
    bank.wait_settled(box)


def _deliver(bank: Bank, document: bytes) -> None:
    """`collector deliver`, while the centre runs."""
    file: Path = bank.folder / "bundle.json"
    file.write_bytes(document)
    done = bank.run(*BRANCHWATCH, "collector", "deliver", file, "--config", bank.config, name="deliver")
    assert done.wait(READY_S) == 0, done.tail()
    assert "gets it when it is heard next" in done.output()


def _bring(bank: Bank, box: Box, document: bytes) -> dict[str, Any]:
    answer = bank.desk_of(OFFICER).ask("POST", f"/api/v1/sites/{box.site.id}/bundle", content=document)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _works_with(bank: Bank, box: Box, version: int) -> None:
    def so() -> bool:
        assert box.process is not None
        if not box.process.running():
            raise RuntimeError(f"the box ended\n{box.process.tail()}")
        known = bank.desk.box(box.id)
        wanted, has = known["wanted"], known["config"]
        assert (has["version"], has["hash"], known["drift"]) == (version, wanted["hash"], None), known
        return True

    eventually_blocking(so, timeout_s=READY_S, what=f"the box works with version {version}")


def _site(bank: Bank, box: Box) -> dict[str, Any]:
    (site,) = [each for each in bank.desk.get("/api/v1/sites")["items"] if each["id"] == box.site.id]
    known: dict[str, Any] = site
    return known
