"""Notices come back: the page behind a link, codes through a signed gateway, receipts; on the real console."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import insert, update

from collector.alarms.words import Move
from collector.escalation.records import Purpose
from collector.notify.records import NoticeState
from collector.notify.signing import sign
from collector.storage.reach import proofs_since
from collector.storage.records import AlarmState
from collector.storage.schema import alarms, withheld
from collector.times import unix_ms
from provisioning.authority import Authority
from tests.console import PEOPLE, ConsoleWorld
from tests.escalating import ready
from tests.ledgers import NOW
from tests.notified import SECRET, SMS, NotifiedCentre, telling
from tests.webhook_peer import WebhookPeer, webhook_peer

GATEWAY = "/api/v1/gateways/sms"


@pytest.fixture(scope="module")
def authority() -> Authority:
    """An authority in memory."""
    return Authority.create(now=NOW)


@pytest.fixture
async def peer() -> AsyncIterator[WebhookPeer]:
    """A gateway."""
    async with webhook_peer() as made:
        yield made


class Answering:
    """A console over a centre whose notices leave; `client` is nobody's browser."""

    def __init__(self, folder: Path, authority: Authority, peer: WebhookPeer) -> None:
        self.peer = peer
        self.world = ConsoleWorld(
            folder=folder, authority=authority, make_centre=NotifiedCentre, gateways={"sms": SECRET, "other": SECRET}
        )
        assert isinstance(self.world.centre, NotifiedCentre)
        self.centre = self.world.centre
        self.centre.webhook("sms", peer.url)
        self.centre.webhook("call", peer.url)
        self.numbers = 0

    async def told(self, *people: str, kind: str = "zone.intrusion") -> str:
        """An alarm of which these people were told; its id."""
        self.centre.hold_rules(telling(*people), version=2)
        alarm = self.centre.alarm(ready(self.centre, name="0755-040-a", site="0755-040"), kind)
        await self.centre.deliver()
        return alarm

    def state(self, alarm: str) -> tuple[AlarmState, str | None]:
        """Where an alarm stands and who holds it."""
        return next((each.state, each.holder) for each in self.centre.alarms() if each.id == alarm)

    async def speak(
        self,
        client: httpx.AsyncClient,
        message: object,
        *,
        at: timedelta = timedelta(0),
        key: bytes = SECRET,
        **other: Any,
    ) -> httpx.Response:
        """A gateway says something, signed."""
        self.numbers += 1
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = sign(key, f"m{self.numbers}", (unix_ms(self.centre.now + at)) // 1000, body)
        return await client.post(other.pop("to", GATEWAY), content=body, headers={**headers, **other})

    async def reply(self, client: httpx.AsyncClient, person: str, text: str) -> str:
        """Somebody replies; what came of it."""
        answer = await self.speak(client, {"type": "reply", "from": SMS[person], "text": text})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["outcome"])


@pytest.fixture
async def desk(tmp_path: Path, authority: Authority, peer: WebhookPeer) -> AsyncIterator[Answering]:
    """Everything together."""
    made = Answering(tmp_path, authority, peer)
    yield made
    await made.centre.hang_up()
    made.world.close()


async def test_the_page_follows_the_telephone_and_says_whose_hours(desk: Answering, peer: WebhookPeer) -> None:
    """Nothing was chosen on a telephone: its own light or dark; and a time is nothing without its zone."""
    await desk.told("person/li")
    async with desk.world.client(None) as nobody:
        page = (await nobody.get(link(peer, "li"))).text
        pressed = (await nobody.post(link(peer, "li"), data={"act": "answer"})).text
        chosen = (await nobody.get(link(peer, "li"), headers={"Cookie": "bw_theme=dark"})).text
    assert 'data-theme="device"' in page
    assert 'data-theme="device"' in pressed
    assert 'data-theme="dark"' in chosen
    assert re.search(r"2026-\d\d-\d\d \d\d:\d\d:\d\d UTC\+08:00<", page)


def link(peer: WebhookPeer, to: str) -> str:
    """The path of the link that somebody got last."""
    found = [body["link"] for body in peer.bodies if body["to"] == SMS[to]]
    return "/n/" + str(found[-1]).rpartition("/")[2]


def code(peer: WebhookPeer, to: str) -> str:
    """The code that somebody got last."""
    return str([body["code"] for body in peer.bodies if body["to"] == SMS[to]][-1])


