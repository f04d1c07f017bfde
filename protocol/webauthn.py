"""WebAuthn assertions: whether a security key signed for this challenge, at this place (WIRE 4.3). Pure.

Web Authentication level 2, section 7.2, as far as a box can judge it: no counter, no extensions, ES256 alone. Stricter
than a browser needs, never looser than py_webauthn, which is held against it in tests and is no library for a box
(docs/decisions). Flow: three parts as the browser gave them -> `check_assertion` -> nothing, or why not.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.envelope import encode_base64url
from protocol.messages import once

LOCALHOST: Final = "http://localhost"
"""As an origin in the roster: any port of it, because the port of `branchwatch order approve` may be taken."""

MAX_CLIENT_DATA: Final = 1536
"""Bytes of clientDataJSON; a browser's has some 150."""

MAX_AUTHENTICATOR_DATA: Final = 1024
MAX_SIGNATURE: Final = 72
"""Two numbers of P-256 in DER."""

_RP_HASH: Final = 32
_FLAGS: Final = 32
_SHORTEST: Final = 37  # rpIdHash, flags, counter
_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP, _ATTESTED, _EXTENDED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


class AssertionRefusedError(Exception):
    """Not an assertion of this key for this challenge at this place; `word` says what differs."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What a browser gave, decoded from base64url and otherwise untouched."""

    client_data: bytes
    authenticator_data: bytes
    signature: bytes


def check_assertion(
    assertion: Assertion, *, challenge: bytes, rp_id: str, origin: str, public_key: EllipticCurvePublicKey
) -> None:
    """Check everything that the standard asks of a relying party which keeps no counter.

    Raises:
        AssertionRefusedError: `malformed`, `wrong_type`, `other_order`, `wrong_origin`, `framed`, `wrong_rp`,
            `not_present`, `not_verified`, `bad_signature`.
    """
    _check_client_data(assertion.client_data, challenge, origin)
    _check_authenticator_data(assertion.authenticator_data, rp_id)
    signed = assertion.authenticator_data + sha256(assertion.client_data).digest()
    try:
        public_key.verify(_strict_der(assertion.signature), signed, ECDSA(SHA256()))
    except InvalidSignature:
        raise AssertionRefusedError("bad_signature") from None


def is_origin(claimed: str, wanted: str) -> bool:
    """Whether a browser's origin is the roster's; exact, but for the port of `http://localhost`."""
    if claimed == wanted:
        return True
    if wanted != LOCALHOST or not claimed.startswith(f"{LOCALHOST}:"):
        return False
    port = claimed.removeprefix(f"{LOCALHOST}:")
    return port.isascii() and port.isdigit() and port[0] != "0" and len(port) <= 5 and int(port) <= 65_535


def _check_client_data(data: bytes, challenge: bytes, origin: str) -> None:
    if len(data) > MAX_CLIENT_DATA:
        raise AssertionRefusedError("malformed")
    try:
        said = json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise AssertionRefusedError("malformed") from None
    # tokenBinding told of the connection, which no relying party of ours sees; no browser sends it any longer.
    if not isinstance(said, dict) or "tokenBinding" in said:
        raise AssertionRefusedError("malformed")
    if said.get("type") != "webauthn.get":
        raise AssertionRefusedError("wrong_type")
    if said.get("challenge") != encode_base64url(challenge).decode("ascii"):
        raise AssertionRefusedError("other_order")
    claimed = said.get("origin")
    if not isinstance(claimed, str) or not is_origin(claimed, origin):
        raise AssertionRefusedError("wrong_origin")
    if said.get("crossOrigin", False) is not False:
        raise AssertionRefusedError("framed")


def _check_authenticator_data(data: bytes, rp_id: str) -> None:
    if not _SHORTEST <= len(data) <= MAX_AUTHENTICATOR_DATA:
        raise AssertionRefusedError("malformed")
    flags = data[_FLAGS]
    if data[:_RP_HASH] != sha256(rp_id.encode()).digest():
        raise AssertionRefusedError("wrong_rp")
    if not flags & _PRESENT:
        raise AssertionRefusedError("not_present")
    if not flags & _VERIFIED:
        raise AssertionRefusedError("not_verified")
    # Nothing of a registration, bytes behind the counter only where the flag says so, no backup of what has none.
    if flags & _ATTESTED or bool(flags & _EXTENDED) is not (len(data) > _SHORTEST):
        raise AssertionRefusedError("malformed")
    if flags & _BACKED_UP and not flags & _ELIGIBLE:
        raise AssertionRefusedError("malformed")


def _strict_der(signature: bytes) -> bytes:
    """The same bytes, if they are the one DER form of two numbers."""
    if len(signature) > MAX_SIGNATURE:
        raise AssertionRefusedError("malformed")
    try:
        r, s = decode_dss_signature(signature)
        strict = encode_dss_signature(r, s) == signature
    except ValueError:
        strict = False
    if not strict:
        raise AssertionRefusedError("malformed")
    return signature
