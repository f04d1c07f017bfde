"""What the centre asks or orders is logged by the box, each by its id, without a broker, in virtual time."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter as Tally
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from agent import reporting
from agent.conversation import Conversation, Voice
from agent.counting import started
from agent.findings import Finding
from agent.health import health_of
from agent.incidents import EACH_TOLD, ONE_IN
from agent.outbox.outbox import Outbox
from agent.presence import Self
from agent.receipts import Centre
from agent.reporting import Draft, ReportingState
from protocol.certificates import Role
from protocol.envelope import EnvelopeType
from protocol.ids import new_event_id
from protocol.messages import Answers, Fact, Order, Receipt, Request, SiteFacts, encode
from protocol.timestamps import format_time
from protocol.topics import Down
from provisioning.authority import Authority
from tests.boxes import box, reading
from tests.clock import Clock
from tests.ledgers import PaperBox

BOX = "0755-031-a"


@dataclass
class Talk:
    """One connection of a box, and a collector that it knows."""

    clock: Clock
    conversation: Conversation
    collector: PaperBox
    told: list[Finding]
    numbers: Iterable[int] = field(default_factory=lambda: iter(range(10_000)))

    def events(self) -> list[Draft]:
        """The events that what was told makes, chatter limits and all."""
        ids = iter(range(10_000))
        _, drafts = reporting.report(
            ReportingState(),
            self.told,
            reading(self.clock).moment,
            lambda: new_event_id(0, next(ids).to_bytes(10, "big")),
        )
        return list(drafts)

    async def ask(self, action: str, args: dict[str, Fact] | None = None, age: timedelta = timedelta(0)) -> str:
        """A request arrives; its id."""
        at = format_time(self.clock.now() - age)
        request = Request(v=1, id=self._id(), collector="centre-1", box=BOX, at=at, action=action, args=args or {})
        await self.hear(Down.REQUEST, EnvelopeType.REQUEST, encode(request))
        return request.id

    async def order(self, order_id: str = "") -> str:
        """An order arrives; its id."""
        order = Order(
            v=1,
            id=order_id or self._id(),
            box=BOX,
            challenge="",
            roster_version=1,
            action="disarm",
            at=format_time(self.clock.now()),
            by="officer-1",
        )
        await self.hear(Down.ORDER, EnvelopeType.ORDER, encode(order))
        return order.id

    async def hear(self, what: Down, typ: EnvelopeType, line: bytes) -> None:
        """A message sealed by the collector arrives."""
        await self.conversation.hear(what, self.collector.sealer.seal(typ, line))

    def _id(self) -> str:
        return new_event_id(0, next(iter(self.numbers)).to_bytes(10, "big"))


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    """A box whose birth was answered."""
    clock = Clock()
    authority = Authority.create(now=clock.now())
    me, collector = (
        PaperBox(authority, now=clock.now()),
        PaperBox(authority, id="centre-1", role=Role.COLLECTOR, now=clock.now()),
    )
    outbox = box(tmp_path, clock)
    told: list[Finding] = []
    conversation = Conversation(_voice(authority, me, outbox, clock, told), _self(me))
    made = Talk(clock, conversation, collector, told)
    x5c = tuple(b64encode(der).decode() for der in collector.chain)
    await conversation.birth()
    at = format_time(clock.now())
    receipt = Receipt(v=1, collector="centre-1", box=BOX, at=at, answers=Answers.BIRTH, heads=(), x5c=x5c)
    await made.hear(Down.RECEIPT, EnvelopeType.RECEIPT, encode(receipt))
    yield made
    await outbox.close()


def _voice(authority: Authority, me: PaperBox, outbox: Outbox, clock: Clock, told: list[Finding]) -> Voice:
    async def tell(found: Iterable[Finding]) -> None:
        told.extend(found)

    async def heard(*_: object) -> None:
        return

    return Voice(
        outbox=outbox,
        sealer=me.sealer,
        centre=Centre(authority.root.certificate, BOX),
        reading=lambda: reading(clock),
        not_before=clock.now,
        points=tuple,
        health=lambda: health_of(outbox.standing, uptime_s=1, devices_offline=0),
        tell=tell,
        heard=heard,
        random=bytes,
        counter=started(None, 1),
    )


def _self(me: PaperBox) -> Self:
    site = SiteFacts(id=me.site, name="", unit="", timezone="Asia/Shanghai")
    return Self(box=BOX, run=me.run, site=site, software="1", x5c=(), beat_s=5, silent_after_s=17.5)


async def test_every_request_is_logged_with_what_became_of_it(talk: Talk) -> None:
    """WIRE 4.1: a request is logged by the box as an event: its id, who asked, what, and whether it was done."""
    wanted = [
        (await talk.ask("birth"), "birth", "served"),
        (await talk.ask("resend", {"lane": "urgent", "from": 1}), "resend", "served"),
        (await talk.ask("resend", {"lane": "urgent", "from": 1}), "resend", "too_soon"),
        (await talk.ask("resend", {"lane": "neither", "from": 1}), "resend", "malformed"),
        (await talk.ask("birth", age=timedelta(hours=2)), "birth", "stale"),
        (await talk.ask("dance"), "dance", "unknown_action"),
    ]
    events = talk.events()
    assert [(each.facts["request"], each.facts["action"], each.facts["reason"]) for each in events] == wanted
    assert {(each.kind, each.level, str(each.lane), each.facts["collector"]) for each in events} == {
        ("request.answered", 5, "routine", "centre-1")
    }


async def test_a_request_that_comes_twice_is_one_request(talk: Talk) -> None:
    """A broker may keep a signed request and say it again: it is neither served nor logged anew."""
    at = format_time(talk.clock.now())
    request = Request(v=1, id=new_event_id(0, bytes(10)), collector="centre-1", box=BOX, at=at, action="birth")
    for _ in range(3):
        await talk.hear(Down.REQUEST, EnvelopeType.REQUEST, encode(request))
    assert len(talk.told) == 1


async def test_each_refused_order_is_told_by_its_id(talk: Talk) -> None:
    """Two orders or twelve within seconds: whoever gave one finds what became of it."""
    given = [await talk.order() for _ in range(12)]
    assert [event.facts["order"] for event in talk.events()] == given
    assert {event.kind for event in talk.events()} == {"order.refused"}


async def test_an_order_said_again_is_counted(talk: Talk) -> None:
    """A broker that repeats one order for ever makes one event and a count, not a full disk."""
    first = await talk.order()
    for _ in range(50):
        await talk.order(first)
    assert [(finding.facts["reason"], finding.facts["count"]) for finding in talk.told] == [
        ("no_roster", 1),
        ("repeated", 1),
    ]
    talk.clock.advance(ONE_IN)
    await talk.conversation.beat()
    assert (talk.told[-1].facts["reason"], talk.told[-1].facts["count"]) == ("repeated", 49)


async def test_a_flood_of_orders_and_requests_is_counted(talk: Talk) -> None:
    """A stolen collector cannot fill the ledger; what was only counted is told once ten minutes are over."""
    for _ in range(200):
        await talk.order()
        await talk.ask("dance")
    told = Tally(finding.kind for finding in talk.told)
    assert told == {"order.refused": EACH_TOLD + 1, "request.answered": EACH_TOLD + 1}
    talk.clock.advance(ONE_IN)
    await talk.conversation.beat()
    counts: Tally[str] = Tally()
    for finding in talk.told:
        counts[finding.kind] += finding.facts["count"]
    assert counts == {"order.refused": 200, "request.answered": 200}
    before = len(talk.told)
    await talk.conversation.beat()
    assert len(talk.told) == before
