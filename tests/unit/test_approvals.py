"""Whether a person's key signed exactly these bytes of an order, by key file and by security key (WIRE 4.3)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec.structs import replace

from protocol.approvals import ApprovalError, sign_key_file, verify_approval
from protocol.enrolment import key_kid
from protocol.envelope import EnvelopeType, Sealer, encode_base64url
from protocol.messages import Approval
from protocol.orders import order_digest
from protocol.roster import PersonKey
from protocol.webauthn import Assertion, AssertionRefusedError, check_assertion, is_origin
from tests.approvers import PRESENT, VERIFIED, Approver, Desk, SecurityKey
from tests.bundles import key, spki
from tests.webauthn_peer import peer_takes

LINE = Desk(challenge="abc").draft("disarm", {"partition": "cash"})
ID = json.loads(LINE)["id"]
ZHANG = Approver("zhang-wei", 5)
LI = Approver("li-na", 6, security_key=SecurityKey(6))
D = order_digest(LINE)
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256."""


def word_of(approval: Approval, line: bytes = LINE, held: PersonKey = ZHANG.key) -> str:
    """Why an approval is refused; empty where it is not."""
    try:
        verify_approval(approval, line, held)
    except ApprovalError as error:
        return error.word
    return ""


def assertion_word(assertion: Assertion, origin: str = "http://localhost:7531") -> str:
    """The same of the bare assertion; the peer is asked too, and must not refuse what we take."""
    public_key = key(6).public_key()
    try:
        check_assertion(assertion, challenge=D, rp_id="localhost", origin=origin, public_key=public_key)
    except AssertionRefusedError as error:
        return error.word
    assert peer_takes(assertion, challenge=D, rp_id="localhost", origin=origin, public_key=public_key), (
        "looser than py_webauthn"
    )
    return ""


@pytest.mark.parametrize("approver", [ZHANG, LI], ids=["key_file", "webauthn"])
def test_an_approval_holds_for_its_order_and_key_alone(approver: Approver) -> None:
    """Every byte of the order is signed; another person's key, another method and another name do not do."""
    approval = approver.approve(LINE)
    assert word_of(approval, LINE, approver.key) == ""
    for at in range(len(LINE)):
        changed = LINE[:at] + bytes([LINE[at] ^ 1]) + LINE[at + 1 :]
        assert word_of(approval, changed, approver.key) == "other_order"
    assert word_of(approval, LINE + b" ", approver.key) == "other_order"
    stranger = replace(approver.key, public_key=Approver("x", 9).key.public_key)
    assert word_of(approval, LINE, stranger) == ("wrong_key" if approver is ZHANG else "bad_signature")
    assert word_of(replace(approval, credential="other"), LINE, approver.key) == "wrong_key"
    other = replace(approver.key, kind="webauthn" if approver is ZHANG else "key_file")
    assert word_of(approval, LINE, other) == "wrong_method"


def test_no_character_of_a_key_files_approval_can_be_changed() -> None:
    """One character of the JWS is another: refused, whatever it stands for."""
    approval = ZHANG.approve(LINE)
    for at, char in enumerate(approval.jws):
        for other in "AB=.":
            if other != char:
                assert word_of(replace(approval, jws=approval.jws[:at] + other + approval.jws[at + 1 :]))


@pytest.mark.parametrize(
    ("unlike", "word"),
    [
        ({"jws": ""}, "malformed"),
        ({"jws": "é" * 40}, "malformed"),
        ({"jws": "A" * 1024}, "malformed"),
        ({"client_data": "AA"}, "malformed"),
        ({"signature": "AA"}, "malformed"),
    ],
)
def test_a_key_files_approval_has_one_form(unlike: dict[str, Any], word: str) -> None:
    """Nothing but a JWS, and nothing beside it."""
    assert word_of(replace(ZHANG.approve(LINE), **unlike)) == word


@pytest.mark.parametrize("typ", [typ for typ in EnvelopeType if typ is not EnvelopeType.APPROVAL])
def test_nothing_else_that_a_key_sealed_is_an_approval(typ: EnvelopeType) -> None:
    """A key that also signs documents or messages approves nothing by them."""
    sealer = Sealer(key(5), key_kid(key(5).public_key()))
    jws = sealer.seal(typ, D).decode()
    assert word_of(replace(ZHANG.approve(LINE), jws=jws)) == "wrong_type"


def test_a_payload_that_is_no_digest_approves_nothing() -> None:
    """The order itself, its plain hash, or nothing, signed by the right key."""
    sealer = Sealer(key(5), key_kid(key(5).public_key()))
    for payload in (LINE, sha256(LINE).digest(), b"", D + b"\0", D.hex().encode()):
        jws = sealer.seal(EnvelopeType.APPROVAL, payload).decode()
        assert word_of(replace(ZHANG.approve(LINE), jws=jws)) == "other_order" if len(jws) <= 1024 else "too_large"


