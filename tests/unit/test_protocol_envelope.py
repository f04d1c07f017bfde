"""Envelopes are strict JWS that any other reader of RFC 7515 agrees with."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.envelope import (
    EnvelopeError,
    EnvelopeFault,
    EnvelopeType,
    Sealer,
    decode_base64url,
    encode_base64url,
    open_envelope,
    read_envelope,
)

KEY = ec.generate_private_key(ec.SECP256R1())
SEALER = Sealer(KEY, "k" * 43)
LIMIT = 10_000


def _fault(data: bytes, expected: EnvelopeType = EnvelopeType.EVENTS, limit: int = LIMIT) -> EnvelopeFault | None:
    try:
        open_envelope(read_envelope(data, limit), KEY.public_key(), expected)
    except EnvelopeError as error:
        return error.fault
    return None


def _with_header(**fields: object) -> bytes:
    header = encode_base64url(json.dumps(fields, separators=(",", ":")).encode())
    return header + b"." + b".".join(SEALER.seal(EnvelopeType.EVENTS, b"x").split(b".")[1:])


def test_another_library_opens_what_we_seal() -> None:
    """PyJWT's own JWS reader accepts our envelopes and finds the same payload and header."""
    envelope = SEALER.seal(EnvelopeType.BEAT, b'{"a":1}')
    read = jwt.PyJWS().decode_complete(envelope.decode(), KEY.public_key(), algorithms=["ES256"])
    assert read["payload"] == b'{"a":1}'
    assert read["header"] == {"alg": "ES256", "kid": "k" * 43, "typ": "bw-beat"}


def test_we_open_what_another_library_seals() -> None:
    """An envelope sealed by PyJWT opens here."""
    sealed = jwt.PyJWS().encode(b"hello", KEY, algorithm="ES256", headers={"typ": "bw-events", "kid": "k" * 43})
    opened = open_envelope(read_envelope(sealed.encode(), LIMIT), KEY.public_key(), EnvelopeType.EVENTS)
    assert opened.payload == b"hello"


def test_a_receipt_is_no_order() -> None:
    """An envelope of another type is refused although its signature holds."""
    assert _fault(SEALER.seal(EnvelopeType.RECEIPT, b"x"), EnvelopeType.ORDER) is EnvelopeFault.WRONG_TYPE


def test_another_key_does_not_open() -> None:
    """A signature of another key is refused."""
    other = Sealer(ec.generate_private_key(ec.SECP256R1()), "k" * 43)
    assert _fault(other.seal(EnvelopeType.EVENTS, b"x")) is EnvelopeFault.BAD_SIGNATURE


@pytest.mark.parametrize(
    "fields",
    [
        {"alg": "none", "kid": "k" * 43, "typ": "bw-events"},
        {"alg": "HS256", "kid": "k" * 43, "typ": "bw-events"},
        {"alg": "ES256", "kid": "k" * 42, "typ": "bw-events"},
        {"alg": "ES256", "kid": "k" * 43, "typ": "bw-nothing"},
        {"alg": "ES256", "kid": "k" * 43},
        {"alg": "ES256", "kid": "k" * 43, "typ": "bw-events", "crit": ["b64"], "b64": False},
        {"alg": "ES256", "kid": "k" * 43, "typ": "bw-events", "jwk": {}},
    ],
)
def test_no_header_but_ours(fields: dict[str, object]) -> None:
    """Other algorithms, missing fields and every extension (`crit`, `jwk`, …) are refused before the signature."""
    assert _fault(_with_header(**fields)) is EnvelopeFault.MALFORMED


def test_every_single_byte_counts() -> None:
    """Changing any one byte of an envelope to any neighbour makes it fail: nothing in it is malleable."""
    envelope = SEALER.seal(EnvelopeType.EVENTS, b'{"facts":{}}')
    for at in range(len(envelope)):
        for other in {envelope[at] ^ 1, envelope[at] ^ 2, ord("A"), ord("="), ord(".")} - {envelope[at]}:
            assert _fault(envelope[:at] + bytes([other]) + envelope[at + 1 :]) is not None, (at, other)


def test_padding_and_trailing_data_are_refused() -> None:
    """`=`, white space and further parts are not tolerated (WIRE 1.1)."""
    envelope = SEALER.seal(EnvelopeType.EVENTS, b"xy")
    for changed in (envelope + b"=", envelope + b"\n", envelope + b".", b" " + envelope, envelope + b".AAAA"):
        assert _fault(changed) is EnvelopeFault.MALFORMED


def test_the_limit_comes_first() -> None:
    """An envelope over its limit is refused before anything in it is read."""
    assert _fault(b"\xff" * 101, limit=100) is EnvelopeFault.TOO_LARGE


def test_base64url_is_one_to_one() -> None:
    """Every length decodes to itself, and a text with loose trailing bits is refused."""
    for length in range(70):
        data = bytes(range(length))
        assert decode_base64url(encode_base64url(data)) == data
    with pytest.raises(EnvelopeError):
        decode_base64url(b"AB")  # AA and AB would both be one zero byte
