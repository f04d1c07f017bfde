"""Notices leave over a real HTTP server: by level, again, by the next channel, never twice unsaid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from collector.notify.digests import flush
from collector.notify.queueing import queue
from collector.notify.records import NoticeState, Sort, Wanted
from collector.notify.signing import Judgement
from collector.notify.trying import UNSURE
from collector.storage import writing
from collector.storage.alarm_tables import notices
from collector.storage.schema import withheld
from collector.times import unix_ms
from provisioning.authority import Authority
from tests.escalating import ready
from tests.ledgers import NOW
from tests.notified import SECRET, SMS, URL, NotifiedCentre, telling, telling_chen
from tests.webhook_peer import WebhookPeer, webhook_peer


@pytest.fixture(scope="module")
def authority() -> Authority:
    """An authority in memory."""
    return Authority.create(now=NOW)


@pytest.fixture
async def peer() -> AsyncIterator[WebhookPeer]:
    """A gateway that checks signatures."""
    async with webhook_peer(SECRET, unix_ms(NOW) // 1000) as made:
        yield made


@pytest.fixture
async def centre(tmp_path: Path, authority: Authority, peer: WebhookPeer) -> AsyncIterator[NotifiedCentre]:
    """The director is told by text message, else called."""
    async with telling_chen(tmp_path, authority, peer) as made:
        yield made


async def test_a_notice_arrives_signed_with_facts_link_and_code(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """What, where, when, what next, a link and a code; the row says that it was sent."""
    alarm = centre.alarm(ready(centre))
    assert await centre.deliver() == 1
    (row,) = centre.notices(alarm=alarm)
    (body,) = peer.bodies
    assert peer.judged == [Judgement.GOOD]
    assert (row.state, row.tries, row.channel) == (NoticeState.SENT, 1, "sms")
    assert (body["id"], body["to"], body["level"], body["code"]) == (row.id, SMS["chen"], 2, row.code)
    assert body["link"].startswith(f"{URL}/n/")
    assert len(body["link"]) > len(URL) + 20
    assert body["code"] in body["text"]
    assert body["link"] in body["text"]
    assert "site 0755-031" in body["text"]
    assert body["alarm"]["kind"] == "zone.intrusion"
    token = body["link"].rpartition("/")[2]
    assert token not in str(row), "the database has the hash of a link alone"


async def test_outside_the_bank_only_a_number_is_said(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """No site, no kind, no level: nothing in any field of the message that tells of the alarm."""
    centre.webhook("sms", peer.url, outside=True)
    alarm = centre.alarm(ready(centre))
    await centre.deliver()
    (body,) = peer.bodies
    number = next(each.cursor for each in centre.alarms() if each.id == alarm)
    said = " ".join(str(body[name]) for name in ("text", "subject", "voice"))
    assert body["alarm"] is None
    assert str(number) in said
    for secret in ("0755", "intrusion", "Intrusion", "Level", "zone", "支行"):
        assert secret not in str({**body, "link": ""})


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("hang", "too_slow"),
        ("drip", "too_slow"),
        ("garbage", "garbage"),
        ("hang_up", "garbage"),
        ("fail", "status 503"),
    ],
)
async def test_a_bad_channel_is_tried_three_times_then_the_next(
    centre: NotifiedCentre, peer: WebhookPeer, manner: str, reason: str
) -> None:
    """Whatever the gateway does, it is a recorded failure, tried after 2 s and 10 s, and the next channel."""
    centre.webhook("sms", peer.url, answer_s=1.0)
    peer.manner = manner
    alarm = centre.alarm(ready(centre))
    await centre.deliver()
    first = centre.notices(alarm=alarm)[0]
    assert (first.state, first.reason, first.tries) == (NoticeState.QUEUED, reason, 1)
    assert await centre.deliver(1) == 0
    assert await centre.deliver(1) == 1
    assert await centre.deliver(9) == 0
    await centre.deliver(1)
    rows = centre.notices(alarm=alarm)
    assert (rows[0].state, rows[0].tries) == (NoticeState.FAILED, 3)
    assert [body["perhaps"] for body in peer.bodies[:3]] == [False, *[reason in UNSURE] * 2], "who hung may have it"
    assert (rows[1].channel, rows[1].follows, rows[1].person) == ("call", rows[0].id, "chen")


@pytest.mark.parametrize(("manner", "reason"), [("refuse", "refused 403"), ("redirect", "redirected")])
async def test_what_was_refused_goes_by_the_next_channel_at_once(
    centre: NotifiedCentre, peer: WebhookPeer, manner: str, reason: str
) -> None:
    """A refusal is no hiccup: no second try there, and no redirection is followed."""
    peer.manner = manner
    alarm = centre.alarm(ready(centre))
    await centre.deliver()
    sms, call = centre.notices(alarm=alarm)
    assert (sms.state, sms.reason, sms.tries) == (NoticeState.FAILED, reason, 1)
    assert call.follows == sms.id
    assert "/elsewhere" not in peer.paths


async def test_a_flood_of_an_answer_is_not_read(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """The status counts; a body of a hundred megabytes is left where it is."""
    peer.manner = "flood"
    alarm = centre.alarm(ready(centre))
    await centre.deliver()
    assert centre.notices(alarm=alarm)[0].state is NoticeState.SENT


async def test_the_gravest_leave_first(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """By level, whatever came first, one after the other."""
    centre.webhook("sms", peer.url, at_once=1)
    box = ready(centre)
    for kind in ("door.held_open", "door.forced", "zone.hold_up"):
        centre.alarm(box, kind, source=f"zone/{kind[-4:].replace('_', '-')}")
    await centre.deliver()
    assert [body["level"] for body in peer.bodies] == [1, 2, 4]


async def test_a_full_channel_still_takes_level_1(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """A gateway that hangs with its room full is no reason for a hold-up to wait."""
    centre.webhook("sms", peer.url, at_once=1, answer_s=1.0)
    peer.manners = {SMS["chen"]: "hang"}
    box = ready(centre)
    centre.alarm(box, "door.forced")
    running = asyncio.create_task(centre.sender.run())
    try:
        await peer.until(1)
        centre.alarm(box, "zone.hold_up", source="zone/9")
        centre.sender.wake()
        await peer.until(2)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [body["level"] for body in peer.bodies[:2]] == [2, 1]


async def test_a_box_that_raises_hundreds_of_the_gravest_keeps_no_hold_up_elsewhere_waiting(
    centre: NotifiedCentre, peer: WebhookPeer
) -> None:
    """A stolen box floods the centre with hold-ups; the real one at another site leaves right after the first claim."""
    stolen, other = ready(centre), ready(centre, name="0755-040-a", site="0755-040")
    centre.take(*(stolen.events(stolen.line("zone.hold_up", source=f"zone/x{n}")) for n in range(300)))
    real = centre.alarm(other, "zone.hold_up", source="zone/button")
    await centre.deliver()
    order = [body["alarm"]["id"] for body in peer.bodies]
    assert len(order) == 301
    assert order.index(real) < 140, "behind the first claims only, not behind the whole flood"


async def test_a_worker_that_died_is_taken_over_and_says_perhaps(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """What was under way is sent again after the restart with a mark, in the text too."""
    peer.manner = "hang"
    alarm = centre.alarm(ready(centre))
    running = asyncio.create_task(centre.sender.round())
    await peer.until(1)
    task = next(iter(centre.sender.under_way.values()))
    task.cancel()  # as a kill would: no outcome is written
    running.cancel()
    await asyncio.gather(running, task, return_exceptions=True)
    assert centre.notices(alarm=alarm)[0].state is NoticeState.SENDING
    peer.manner = "ok"
    centre.restart()
    await centre.deliver(1)
    (row,) = centre.notices(alarm=alarm)
    assert (row.state, row.perhaps) == (NoticeState.SENT, True)
    assert peer.bodies[-1]["perhaps"]
    assert "perhaps twice" in peer.bodies[-1]["text"]


async def test_an_alarm_that_was_taken_tells_nobody_more(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """What still waits when somebody takes the alarm never leaves."""
    peer.manner = "fail"
    alarm = centre.alarm(ready(centre))
    await centre.deliver()
    centre.acknowledge(alarm, "li")
    peer.manner = "ok"
    assert await centre.deliver(3) == 0
    assert centre.notices(alarm=alarm)[0].state is NoticeState.CANCELLED


async def test_a_receiver_is_told_through_its_own_port(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """A receiver's row goes to the receiver's port, not to a channel."""
    centre.ports["110"] = centre.ways["sms"].port
    alarm = centre.alarm(ready(centre))
    with centre.store.write() as connection:
        writing.lock_counters(connection)
        wanted = Wanted(alarm=alarm, sort=Sort.ALARM, target="receiver/110", person="", channels=("110",), level=1)
        queue(connection, [wanted], unix_ms(centre.now), centre.around)
    await centre.deliver()
    (row,) = centre.notices(target="receiver/110")
    assert (row.state, row.code, row.token_hash) == (NoticeState.SENT, "", "")
    assert {body["to"] for body in peer.bodies} == {"", SMS["chen"]}


async def test_a_sites_contact_is_told_but_cannot_answer(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """Who is nobody of the centre gets the facts, no link and no code."""
    centre.hold_rules(telling("site/contact", by=("sms",)), version=2)
    centre.alarm(ready(centre))
    await centre.deliver()
    (body,) = peer.bodies
    assert (body["to"], body["code"], body["link"]) == ("+8613900000000", "", "")


async def test_duress_is_never_told_at_the_site(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """The branch's contact may stand beside the robber: nothing at the site may show a duress code."""
    centre.hold_rules(telling("site/contact", "person/chen", by=("sms",)), version=2)
    centre.alarm(ready(centre), "zone.duress")
    await centre.deliver()
    assert [body["to"] for body in peer.bodies] == [SMS["chen"]]


async def test_duress_that_is_known_later_holds_back_what_waits(centre: NotifiedCentre, peer: WebhookPeer) -> None:
    """A notice in the queue and a digest's count leave out what its person may not know."""
    centre.hold_rules(telling("person/chen", "person/li"), version=2)
    box = ready(centre)
    alarm = centre.alarm(box)
    number = next(each.cursor for each in centre.alarms() if each.id == alarm)
    with centre.store.write() as connection:
        connection.execute(insert(withheld).values(number=number, person="chen", box=box.id, event_id="e"))
    await centre.deliver()
    assert [body["to"] for body in peer.bodies] == [SMS["li"]]
    assert [row.reason for row in centre.notices(person="chen")] == ["withheld"]
    with centre.store.write() as connection:
        writing.lock_counters(connection)
        connection.execute(update(notices).where(notices.c.person == "chen").values(state="held", reason=""))
        assert flush(connection, "chen", unix_ms(centre.now)) is None
