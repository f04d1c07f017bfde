"""Invariants: whatever approves, it is a yes or one of our own words; and we never take what py_webauthn refuses."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.orders.admission import Admitted
from protocol.approvals import ApprovalError, verify_approval
from protocol.envelope import encode_base64url
from protocol.messages import Approval
from protocol.orders import order_digest
from protocol.webauthn import Assertion, AssertionRefusedError, check_assertion
from tests.approvers import Approver, Desk, SecurityKey, payload
from tests.property.test_order_admission import LI, ZHANG, OrderBox
from tests.webauthn_peer import peer_takes

LINE = Desk(challenge="abc").draft("disarm", {"partition": "cash"})
D = order_digest(LINE)
KEY = SecurityKey(6)
RP = sha256(b"localhost").digest()
BOX = OrderBox()
BOX.beat()
ORDER = payload(BOX.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI)

_text = st.text(max_size=60) | st.text("ABCDEFGHIJabcdefghij0123456789-_=.", max_size=90)
_value: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_MEMBERS = {
    "type": "webauthn.get",
    "challenge": encode_base64url(D).decode(),
    "origin": KEY.origin,
    "crossOrigin": False,
}


@st.composite
def _client_data(draw: st.DrawFn) -> bytes:
    """Honest client data, with members dropped, changed, added or spelt otherwise."""
    said: dict[str, Any] = dict(_MEMBERS)
    for name in draw(st.sets(st.sampled_from([*_MEMBERS, "tokenBinding", "topOrigin", "extra"]), max_size=2)):
        said[name] = draw(_value)
    if draw(st.booleans()):
        said.pop(draw(st.sampled_from(sorted(said))))
    text = json.dumps(said, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from((None, 1))))
    return text.encode("utf-8", "surrogatepass")


_authenticator_data = st.builds(
    lambda rp, flags, counter, tail: rp + bytes([flags]) + counter + tail,
    st.sampled_from((RP, RP, RP, bytes(32))),
    st.integers(0, 255) | st.just(5),
    st.binary(min_size=4, max_size=4),
    st.just(b"") | st.binary(max_size=20) | st.sampled_from((b"\xa0", b"\xa1\x61\x61\x01", b"\xa0\xa0")),
)


def _word(approval: Approval, of: Approver) -> str:
    try:
        verify_approval(approval, LINE, of.key)
    except ApprovalError as error:
        return error.word
    return ""


def _ours_takes(assertion: Assertion) -> bool:
    try:
        check_assertion(
            assertion, challenge=D, rp_id="localhost", origin=KEY.origin, public_key=KEY.private.public_key()
        )
    except AssertionRefusedError:
        return False
    return True


def _peer_takes(assertion: Assertion) -> bool:
    return peer_takes(assertion, challenge=D, rp_id="localhost", origin=KEY.origin, public_key=KEY.private.public_key())


@settings(max_examples=300, deadline=None)
@given(client_data=_client_data(), authenticator_data=_authenticator_data)
def test_we_are_never_looser_than_py_webauthn(client_data: bytes, authenticator_data: bytes) -> None:
    """Signed by the right key, whatever it says: what we take, the library takes.

    But for extensions, whose CBOR it reads and we leave alone: the authenticator signed them, and nobody asks for any.
    """
    assertion = KEY.signed(client_data, authenticator_data)
    if _ours_takes(assertion) and not authenticator_data[32] & 0x80:
        assert _peer_takes(assertion)


@settings(max_examples=200, deadline=None)
@given(part=st.sampled_from(("client_data", "authenticator_data", "signature")), data=st.data())
def test_what_is_changed_after_signing_both_refuse(part: str, data: st.DataObject) -> None:
    """One stretch of an honest assertion is another."""
    good = KEY.assertion(D)
    before: bytes = getattr(good, part)
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, min(len(before), start + 6)))
    after = before[:start] + data.draw(st.binary(max_size=6)) + before[end:]
    parts = {name: getattr(good, name) for name in ("client_data", "authenticator_data", "signature")}
    bent = Assertion(**parts | {part: after})
    assert _ours_takes(bent) is (after == before)
    assert _peer_takes(bent) is (after == before)


@settings(deadline=None)
@given(
    base=st.sampled_from((ZHANG, LI)),
    changes=st.fixed_dictionaries(
        {},
        optional={
            "jws": _text,
            "client_data": _text,
            "authenticator_data": _text,
            "signature": _text,
            "credential": _text,
            "method": st.sampled_from(("key_file", "webauthn")),
        },
    ),
)
@example(base=LI, changes={"client_data": encode_base64url(b"[" * 1500).decode()})
def test_whatever_an_approval_holds_the_answer_is_a_word(base: Approver, changes: dict[str, Any]) -> None:
    """Nothing but ApprovalError comes out, and an approval that was changed is none."""
    good = base.approve(LINE)
    approval = replace(good, **changes)
    assert (_word(approval, base) == "") is (approval == good)


@settings(deadline=None)
@given(
    data=st.binary(max_size=300)
    | st.builds(lambda cut, more: ORDER[:cut] + more, st.integers(0, len(ORDER)), st.binary(max_size=40))
)
def test_whatever_arrives_is_admitted_or_refused(data: bytes) -> None:
    """Any bytes as an order: a judgement, never an error; and only what both signed is obeyed."""
    judged = OrderBox(challenges=BOX.challenges).hear(data)
    if isinstance(judged, Admitted):  # blanks behind an approval say nothing
        assert (data.split(b"\n")[0], data.strip()) == (ORDER.split(b"\n")[0], ORDER)