async def test_opening_a_link_acts_on_nothing_and_its_button_takes_it(desk: Answering, peer: WebhookPeer) -> None:
    """A scanner that fetches the link leaves the alarm alone; the operator's press takes it, once."""
    alarm = await desk.told("person/li")
    async with desk.world.client(None) as nobody:
        for _ in range(3):
            page = await nobody.get(link(peer, "li"))
        assert (page.status_code, desk.state(alarm)) == (200, (AlarmState.NEW, None))
        assert "入侵报警" in page.text
        assert "我来接警" in page.text
        assert desk.centre.notices(alarm=alarm)[0].state is NoticeState.READ
        pressed = await nobody.post(link(peer, "li"))
        assert (pressed.status_code, desk.state(alarm)) == (200, (AlarmState.ACKNOWLEDGED, "li"))
        assert (await nobody.post(link(peer, "li"))).status_code == 410
        assert (await nobody.get(link(peer, "li"))).status_code == 410
    assert "way" in str(desk.centre.entries("acknowledge")[-1].facts)


async def test_a_press_from_another_page_is_refused(desk: Answering, peer: WebhookPeer) -> None:
    """A page elsewhere that posts to a link it caught is turned away by the browser's own word."""
    alarm = await desk.told("person/li")
    async with desk.world.client(None) as nobody:
        answer = await nobody.post(link(peer, "li"), headers={"Origin": "https://evil.example"})
    assert (answer.status_code, desk.state(alarm)[0]) == (403, AlarmState.NEW)


async def test_level_1_is_only_paused_by_a_link_and_by_a_code(desk: Answering, peer: WebhookPeer) -> None:
    """A hold-up is taken at the desk: an answer holds the chain for three minutes, then it goes on."""
    alarm = await desk.told("person/li", "person/chen", kind="zone.hold_up")
    async with desk.world.client(None) as nobody:
        page = await nobody.get(link(peer, "li"))
        assert "我已知悉" in page.text
        await nobody.post(link(peer, "li"))
        assert desk.state(alarm) == (AlarmState.NEW, None)
        assert await desk.reply(nobody, "chen", code(peer, "chen")) == "paused"
    assert desk.state(alarm) == (AlarmState.NEW, None)
    paused = [each.facts for each in desk.centre.entries("paused")]
    assert [facts["way"] for facts in paused] == ["link", "reply"]
    assert all(facts["address"] for facts in paused), "from where stands in the journal too"


async def test_a_security_officer_pauses_what_an_operator_would_take(desk: Answering, peer: WebhookPeer) -> None:
    """Whoever does not handle alarms says that it knows, and takes nothing."""
    alarm = await desk.told("person/zhao")
    async with desk.world.client(None) as nobody:
        page = await nobody.get(link(peer, "zhao") + "?lang=en")
        assert "I have seen this" in page.text
        assert "does not take the alarm" in page.text
        await nobody.post(link(peer, "zhao"))
    assert desk.state(alarm) == (AlarmState.NEW, None)


async def test_a_code_takes_the_alarm_from_that_persons_telephone_only(desk: Answering, peer: WebhookPeer) -> None:
    """The same six digits from somebody else's telephone are wrong."""
    alarm = await desk.told("person/li")
    async with desk.world.client(None) as nobody:
        assert await desk.reply(nobody, "zhao", code(peer, "li")) == "wrong"
        assert desk.state(alarm)[0] is AlarmState.NEW
        assert await desk.reply(nobody, "li", f" {code(peer, 'li')[:3]} {code(peer, 'li')[3:]} ok") == "took"
        assert desk.state(alarm) == (AlarmState.ACKNOWLEDGED, "li")
        assert await desk.reply(nobody, "li", code(peer, "li")) == "again"


async def test_five_wrong_codes_close_an_address_for_ten_minutes(desk: Answering, peer: WebhookPeer) -> None:
    """Then even the right one waits; other telephones answer as ever."""
    alarm = await desk.told("person/li", "person/zhao")
    async with desk.world.client(None) as nobody:
        for _ in range(5):
            assert await desk.reply(nobody, "zhao", "000000") == "wrong"
        assert await desk.reply(nobody, "zhao", code(peer, "zhao")) == "closed"
        desk.centre.now += timedelta(minutes=10)
        assert await desk.reply(nobody, "zhao", code(peer, "zhao")) == "paused"
        assert await desk.reply(nobody, "li", code(peer, "li")) == "took"
    assert desk.state(alarm)[1] == "li"


async def test_links_and_codes_end_after_a_day(desk: Answering, peer: WebhookPeer) -> None:
    """What is a day old answers nothing."""
    alarm = await desk.told("person/li")
    desk.centre.now += timedelta(hours=24)
    async with desk.world.client(None) as nobody:
        assert (await nobody.get(link(peer, "li"))).status_code == 410
        assert (await nobody.post(link(peer, "li"))).status_code == 410
        assert await desk.reply(nobody, "li", code(peer, "li")) == "wrong"
    assert desk.state(alarm)[0] is AlarmState.NEW


