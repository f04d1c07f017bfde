"""Signed documents: a JWS with more than one signature (RFC 7515 section 7.2.1), read strictly (docs/trust.md 2).

An envelope has one signer and travels; a document may need two people and is kept. Every signature that is there must
hold: a document with one good and one bad signature is a bad document. Pure; whose keys count is the caller's question,
by the roles he names. Flow: provisioning signs -> kit, enrolment, centre carry -> box opens.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocol.certificates import CertificateError, Role, Trust, VerifiedIdentity
from protocol.envelope import (
    EnvelopeError,
    EnvelopeType,
    Sealer,
    decode_base64url,
    encode_base64url,
    open_envelope,
    read_envelope,
)
from protocol.limits import MAX_CHAIN_CERTIFICATES, MAX_DOCUMENT_BYTES

MAX_SIGNATURES: Final = 4
"""Two are asked for at most; a rotation may carry old and new."""


class DocumentError(Exception):
    """A document that cannot be taken; `fault` is a word for logs and facts."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key that signs, and its chain of certificates, DER, leaf first, without the root."""

    sealer: Sealer
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document whose every signature was checked. Made by `open_document` only."""

    payload: bytes
    signers: tuple[VerifiedIdentity, ...]


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    x5c: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_CHAIN_CERTIFICATES)]


class _Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    protected: str
    signature: str
    header: _Header


class _General(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payload: str
    signatures: Annotated[tuple[_Signature, ...], Meta(min_length=1, max_length=MAX_SIGNATURES)]


def sign_document(typ: EnvelopeType, payload: bytes, signers: Sequence[Signer]) -> bytes:
    """The document of `payload`, signed by each of `signers`."""
    signatures = tuple(_signature(typ, payload, signer) for signer in signers)
    return msgspec.json.encode(_General(payload=encode_base64url(payload).decode("ascii"), signatures=signatures))


def add_signature(data: bytes, typ: EnvelopeType, signer: Signer) -> bytes:
    """The same document with one more signature; those that are there are not judged.

    Raises:
        DocumentError: it is none.
    """
    general = _read(data)
    added = _signature(typ, _payload(general), signer)
    return msgspec.json.encode(_General(payload=general.payload, signatures=(*general.signatures, added)))


def claimed_payload(data: bytes) -> bytes:
    """What a document says, before anybody looked at its signatures: to show, never to obey.

    Raises:
        DocumentError: it is none.
    """
    return _payload(_read(data))


def open_document(
    data: bytes, typ: EnvelopeType, trust: Trust, now: datetime, *roles: Role, expired_ok: bool = False
) -> Document:
    """Check every signature, each signer's chain, time and role; no identity may sign twice.

    Raises:
        DocumentError: malformed, another type, a bad signature, or the fault of a signer's certificate.
    """
    general = _read(data)
    signers: list[VerifiedIdentity] = []
    payload = _payload(general)
    try:
        for each in general.signatures:
            chain = tuple(_der(text) for text in each.header.x5c)
            identity = trust.identify(chain, now, *roles, expired_ok=expired_ok)
            compact = f"{each.protected}.{general.payload}.{each.signature}".encode("ascii")
            unverified = read_envelope(compact, MAX_DOCUMENT_BYTES)
            if unverified.kid != identity.kid:
                raise DocumentError("foreign_certificate")
            open_envelope(unverified, identity.public_key, typ)
            signers.append(identity)
    except (EnvelopeError, CertificateError) as error:
        raise DocumentError(error.fault.value) from None
    except ValueError:  # no base64, no ASCII
        raise DocumentError("malformed") from None
    if len({each.id for each in signers}) < len(signers) or len({_key(each) for each in signers}) < len(signers):
        raise DocumentError("signed_twice")
    return Document(payload=payload, signers=tuple(signers))


def _signature(typ: EnvelopeType, payload: bytes, signer: Signer) -> _Signature:
    protected, _, signature = signer.sealer.seal(typ, payload).decode("ascii").split(".")
    x5c = tuple(b64encode(der).decode("ascii") for der in signer.chain)
    return _Signature(protected=protected, signature=signature, header=_Header(x5c=x5c))


def _der(text: str) -> bytes:
    der = b64decode(text, validate=True)
    if b64encode(der).decode("ascii") != text:
        raise DocumentError("malformed")  # loose trailing bits: one certificate, two spellings
    return der


def _key(identity: VerifiedIdentity) -> tuple[int, int]:
    numbers = identity.public_key.public_numbers()
    return numbers.x, numbers.y


def _read(data: bytes) -> _General:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise DocumentError("too_large")
    try:
        return msgspec.json.decode(data, type=_General)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DocumentError("malformed") from None


def _payload(general: _General) -> bytes:
    try:
        return decode_base64url(general.payload.encode("ascii"))
    except (EnvelopeError, UnicodeEncodeError):
        raise DocumentError("malformed") from None
