"""The centre's clock is set while notices are under way: what a dead worker had is sent again, what lives is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from collector.notify.records import NoticeState
from collector.storage.alarm_tables import notices
from collector.times import unix_ms
from provisioning.authority import Authority
from tests.escalating import ready
from tests.ledgers import NOW
from tests.notified import SECRET, NotifiedCentre, telling
from tests.webhook_peer import WebhookPeer, webhook_peer

HOUR = timedelta(hours=1)


@pytest.fixture
async def peer() -> AsyncIterator[WebhookPeer]:
    """A gateway."""
    async with webhook_peer(SECRET, unix_ms(NOW) // 1000) as made:
        yield made


@pytest.fixture
async def centre(tmp_path: Path, peer: WebhookPeer) -> AsyncIterator[NotifiedCentre]:
    """The director is told by text message."""
    made = NotifiedCentre(folder=tmp_path, authority=Authority.create(now=NOW))
    made.hold_rules(telling("person/chen", by=("sms",)))
    made.webhook("sms", peer.url, answer_s=5)
    yield made
    await made.hang_up()
    made.close()


async def test_what_a_dead_worker_took_before_the_clock_was_set_back_is_sent_again(
    centre: NotifiedCentre, peer: WebhookPeer
) -> None:
    """Claimed by another collector, which died; an hour back it is sent within a minute, and says perhaps."""
    alarm = centre.alarm(ready(centre))
    claimed = {"state": "sending", "claimed_by": "centre-2/gone", "claimed_ms": unix_ms(centre.now)}
    with centre.store.write() as connection:
        connection.execute(update(notices).values(**claimed))
    await centre.deliver(1)
    centre.now -= HOUR
    await centre.deliver(20)
    assert centre.notices(alarm=alarm)[0].state is NoticeState.SENDING, "its worker may live still"
    await centre.deliver(40)
    assert [(row.state, row.perhaps) for row in centre.notices(alarm=alarm)][:1] == [(NoticeState.SENT, True)]
    assert peer.bodies


@pytest.mark.parametrize("by", [-HOUR, HOUR], ids=["back", "ahead"])
async def test_what_is_under_way_while_the_clock_is_set_is_told_once(
    centre: NotifiedCentre, peer: WebhookPeer, by: timedelta
) -> None:
    """A gateway that takes its time: the worker that waits for it is no dead one, whatever the clock says."""
    peer.manner = "hang"
    alarm = centre.alarm(ready(centre))
    running = asyncio.create_task(centre.sender.run())
    try:
        await peer.until(1)
        centre.now += by
        centre.sender.wake()
        await asyncio.wait([running], timeout=1.5)
        (row,) = centre.notices(alarm=alarm)
        assert (row.state, row.perhaps) == (NoticeState.SENDING, False)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
