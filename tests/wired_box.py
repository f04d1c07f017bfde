"""A box on paper behind a real broker: its connection, its birth, its events until the centre has signed for them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from protocol.certificates import Role, Trust, kid_of
from protocol.envelope import EnvelopeType, Sealer, open_envelope, read_envelope
from protocol.kinds import Lane
from protocol.messages import Answers, Receipt, decode_receipt
from tests.brokers import COLLECTORS, Certificates
from tests.collecting import Box
from tests.ledgers import der_chain
from tests.waiting import eventually_blocking

BOX = "0755-031-a"


class Line:
    """A box's connection, made of nothing of ours: publishes envelopes, keeps what either collector answers."""

    def __init__(self, certificates: Certificates, port: int, box: str = BOX) -> None:
        self.receipts: list[Receipt] = []
        trust = Trust(certificates.authority.root.certificate)
        self._collectors = [
            trust.identify(
                [
                    each.public_bytes(Encoding.DER)
                    for each in x509.load_pem_x509_certificates(certificates.pair(name)[0].read_bytes())
                ],
                datetime.now(UTC),
                Role.COLLECTOR,
            )
            for name in COLLECTORS
        ]
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        self._client.tls_set_context(certificates.tls(box))
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe(f"bw/1/{box}/down/receipt", qos=1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, topic: str, payload: bytes) -> None:
        """Publish; the broker's acknowledgement is waited for and means nothing."""
        if self._client.is_connected():
            with suppress(RuntimeError):
                self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def head(self, lane: Lane) -> int:
        """The highest number that any collector has signed for."""
        return max((head.seq for receipt in self.receipts for head in receipt.heads if head.lane is lane), default=0)

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()
        del self._client  # it holds a pair of sockets to wake itself until it is gone

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        unverified = read_envelope(bytes(message.payload), 1 << 20)
        claimed = decode_receipt(unverified.claimed_payload)
        signer = next(each for each in self._collectors if each.id == claimed.collector)
        opened = open_envelope(unverified, signer.public_key, EnvelopeType.RECEIPT)
        self.receipts.append(decode_receipt(opened.payload))


def paper_box(certificates: Certificates, box: str = BOX) -> Box:
    """A box on paper that writes with the key its broker knows it by."""
    made = Box(authority=certificates.authority, id=box, site=box.rpartition("-")[0], now=datetime.now(UTC))
    pem, key = certificates.pair(box)
    certificate = x509.load_pem_x509_certificate(pem.read_bytes())
    private_key = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private_key, EllipticCurvePrivateKey)
    made.sealer = Sealer(private_key, kid_of(certificate))
    made.chain = der_chain(certificates.authority, certificate)
    return made


def introduced(box: Box, line: Line) -> None:
    """The box sends its birth until a collector answers."""

    def answered() -> bool:
        line.send(f"bw/1/{box.id}/up/birth", box.birth().payload)
        return any(receipt.answers is Answers.BIRTH for receipt in line.receipts)

    eventually_blocking(answered, 30.0, "the birth is answered")


def delivered(box: Box, line: Line, messages: Sequence[bytes]) -> None:
    """Send until everything is signed for, as a box does."""

    def signed_for() -> bool:
        if line.head(Lane.URGENT) < box.tips[Lane.URGENT].seq:
            for message in messages:
                line.send(f"bw/1/{box.id}/up/event", message)
        return line.head(Lane.URGENT) == box.tips[Lane.URGENT].seq

    eventually_blocking(signed_for, 40.0, "everything is receipted")
