"""What a browser says of a new security key, made here byte by byte: the honest answer is taken, and no other is."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import cbor2
import pytest
from webauthn.helpers import bytes_to_base64url

from collector.security_keys import SecurityKeyError, made_key
from tests.bundles import key, spki

CHALLENGE = bytes(range(32))
RP, ORIGIN = "desk.example", "https://desk.example"
ANSWER: dict[str, Any] = {
    "challenge": CHALLENGE,
    "origin": ORIGIN,
    "rp": RP,
    "flags": 0x45,  # user present, user verified, a credential follows
    "alg": -7,
    "curve": 1,
    "kind": "webauthn.create",
    "more": {},
}


def answer(**changes: Any) -> str:
    """As `navigator.credentials.create` answers with attestation `none` (Web Authentication level 2, 6.5)."""
    how = ANSWER | changes
    numbers = key(7).public_key().public_numbers()
    cose = {1: 2, 3: how["alg"], -1: how["curve"], -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
    credential = b"\x07" * 16
    data = sha256(how["rp"].encode()).digest() + bytes([how["flags"]]) + bytes(4)
    data += bytes(16) + len(credential).to_bytes(2) + credential + cbor2.dumps(cose)
    client = {"type": how["kind"], "challenge": bytes_to_base64url(how["challenge"]), "origin": how["origin"]}
    attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
    response = {
        "clientDataJSON": bytes_to_base64url(json.dumps(client | how["more"]).encode()),
        "attestationObject": bytes_to_base64url(attestation),
    }
    name = bytes_to_base64url(credential)
    return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


def taken(text: str) -> bytes:
    """The public key that is registered."""
    return made_key(text, challenge=CHALLENGE, rp_id=RP, origin=ORIGIN).public_key


def test_the_honest_answer_brings_its_key() -> None:
    """As SubjectPublicKeyInfo; that it was no other page's frame may be said or not."""
    assert taken(answer()) == spki(key(7).public_key())
    assert taken(answer(more={"crossOrigin": False})) == spki(key(7).public_key())


@pytest.mark.parametrize(
    "changes",
    [
        {"challenge": bytes(32)},
        {"origin": "https://evil.example"},
        {"origin": "https://desk.example.evil.example"},
        {"origin": "http://desk.example"},
        {"origin": "https://desk.example:8443"},
        {"rp": "evil.example"},
        {"flags": 0x41},
        {"flags": 0x44},
        {"flags": 0x05},
        {"kind": "webauthn.get"},
        {"more": {"crossOrigin": True, "topOrigin": "https://evil.example"}},
        {"alg": -257},
        {"curve": 2},
    ],
    ids=lambda changes: " ".join(map(str, changes)),
)
def test_every_other_answer_is_refused(changes: dict[str, Any]) -> None:
    """Another challenge, place, kind or algorithm, nobody present or verified, inside of another page's frame."""
    with pytest.raises(SecurityKeyError):
        taken(answer(**changes))
