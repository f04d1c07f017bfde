"""Public keys that people registered at the desk, on their way to the offline machine (docs/trust.md 3).

A registration gives nobody any power: a person at the offline machine compares the fingerprint by voice with whoever
registered, and only what he enters into the inventory is ever signed. Pure.
Flow: collector/registering.py writes -> a file -> `provision people accept` reads.
"""

from hashlib import sha256
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from protocol.messages import Id, Time, Version

MAX_REGISTRATIONS_BYTES: Final = 1024 * 1024
MAX_REGISTRATIONS: Final = 1000
SPOKEN_DIGITS: Final = 32
"""Hex digits that are compared by voice: 128 bits, nobody finds a key of his own that reads the same."""


class RegistrationError(Exception):
    """The file is no list of registrations; the text says where it is wrong."""


class Registration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One public key: SubjectPublicKeyInfo in base64; `rp_id`, `origin` and `credential` belong to `webauthn` alone."""

    person: Id
    name: Annotated[str, Meta(max_length=64)]
    kind: Literal["key_file", "webauthn"]
    public_key: Annotated[str, Meta(min_length=1, max_length=512)]
    at: Time
    rp_id: Annotated[str, Meta(max_length=253)] = ""
    origin: Annotated[str, Meta(max_length=512)] = ""
    credential: Annotated[str, Meta(max_length=1400)] = ""


class Registrations(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    v: Version
    registrations: Annotated[tuple[Registration, ...], Meta(max_length=MAX_REGISTRATIONS)]


def encode_registrations(registrations: tuple[Registration, ...]) -> bytes:
    """The file's content: JSON that a person can read."""
    return msgspec.json.format(msgspec.json.encode(Registrations(v=1, registrations=registrations))) + b"\n"


def read_registrations(content: bytes) -> tuple[Registration, ...]:
    """What a file says; whose keys they are, a person must compare.

    Raises:
        RegistrationError: too large, or not of the form.
    """
    if len(content) > MAX_REGISTRATIONS_BYTES:
        raise RegistrationError(f"longer than {MAX_REGISTRATIONS_BYTES} bytes")
    try:
        return msgspec.json.decode(content, type=Registrations).registrations
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RegistrationError(str(error)) from None


def spoken_key(der: bytes) -> str:
    """A public key in eight groups of four, as two people read it to each other: 128 bits of SHA-256 of the DER."""
    digits = sha256(der).hexdigest()[:SPOKEN_DIGITS].upper()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
