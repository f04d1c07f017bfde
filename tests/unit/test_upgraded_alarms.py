"""A database of the version before alarms had a life: what it holds is adopted, and can be taken back to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from collector.alarms.moving import RefusedError
from collector.alarms.words import Move
from collector.escalation.audit import audit
from collector.storage.migrating import MIGRATIONS, migrate
from collector.storage.schema import alarms
from collector.times import unix_ms
from provisioning.authority import Authority
from tests.collecting import Box
from tests.escalating import LEADER, OPERATOR, REVIEWER, EscalatingCentre, purposes, ready

DOING = {"resolution": "false_alarm", "text": "a cat"}


@pytest.fixture
def desk(tmp_path: Path, paper_authority: Authority) -> Iterator[EscalatingCentre]:
    """A desk where somebody sits."""
    made = EscalatingCentre(folder=tmp_path, authority=paper_authority, at_desk={OPERATOR.id, LEADER.id})
    yield made
    made.close()


@pytest.fixture
def box(desk: EscalatingCentre) -> Box:
    """A branch that is alive."""
    return ready(desk)


def downgrade(desk: EscalatingCentre) -> dict[str, str]:
    """Take the database back; the state of each alarm as the version before reads it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with desk.store.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")
        rows = connection.execute(select(alarms.c.id, alarms.c.state)).all()
    return {row.id: row.state for row in rows}


def test_what_was_open_is_adopted(desk: EscalatingCentre, box: Box) -> None:
    """Untaken ones begin their chain, taken ones are watched, resolved ones wait for a review; whoever held one is its
    handler, who closes it not."""
    held, resolved = desk.alarm(box, "atm.offline", source="atm/1"), desk.alarm(box, "zone.fire", source="zone/1")
    desk.act(held, OPERATOR, Move.ACKNOWLEDGE)
    desk.act(resolved, LEADER, Move.ACKNOWLEDGE)
    desk.act(resolved, LEADER, Move.RESOLVE, **DOING)
    untaken = desk.alarm(box, "zone.intrusion", source="zone/2")
    downgrade(desk)
    migrate(desk.store)
    desk.restart()
    desk.pass_seconds(1)
    found = {alarm: purposes(desk.timers_of(alarm)) for alarm in (untaken, held, resolved)}
    assert found == {untaken: ["escalate"], held: ["stall"], resolved: ["review"]}
    with desk.store.read() as reading:
        assert audit(reading.connection, desk.around, unix_ms(desk.now)) == ()
    desk.act(resolved, REVIEWER, Move.REVIEW)
    with pytest.raises(RefusedError):
        desk.act(resolved, LEADER, Move.CLOSE, text="gone", corrected=True, verified_by="phone")


def test_the_version_before_reads_every_state(desk: EscalatingCentre, box: Box) -> None:
    """Parked is new, dispatched is acknowledged, closed is resolved: no state that it would stumble over is left."""
    parked, sent = desk.alarm(box, "atm.offline", source="atm/1"), desk.alarm(box, "zone.fire", source="zone/1")
    desk.act(parked, OPERATOR, Move.ACKNOWLEDGE)
    later_ms = unix_ms(desk.now + timedelta(hours=1))
    desk.act(parked, OPERATOR, Move.PARK, until_ms=later_ms, text="waits for a part")
    desk.act(sent, OPERATOR, Move.ACKNOWLEDGE)
    desk.act(sent, OPERATOR, Move.DISPATCH, whom="police", text="on the way")
    reviewed = desk.alarm(box, "zone.intrusion", source="zone/2")
    desk.act(reviewed, OPERATOR, Move.ACKNOWLEDGE)
    desk.act(reviewed, OPERATOR, Move.RESOLVE, **DOING)
    desk.act(reviewed, REVIEWER, Move.REVIEW)
    assert downgrade(desk) == {parked: "new", sent: "acknowledged", reviewed: "resolved"}
    migrate(desk.store)
