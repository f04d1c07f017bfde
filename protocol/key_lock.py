"""Private keys under a passphrase: PKCS#8 in PEM, encrypted with AES-256 under a key that scrypt makes.

`cryptography` reads such files but writes only PBKDF2 with 2,048 rounds, too few for a key that lies on a stick for
years. So the envelope is put together here from the library's own parts: EncryptedPrivateKeyInfo (RFC 5958 section 3),
PBES2 (RFC 8018 appendix A.4), scrypt (RFC 7914 section 7). `openssl pkey -in root.key` opens it too. Pure: random bytes
are an argument. Flow: provisioning/keeping.py, ordering/keys.py -> here.
"""

from base64 import b64encode
from collections.abc import Callable
from textwrap import wrap
from typing import Final

from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.x509 import ObjectIdentifier

LOCKED: Final = b"ENCRYPTED PRIVATE KEY"

SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 10
"""16 MiB and some 0.3 s a guess. More memory (N) would be refused by openssl's own limit of 32 MiB; so p is raised."""

SALT_BYTES, KEY_BYTES, BLOCK_BYTES = 16, 32, 16

PBES2: Final = ObjectIdentifier("1.2.840.113549.1.5.13")
SCRYPT: Final = ObjectIdentifier("1.3.6.1.4.1.11591.4.11")
AES_256_CBC: Final = ObjectIdentifier("2.16.840.1.101.3.4.1.42")


class KeyLockError(Exception):
    """The passphrase is wrong or the file is damaged; which of the two cannot be told. Holds neither."""


@asn1.sequence
class _ScryptParameters:
    salt: bytes
    cost: int
    block_size: int
    parallelization: int


@asn1.sequence
class _KeyDerivation:
    algorithm: ObjectIdentifier
    parameters: _ScryptParameters


@asn1.sequence
class _Cipher:
    algorithm: ObjectIdentifier
    iv: bytes


@asn1.sequence
class _Pbes2Parameters:
    derivation: _KeyDerivation
    cipher: _Cipher


@asn1.sequence
class _Pbes2:
    algorithm: ObjectIdentifier
    parameters: _Pbes2Parameters


@asn1.sequence
class _EncryptedPrivateKeyInfo:
    encryption: _Pbes2
    data: bytes


def lock_key(key: EllipticCurvePrivateKey, passphrase: bytes, random: Callable[[int], bytes]) -> bytes:
    """The key as PEM that only `passphrase` opens; `random` gives so many random bytes."""
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    salt, iv = random(SALT_BYTES), random(BLOCK_BYTES)
    secret = Scrypt(salt=salt, length=KEY_BYTES, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P).derive(passphrase)
    padder = padding.PKCS7(BLOCK_BYTES * 8).padder()
    encryptor = Cipher(algorithms.AES256(secret), modes.CBC(iv)).encryptor()
    data = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    parameters = _ScryptParameters(salt=salt, cost=SCRYPT_N, block_size=SCRYPT_R, parallelization=SCRYPT_P)
    info = _EncryptedPrivateKeyInfo(
        encryption=_Pbes2(
            algorithm=PBES2,
            parameters=_Pbes2Parameters(
                derivation=_KeyDerivation(algorithm=SCRYPT, parameters=parameters),
                cipher=_Cipher(algorithm=AES_256_CBC, iv=iv),
            ),
        ),
        data=data,
    )
    body = "\n".join(wrap(b64encode(asn1.encode_der(info)).decode(), 64))
    label = LOCKED.decode()
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode()


def is_locked(pem: bytes) -> bool:
    """Whether a PEM file asks for a passphrase."""
    return LOCKED in pem


def unlock_key(pem: bytes, passphrase: bytes | None) -> EllipticCurvePrivateKey:
    """The P-256 key in `pem`, under `passphrase` or, with None, under none.

    Raises:
        KeyLockError: wrong passphrase, damaged, another kind of key.
    """
    try:
        key = serialization.load_pem_private_key(pem, passphrase)
    except Exception:  # noqa: BLE001 - whatever the parser would say stays out of the message: it may quote the key
        raise KeyLockError from None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise KeyLockError
    return key
