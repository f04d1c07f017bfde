"""What box, enrolment and centre say to each other about certificates (docs/trust.md 5): bodies, answers, refusals.

An enrolment's body proves itself: it is sealed by the very key that the certificate is asked for. A renewal's is sealed
under the certificate that it renews. Whether either is granted is decided in `provisioning/enrolment`. Pure.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final, TypeVar

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Meta

from protocol.certificates import Role, Trust, VerifiedIdentity, kid_of_der
from protocol.enrolment_code import SECRET_BYTES
from protocol.envelope import (
    EnvelopeError,
    EnvelopeType,
    Sealer,
    decode_base64url,
    encode_base64url,
    open_envelope,
    read_envelope,
)
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.messages import Chain, Hash, Id, Machine, Run, Seq, Time, Version, Word
from protocol.sealing import SealingError, read_sealing_key
from protocol.timestamps import parse_time

T = TypeVar("T")

MAX_ASKED_BYTES: Final = 32 * 1024
"""The body of an enrolment, a renewal, or a request for the record: a chain of certificates and a few names."""

MAX_ANSWER_BYTES: Final = MAX_BUNDLE_BYTES + 64 * 1024
"""A chain, a root and a bundle."""

MAX_RECORD_BYTES: Final = 2 * 1024 * 1024
"""Lines of the record in one answer; who wants more asks again, after the last."""

MAX_RECORD_LINE_BYTES: Final = 4 * 1024

ISSUER_PATH: Final = "/v1/issuer"
"""GET: the boxes' issuer's certificate, DER."""
ENROL_PATH: Final = "/v1/enrol"
RENEW_PATH: Final = "/v1/renew"
RECORD_PATH: Final = "/v1/record"

_Key = Annotated[str, Meta(max_length=512)]  # base64url of a P-256 SubjectPublicKeyInfo: 122 characters


class Refusal(StrEnum):
    """`code` of an error's body (RFC 9457)."""

    CODE_WRONG = "code_wrong"
    CODE_USED = "code_used"
    CODE_EXPIRED = "code_expired"
    CODE_DEAD = "code_dead"  # too many wrong tries, or a newer code took its place
    SITE_WRONG = "site_wrong"  # the code is good, for another site or box
    BOX_KNOWN = "box_known"  # the box has a certificate for another key, or the key one for another box
    BOX_UNKNOWN = "box_unknown"  # a renewal of what this enrolment knows nothing of
    REVOKED = "revoked"
    NOT_READMITTED = "not_readmitted"
    TOO_MANY = "too_many"
    MALFORMED = "malformed"


class RecordAct(StrEnum):
    """`act` of a line of the enrolment's record."""

    MADE = "made"  # the enrolment itself; the first line
    KNOWN = "known"  # a box's certificate that the authority issued before the enrolment began
    TOKEN = "token"  # noqa: S105 - a code was made; the secret is not in here
    ENROLLED = "enrolled"
    REFUSED = "refused"
    CODE_DEAD = "code_dead"
    RENEWED = "renewed"
    READMITTED = "readmitted"  # a leave was used; the renewal is the next line


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of `bw-enrol`."""

    v: Version
    site: Id
    box: Id
    secret: Annotated[str, Meta(max_length=32)]  # base64url
    csr: Annotated[str, Meta(max_length=4096)]  # base64url of DER (RFC 2986)
    sealing_key: _Key
    machine: Machine = ""

    def __repr__(self) -> str:
        return f"EnrolRequest(box={self.box!r}, site={self.site!r}, …)"


NO_BUNDLE: Final = b"null"


class EnrolAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an enrolled box gets. `bundle` is the signed document as it stands; `null`: none was built yet."""

    v: Version
    box: Id
    chain: Chain
    root: Annotated[str, Meta(max_length=11_000)]  # base64 of DER, as in `chain`
    bundle: msgspec.Raw  # not `Raw | None`: msgspec takes no object for that union
    at: Time

    @property
    def document(self) -> bytes | None:
        """The bundle's bytes; None where none was built yet."""
        return None if bytes(self.bundle) == NO_BUNDLE else bytes(self.bundle)


class RenewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of `bw-renew`."""

    v: Version
    box: Id
    at: Time
    x5c: Chain


class RenewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The new chain, for the same name and key."""

    v: Version
    box: Id
    chain: Chain
    at: Time


class Readmission(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of a `bw-readmission` document: leave to renew one ended certificate, once."""

    v: Version
    box: Id
    key: Hash  # thumbprint of the box's signing key
    until: Time
    at: Time


class RecordRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of a `bw-record` document, signed by a collector: the lines after `after`, which is a `seq`."""

    v: Version
    after: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    at: Time


class RecordLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the enrolment's record as the centre reads it; chained as `protocol/ledger.py` says.

    Facts are texts. `id` is the box; with `site`, and: token: `code` (a name, not the secret), `ends`; known, enrolled,
    renewed: `key`, `serial`, `certificate`, `not_after`, and enrolled: `code`, `sealing`, `machine`, `spoken` (the
    fingerprint that the installer reads out); refused: `reason` (a `Refusal`), `key`, `count`, and `code` where one was
    meant; code_dead: `code`; readmitted: `key`, `by`, `document`.
    """

    v: int
    run: Run
    seq: Seq
    prev: Hash
    at: Time
    act: Word
    facts: Annotated[dict[Word, str], Meta(max_length=32)]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error's body (RFC 9457); `code` is a `Refusal`, or a word of a newer server."""

    status: int
    title: str = ""
    detail: str = ""
    code: str = ""
    type: str = "about:blank"


class EnrolmentError(Exception):
    """The other side sent what is no such message; the text is a word for logs and holds nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenEnrolment:
    """An enrolment whose sender holds the key that it asks a certificate for. Made by `open_enrol` only."""

    request: EnrolRequest
    secret_hash: bytes
    key: EllipticCurvePublicKey
    sealing_key: EllipticCurvePublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenRenewal:
    """A renewal sealed under a certificate of ours, perhaps an ended one. Made by `open_renew` only."""

    request: RenewRequest
    identity: VerifiedIdentity


def key_kid(key: EllipticCurvePublicKey) -> str:
    """`kid` of a key that has no certificate yet: base64url SHA-256 of its SubjectPublicKeyInfo."""
    return encode_base64url(sha256(_spki(key)).digest()).decode("ascii")


def hash_of_secret(secret: bytes) -> bytes:
    """What is kept of a code's secret. It has 80 random bits: a plain hash needs no salt."""
    return sha256(secret).digest()


def seal_enrol(
    *,
    sealer: Sealer,
    site: str,
    box: str,
    secret: bytes,
    csr: bytes,
    sealing_key: EllipticCurvePublicKey,
    machine: str,
) -> bytes:
    """The body of an enrolment; `sealer` is of the new key, under its `key_kid`."""
    request = EnrolRequest(
        v=1,
        site=site,
        box=box,
        secret=_url(secret),
        csr=_url(csr),
        sealing_key=_url(_spki(sealing_key)),
        machine=machine,
    )
    return sealer.seal(EnvelopeType.ENROL, msgspec.json.encode(request))


def open_enrol(body: bytes) -> ProvenEnrolment:
    """The enrolment in a body, and proof that its sender holds the key.

    Raises:
        EnrolmentError: it is none, or signed by another key than it asks for.
    """
    try:
        unverified = read_envelope(body, MAX_ASKED_BYTES)
        request = decode(unverified.claimed_payload, EnrolRequest)
        key = _asking_key(decode_base64url(request.csr.encode("ascii")))
        if unverified.kid != key_kid(key):
            raise EnrolmentError("foreign_key")
        open_envelope(unverified, key, EnvelopeType.ENROL)
        secret = decode_base64url(request.secret.encode("ascii"))
        sealing_key = read_sealing_key(decode_base64url(request.sealing_key.encode("ascii")))
    except EnvelopeError as error:
        raise EnrolmentError(error.fault.value) from None
    except SealingError:
        raise EnrolmentError("sealing_key") from None
    except UnicodeEncodeError:
        raise EnrolmentError("malformed") from None
    if len(secret) != SECRET_BYTES:
        raise EnrolmentError("secret")
    if sealing_key == key:
        raise EnrolmentError("one_key_for_both")
    return ProvenEnrolment(request=request, secret_hash=hash_of_secret(secret), key=key, sealing_key=sealing_key)


def seal_renew(*, sealer: Sealer, box: str, chain: Sequence[bytes], at: str) -> bytes:
    """The body of a renewal; `sealer` is of the certificate in force."""
    request = RenewRequest(v=1, box=box, at=at, x5c=texts_of(chain))
    return sealer.seal(EnvelopeType.RENEW, msgspec.json.encode(request))


def open_renew(body: bytes, trust: Trust, now: datetime) -> ProvenRenewal:
    """The renewal in a body; its certificate may have ended.

    Raises:
        EnrolmentError: it is none, or not sealed under the certificate that it shows.
        CertificateError: that certificate is none of ours, not a box's, or revoked.
    """
    try:
        unverified = read_envelope(body, MAX_ASKED_BYTES)
        request = decode(unverified.claimed_payload, RenewRequest)
        identity = trust.identify(chain_of(request.x5c), now, Role.BOX, expired_ok=True)
        if unverified.kid != identity.kid or request.box != identity.id:
            raise EnrolmentError("foreign_certificate")
        open_envelope(unverified, identity.public_key, EnvelopeType.RENEW)
    except EnvelopeError as error:
        raise EnrolmentError(error.fault.value) from None
    return ProvenRenewal(request=request, identity=identity)


def decode(data: bytes, kind: type[T]) -> T:
    """The struct in a body or payload, with the dates in it looked at.

    Raises:
        EnrolmentError: it is none.
    """
    try:
        value = msgspec.json.decode(data, type=kind)
        for name in ("at", "until"):
            if isinstance(text := getattr(value, name, None), str):
                parse_time(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise EnrolmentError("malformed") from None
    return value


def texts_of(chain: Sequence[bytes]) -> tuple[str, ...]:
    """Certificates as they stand in a message: base64 of each DER (RFC 7515 section 4.1.6)."""
    return tuple(b64encode(der).decode("ascii") for der in chain)


def chain_of(texts: Sequence[str]) -> tuple[bytes, ...]:
    """The reverse.

    Raises:
        EnrolmentError: not base64.
    """
    try:
        return tuple(b64decode(text, validate=True) for text in texts)
    except ValueError:
        raise EnrolmentError("malformed") from None


def issued_in(texts: Sequence[str], trust: Trust, now: datetime) -> VerifiedIdentity:
    """Whose certificate an answer brings: the leaf and its issuer, and nothing between or behind them.

    A box keeps the chain and pins the second certificate at its next renewal: an intruder on the enrolment machine who
    put his own there would be believed long after he was driven out.

    Raises:
        EnrolmentError: no base64, or another chain than that.
        CertificateError: not a box's certificate of this root.
    """
    chain = chain_of(texts)
    identity = trust.identify(chain, now, Role.BOX)
    if [kid_of_der(der) for der in chain[1:]] != [identity.issuer_kid]:
        raise EnrolmentError("chain")
    return identity


def _asking_key(csr: bytes) -> EllipticCurvePublicKey:
    try:
        request = x509.load_der_x509_csr(csr)
        key, sound = request.public_key(), request.is_signature_valid
    except Exception:  # noqa: BLE001 - the library raises more than it promises
        raise EnrolmentError("csr") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1) or not sound:
        raise EnrolmentError("csr")
    return key


def _spki(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _url(data: bytes) -> str:
    return encode_base64url(data).decode("ascii")
