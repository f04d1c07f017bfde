"""A centre whose notices leave: escalation in virtual time, a sender, real webhooks on loopback."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import select

from collector.alarms.service import AlarmService
from collector.escalation.surroundings import Channel
from collector.notify.records import Notice
from collector.notify.sender import Sender, Sending
from collector.notify.templates import load
from collector.notify.ways import Way
from collector.notify.webhook import Webhook
from collector.rules.shapes import Contact, Policy, PolicyStep, Rules, SiteContact
from collector.storage.alarm_tables import notices
from collector.storage.notices import notice_of
from collector.times import unix_ms
from provisioning.authority import Authority
from tests.escalating import EscalatingCentre
from tests.webhook_peer import WebhookPeer

SECRET = b"a key of the gateway, 24+"
URL = "https://desk.bank.example"
TEXTS = load()
SMS = {"zhao": "+8613800000001", "chen": "+8613800000002", "li": "+8613800000003"}


def telling(*people: str, after: timedelta = timedelta(0), by: tuple[str, ...] = ("sms", "call")) -> Rules:
    """Rules that tell these people; everybody has a telephone and a mail address."""
    return Rules(
        policy=(Policy(name="all", step=(PolicyStep(after=after, tell=people, by=by),)),),
        contact=tuple(
            Contact(
                person=name,
                reach={"sms": number, "call": number, "mail": f"{name}@bank.example"},
                order=("sms", "call", "mail"),
                language="en" if name == "chen" else "zh",
            )
            for name, number in SMS.items()
        ),
        site=(SiteContact(unit="", name="branch", reach={"sms": "+8613900000000"}),),
    )


@dataclass
class NotifiedCentre(EscalatingCentre):
    """`ways` are its channels; `sender` sends when `deliver` is called."""

    ways: dict[str, Way] = field(default_factory=dict)
    ports: dict[str, Any] = field(default_factory=dict)
    run: int = 0

    def start(self) -> None:
        """A new process."""
        super().start()
        self.run += 1
        numbers = count(self.run * 1_000_000 + 7)
        self.sender = Sender(
            Sending(
                store=self.store,
                around=self.around,
                ways=self.ways,
                receivers=self.ports,
                texts=TEXTS,
                run=f"run-{self.run}",
                now_ms=lambda: unix_ms(self.now),
                random=lambda size: (next(numbers) * 2_654_435_761 % 2**61).to_bytes(16, "big")[-size:],
                metrics=self.metrics,
                console_url=URL,
            )
        )

    def webhook(self, name: str, url: str, **other: Any) -> None:
        """A channel that posts there."""
        limits = {"connect_s": other.pop("connect_s", 2.0), "answer_s": other.pop("answer_s", 5.0)}
        port = Webhook(
            url=url, secret=SECRET, tls=ssl.create_default_context(), now_s=lambda: unix_ms(self.now) // 1000, **limits
        )
        self.ways[name] = Way(port=port, **{"replies": True, **other})

    def channels_outside(self, name: str) -> None:
        """From now on no facts leave by this channel."""
        self.ways[name] = replace(self.ways[name], outside=True)
        assert isinstance(self.around.channels, dict)
        self.around.channels[name] = Channel(name=name, outside=True)

    async def deliver(self, seconds: float = 0) -> int:
        """Time passes, then everything that may leave leaves; how many did."""
        if seconds:
            self.pass_seconds(seconds)
        return await self.sender.round()

    async def hang_up(self) -> None:
        """Close every channel."""
        for way in self.ways.values():
            await way.port.close()

    def notices(self, **wanted: Any) -> list[Notice]:
        """Rows in their order, those with these values."""
        with self.store.read() as reading:
            rows = [notice_of(row) for row in reading.connection.execute(select(notices).order_by(notices.c.number))]
        return [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]

    def acknowledge(self, alarm: str, person: str) -> None:
        """Somebody takes the alarm at the desk."""
        service = AlarmService(self.store, lambda: self.now, lambda: None, self.around)
        found = self.around.people.by_id(person)
        assert found is not None
        service.acknowledge(alarm, found, version=self.version(alarm))

    def version(self, alarm: str) -> int:
        """How often it changed."""
        return next(each.version for each in self.alarms() if each.id == alarm)


@asynccontextmanager
async def telling_chen(folder: Path, authority: Authority, peer: WebhookPeer) -> AsyncIterator[NotifiedCentre]:
    """A centre that tells the director by text message, else calls him; both by the same gateway."""
    made = NotifiedCentre(folder=folder, authority=authority)
    made.hold_rules(telling("person/chen"))
    made.webhook("sms", peer.url)
    made.webhook("call", peer.url.replace("send", "call"))
    try:
        yield made
    finally:
        await made.hang_up()
        made.close()