def test_a_key_in_the_roster_that_is_none_approves_nothing() -> None:
    """A roster is checked when its bundle is taken; if one slips through, it opens nothing."""
    assert word_of(ZHANG.approve(LINE), LINE, replace(ZHANG.key, public_key="AAAA")) == "wrong_key"


def test_key_files_sign_the_same_always() -> None:
    """RFC 6979: no random source on the person's machine can give the key away."""
    assert sign_key_file(LINE, ID, "zhang-wei", "k", key(5)) == sign_key_file(LINE, ID, "zhang-wei", "k", key(5))


@pytest.mark.parametrize(
    ("unlike", "word"),
    [
        ({}, ""),
        ({"crossOrigin": None}, ""),
        ({"other_keys_can_be_added_here": "do not compare clientDataJSON against a template"}, ""),
        ({"flags": PRESENT | VERIFIED | 0x18}, ""),  # a passkey that is backed up
        ({"flags": PRESENT | VERIFIED | 0x02}, ""),  # reserved for future use
        ({"flags": PRESENT | VERIFIED | 0x80, "tail": b"\xa0"}, ""),  # extensions, an empty map
        ({"type": "webauthn.create"}, "wrong_type"),
        ({"type": None}, "wrong_type"),
        ({"type": ["webauthn.get"]}, "wrong_type"),
        ({"challenge": None}, "other_order"),
        ({"challenge": ""}, "other_order"),
        ({"challenge": encode_base64url(sha256(b"").digest()).decode()}, "other_order"),
        ({"origin": "https://localhost:7531"}, "wrong_origin"),
        ({"origin": "http://localhost:7532"}, "wrong_origin"),
        ({"origin": "http://localhost:7531/"}, "wrong_origin"),
        ({"origin": "http://console.bank.example"}, "wrong_origin"),
        ({"origin": None}, "wrong_origin"),
        ({"crossOrigin": True}, "framed"),
        ({"crossOrigin": "false"}, "framed"),
        ({"crossOrigin": 0}, "framed"),
        ({"rp_id": "console.bank.example"}, "wrong_rp"),
        ({"flags": VERIFIED}, "not_present"),
        ({"flags": PRESENT}, "not_verified"),
        ({"flags": 0}, "not_present"),
        ({"flags": PRESENT | VERIFIED | 0x10}, "malformed"),  # backed up, and not eligible for it
        ({"flags": PRESENT | VERIFIED | 0x40}, "malformed"),  # of a registration
        ({"flags": PRESENT | VERIFIED | 0x80}, "malformed"),  # extensions, and none there
        ({"tail": b"\xa0"}, "malformed"),  # none, and something there
        ({"tokenBinding": {"status": "supported"}}, "malformed"),
        ({"pad": "x" * 1600}, "malformed"),
        ({"flags": PRESENT | VERIFIED | 0x80, "tail": bytes(1000)}, "malformed"),
    ],
    ids=str,
)
def test_what_the_browser_and_the_key_say_is_what_the_roster_says(unlike: dict[str, Any], word: str) -> None:
    """Web Authentication 7.2, each rule broken once, by a key that signs whatever it is told."""
    assert assertion_word(SecurityKey(6).assertion(D, **unlike)) == word


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('{"type"', '{"type":"webauthn.create","type"'),
        lambda text: text.replace('{"type"', '{"origin":"http://evil.example","type"'),
        lambda text: text[:-1] + ',"crossOrigin":false}',
        lambda text: text[:-1] + ',"more":{"a":1,"a":2}}',
        lambda text: "\ufeff" + text,
        lambda text: text[:-1],
        lambda text: f"[{text}]",
        lambda text: "[" * 1400,
        lambda _: "",
        lambda _: "null",
    ],
)
def test_client_data_that_reads_in_two_ways_is_refused(spoil: Callable[[str], str]) -> None:
    """A name twice, another encoding, no JSON: signed correctly and refused all the same."""
    good = SecurityKey(6).assertion(D)
    text = spoil(good.client_data.decode())
    spoilt = SecurityKey(6).signed(text.encode("utf-8"), good.authenticator_data)
    assert assertion_word(spoilt) == "malformed"
    for encoding in ("utf-16", "utf-32", "utf-16-le"):
        other = SecurityKey(6).signed(good.client_data.decode().encode(encoding), good.authenticator_data)
        assert assertion_word(other) == "malformed"


