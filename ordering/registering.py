"""A key of this machine brought to the desk's list, where the offline machine finds it (docs/trust.md 3).

What is sent, and answered with the desk's `Credential` (id, name, kind, fingerprint, registered_at, rp_id), status 201:

- `POST /api/v1/credentials/localhost-key`
  `{"name", "public_key", "credential", "rp_id": "localhost", "origin": "http://localhost"}`: a credential that this
  machine's page made; `public_key` is the SubjectPublicKeyInfo (DER, P-256) in base64, `credential` the credential's id
  in base64url without padding. The centre cannot and need not check how it was made: it stores the row as it stores
  every other (kind `webauthn`), and a person compares the fingerprint by voice before anything obeys it.
- `POST /api/v1/credentials/key-file` `{"name", "public_key"}`: the public half of a key file, PEM.

The fingerprint that is read out is computed here, never the one that the centre answers.
Flow: the page's new credential -> `read_made` -> `for_the_desk` -> `Console.ask`.
"""

import json
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from ordering.refusal import RefusedError
from protocol.envelope import encode_base64url
from protocol.messages import once
from protocol.registration import spoken_key
from protocol.roster import PersonKeyError, read_person_key
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.webauthn import LOCALHOST, is_origin

LOCALHOST_KEY: Final = "/api/v1/credentials/localhost-key"
KEY_FILE: Final = "/api/v1/credentials/key-file"
RP_ID: Final = "localhost"
MAX_CLIENT_DATA: Final = 1536
MAX_CREDENTIAL: Final = 1023
"""Bytes of a credential's id (Web Authentication level 2, section 4)."""

_FLAGS, _ATTESTED_AT, _ID_LENGTH_AT, _ID_AT = 32, 37, 53, 55
_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40
_COSE_HEAD: Final = bytes.fromhex("a5010203262001215820")
"""An ES256 key on P-256 (RFC 9053 section 7.1), in the one form that CTAP2 writes: x follows, `225820`, y."""
_COSE_Y: Final = bytes.fromhex("225820")


class MadeKeyError(RefusedError):
    """The browser's new credential is none that a roster can hold."""

    def __init__(self, word: str) -> None:
        super().__init__(
            N_("The security key's answer does not hold ({word}). Try again with a key that asks for PIN or finger."),
            word=word,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new credential: its id in base64url, its public key in DER."""

    credential: str
    der: bytes

    @property
    def spoken(self) -> str:
        """The fingerprint, as two people read it to each other."""
        return spoken_key(self.der)

    def for_the_desk(self, name: str) -> dict[str, str]:
        """What the desk takes."""
        return {
            "name": name,
            "public_key": b64encode(self.der).decode("ascii"),
            "credential": self.credential,
            "rp_id": RP_ID,
            "origin": LOCALHOST,
        }


def read_made(
    *, credential: str, client_data: bytes, authenticator_data: bytes, public_key: bytes, challenge: bytes
) -> Made:
    """The credential that a browser made for `challenge` on this machine's page (WebAuthn level 2, section 7.1).

    Attestation is not asked for: whose key it is, two people settle by voice.

    Raises:
        MadeKeyError: another challenge or place, no verified user, or a key that is not the one in the answer.
    """
    _check_client_data(client_data, challenge)
    try:
        key = read_person_key(b64encode(public_key).decode("ascii"))
    except PersonKeyError:
        raise MadeKeyError("wrong_key") from None
    told = _credential_in(authenticator_data, key)
    if encode_base64url(told).decode("ascii") != credential:
        raise MadeKeyError("wrong_credential")
    return Made(credential=credential, der=public_key)


def _check_client_data(data: bytes, challenge: bytes) -> None:
    if len(data) > MAX_CLIENT_DATA:
        raise MadeKeyError("malformed")
    try:
        told: Any = json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise MadeKeyError("malformed") from None
    if not isinstance(told, dict) or told.get("type") != "webauthn.create":
        raise MadeKeyError("wrong_type")
    if told.get("challenge") != encode_base64url(challenge).decode("ascii"):
        raise MadeKeyError("other_challenge")
    if not isinstance(told.get("origin"), str) or not is_origin(told["origin"], LOCALHOST):
        raise MadeKeyError("wrong_origin")
    if told.get("crossOrigin", False) is not False:
        raise MadeKeyError("framed")


def _credential_in(data: bytes, key: EllipticCurvePublicKey) -> bytes:
    """The credential's id in authenticator data that holds exactly this key (section 6.5.1)."""
    if len(data) < _ID_AT or data[:_FLAGS] != sha256(RP_ID.encode()).digest():
        raise MadeKeyError("wrong_rp")
    flags = data[_FLAGS]
    if not flags & _PRESENT:
        raise MadeKeyError("not_present")
    if not flags & _VERIFIED:
        raise MadeKeyError("not_verified")
    length = int.from_bytes(data[_ID_LENGTH_AT:_ID_AT], "big")
    numbers = key.public_numbers()
    cose = _COSE_HEAD + numbers.x.to_bytes(32, "big") + _COSE_Y + numbers.y.to_bytes(32, "big")
    if not flags & _ATTESTED or not 0 < length <= MAX_CREDENTIAL or not data[_ID_AT + length :].startswith(cose):
        raise MadeKeyError("wrong_key")
    return data[_ID_AT : _ID_AT + length]
