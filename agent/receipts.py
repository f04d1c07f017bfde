"""What comes down from the centre, judged: is it a collector's word, for this box, and what follows from it.

Pure: bytes and time in, a verified message or a refusal out. Only a certificate of role `collector` under the pinned
root counts; its chain comes with the answer to a birth and is known by its `kid` from then on (WIRE 1.2, 2.6, 3.7).
"""

from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from typing import Final, Generic, TypeVar

import msgspec
from cryptography import x509

from protocol.certificates import CertificateError, Role, Trust, VerifiedIdentity
from protocol.envelope import EnvelopeError, EnvelopeType, open_envelope, read_envelope
from protocol.limits import MAX_ORDER_BYTES
from protocol.messages import (
    MessageError,
    Order,
    Receipt,
    Request,
    decode_order,
    decode_receipt,
    decode_request,
)
from protocol.timestamps import parse_time

MAX_DOWN_BYTES: Final = 2 * MAX_ORDER_BYTES
"""An envelope of the largest message that comes down, in base64."""

MAX_COLLECTORS: Final = 32
"""Collectors known at once; a fleet has two or three, and each renewal makes one more until the next start."""

M = TypeVar("M", Receipt, Request, Order)


class Verified(msgspec.Struct, Generic[M], frozen=True, kw_only=True):
    """A message that a collector signed for this box. Made by `Centre` only."""

    message: M
    collector: str
    payload: bytes
    """The exact bytes; of an order its line and the approvals behind it, which nobody has looked at."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was not taken, and why; `unknown_key` asks for the chain by a new birth."""

    reason: str
    unknown_key: bool = False


class Centre:
    """The collectors this box believes: their keys by `kid`, each checked up to the pinned root."""

    def __init__(self, root: x509.Certificate, box: str) -> None:
        self._trust = Trust(root)
        self._box = box
        self._known: dict[str, VerifiedIdentity] = {}

    def receipt(self, data: bytes, now: datetime) -> Verified[Receipt] | Refused:
        """A receipt; the answer to a birth may bring its collector's chain with it."""
        return self._take(data, EnvelopeType.RECEIPT, decode_receipt, now)

    def request(self, data: bytes, now: datetime) -> Verified[Request] | Refused:
        """A request."""
        return self._take(data, EnvelopeType.REQUEST, decode_request, now)

    def order(self, data: bytes, now: datetime) -> Verified[Order] | Refused:
        """An order as a collector passed it on; approvals are judged elsewhere."""
        return self._take(data, EnvelopeType.ORDER, _decode_order, now)

    def _take(
        self, data: bytes, typ: EnvelopeType, decode: Callable[[bytes], M], now: datetime
    ) -> Verified[M] | Refused:
        try:
            unverified = read_envelope(data, MAX_DOWN_BYTES)
            if unverified.typ is not typ:
                return Refused(reason="wrong_type")
            signer = self._known.get(unverified.kid)
            if signer is None:
                signer = self._introduced(unverified.claimed_payload, typ, unverified.kid, now)
            if signer is None:
                return Refused(reason="unknown_collector", unknown_key=True)
            if signer.expired(now):
                return Refused(reason="certificate_expired", unknown_key=True)
            payload = open_envelope(unverified, signer.public_key, typ).payload
            message = decode(payload)
        except (EnvelopeError, CertificateError) as error:
            return Refused(reason=error.fault.value)
        except (MessageError, ValueError):
            return Refused(reason="malformed")
        if message.box != self._box:
            return Refused(reason="foreign_box")
        if not isinstance(message, Order) and message.collector != signer.id:
            return Refused(reason="foreign_collector")
        # Its time becomes the floor, for good: one lie of a thousand years would make every certificate look ended.
        if typ is EnvelopeType.RECEIPT and parse_time(message.at) > signer.not_after:
            return Refused(reason="time_past_certificate")
        self._remember(signer)
        return Verified(message=message, collector=signer.id, payload=payload)

    def _introduced(self, payload: bytes, typ: EnvelopeType, kid: str, now: datetime) -> VerifiedIdentity | None:
        if typ is not EnvelopeType.RECEIPT:
            return None
        claimed = decode_receipt(payload)
        if not claimed.x5c:
            return None
        identity = self._trust.identify([b64decode(text, validate=True) for text in claimed.x5c], now, Role.COLLECTOR)
        return identity if identity.kid == kid else None

    def _remember(self, signer: VerifiedIdentity) -> None:
        """Known only now that its signature was seen: a stranger's paper does not fill the table."""
        if signer.kid not in self._known and len(self._known) >= MAX_COLLECTORS:
            del self._known[next(iter(self._known))]
        self._known[signer.kid] = signer


def _decode_order(payload: bytes) -> Order:
    """The order in front of its approvals."""
    return decode_order(payload.partition(b"\n")[0])
