"""One connection of a box without a broker, and a collector that it knows: asked and ordered in virtual time."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from agent import reporting
from agent.conversation import Conversation, Voice
from agent.counting import started
from agent.findings import Finding
from agent.health import health_of
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
    voice: Voice
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


@asynccontextmanager
async def talking(folder: Path) -> AsyncIterator[Talk]:
    """A box whose birth was answered."""
    clock = Clock()
    authority = Authority.create(now=clock.now())
    me, collector = (
        PaperBox(authority, now=clock.now()),
        PaperBox(authority, id="centre-1", role=Role.COLLECTOR, now=clock.now()),
    )
    outbox = box(folder, clock)
    told: list[Finding] = []
    voice = _voice(authority, me, outbox, clock, told)
    conversation = Conversation(voice, _self(me))
    made = Talk(clock, voice, conversation, collector, told)
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