async def test_a_link_of_a_channel_outside_shows_no_facts(desk: Answering, peer: WebhookPeer) -> None:
    """Whoever reads the messenger's servers learns a number, from the page as from the message."""
    desk.centre.channels_outside("sms")
    await desk.told("person/li")
    async with desk.world.client(None) as nobody:
        page = (await nobody.get(link(peer, "li"))).text
        done = (await nobody.post(link(peer, "li"))).text
    for text in (page, done):
        for secret in ("0755", "入侵", "支行", "二级", "Level"):
            assert secret not in text


async def test_whoever_acted_under_duress_learns_nothing_by_a_link(desk: Answering, peer: WebhookPeer) -> None:
    """A link that was sent before the duress was known shows nothing and answers nothing."""
    alarm = await desk.told("person/li")
    number = next(each.cursor for each in desk.centre.alarms() if each.id == alarm)
    with desk.centre.store.write() as connection:
        connection.execute(insert(withheld).values(number=number, person="li", box="x", event_id="e"))
    async with desk.world.client(None) as nobody:
        assert (await nobody.get(link(peer, "li"))).status_code == 410
        assert (await nobody.post(link(peer, "li"))).status_code == 410
        assert await desk.reply(nobody, "li", code(peer, "li")) == "wrong"
    assert desk.state(alarm)[0] is AlarmState.NEW


async def test_receipts_deliver_prove_and_fail_over(desk: Answering, peer: WebhookPeer) -> None:
    """Delivered is noted and proves the channel; a failure after all brings the next channel."""
    alarm = await desk.told("person/li", "person/chen")
    to_li, to_chen = desk.centre.notices(alarm=alarm)
    async with desk.world.client(None) as nobody:
        done = await desk.speak(nobody, {"type": "receipt", "id": to_li.id, "state": "delivered"})
        assert done.json()["outcome"] == "noted"
        await desk.speak(nobody, {"type": "receipt", "id": to_chen.id, "state": "failed"})
        gone = await desk.speak(
            nobody, {"type": "receipt", "id": to_li.id, "state": "failed"}, to="/api/v1/gateways/other"
        )
        assert gone.status_code == 404, "another gateway says nothing about this one's notices"
        assert (await desk.speak(nobody, {"type": "receipt", "id": "none"})).status_code == 404
    rows = desk.centre.notices(alarm=alarm)
    assert [row.state for row in rows[:2]] == [NoticeState.DELIVERED, NoticeState.FAILED]
    assert (rows[2].follows, rows[2].channel) == (to_chen.id, "call")
    with desk.centre.store.read() as reading:
        assert set(proofs_since(reading.connection, 0)) == {("li", "sms")}


async def test_what_is_not_signed_for_this_channel_now_changes_nothing(desk: Answering, peer: WebhookPeer) -> None:
    """Forged, old, early, for another channel's key or unsigned: one and the same refusal."""
    alarm = await desk.told("person/li")
    said = {"type": "reply", "from": SMS["li"], "text": code(peer, "li")}
    async with desk.world.client(None) as nobody:
        refused = [
            await desk.speak(nobody, said, key=b"another key of 24 letters"),
            await desk.speak(nobody, said, at=timedelta(minutes=-6)),
            await desk.speak(nobody, said, at=timedelta(minutes=6)),
            await desk.speak(nobody, said, to="/api/v1/gateways/nowhere"),
            await nobody.post(GATEWAY, json=said),
        ]
    assert {answer.status_code for answer in refused} == {401}
    assert desk.state(alarm)[0] is AlarmState.NEW


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"type":"reply","from":5}',
        b"\xff" * 40,
        b'{"type":"nap"}',
        b'{"type":"reply","from":"\\u0000","text":"123456"}',  # a text that PostgreSQL does not take
        b'{"type":"receipt","id":"\\u0000"}',
        b'{"type":"reply","z":' + b"[" * 6000 + b"]" * 6000 + b"}",
    ],
)
async def test_a_gateways_nonsense_is_refused_whole(desk: Answering, body: bytes) -> None:
    """Signed nonsense is told as such, and never repeated."""
    async with desk.world.client(None) as nobody:
        answer = await desk.speak(nobody, body)
    assert answer.status_code == 422
    assert "urn:branchwatch:problem:invalid" in answer.text


