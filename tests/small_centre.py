"""A small honest centre for tests of the box: verifies with protocol/, keeps lines in memory, signs receipts.

It knows nothing of the real collector. Switches make it slow to answer: `mute` takes everything and says nothing,
`deaf` says the broker's clients nothing and takes nothing.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from protocol.certificates import Role, Trust, VerifiedIdentity, kid_of
from protocol.envelope import EnvelopeType, Sealer, encode_base64url, open_envelope, read_envelope
from protocol.kinds import Lane
from protocol.ledger import GENESIS, Hole, Position, hole_of, line_hash, over
from protocol.limits import MAX_EVENTS_ENVELOPE_BYTES
from protocol.messages import (
    Answers,
    Beat,
    Birth,
    Event,
    LaneHead,
    Receipt,
    decode_beat,
    decode_birth,
    decode_death,
    decode_event,
    encode,
)
from protocol.timestamps import format_time
from protocol.topics import COLLECTOR_SUBSCRIPTION, Down, Up, down_topic, parse_up
from tests.brokers import Certificates


@dataclass
class SmallCentre:
    """One collector in memory."""

    id: str
    sealer: Sealer
    x5c: tuple[str, ...]
    trust: Trust
    mute: bool = False
    answers_beats: bool = True
    clock_offset: timedelta = timedelta(0)
    heads: dict[Lane, Position] = field(default_factory=dict)
    waiting: dict[Lane, dict[int, bytes]] = field(default_factory=lambda: {lane: {} for lane in Lane})
    holes: list[Hole] = field(default_factory=list)
    lines: dict[Lane, list[bytes]] = field(default_factory=lambda: {lane: [] for lane in Lane})
    arrivals: list[tuple[Lane, int]] = field(default_factory=list)
    unreceipted: int = 0
    most_unreceipted: int = 0
    repeated: int = 0
    births: list[Birth] = field(default_factory=list)
    beats: list[Beat] = field(default_factory=list)
    deaths: int = 0
    signers: dict[str, VerifiedIdentity] = field(default_factory=dict)
    client: aiomqtt.Client | None = None

    def events(self, lane: Lane | None = None) -> list[Event]:
        """Everything that stands in the ledger, in its order."""
        return [decode_event(line) for each in (Lane if lane is None else [lane]) for line in self.lines[each]]

    def kinds(self) -> Counter[str]:
        """How often each kind was committed."""
        return Counter(event.kind for event in self.events())

    def take(self, topic: str, data: bytes) -> bytes | None:
        """One message from a box; the receipt that answers it."""
        named = parse_up(topic)
        assert named is not None
        box, what = named
        unverified = read_envelope(data, MAX_EVENTS_ENVELOPE_BYTES)
        if what is Up.BIRTH:
            return self._birth(box, data)
        signer = self.signers[unverified.kid]
        assert signer.id == box
        if what is Up.EVENT:
            payload = open_envelope(unverified, signer.public_key, EnvelopeType.EVENTS).payload
            return self._events(box, payload.split(b"\n"))
        if what is Up.DEATH:
            decode_death(open_envelope(unverified, signer.public_key, EnvelopeType.DEATH).payload)
            self.deaths += 1
            return None
        beat = decode_beat(open_envelope(unverified, signer.public_key, EnvelopeType.BEAT).payload)
        self.beats.append(beat)
        return self._receipt(box, Answers.BEAT, beat.counter) if self.answers_beats else None

    def head(self, lane: Lane) -> LaneHead:
        """Where the ledger stands, without a hole."""
        at = self.heads.get(lane, Position(run="0" * 32, seq=0, hash=GENESIS))
        return LaneHead(lane=lane, run=at.run, seq=at.seq, hash=at.hash)

    def forget(self, lane: Lane, keep: int) -> None:
        """Restore from an older copy that had `keep` lines."""
        self.lines[lane] = self.lines[lane][:keep]
        self.waiting[lane] = {}
        del self.heads[lane]
        if keep:
            event = decode_event(self.lines[lane][-1])
            self.heads[lane] = Position(run=event.run, seq=event.seq, hash=line_hash(self.lines[lane][-1]))

    def seal(self, receipt: Receipt) -> bytes:
        """A receipt under this collector's key."""
        return self.sealer.seal(EnvelopeType.RECEIPT, encode(receipt))

    def _birth(self, box: str, data: bytes) -> bytes | None:
        unverified = read_envelope(data, MAX_EVENTS_ENVELOPE_BYTES)
        claimed = decode_birth(unverified.claimed_payload)
        chain = [b64decode(text) for text in claimed.x5c]
        identity = self.trust.identify(chain, datetime.now(UTC), Role.BOX)
        assert identity.kid == unverified.kid
        assert identity.id == box
        open_envelope(unverified, identity.public_key, EnvelopeType.BIRTH)
        self.signers[identity.kid] = identity
        self.births.append(claimed)
        return self._receipt(box, Answers.BIRTH, claimed.counter)

    def _events(self, box: str, lines: list[bytes]) -> bytes | None:
        lanes = {decode_event(line).lane for line in lines}
        assert len(lanes) == 1, "an envelope is of one lane"
        (lane,) = lanes
        for line in lines:
            event = decode_event(line)
            self.arrivals.append((lane, event.seq))
            if event.kind == "ledger.shed":
                self.holes.append(hole_of(event.facts))
            at = self.heads.get(lane, Position(run="", seq=0, hash=GENESIS))
            if event.seq <= at.seq or event.seq in self.waiting[lane]:
                self.repeated += 1
            else:
                self.waiting[lane][event.seq] = line
        for each in Lane:
            self._advance(each)
        return self._receipt(box, Answers.EVENTS, 0)

    def _advance(self, lane: Lane) -> None:
        at = self.heads.get(lane, Position(run="", seq=0, hash=GENESIS))
        while True:
            if at.seq + 1 not in self.waiting[lane]:
                end = over(at, [hole for hole in self.holes if hole.lane == lane])
                if end.seq + 1 not in self.waiting[lane]:
                    return
                at = end
            line = self.waiting[lane].pop(at.seq + 1)
            event = decode_event(line)
            assert event.prev == at.hash, f"{lane} breaks at {event.seq}"
            self.lines[lane].append(line)
            at = self.heads[lane] = Position(run=event.run, seq=event.seq, hash=line_hash(line))

    def _receipt(self, box: str, answers: Answers, counter: int) -> bytes | None:
        if self.mute:
            return None
        return self.seal(
            Receipt(
                v=1,
                collector=self.id,
                box=box,
                at=format_time(datetime.now(UTC) + self.clock_offset),
                answers=answers,
                heads=tuple(self.head(lane) for lane in Lane),
                challenge=encode_base64url(os.urandom(16)).decode(),
                counter=counter,
                x5c=self.x5c if answers is Answers.BIRTH else (),
            )
        )

    async def serve(self, client: aiomqtt.Client) -> None:
        """Take what comes until cancelled."""
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            answer = self.take(str(message.topic), message.payload)
            if answer is not None:
                await client.publish(down_topic(str(message.topic).split("/")[2], Down.RECEIPT), answer, qos=1)


