"""Escalation at work: alarms of the real ingest, the real runner, rules, desks and notices; time is virtual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.rules.builtin import BUILTIN
from collector.rules.shapes import Contact
from provisioning.authority import Authority
from tests.collecting import Box
from tests.escalating import EVERYBODY, OPERATOR, EscalatingCentre, ready

CONTACTS = tuple(Contact(person=each.id, reach={"sms": f"1390000{n}"}) for n, each in enumerate(EVERYBODY))
HELD = msgspec.structs.replace(BUILTIN, contact=CONTACTS)


@pytest.fixture
def desk(tmp_path: Path, paper_authority: Authority) -> Iterator[EscalatingCentre]:
    """A centre with the built-in policies, and a telephone number for everybody."""
    made = EscalatingCentre(folder=tmp_path, authority=paper_authority)
    made.hold_rules(HELD)
    yield made
    made.close()


@pytest.fixture
def box(desk: EscalatingCentre) -> Box:
    """A branch that is alive."""
    return ready(desk)


def test_an_untaken_alarm_goes_up_step_by_step_and_on_and_on(desk: EscalatingCentre, box: Box) -> None:
    """Level 2: desk at once, the shift leader after 60 s, the director two minutes later, then again every 5 min."""
    desk.at_desk = {OPERATOR.id}
    alarm = desk.alarm(box)
    desk.pass_seconds(800)
    first = desk.told(alarm)[0][0]
    told = [(at - first, who) for at, who in desk.told(alarm)]
    assert told == [(0, "desk"), (60, "zhao"), (180, "chen"), (480, "chen"), (780, "chen")]
