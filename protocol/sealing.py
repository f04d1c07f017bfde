"""A site's secrets, sealed to one box: HPKE (RFC 9180) to the sealing key that the box made at enrolment (WIRE 3.5).

The cipher is the library's; ours is only what a secret is bound to: its box and its name, so that one cannot be put in
another's place. A wrong key, a changed byte and a foreign name look the same: `SealingError`, which names no secret.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import load_der_public_key

from protocol.envelope import EnvelopeError, decode_base64url, encode_base64url

MAX_SECRET_BYTES: Final = 4096
"""A password or a panel's key; a certificate's private key fits too."""

_SUITE: Final = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SealingError(Exception):
    """A sealed secret cannot be opened, or a sealing key is none."""


def seal_secret(secret: bytes, *, box: str, name: str, key: EllipticCurvePublicKey) -> str:
    """`secret` for one box under one name: base64url of encapsulated key and ciphertext."""
    if len(secret) > MAX_SECRET_BYTES:
        raise SealingError(f"a secret is at most {MAX_SECRET_BYTES} bytes")
    return encode_base64url(_SUITE.encrypt(secret, key, info=_info(box, name))).decode("ascii")


def open_secret(sealed: str, *, box: str, name: str, key: EllipticCurvePrivateKey) -> bytes:
    """What was sealed for this box under this name.

    Raises:
        SealingError: another key, box or name, or damaged.
    """
    try:
        return _SUITE.decrypt(decode_base64url(sealed.encode("ascii")), key, info=_info(box, name))
    except (EnvelopeError, InvalidTag, ValueError, TypeError, UnicodeEncodeError):
        raise SealingError("cannot be opened with this box's sealing key") from None


def read_sealing_key(der: bytes) -> EllipticCurvePublicKey:
    """A box's public sealing key from its SubjectPublicKeyInfo.

    Raises:
        SealingError: it is no P-256 key.
    """
    try:
        key = load_der_public_key(der)
    except Exception:  # noqa: BLE001 - the library raises more than it promises
        raise SealingError("no public key") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise SealingError("no P-256 key")
    return key


def _info(box: str, name: str) -> bytes:
    return f"branchwatch-secret-1\n{box}\n{name}".encode()
