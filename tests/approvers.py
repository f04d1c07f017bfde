"""People who approve orders in tests: key files, a security key in software, and orders with approvals behind them.

Keys are small fixed numbers and signatures deterministic: the same order has the same bytes always.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.approvals import sign_key_file, webauthn_approval
from protocol.envelope import encode_base64url
from protocol.ids import new_event_id
from protocol.messages import Approval, Fact, Order, encode
from protocol.orders import ACTIONS, join_order, order_digest
from protocol.roster import Duty, PersonKey, Right, RosterPerson
from protocol.timestamps import format_time
from protocol.webauthn import Assertion
from tests.bundles import BOX, key, spki
from tests.ledgers import NOW

EVERYTHING = tuple(right for _, right in ACTIONS.values())
PRESENT, VERIFIED = 0x01, 0x04


@dataclass
class SecurityKey:
    """An authenticator and the browser before it, as far as an assertion goes (Web Authentication level 2, 6.3.3)."""

    number: int
    rp_id: str = "localhost"
    origin: str = "http://localhost:7531"
    counter: int = 7

    @property
    def private(self) -> EllipticCurvePrivateKey:
        """Its key of P-256."""
        return key(self.number)

    def assertion(self, challenge: bytes, /, **unlike: Any) -> Assertion:
        """What `navigator.credentials.get` gives; `unlike`: members of its JSON, `flags`, `rp_id`, `tail`."""
        data = {
            "type": "webauthn.get",
            "challenge": encode_base64url(challenge).decode("ascii"),
            "origin": self.origin,
            "crossOrigin": False,
        }
        flags, rp_id, tail = (
            unlike.pop(name, usual)
            for name, usual in (("flags", PRESENT | VERIFIED), ("rp_id", self.rp_id), ("tail", b""))
        )
        said = {name: value for name, value in (data | unlike).items() if value is not None}
        client_data = json.dumps(said, separators=(",", ":")).encode()
        authenticator = sha256(rp_id.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big") + tail
        return self.signed(client_data, authenticator)

    def signed(self, client_data: bytes, authenticator_data: bytes) -> Assertion:
        """The same of parts that are there."""
        signature = self.private.sign(
            authenticator_data + sha256(client_data).digest(), ECDSA(SHA256(), deterministic_signing=True)
        )
        return Assertion(client_data=client_data, authenticator_data=authenticator_data, signature=signature)


@dataclass
class Approver:
    """A person with one key, who can stand in a roster and approve."""

    name: str
    number: int
    roles: tuple[str, ...] = ("security-officer",)
    unit: str = ""
    duty: tuple[Duty, ...] = ()
    may: tuple[Right, ...] = EVERYTHING
    security_key: SecurityKey | None = None
    duress: bool = False
    more: tuple[PersonKey, ...] = ()
    at: str = "http://localhost"

    @property
    def key(self) -> PersonKey:
        """His key in the roster."""
        webauthn: dict[str, Any] = {}
        if self.security_key is not None:
            webauthn = {"rp_id": self.security_key.rp_id, "origin": self.at, "credential": "AAAA"}
        return PersonKey(
            id=f"{self.name}-{self.number}",
            kind="webauthn" if self.security_key else "key_file",
            public_key=b64encode(spki(key(self.number).public_key())).decode("ascii"),
            may=self.may,
            duress=self.duress,
            **webauthn,
        )

    @property
    def person(self) -> RosterPerson:
        """He in the roster."""
        return RosterPerson(
            id=self.name, name=self.name, roles=self.roles, keys=(self.key, *self.more), unit=self.unit, duty=self.duty
        )

    def approve(self, line: bytes, order: str = "") -> Approval:
        """His approval of an order's bytes."""
        order = order or json.loads(line)["id"]
        if self.security_key is None:
            return sign_key_file(line, order, self.name, self.key.id, key(self.number))
        return webauthn_approval(order, self.name, self.key.id, self.security_key.assertion(order_digest(line)))


@dataclass
class Desk:
    """Drafts orders as a centre does, each with an id of its own."""

    challenge: str = ""
    box: str = BOX
    roster_version: int = 1
    at: datetime = NOW
    drafted: int = field(default=0)

    def draft(self, action: str, args: dict[str, Fact] | None = None, **unlike: Any) -> bytes:
        """The line of an order."""
        self.drafted += 1
        fields: dict[str, Any] = {
            "v": 1,
            "id": new_event_id(0, self.drafted.to_bytes(10, "big")),
            "box": self.box,
            "challenge": self.challenge,
            "roster_version": self.roster_version,
            "action": action,
            "at": format_time(self.at),
            "by": "officer-1",
            "args": args or {},
        } | unlike
        return encode(Order(**fields))


def payload(line: bytes, *approvers: Approver) -> bytes:
    """What an envelope `bw-order` carries: the line and everybody's approval of it."""
    return join_order(line, tuple(encode(approver.approve(line)) for approver in approvers))