def make_centre(certificates: Certificates, collector: str = "centre-1") -> SmallCentre:
    """A centre with nothing in its ledger."""
    certificate_file, key_file = certificates.pair(collector)
    chain = x509.load_pem_x509_certificates(certificate_file.read_bytes())
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return SmallCentre(
        id=collector,
        sealer=Sealer(key, kid_of(chain[0])),
        x5c=tuple(b64encode(each.public_bytes(Encoding.DER)).decode() for each in chain),
        trust=Trust(x509.load_pem_x509_certificate(certificates.root.read_bytes())),
    )


@asynccontextmanager
async def listening(centre: SmallCentre, certificates: Certificates, host: str, port: int) -> AsyncIterator[None]:
    """The centre connected to a broker, and again whenever the broker comes back."""
    context: ssl.SSLContext = certificates.tls(centre.id)

    async def connect() -> None:
        retry = asyncio.Event()
        while True:
            try:
                async with aiomqtt.Client(
                    host, port, identifier=f"collector-{os.urandom(16).hex()}", tls_context=context, timeout=5
                ) as client:
                    client.pending_calls_threshold = 1000
                    await client.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
                    ready.set()
                    await centre.serve(client)
            except aiomqtt.MqttError:
                try:
                    async with asyncio.timeout(0.05):
                        await retry.wait()
                except TimeoutError:
                    continue

    ready = asyncio.Event()
    task = asyncio.create_task(connect())
    try:
        await ready.wait()
        yield
    finally:
        while not task.done():  # Python 3.11's wait_for, which aiomqtt uses, may lose a cancelling
            task.cancel()
            await asyncio.wait([task], timeout=1)


def site_file(
    folder: Path, certificates: Certificates, brokers: list[str], modbus: str | None = None, box: str = "0755-031-a"
) -> Path:
    """A site file for a box, with one interlock on a Modbus module when there is one."""
    chain, key = certificates.pair(box)
    text = [
        f'id = "{box.rpartition("-")[0]}"',
        'name = "河西分理处"',
        'unit = "市分行/西区支行"',
        'timezone = "Asia/Shanghai"',
        "key_site = true",
        "[centre]",
        f'box = "{box}"',
        f"brokers = {brokers!r}".replace("'", '"'),
        f'ca = "{certificates.root}"',
        f'certificate = "{chain}"',
        f'key = "{key}"',
        f'trust = "{certificates.root}"',
    ]
    if modbus:
        text += [
            "[[io]]",
            'id = "io1"',
            f'address = "{modbus}"',
            "unit_id = 1",
            "[[door]]",
            'id = "outer"',
            'contact = "io1/di/0"',
            "closed = 1",
            "[[door]]",
            'id = "inner"',
            'contact = "io1/di/1"',
            "closed = 1",
            "[[interlock]]",
            'id = "vestibule"',
            'doors = ["outer", "inner"]',
            'tolerance = "0s"',
        ]
    file = folder / "site.toml"
    file.write_text("\n".join(text) + "\n")
    return file
