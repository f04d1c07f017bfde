"""Approvals: a person's signature over exactly an order's bytes, by a key file or a security key (WIRE 4.3). Pure.

Says whether this key signed this order, and nothing of whether it may: that is the box's question alone
(`agent/orders`). The person's machine makes approvals, the centre looks at them for a quick answer, the box judges.
Flow: order's bytes -> `order_digest` -> JWS or assertion -> `verify_approval`.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from protocol.enrolment import key_kid
from protocol.envelope import (
    EnvelopeError,
    EnvelopeType,
    Sealer,
    decode_base64url,
    encode_base64url,
    open_envelope,
    read_envelope,
)
from protocol.messages import Approval
from protocol.orders import order_digest
from protocol.roster import PersonKey, PersonKeyError, read_person_key
from protocol.webauthn import Assertion, AssertionRefusedError, check_assertion

MAX_JWS_BYTES: Final = 1024
"""Header, 32 bytes and a signature; ours have some 250."""


class ApprovalError(Exception):
    """The approval is not this key's signature over this order; `word` says what differs.

    `wrong_method`, `wrong_key`, `malformed`, `wrong_type`, `other_order`, `bad_signature`, and of security keys
    `wrong_origin`, `framed`, `wrong_rp`, `not_present`, `not_verified`.
    """

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def verify_approval(approval: Approval, order_line: bytes, key: PersonKey) -> None:
    """Check that `key` signed exactly these bytes of an order.

    Raises:
        ApprovalError: it did not; see there.
    """
    if approval.credential != key.id:
        raise ApprovalError("wrong_key")
    if approval.method != key.kind:
        raise ApprovalError("wrong_method")
    digest = order_digest(order_line)
    try:
        public_key = read_person_key(key.public_key)
        if approval.method == "key_file":
            _check_jws(approval, digest, public_key)
        else:
            check_assertion(
                _assertion(approval), challenge=digest, rp_id=key.rp_id, origin=key.origin, public_key=public_key
            )
    except PersonKeyError:
        raise ApprovalError("wrong_key") from None
    except EnvelopeError as error:
        raise ApprovalError(error.fault.value) from None
    except AssertionRefusedError as error:
        raise ApprovalError(error.word) from None


def sign_key_file(
    order_line: bytes, order: str, person: str, credential: str, private_key: EllipticCurvePrivateKey
) -> Approval:
    """The approval of `order_line` by the key file `credential` of `person`; `order` is the order's id."""
    sealer = Sealer(private_key, key_kid(private_key.public_key()))
    jws = sealer.seal(EnvelopeType.APPROVAL, order_digest(order_line)).decode("ascii")
    return Approval(v=1, order=order, person=person, credential=credential, method="key_file", jws=jws)


def webauthn_approval(order: str, person: str, credential: str, assertion: Assertion) -> Approval:
    """The approval that a browser's assertion makes; `credential` is the key's id in the roster, not the browser's."""
    return Approval(
        v=1,
        order=order,
        person=person,
        credential=credential,
        method="webauthn",
        client_data=_text(assertion.client_data),
        authenticator_data=_text(assertion.authenticator_data),
        signature=_text(assertion.signature),
    )


def _check_jws(approval: Approval, digest: bytes, public_key: EllipticCurvePublicKey) -> None:
    if approval.client_data or approval.authenticator_data or approval.signature:
        raise ApprovalError("malformed")
    unverified = read_envelope(_ascii(approval.jws), MAX_JWS_BYTES)
    if unverified.kid != key_kid(public_key):
        raise ApprovalError("wrong_key")
    if open_envelope(unverified, public_key, EnvelopeType.APPROVAL).payload != digest:
        raise ApprovalError("other_order")


def _assertion(approval: Approval) -> Assertion:
    if approval.jws:
        raise ApprovalError("malformed")
    return Assertion(
        client_data=decode_base64url(_ascii(approval.client_data)),
        authenticator_data=decode_base64url(_ascii(approval.authenticator_data)),
        signature=decode_base64url(_ascii(approval.signature)),
    )


def _ascii(text: str) -> bytes:
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise ApprovalError("malformed") from None


def _text(data: bytes) -> str:
    return encode_base64url(data).decode("ascii")
