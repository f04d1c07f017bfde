"""Whether the other end of a connection is the enrolment: pinned by the boxes' issuing key alone (docs/trust.md 5.2).

No web of roots counts here and no host name: the caller asked the peer for the issuer's certificate, and gives it here
with the certificate that the TLS connection itself was made with, before anything else is sent over it. Pure.
Flow: a box's `agent enrol` and `agent renew`, the centre's reading of the enrolment's record -> here.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from protocol.certificates import ISSUER_URI, CertificateError, Issuer, read_certificate
from protocol.limits import MAX_CERTIFICATE_BYTES

FULL_PIN_BYTES: Final = 32
SHORT_PIN_BYTES: Final = 16
"""What fits into a code that people type: 128 bits of the SHA-256."""


class ChannelFault(StrEnum):
    """Why a connection is not the enrolment's."""

    MALFORMED = "channel_malformed"
    OTHER_ISSUER = "channel_other_issuer"  # its key has not the pinned hash
    NOT_SIGNED = "channel_not_signed"  # the connection's certificate is not of that issuer
    WRONG_USE = "channel_wrong_use"  # a box's own certificate, or an issuer's, posing as a server
    ENDED = "channel_ended"
    NOT_YET_VALID = "channel_not_yet_valid"


class ChannelError(Exception):
    """Nothing may be sent over this connection; `fault` says why."""

    def __init__(self, fault: ChannelFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedChannel:
    """A connection that may be spoken over. Made by `check_channel` only."""

    issuer: x509.Certificate
    begins: datetime
    """It is certainly not earlier than this: the enrolment made its certificate then."""


def pin_of(issuer: x509.Certificate) -> bytes:
    """The full pin: SHA-256 of the issuer's SubjectPublicKeyInfo; a code carries its first 16 bytes."""
    return sha256(issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def check_channel(
    leaf_der: bytes, issuer_der: bytes, pin: bytes, now: datetime, *, slow_clock_ok: bool = False
) -> PinnedChannel:
    """Check the certificate of a live connection against the pinned issuer.

    `pin` is `pin_of` the issuer, whole or its first 128 bits. With `slow_clock_ok` a clock that stands before the
    certificate's begin does not matter: a box out of its carton may believe any year.

    Raises:
        ChannelError: see `ChannelFault`.
    """
    if len(pin) not in (SHORT_PIN_BYTES, FULL_PIN_BYTES):
        raise ValueError("a pin has 16 or 32 bytes")
    try:
        return _check(leaf_der, issuer_der, pin, now, slow_clock_ok=slow_clock_ok)
    except (ChannelError, CertificateError) as error:
        fault = error.fault if isinstance(error, ChannelError) else ChannelFault.MALFORMED
        raise ChannelError(fault) from None
    except Exception:  # noqa: BLE001 - each later look at a certificate parses more of it, and the parser's errors vary
        raise ChannelError(ChannelFault.MALFORMED) from None


def issuer_pin(issuer_der: bytes, root: x509.Certificate, now: datetime) -> bytes:
    """The pin for whoever knows no code but the root: the full one, if `root` made this the issuer of boxes.

    Raises:
        ChannelError: it is another certificate, or out of its time.
    """
    try:
        issuer = _read(issuer_der)
        issuer.verify_directly_issued_by(root)
        names = issuer.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except ChannelError:
        raise
    except Exception:  # noqa: BLE001 - each later look at a certificate parses more of it, and the errors vary
        raise ChannelError(ChannelFault.OTHER_ISSUER) from None
    if uris != [f"{ISSUER_URI}{Issuer.BOXES.value}"] or not constraints.ca:
        raise ChannelError(ChannelFault.OTHER_ISSUER)
    if not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc:
        raise ChannelError(ChannelFault.ENDED)
    return pin_of(issuer)


def _check(leaf_der: bytes, issuer_der: bytes, pin: bytes, now: datetime, *, slow_clock_ok: bool) -> PinnedChannel:
    leaf, issuer = _read(leaf_der), _read(issuer_der)
    if pin_of(issuer)[: len(pin)] != pin:
        raise ChannelError(ChannelFault.OTHER_ISSUER)
    key = issuer.public_key()
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ChannelError(ChannelFault.MALFORMED)
    try:
        leaf.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        raise ChannelError(ChannelFault.NOT_SIGNED) from None
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if list(usages) != [ExtendedKeyUsageOID.SERVER_AUTH]:
        raise ChannelError(ChannelFault.WRONG_USE)
    if leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise ChannelError(ChannelFault.WRONG_USE)
    if now > leaf.not_valid_after_utc:
        raise ChannelError(ChannelFault.ENDED)
    if now < leaf.not_valid_before_utc and not slow_clock_ok:
        raise ChannelError(ChannelFault.NOT_YET_VALID)
    return PinnedChannel(issuer=issuer, begins=leaf.not_valid_before_utc)


def _read(der: bytes) -> x509.Certificate:
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise ChannelError(ChannelFault.MALFORMED)
    try:
        return read_certificate(der)
    except CertificateError:
        raise ChannelError(ChannelFault.MALFORMED) from None
