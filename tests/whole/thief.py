"""Whoever has the whole collector: its database, its signing key, its rights at the broker, the pages it serves.

What he does here needs nothing but files of the centre's own machine. He never has a person's key, a provisioning key
or the offline authority: those are not there.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

import aiomqtt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from protocol.certificates import kid_of
from protocol.documents import claimed_payload
from protocol.envelope import EnvelopeType, Sealer, encode_base64url
from protocol.ids import new_event_id
from protocol.messages import Approval, Fact, Order, Request, encode
from protocol.orders import join_order
from protocol.timestamps import format_time
from protocol.topics import Down, down_topic
from tests.whole.bank import COLLECTOR
from tests.whole.guarded import GuardedBranch


class Thief:
    """Speaks to the box of a branch as its centre does."""

    def __init__(self, branch: GuardedBranch) -> None:
        self.branch, self.bank, self.box = branch, branch.bank, branch.box.id
        chain, key_file = self.bank.certificates.pair(COLLECTOR)
        private_key = load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(private_key, EllipticCurvePrivateKey)
        self.private_key = private_key
        self.sealer = Sealer(private_key, kid_of(x509.load_pem_x509_certificates(chain.read_bytes())[0]))
        self._made = 0

    def challenge(self) -> str:
        """The box's newest order challenge, out of the centre's database."""
        ((told,),) = self.sql("SELECT order_challenge FROM boxes WHERE id = ?", self.box)
        return str(told)

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Anything at all in the centre's database."""
        connection = sqlite3.connect(self.bank.database, timeout=10)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def forge(self, action: str, /, *, unlike: dict[str, Any] | None = None, **args: Fact) -> bytes:
        """The line of an order in the drafter's name."""
        now = datetime.now(UTC)
        fields: dict[str, Any] = {
            "v": 1,
            "id": self.new_id(),
            "box": self.box,
            "challenge": self.challenge(),
            "roster_version": 1,
            "action": action,
            "at": format_time(now),
            "by": "zhang-wei",
            "args": args,
        }
        return encode(Order(**(fields | (unlike or {}))))

    def new_id(self) -> str:
        """An id that was never used."""
        self._made += 1
        return new_event_id(int(datetime.now(UTC).timestamp() * 1000), self._made.to_bytes(10, "big"))

    def send(self, line: bytes, *approvals: Approval | bytes, box: str | None = None) -> str:
        """An order with these approvals, sealed and published as the centre does; its id."""
        lines = tuple(each if isinstance(each, bytes) else encode(each) for each in approvals)
        self.publish(Down.ORDER, self.sealer.seal(EnvelopeType.ORDER, join_order(line, lines)), box)
        return str(json.loads(line)["id"])

    def bring(self, document: bytes) -> str:
        """A site bundle, as the centre carries one; the order's id."""
        line = self.forge("site_file", unlike={"challenge": "", "args": {"bundle": json.loads(document)}})
        return self.send(line)

    def ask(self, action: str, /, typ: EnvelopeType = EnvelopeType.REQUEST, **args: Fact) -> str:
        """A request, which needs no approvals."""
        request = Request(
            v=1,
            id=self.new_id(),
            collector=COLLECTOR,
            box=self.box,
            at=format_time(datetime.now(UTC)),
            action=action,
            args=args,
        )
        self.publish(Down.REQUEST, self.sealer.seal(typ, encode(request)))
        return request.id

    def publish(self, down: Down, payload: bytes, box: str | None = None) -> None:
        """With the collector's certificate, and so with its rights."""
        asyncio.run(self._publish(down_topic(box or self.box, down), payload))

    def put_in_the_roster(self, person: dict[str, Any]) -> None:
        """Write somebody into the bundle that the centre keeps for the box: its own checks believe it from then on."""
        ((document, digest),) = self.sql("SELECT document, hash FROM bundles WHERE box = ?", self.box)
        bundle = json.loads(claimed_payload(document))
        bundle["roster"]["people"].append(person)
        signed = json.loads(document)
        signed["payload"] = encode_base64url(json.dumps(bundle, ensure_ascii=False).encode()).decode()
        statement = "UPDATE bundles SET document = ? WHERE box = ? AND hash = ?"
        self.sql(statement, json.dumps(signed).encode(), self.box, digest)

    async def _publish(self, topic: str, payload: bytes) -> None:
        host, _, port = self.bank.broker_address.rpartition(":")
        tls = self.bank.certificates.tls(COLLECTOR)
        async with aiomqtt.Client(host, int(port), identifier="thief", tls_context=tls) as client:
            await client.publish(topic, payload, qos=1)
