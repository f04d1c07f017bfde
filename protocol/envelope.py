"""Envelopes: JWS compact serialisation (RFC 7515) with ES256 (RFC 7518 section 3.4), read strictly.

An unverified envelope and an opened one are different types: `open_envelope` is the only maker of an `Opened`.
The signature itself is PyJWT's and cryptography's work. Flow: sealed by the box's outbox or the centre's receipts,
opened by ingest, by the box's uplink and by the offline audit.
"""

from binascii import Error as BinasciiError
from binascii import a2b_base64, b2a_base64
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.utils import der_to_raw_signature

from protocol.limits import MAX_HEADER_BYTES

KID_PATTERN: Final = r"^[A-Za-z0-9_-]{43}$"
_SIGNATURE_BYTES: Final = 64  # r and s of P-256, RFC 7518 section 3.4
_HALF: Final = _SIGNATURE_BYTES // 2
_ES256: Final = ECDSA(SHA256())
_DETERMINISTIC: Final = ECDSA(SHA256(), deterministic_signing=True)
"""RFC 6979: a box whose random source is poor must not give its key away through its signatures."""


class EnvelopeType(StrEnum):
    """The `typ` of an envelope: a receipt can never be taken for an order."""

    EVENTS = "bw-events"
    BEAT = "bw-beat"
    BIRTH = "bw-birth"
    DEATH = "bw-death"
    RECEIPT = "bw-receipt"
    ORDER = "bw-order"
    REQUEST = "bw-request"
    APPROVAL = "bw-approval"
    MANIFEST = "bw-manifest"
    ENROL = "bw-enrol"
    RENEW = "bw-renew"
    RECORD = "bw-record"
    SITE = "bw-site"
    KIT = "bw-kit"
    READMISSION = "bw-readmission"
    ACCEPTANCE = "bw-acceptance"
    BACKUP = "bw-backup"
    UPLOAD = "bw-upload"


class EnvelopeFault(StrEnum):
    """Why an envelope is refused."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    WRONG_TYPE = "wrong_type"
    BAD_SIGNATURE = "bad_signature"


class EnvelopeError(Exception):
    """The peer sent an envelope that cannot be taken; `fault` says why, and trying again does not help."""

    def __init__(self, fault: EnvelopeFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class Unverified(msgspec.Struct, frozen=True, kw_only=True):
    """An envelope whose form is right and whose signature nobody has looked at."""

    typ: EnvelopeType
    kid: str
    claimed_payload: bytes
    signing_input: bytes
    signature: bytes


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """An envelope whose signature was checked with the key that `kid` names. Made by `open_envelope` only."""

    typ: EnvelopeType
    kid: str
    payload: bytes


class Sealer:
    """Seals payloads with one private key; the header of each type is made once."""

    def __init__(self, private_key: EllipticCurvePrivateKey, kid: str) -> None:
        self.kid = kid
        self._key = private_key
        self._headers = {
            typ: encode_base64url(msgspec.json.encode({"alg": "ES256", "kid": kid, "typ": typ.value}))
            for typ in EnvelopeType
        }

    def seal(self, typ: EnvelopeType, payload: bytes) -> bytes:
        """The envelope of `payload`: header, payload and signature in base64url, joined by dots."""
        signing_input = self._headers[typ] + b"." + encode_base64url(payload)
        signature = der_to_raw_signature(self._key.sign(signing_input, _DETERMINISTIC), self._key.curve)
        return signing_input + b"." + encode_base64url(signature)


def read_envelope(data: bytes, limit_bytes: int) -> Unverified:
    """Take an envelope apart without trusting any of it.

    Raises:
        EnvelopeError: larger than `limit_bytes`, or not a strict JWS of this protocol.
    """
    if len(data) > limit_bytes:
        raise EnvelopeError(EnvelopeFault.TOO_LARGE)
    header, dot, rest = data.partition(b".")
    payload, second_dot, signature = rest.partition(b".")
    if not dot or not second_dot or len(header) > MAX_HEADER_BYTES:
        raise EnvelopeError(EnvelopeFault.MALFORMED)
    typ, kid = _read_header(header)
    raw_signature = decode_base64url(signature)
    if len(raw_signature) != _SIGNATURE_BYTES:
        raise EnvelopeError(EnvelopeFault.MALFORMED)
    return Unverified(
        typ=typ,
        kid=kid,
        claimed_payload=decode_base64url(payload),
        signing_input=data[: len(header) + 1 + len(payload)],
        signature=raw_signature,
    )


def open_envelope(unverified: Unverified, public_key: EllipticCurvePublicKey, expected: EnvelopeType) -> Opened:
    """Check the type and the signature; whose key it is was decided by the caller, from `kid`.

    Raises:
        EnvelopeError: another type than expected, or the signature is not of this key over these bytes.
    """
    if unverified.typ is not expected:
        raise EnvelopeError(EnvelopeFault.WRONG_TYPE)
    r, s = unverified.signature[:_HALF], unverified.signature[_HALF:]
    try:
        # PyJWT's own verify builds its algorithm anew for every signature.
        public_key.verify(
            encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big")), unverified.signing_input, _ES256
        )
    except InvalidSignature:
        raise EnvelopeError(EnvelopeFault.BAD_SIGNATURE) from None
    return Opened(typ=unverified.typ, kid=unverified.kid, payload=unverified.claimed_payload)


def encode_base64url(data: bytes) -> bytes:
    """RFC 7515 section 2: URL-safe alphabet, no padding."""
    return b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)


def decode_base64url(text: bytes) -> bytes:
    """Strict inverse: padding, foreign characters and loose trailing bits are refused.

    A signature that decodes from several texts would make two envelopes of one (WIRE 1.1).

    Raises:
        EnvelopeError: malformed.
    """
    if text.translate(None, _URL_ALPHABET):
        raise EnvelopeError(EnvelopeFault.MALFORMED)
    try:
        data = a2b_base64(text.translate(_FROM_URL) + b"=" * (-len(text) % 4))
    except BinasciiError:
        raise EnvelopeError(EnvelopeFault.MALFORMED) from None
    # Only the last quantum can carry loose bits, so only it is encoded again.
    tail = len(text) % 4
    if tail and encode_base64url(data[-(tail - 1) :]) != text[-tail:]:
        raise EnvelopeError(EnvelopeFault.MALFORMED)
    return data


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    alg: str
    kid: str
    typ: str


@lru_cache(maxsize=16_384)  # one entry per signer and type: a header is parsed once, not once an envelope
def _read_header(header: bytes) -> tuple[EnvelopeType, str]:
    try:
        parsed = msgspec.json.decode(decode_base64url(header), type=_Header)
        typ = EnvelopeType(parsed.typ)
    except (msgspec.DecodeError, ValueError):
        raise EnvelopeError(EnvelopeFault.MALFORMED) from None
    if parsed.alg != "ES256" or len(parsed.kid) != 43 or not parsed.kid.isascii():
        raise EnvelopeError(EnvelopeFault.MALFORMED)
    return typ, parsed.kid


_URL_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")
