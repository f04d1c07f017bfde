"""What happens at the enrolment is told at the centre: the real server, the real channel, the desk's own API."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from provisioning.enrolment.book import Book
from provisioning.enrolment.desk import Declined, Desk
from provisioning.enrolment.folder import new_enrolment
from provisioning.keeping import save_authority
from tests.enrolments import BOX, SITE, AskingBox
from tests.processes import RunningProcess
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.bank import BRANCHWATCH, READY_S, Bank

pytestmark = pytest.mark.timeout(120)
"""Seconds: real processes start and settle, beside whatever else the machine does."""


def test_refusals_at_the_enrolment_are_an_alarm(build_bank: BuildBank, free_port: Callable[[], int]) -> None:
    """A wrong code is told with its site; an enrolment that is gone is a line of health, and nobody is woken for it."""
    bank = build_bank()
    address = f"127.0.0.1:{free_port()}"
    ca, folder = bank.folder / "authority", bank.folder / "enrol"
    save_authority(bank.certificates.authority, ca)
    enrolment = new_enrolment(ca, folder, datetime.now(UTC))
    with bank.config.open("a") as config:
        config.write(f'\n[enrolment]\naddress = "{address}"\n')
    serving = bank.run(*BRANCHWATCH, "provision", "serve", "--dir", folder, "--listen", address, name="enrolment")
    bank.start_collector()
    eventually_blocking(lambda: _record(bank)["ok"], timeout_s=READY_S, what="the record is read")
    book = Book(folder)
    refused = Desk(enrolment, book).enrol(AskingBox(BOX, SITE).enrolment(os.urandom(10)))
    book.close()
    assert isinstance(refused, Declined)
    (alarm,) = eventually_blocking(
        lambda: bank.desk.alarms(kind="enrol.refused"), timeout_s=READY_S, what="the refusal is an alarm"
    )
    assert (alarm["facts"]["site"], alarm["facts"]["box"], alarm["facts"]["reason"]) == (SITE, BOX, "code_wrong")
    assert "wrong code" in alarm["words"]["headline"]
    _gone(bank, serving)


def _gone(bank: Bank, serving: RunningProcess) -> None:
    before = bank.desk.alarms()
    serving.stop()
    eventually_blocking(lambda: not _record(bank)["ok"], timeout_s=READY_S, what="it is missed")
    assert "cannot be reached" in _record(bank)["detail"]
    assert bank.desk.ask("GET", "/healthz").status_code == 200
    assert bank.desk.alarms() == before


def _record(bank: Bank) -> dict[str, Any]:
    """What /healthz says of the enrolment."""
    checks = bank.desk.ask("GET", "/healthz").json()["checks"]
    (found,) = [check for check in checks if check["name"] == "enrolment"]
    told: dict[str, Any] = found
    return told
