"""A credential that a browser made on this machine's page: taken only if a roster could hold exactly that key."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from ordering.registering import Made, MadeKeyError, read_made
from protocol.envelope import encode_base64url
from protocol.registration import spoken_key
from tests.bundles import key, spki

CHALLENGE = bytes(range(32))
CREDENTIAL = b"blue-key"
PUBLIC = key(5).public_key()
NUMBERS = PUBLIC.public_numbers()
COSE = bytes.fromhex("a5010203262001215820") + NUMBERS.x.to_bytes(32) + bytes.fromhex("225820") + NUMBERS.y.to_bytes(32)


def _client(**other: Any) -> bytes:
    said = {
        "type": "webauthn.create",
        "challenge": encode_base64url(CHALLENGE).decode(),
        "origin": "http://localhost:7531",
        "crossOrigin": False,
    }
    return json.dumps({**said, **other}).encode()


def _authenticator(
    *, rp: bytes = b"localhost", flags: int = 0x45, held: bytes = CREDENTIAL, cose: bytes = COSE
) -> bytes:
    return sha256(rp).digest() + bytes([flags]) + bytes(4) + bytes(16) + len(held).to_bytes(2) + held + cose


def _read(**other: Any) -> Made:
    fields: dict[str, Any] = {
        "credential": encode_base64url(CREDENTIAL).decode(),
        "client_data": _client(),
        "authenticator_data": _authenticator(),
        "public_key": spki(PUBLIC),
        "challenge": CHALLENGE,
    }
    return read_made(**{**fields, **other})


def test_a_new_credential_goes_to_the_desk_with_its_own_fingerprint() -> None:
    """What is registered is what the browser made; the fingerprint is computed here."""
    made = _read()
    assert made.spoken == spoken_key(spki(PUBLIC))
    assert made.for_the_desk("blue") == {
        "name": "blue",
        "public_key": made.for_the_desk("")["public_key"],
        "credential": "Ymx1ZS1rZXk",
        "rp_id": "localhost",
        "origin": "http://localhost",
    }


@pytest.mark.parametrize(
    ("other", "word"),
    [
        ({"client_data": b"{"}, "malformed"),
        ({"client_data": b" " * 2000}, "malformed"),
        ({"client_data": _client(type="webauthn.get")}, "wrong_type"),
        ({"challenge": bytes(32)}, "other_challenge"),
        ({"client_data": _client(origin="https://desk.example")}, "wrong_origin"),
        ({"client_data": _client(origin="http://localhost.evil.example")}, "wrong_origin"),
        ({"client_data": _client(origin=7)}, "wrong_origin"),
        ({"client_data": _client(crossOrigin=True)}, "framed"),
        ({"authenticator_data": b"short"}, "wrong_rp"),
        ({"authenticator_data": _authenticator(rp=b"desk.example")}, "wrong_rp"),
        ({"authenticator_data": _authenticator(flags=0x44)}, "not_present"),
        ({"authenticator_data": _authenticator(flags=0x41)}, "not_verified"),
        ({"authenticator_data": _authenticator(flags=0x05)}, "wrong_key"),
        ({"authenticator_data": _authenticator(held=b"")}, "wrong_key"),
        ({"authenticator_data": _authenticator(cose=COSE[:-1] + b"\0")}, "wrong_key"),
        ({"public_key": spki(key(6).public_key())}, "wrong_key"),
        ({"public_key": b"no key"}, "wrong_key"),
        ({"credential": "b3RoZXI"}, "wrong_credential"),
    ],
)
def test_what_no_roster_could_hold_is_not_registered(other: dict[str, Any], word: str) -> None:
    """Another place, another challenge, nobody verified, or a key that is not the one in the answer."""
    with pytest.raises(MadeKeyError) as refused:
        _read(**other)
    assert f"({word})" in str(refused.value)
