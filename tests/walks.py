"""Walk tests on paper: the events that a box writes of one, and the keys of box and installer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from protocol import acceptance
from protocol.acceptance import Closing, Config, ListedPoint, Record, Result
from protocol.certificates import Role, Trust, kid_of
from protocol.documents import Signer, add_signature, sign_document
from protocol.envelope import EnvelopeType, Sealer
from protocol.ids import new_event_id
from protocol.kinds import Lane
from protocol.ledger import line_hash
from protocol.messages import Clock, Event, decode_event, encode
from protocol.timestamps import format_time
from provisioning.authority import Authority
from tests.ledgers import NOW, der_chain

INSTALLER = "li-na"
POINTS = (
    ListedPoint(id="device/io1", name="io1"),
    ListedPoint(id="door/outer", name="通道外门"),
    ListedPoint(id="camera/03", name="自助厅", why=acceptance.NOT_WATCHED),
    ListedPoint(id=acceptance.DESK),
)
CONFIG = Config(version=7, hash="ab" * 32)


def signer(authority: Authority, role: Role, name: str, site: str | None = None, now: datetime = NOW) -> Signer:
    """A fresh key of `role`, certified."""
    credential = authority.issue(role, name, site=site, now=now)
    sealer = Sealer(credential.private_key, kid_of(credential.certificate))
    return Signer(sealer=sealer, chain=der_chain(authority, credential.certificate))


@dataclass
class PaperWalk:
    """One walk test of one box; `events` is its whole routine lane so far."""

    points: Sequence[ListedPoint] = POINTS
    config: Config = CONFIG
    site: str = "0755-031"
    box: str = "0755-031-a"
    now: datetime = NOW
    test: str = ""
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.test = self.test or self._id()
        for facts in acceptance.announced(self.test, self.config, self.points):
            self.write(acceptance.STARTED, acceptance.SOURCE, facts)

    def write(self, kind: str, source: str, facts: Mapping[str, Any]) -> Event:
        """The next event, through its line as the ledger holds it."""
        self.now += timedelta(milliseconds=250)
        event = Event(
            v=1,
            id=self._id(),
            site=self.site,
            box=self.box,
            run="0" * 32,
            lane=Lane.ROUTINE,
            seq=len(self.events) + 1,
            prev="0" * 64,
            kind=kind,
            level=5,
            at=format_time(self.now),
            mono_ms=len(self.events),
            clock=Clock.SYNCED,
            source=source,
            facts=dict(facts),
        )
        self.events.append(decode_event(encode(event)))
        return self.events[-1]

    def point(self, point: str, result: Result | None = Result.PASSED, **more: Any) -> Event:
        """A `test.point`."""
        facts = acceptance.PointFacts(test=self.test, result=result, **more)
        return self.write(acceptance.POINT, point, acceptance.as_facts(facts))

    def record(self, installer: str = INSTALLER) -> Record:
        """The record, were the test closed now."""
        closing = Closing(finished=format_time(self.now + timedelta(seconds=1)), installer=installer)
        return acceptance.record_from(self.events, self.test, closing)

    def finish(self, box: Signer, installer: Signer | None, name: str = INSTALLER) -> Event:
        """Sign the record as the box does it, and write `test.finished`."""
        record = self.record(name if installer else "")
        payload = acceptance.record_bytes(record)
        if installer is None:
            document = sign_document(EnvelopeType.ACCEPTANCE, payload, [box])
        else:
            document = sign_document(EnvelopeType.ACCEPTANCE, payload, [installer])
            document = add_signature(document, EnvelopeType.ACCEPTANCE, box)
        return self.write(acceptance.FINISHED, acceptance.SOURCE, acceptance.finished_facts(record, document))

    def open(self, trust: Trust, now: datetime | None = None) -> acceptance.Acceptance:
        """As the centre opens it."""
        return acceptance.open_acceptance(self.events, self.test, trust, now or self.now)

    def alter(self, number: int, **changes: Any) -> None:
        """Put another event in the place of one."""
        self.events[number] = msgspec.structs.replace(self.events[number], **changes)

    def _id(self) -> str:
        seed = bytes.fromhex(line_hash(f"{self.box} {self.now} {len(self.events)}".encode()))
        return new_event_id(int(self.now.timestamp() * 1000), seed[:10])
