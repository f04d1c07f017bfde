"""One simulated box's connection to a real broker: mutual TLS, birth, envelopes, and the receipts that come back.

The shell around signing_box.py and mqtt_packets.py. Keeps at most WINDOW envelopes of a lane unreceipted, and takes
only the centre's receipts as progress: a broker's acknowledgement counts for nothing here.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from benchmarks import mqtt_packets
from benchmarks.mqtt_packets import Packet, Reader
from benchmarks.signing_box import SigningBox
from protocol.envelope import EnvelopeType, open_envelope, read_envelope
from protocol.kinds import Lane
from protocol.limits import MAX_BEAT_BYTES
from protocol.messages import Receipt, decode_receipt
from protocol.topics import Down, Up, down_topic, up_topic

WINDOW: Final = 16
"""Envelopes of one lane that wait for their receipt: twice what agent/outbox/sending.py allows a box, so that 200 of
them keep a collector busy that in the field hears thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """An envelope as a packet, and the number of its last line."""

    last: int
    packet: bytes


@dataclass
class LaneState:
    """What waits and what is under way in one lane."""

    waiting: deque[Ready] = field(default_factory=deque)
    flying: deque[int] = field(default_factory=deque)
    receipted: int = 0


class NotReceiptedError(AssertionError):
    """A receipt states another head than the box sent, or is not signed by the collector."""


class BoxLink(asyncio.Protocol):
    """One connection; `moved` is called when a receipt came."""

    def __init__(self, box: SigningBox, moved: Callable[["BoxLink"], None]) -> None:
        self.box = box
        self.lanes = {lane: LaneState() for lane in Lane}
        self.echo = ""
        self.receipts = 0
        self.ready = asyncio.Event()
        self.lost: Exception | None = None
        self._moved = moved
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None
        self._packet_id = 0
        self._last_receipt = b""

    async def open(self, host: str, port: int, context: ssl.SSLContext) -> None:
        """Connect, subscribe, and wait until both are granted."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, host, port, ssl=context, server_hostname="localhost")
        await self.ready.wait()
        if self.lost:
            raise ConnectionError(f"{self.box.id} was not let in: {self.lost}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who we are."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(mqtt_packets.connect(f"bench-{self.box.run}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits; `lost` says why."""
        self.lost = exc or ConnectionError("the broker hung up")
        self.ready.set()

    def data_received(self, data: bytes) -> None:
        """Packets of the broker."""
        for kind, flags, body in self._reader.feed(data):
            if kind == Packet.PUBLISH:
                self._take_receipt(mqtt_packets.payload_of(flags, body))
            elif kind == Packet.CONNACK:
                self._write(mqtt_packets.subscribe(1, down_topic(self.box.id, Down.RECEIPT)))
            elif kind == Packet.SUBACK:
                self.ready.set()

    def publish(self, what: Up, payload: bytes) -> None:
        """Send one envelope now."""
        self._write(self.packet(what, payload))

    def packet(self, what: Up, payload: bytes) -> bytes:
        """The bytes of one PUBLISH."""
        self._packet_id = self._packet_id % 65_535 + 1
        return mqtt_packets.publish(self._packet_id, up_topic(self.box.id, what), payload)

    def prepare(self, envelopes: int, lines: int) -> int:
        """Sign `envelopes` envelopes of `lines` lines each and keep them; returns the number of lines."""
        rows: dict[Lane, list[bytes]] = {lane: [] for lane in Lane}
        made = 0
        for lane, line in self.box.lines():
            rows[lane].append(line)
            if len(rows[lane]) == lines:
                made += self.keep(lane, rows[lane])
                rows[lane] = []
                envelopes -= 1
                if envelopes <= 0:
                    break
        # What is left of the other lane was numbered already: it has to follow, or the chain would break.
        return made + sum(self.keep(lane, left) for lane, left in rows.items() if left)

    def push(self) -> None:
        """Send what the windows allow."""
        packets: list[bytes] = []
        for state in self.lanes.values():
            while state.waiting and len(state.flying) < WINDOW:
                envelope = state.waiting.popleft()
                state.flying.append(envelope.last)
                packets.append(envelope.packet)
        if packets:
            self._write(b"".join(packets))

    def idle(self) -> bool:
        """Whether everything was receipted."""
        return not any(state.waiting or state.flying for state in self.lanes.values())

    def check(self, collector: EllipticCurvePublicKey) -> None:
        """Verify the last receipt: the collector's signature, and both heads as this box knows them.

        Raises:
            NotReceiptedError: it is not what the box sent.
        """
        opened = open_envelope(read_envelope(self._last_receipt, MAX_BEAT_BYTES), collector, EnvelopeType.RECEIPT)
        stated = {head.lane: (head.seq, head.hash) for head in decode_receipt(opened.payload).heads}
        known = {lane: (tip.seq, tip.hash) for lane, tip in self.box.tips.items() if tip.seq}
        if stated != known:
            raise NotReceiptedError(f"{self.box.id}: the centre states {stated}, the box has {known}")

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def keep(self, lane: Lane, rows: list[bytes]) -> int:
        """Sign the last `rows` of a lane as one envelope that waits to be sent; returns how many they are."""
        tip = self.box.tips[lane].seq
        packet = self.packet(Up.EVENT, self.box.seal(rows))
        self.lanes[lane].waiting.append(Ready(last=tip, packet=packet))
        return len(rows)

    def _take_receipt(self, payload: bytes) -> None:
        receipt: Receipt = decode_receipt(read_envelope(payload, MAX_BEAT_BYTES).claimed_payload)
        self._last_receipt = payload
        self.receipts += 1
        self.echo = receipt.challenge or self.echo
        for head in receipt.heads:
            state = self.lanes[head.lane]
            state.receipted = max(state.receipted, head.seq)
            while state.flying and state.flying[0] <= state.receipted:
                state.flying.popleft()
        self.push()
        self._moved(self)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def client_context(folder: Path, identity: str) -> ssl.SSLContext:
    """TLS as `identity`, whose files stand in `folder`."""
    context = ssl.create_default_context(cafile=folder / "root.pem")
    context.load_cert_chain(folder / f"{identity}.pem", folder / f"{identity}.key")
    return context
