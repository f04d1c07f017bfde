"""Paper boxes and centres for tests: real keys, real certificates, real chains, no process and no disk."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import Role, Trust, kid_of
from protocol.envelope import EnvelopeType, Sealer
from protocol.export import Certificates, Events, ExportWriter, LatestBeat, RunHead
from protocol.ids import new_event_id, new_run
from protocol.kinds import KINDS, Lane, kind_of
from protocol.ledger import Link, Position, after, line_hash, start
from protocol.messages import Beat, Clock, Event, Health, LaneHead, decode_event, encode
from protocol.timestamps import format_time
from provisioning.authority import Authority
from provisioning.issuing import Credential

NOW = datetime(2026, 11, 21, 2, 13, 49, 204_000, tzinfo=UTC)
HEALTH = Health(
    pending_urgent=0,
    pending_routine=0,
    store_bytes=0,
    store_limit_bytes=1,
    memory_bytes=0,
    uptime_s=0,
    devices_offline=0,
)
"""A box in order."""


def der_chain(authority: Authority, certificate: x509.Certificate) -> tuple[bytes, ...]:
    """The chain as it travels in a birth, DER, leaf first, without the root."""
    return tuple(one.public_bytes(Encoding.DER) for one in authority.chain(certificate))


def trust_of(authority: Authority) -> Trust:
    """What a reader of this authority's certificates trusts."""
    return Trust(authority.root.certificate, authority.crls.values())


@dataclass
class PaperBox:
    """A box that writes its ledger on paper: sealed envelopes in memory, seq and prev as WIRE 2 says."""

    authority: Authority
    id: str = "0755-031-a"
    site: str = "0755-031"
    role: Role = Role.BOX
    now: datetime = NOW
    run: str = ""
    tips: dict[Lane, Position] = field(default_factory=dict)
    _runs: int = 0

    def __post_init__(self) -> None:
        site = self.site if self.role is Role.BOX else None
        self.credential: Credential = self.authority.issue(self.role, self.id, site=site, now=self.now)
        self.sealer = Sealer(self.credential.private_key, kid_of(self.credential.certificate))
        self.chain = der_chain(self.authority, self.credential.certificate)
        self.restart()

    def restart(self) -> None:
        """A new run; its first event in each lane has to be `ledger.opened`."""
        self._runs += 1
        self.run = new_run(line_hash(f"{self.id} run {self._runs}".encode())[:32].encode()[:16])
        for lane in Lane:
            self.tips.setdefault(lane, start(self.run))

    def line(
        self,
        kind: str,
        *,
        in_lane: Lane | None = None,
        source: str = "interlock/vestibule",
        restores: str | None = None,
        level: int | None = None,
        **facts: Any,
    ) -> bytes:
        """The next line of the lane of `kind`; its level is the kind's own unless `level` says another."""
        lane = in_lane or kind_of(kind).lane
        tip = self.tips[lane]
        self.now += timedelta(milliseconds=10)
        seed = bytes.fromhex(line_hash(f"{self.id} {self.run} {lane} {tip.seq}".encode()))
        event = Event(
            v=1,
            id=new_event_id(int(self.now.timestamp() * 1000), seed[:10]),
            site=self.site,
            box=self.id,
            run=self.run,
            lane=lane,
            seq=tip.seq + 1,
            prev=tip.hash,
            kind=kind,
            level=level or KINDS[kind.removesuffix(".restored")].level,
            at=format_time(self.now),
            mono_ms=int(self.now.timestamp() * 1000) % 2**40,
            clock=Clock.SYNCED,
            source=source,
            facts=facts,
            restores=restores,
        )
        line = encode(event)
        link = Link(run=self.run, seq=event.seq, prev=event.prev, hash=line_hash(line))
        self.tips[lane] = after(link)
        return line

    def seal(self, *lines: bytes) -> bytes:
        """One envelope of these lines."""
        return self.sealer.seal(EnvelopeType.EVENTS, b"\n".join(lines))

    def opened(self, lane: Lane) -> bytes:
        """The line that begins a run in `lane`."""
        return self.line("ledger.opened", in_lane=lane)


@dataclass
class PaperExport:
    """An export under construction: records in the order given, then the manifest that fits them."""

    authority: Authority
    centre: PaperBox
    records: list[bytes] = field(default_factory=list)
    heads: dict[tuple[str, Lane, str], RunHead] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.writer = ExportWriter(self.centre.id, format_time(NOW), self.centre.sealer)
        root = self.authority.root.certificate.public_bytes(Encoding.DER)
        self.records.extend(self.writer.opening(b64encode(root).decode()))

    def signer(self, box: PaperBox) -> None:
        """Add the certificates of a signer."""
        chain = tuple(b64encode(der).decode() for der in box.chain)
        self.records.append(self.writer.record(Certificates(chain=chain)))

    def events(self, box: PaperBox, *lines: bytes, take: tuple[int, ...] | None = None) -> None:
        """Add one envelope, and count its lines for the manifest."""
        taken = take if take is not None else tuple(range(len(lines)))
        record = Events(envelope=box.seal(*lines).decode(), lines=taken)
        self.records.append(self.writer.record(record))
        for number in taken:
            self.count(lines[number])

    def beat(self, box: PaperBox) -> None:
        """Add what `box` itself says of its heads."""
        heads = tuple(
            LaneHead(lane=lane, run=tip.run, seq=tip.seq, hash=tip.hash) for lane, tip in box.tips.items() if tip.seq
        )
        beat = Beat(
            v=1,
            box=box.id,
            run=box.run,
            counter=1,
            at=format_time(box.now),
            mono_ms=0,
            clock=Clock.SYNCED,
            heads=heads,
            health=HEALTH,
            challenge="c",
        )
        envelope = box.sealer.seal(EnvelopeType.BEAT, encode(beat))
        self.records.append(self.writer.record(LatestBeat(envelope=envelope.decode())))

    def count(self, line: bytes) -> None:
        """Note an event for the manifest's heads."""
        event = decode_event(line)
        key = (event.box, event.lane, event.run)
        known = self.heads.get(key)
        self.heads[key] = RunHead(
            box=event.box,
            lane=event.lane.value,
            run=event.run,
            seq=event.seq,
            hash=line_hash(line),
            events=(known.events if known else 0) + 1,
        )

    def finish(self) -> list[bytes]:
        """All lines of the file."""
        return [*self.records, self.writer.closing(tuple(self.heads.values()))]
