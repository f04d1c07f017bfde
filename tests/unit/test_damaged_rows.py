"""Rows that somebody or something damaged: each costs itself and nothing else, and is told or set aside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update

from collector.notify.records import NoticeState
from collector.storage.alarm_tables import notices, timers
from collector.storage.schema import alarms, envelopes
from provisioning.authority import Authority
from tests.collecting import Box
from tests.escalating import EscalatingCentre, ready
from tests.notified import SECRET, NotifiedCentre, telling_chen
from tests.webhook_peer import WebhookPeer, webhook_peer


@pytest.fixture
def desk(tmp_path: Path, paper_authority: Authority) -> Iterator[EscalatingCentre]:
    """A centre where somebody sits, with the rules it is born with."""
    made = EscalatingCentre(folder=tmp_path, authority=paper_authority, at_desk={"li", "zhao", "chen"})
    yield made
    made.close()


@pytest.fixture
def box(desk: EscalatingCentre) -> Box:
    """A branch that is alive."""
    return ready(desk)


def put(desk: EscalatingCentre, facts: str, alarm: str | None, purpose: str = "escalate", many: int = 1) -> None:
    """Timers that nobody of ours would write, due since long."""
    with desk.store.write() as connection:
        rows = [
            {"id": f"bad-{at}", "alarm": alarm, "purpose": purpose, "due_ms": 0, "facts": facts, "made_ms": 0}
            for at in range(many)
        ]
        connection.execute(insert(timers), rows)


@pytest.mark.parametrize("facts", ["", "no json", "[]", "7", '{"policy": "x"}', '{"policy": "x", "rules": "y"}'])
def test_a_timer_that_nobody_can_read_holds_up_no_other(desk: EscalatingCentre, box: Box, facts: str) -> None:
    """Of another alarm or of none: the steps of this one are told on time."""
    other = desk.alarm(box, "atm.offline", source="atm/9")
    alarm = desk.alarm(box)
    put(desk, facts, other)
    desk.pass_seconds(62)
    assert len(desk.entries("told")) >= 2
    assert any(
        entry.subject == alarm and entry.facts["targets"] == ["role/shift_leader"] for entry in desk.entries("told")
    )


@pytest.mark.parametrize("facts", ["", "{}", '{"person": 7}'])
def test_a_digest_for_nobody_holds_up_no_notice(desk: EscalatingCentre, box: Box, facts: str) -> None:
    """Whoever is told is told, whatever stands among the digests."""
    put(desk, facts, None, "digest")
    alarm = desk.alarm(box)
    desk.pass_seconds(62)
    assert any(
        entry.subject == alarm and entry.facts["targets"] == ["role/shift_leader"] for entry in desk.entries("told")
    )


def test_more_damaged_timers_than_one_look_takes(desk: EscalatingCentre, box: Box) -> None:
    """A thousand of them: the look ends, and the steps of the others are told."""
    alarm = desk.alarm(box)
    put(desk, '{"policy": 7}', alarm, many=1000)
    desk.pass_seconds(62, step=31)
    assert any(entry.facts["targets"] == ["role/shift_leader"] for entry in desk.entries("told"))


def test_an_alarm_that_cannot_be_planned_stops_no_escalation(desk: EscalatingCentre, box: Box) -> None:
    """From before there were timers, and its row damaged: the others are taken over and their steps told."""
    bad = desk.alarm(box, "atm.offline", source="atm/9")
    alarm = desk.alarm(box)
    with desk.store.write() as connection:
        connection.execute(timers.delete())
        connection.execute(
            update(alarms).where(alarms.c.id == bad).values(opened_ms=2**62, resolved_ms=2**62, state="resolved")
        )
    desk.restart()
    desk.pass_seconds(62)
    assert any(
        entry.subject == alarm and entry.facts["targets"] == ["role/shift_leader"] for entry in desk.entries("told")
    )


@pytest.fixture
async def peer() -> AsyncIterator[WebhookPeer]:
    """A gateway."""
    async with webhook_peer(SECRET) as made:
        yield made


@pytest.fixture
async def centre(tmp_path: Path, paper_authority: Authority, peer: WebhookPeer) -> AsyncIterator[NotifiedCentre]:
    """The director is told by text message, else called."""
    async with telling_chen(tmp_path, paper_authority, peer) as made:
        yield made


@pytest.mark.parametrize("damage", [{"facts": ""}, {"facts": "no json"}, {"facts": '{"then": 7}'}, {"sort": "novel"}])
async def test_a_notice_that_nobody_can_read_holds_up_no_other(
    centre: NotifiedCentre, peer: WebhookPeer, damage: dict[str, str]
) -> None:
    """It leaves by the channel that it names, with what can be told; what was queued behind it leaves too."""
    box = ready(centre)
    bad = centre.alarm(box, "zone.hold_up", source="zone/9")
    centre.alarm(box)
    with centre.store.write() as connection:
        connection.execute(update(notices).where(notices.c.alarm == bad).values(**damage))
    await centre.deliver()
    assert [row.state for row in centre.notices()] == [NoticeState.SENT] * 2


async def test_an_alarm_whose_envelope_is_damaged_is_told(centre: NotifiedCentre) -> None:
    """Its event cannot be read any more: number, place and kind stand in its row, and others are told as ever."""
    box = ready(centre)
    centre.alarm(box, "zone.hold_up", source="zone/9")
    with centre.store.write() as connection:
        connection.execute(update(envelopes).values(body=b"rotten"))
    centre.alarm(box)
    await centre.deliver()
    assert [row.state for row in centre.notices()] == [NoticeState.SENT] * 2


async def test_a_look_that_trips_is_not_the_last(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """A sender that cannot even read the rules goes on looking: what waits leaves once they can be read."""
    centre.alarm(ready(centre))
    with centre.store.write() as connection:
        connection.execute(text("ALTER TABLE rules RENAME TO rules_elsewhere"))
    running = asyncio.create_task(centre.sender.run())
    try:
        await asyncio.wait([running], timeout=0.3)
        assert not running.done()
        with centre.store.write() as connection:
            connection.execute(text("ALTER TABLE rules_elsewhere RENAME TO rules"))
        await peer.until(1)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