def test_a_signature_has_one_form() -> None:
    """DER and nothing behind it; BER's longer lengths, raw halves, negative or foreign numbers are refused."""
    good = SecurityKey(6).assertion(D)
    r, s = decode_dss_signature(good.signature)
    body = good.signature[2:]
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    spoilt = [
        (b"", "malformed"),
        (good.signature + b"\0", "malformed"),
        (b"\x30\x81" + bytes([len(body)]) + body, "malformed"),
        (b"\x30\x80" + body + b"\0\0", "malformed"),
        (raw, "malformed"),
        (good.signature[:-1], "malformed"),
        (encode_dss_signature(r, 0), "bad_signature"),
        (encode_dss_signature(0, 0), "bad_signature"),
        (encode_dss_signature(r + N, s), "bad_signature"),
        (encode_dss_signature(r, s + 1), "bad_signature"),
        (encode_dss_signature(r, s << 200), "malformed"),
    ]
    for signature, word in spoilt:
        tried = Assertion(client_data=good.client_data, authenticator_data=good.authenticator_data, signature=signature)
        assert assertion_word(tried) == word, signature.hex()
        assert not peer_takes(
            tried, challenge=D, rp_id="localhost", origin="http://localhost:7531", public_key=key(6).public_key()
        )


@pytest.mark.parametrize(
    ("claimed", "wanted", "same"),
    [
        ("http://localhost:7531", "http://localhost", True),
        ("http://localhost:1", "http://localhost", True),
        ("http://localhost:65535", "http://localhost", True),
        ("http://localhost", "http://localhost", True),
        ("http://localhost:", "http://localhost", False),
        ("http://localhost:0", "http://localhost", False),
        ("http://localhost:07531", "http://localhost", False),
        ("http://localhost:65536", "http://localhost", False),
        ("http://localhost:999999", "http://localhost", False),
        ("http://localhost:7531/x", "http://localhost", False),
        ("http://localhost:7531@evil.example", "http://localhost", False),
        ("http://localhost.evil.example", "http://localhost", False),
        ("http://localhost:\u0667", "http://localhost", False),
        ("https://localhost:7531", "http://localhost", False),
        ("HTTP://LOCALHOST:7531", "http://localhost", False),
        ("http://127.0.0.1:7531", "http://localhost", False),
        ("http://localhost:7531", "http://localhost:7531", True),
        ("http://localhost:7532", "http://localhost:7531", False),
        ("https://console.bank.example:8443", "https://console.bank.example", False),
        ("https://console.bank.example", "https://console.bank.example", True),
        ("", "http://localhost", False),
    ],
)
def test_only_the_port_of_localhost_is_free(claimed: str, wanted: str, *, same: bool) -> None:
    """The page of `order approve` may find its port taken; every other origin is exact."""
    assert is_origin(claimed, wanted) is same


def test_a_security_keys_approval_travels_as_text() -> None:
    """base64url without padding, one spelling: padded, loose bits, other letters and a JWS beside it are refused."""
    good = LI.approve(LINE)
    assert word_of(good, LINE, LI.key) == ""
    assert word_of(replace(good, jws="x"), LINE, LI.key) == "malformed"
    for part in ("client_data", "authenticator_data", "signature"):
        text = getattr(good, part)
        for other in (text + "=", text + "A", text.replace(text[3], "+"), text + "\n", "é", ""):
            assert word_of(replace(good, **{part: other}), LINE, LI.key)


def test_what_the_peer_takes_is_taken() -> None:
    """py_webauthn and we agree on assertions as browsers make them, over many keys and counters."""
    for number in range(20, 60):
        held = SecurityKey(number, counter=number)
        assertion = held.assertion(D, **({} if number % 2 else {"crossOrigin": None}))
        asked: dict[str, Any] = {
            "challenge": D,
            "rp_id": "localhost",
            "origin": held.origin,
            "public_key": held.private.public_key(),
        }
        check_assertion(assertion, **asked)
        assert peer_takes(assertion, **asked)


def test_a_signature_by_another_key_or_over_the_wrong_bytes_is_none() -> None:
    """The halves in another order, the client data itself instead of its hash, another curve's key in the roster."""
    good = SecurityKey(6).assertion(D)
    hashed = sha256(good.client_data).digest()
    for signed in (hashed + good.authenticator_data, good.authenticator_data + good.client_data, hashed):
        signature = key(6).sign(signed, ECDSA(SHA256()))
        tried = Assertion(client_data=good.client_data, authenticator_data=good.authenticator_data, signature=signature)
        assert assertion_word(tried) == "bad_signature"
    assert b64encode(spki(key(6).public_key())).decode() == LI.key.public_key
