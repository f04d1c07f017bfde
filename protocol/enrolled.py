"""What the enrolment machine tells of a box that it enrolled, and how two people compare it by voice.

The keys get into the inventory only after a person at the box and a person at the offline machine read the same
fingerprint: whoever stole the enrolment machine could have put its own keys into the file. Pure.
"""

from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocol.messages import Hash, Id, Machine, Time, Version

MAX_ENROLLED_BYTES: Final = 16 * 1024
"""One file; some 500 bytes."""

_SPOKEN_BYTES: Final = 16
"""128 bits: nobody finds keys of his own that read the same."""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file `enrolled/<box>.json`."""

    v: Version
    box: Id
    site: Id
    signing: Hash  # thumbprint: SHA-256 of the SubjectPublicKeyInfo (DER)
    sealing_key: Annotated[str, Meta(min_length=1, max_length=512)]  # base64 of the SubjectPublicKeyInfo (DER)
    at: Time
    machine: Machine = ""


class EnrolledError(Exception):
    """The file says of no box that it was enrolled; the text says where it is wrong."""


def encode_enrolled(enrolled: Enrolled) -> bytes:
    """The file's content: one line of JSON."""
    return msgspec.json.encode(enrolled) + b"\n"


def read_enrolled(content: bytes) -> Enrolled:
    """What a file says; whether it is true, a person must compare.

    Raises:
        EnrolledError: too large, or not of the form.
    """
    if len(content) > MAX_ENROLLED_BYTES:
        raise EnrolledError(f"longer than {MAX_ENROLLED_BYTES} bytes")
    try:
        return msgspec.json.decode(content, type=Enrolled)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnrolledError(str(error)) from None


def spoken_fingerprint(signing_thumbprint: str, sealing_key_der: bytes) -> str:
    """Both keys of a box in eight groups of four, as two people read them to each other.

    The first 128 bits of SHA-256 over the signing key's thumbprint (32 bytes) and the sealing key's
    SubjectPublicKeyInfo.

    Raises:
        ValueError: the thumbprint is no SHA-256 in hex.
    """
    thumbprint = bytes.fromhex(signing_thumbprint)
    if len(thumbprint) != sha256().digest_size:
        raise ValueError("a thumbprint is 32 bytes in hex")
    digits = sha256(thumbprint + sealing_key_der).digest()[:_SPOKEN_BYTES].hex().upper()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