async def test_deliveries_are_listed_for_whoever_sees_the_alarm(desk: Answering, peer: WebhookPeer) -> None:
    """Who was told by which way; no code, no link, no address in any of it."""
    alarm = await desk.told("person/li", "person/chen")
    async with desk.world.client("wang") as operator, desk.world.client("east") as elsewhere:
        own = (await operator.get(f"/api/v1/alarms/{alarm}/notices")).json()["items"]
        every = (await operator.get("/api/v1/notices?limit=1")).json()
        rest = (await operator.get(f"/api/v1/notices?limit=1&cursor={every['next']}")).json()
        assert (await elsewhere.get(f"/api/v1/alarms/{alarm}/notices")).status_code == 404
        assert (await elsewhere.get("/api/v1/notices")).json()["items"] == []
    assert [each["person"] for each in own] == ["chen", "li"]
    assert [*every["items"], *rest["items"]] == own
    for secret in (code(peer, "li"), SMS["li"], link(peer, "li")[3:]):
        assert secret not in json.dumps(own)


async def test_a_pause_is_not_made_longer_by_further_answers(desk: Answering, peer: WebhookPeer) -> None:
    """Somebody with the telephones of two people holds a hold-up's chain for three minutes, not for six."""
    alarm = await desk.told("person/li", "person/chen", kind="zone.hold_up")
    async with desk.world.client(None) as nobody:
        assert await desk.reply(nobody, "chen", code(peer, "chen")) == "paused"
        (until_ms,) = [each.due_ms for each in desk.centre.timers_of(alarm) if each.purpose is Purpose.RESUME]
        await desk.centre.deliver(100)
        assert await desk.reply(nobody, "li", code(peer, "li")) == "paused"
    assert [each.due_ms for each in desk.centre.timers_of(alarm) if each.purpose is Purpose.RESUME] == [until_ms]
    assert [each.facts["until_ms"] for each in desk.centre.entries("paused")] == [until_ms, until_ms]


async def test_a_pause_says_until_when_it_lasts(desk: Answering, peer: WebhookPeer) -> None:
    """Whoever answers two minutes after another is not told that nobody else is told for three more."""
    await desk.told("person/li", "person/chen", kind="zone.hold_up")
    async with desk.world.client(None) as nobody:
        first = await desk.speak(nobody, {"type": "reply", "from": SMS["chen"], "text": code(peer, "chen")})
        until = f"{desk.centre.now.astimezone(ZoneInfo('Asia/Shanghai')) + timedelta(minutes=3):%H:%M:%S}"
        assert until in first.json()["text"]
        desk.centre.now += timedelta(minutes=2)
        assert until in (await nobody.post(link(peer, "li"))).text


async def test_whoever_comes_late_reads_so_before_pressing(desk: Answering, peer: WebhookPeer) -> None:
    """The page names who has the alarm and offers nothing to take; once it is over there is no button at all."""
    alarm = await desk.told("person/li", "person/chen")
    async with desk.world.client(None) as nobody:
        await nobody.post(link(peer, "li"))
        late = (await nobody.get(link(peer, "chen") + "?lang=en")).text
        assert "Li is handling this alarm." in late
        assert "I have seen this" in late
        assert "takes the alarm in your name" not in late
        services, (li,) = desk.world.app.state.services, [each for each in PEOPLE if each.id == "li"]
        services.alarms.move(alarm, li, Move.RESOLVE, version=None, resolution="false_alarm", text="a cat")
        over = (await nobody.get(link(peer, "chen") + "?lang=en")).text
    assert "This alarm is over." in over
    assert "<button" not in over


async def test_what_rose_since_it_was_told_is_not_offered_to_be_taken(desk: Answering, peer: WebhookPeer) -> None:
    """A notice of level 2 whose alarm is level 1 by now: the button says what it does, and only pauses."""
    alarm = await desk.told("person/li")
    with desk.centre.store.write() as connection:
        connection.execute(update(alarms).where(alarms.c.id == alarm).values(level=1))
    async with desk.world.client(None) as nobody:
        page = (await nobody.get(link(peer, "li") + "?lang=en")).text
        await nobody.post(link(peer, "li"))
    assert "takes the alarm in your name" not in page
    assert desk.state(alarm) == (AlarmState.NEW, None)


async def test_a_link_that_a_scanner_opened_hides_no_failure(desk: Answering, peer: WebhookPeer) -> None:
    """A gateway that looks at the link and then gives the message up: the next channel has it all the same."""
    alarm = await desk.told("person/li")
    (told,) = desk.centre.notices(alarm=alarm)
    async with desk.world.client(None) as nobody:
        await nobody.get(link(peer, "li"))
        await desk.speak(nobody, {"type": "receipt", "id": told.id, "state": "failed"})
    first, second = desk.centre.notices(alarm=alarm)
    assert (first.state, second.follows, second.channel) == (NoticeState.FAILED, told.id, "call")
