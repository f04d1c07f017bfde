"""Invariant: whatever is typed or sent at enrolment is taken or refused by our own error, and never anything else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.certificates import CertificateError
from protocol.enrolment import (
    EnrolAnswer,
    EnrolmentError,
    Readmission,
    RecordLine,
    RecordRequest,
    RenewAnswer,
    decode,
    open_enrol,
    open_renew,
)
from protocol.enrolment_code import CodeError, EnrolmentCode, decode_code, encode_code, read_invitation
from protocol.pinned_channel import ChannelError, check_channel
from provisioning.authority import Authority
from tests.ledgers import NOW, PaperBox, trust_of
from tests.unit.test_enrolment_messages import body, renewal

AUTHORITY = Authority.create(now=NOW)
BOX = PaperBox(AUTHORITY)
ENROL, RENEW = body(), renewal(BOX)
_codes = st.builds(EnrolmentCode, secret=st.binary(min_size=10, max_size=10), pin=st.binary(min_size=16, max_size=16))


def _mutations(original: bytes) -> st.SearchStrategy[bytes]:
    place = st.integers(0, len(original))
    return st.tuples(place, place, st.binary(max_size=6)).map(
        lambda parts: original[: min(parts[:2])] + parts[2] + original[max(parts[:2]) :]
    )


@given(typed=st.text(max_size=80) | st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 -", min_size=40, max_size=60))
def test_typed_codes(typed: str) -> None:
    """Any text is a code or CodeError."""
    with contextlib.suppress(CodeError):
        decode_code(typed)


@given(uri=st.text(max_size=80) | st.text(max_size=60).map(lambda tail: f"branchwatch:enrol?v=1&{tail}"))
def test_invitations(uri: str) -> None:
    """Any text is an invitation or CodeError."""
    with contextlib.suppress(CodeError):
        read_invitation(uri)


@given(code=_codes)
def test_a_code_comes_back_whole(code: EnrolmentCode) -> None:
    """Whatever secret and pin: what is printed is what is read."""
    assert decode_code(encode_code(code)) == code


@given(code=_codes, index=st.integers(0, 47), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_no_slip_passes(code: EnrolmentCode, index: int, letter: str) -> None:
    """One other letter anywhere in any code is refused before anything is sent."""
    text = encode_code(code)
    if text[index] == letter:
        return
    with pytest.raises(CodeError):
        decode_code(text[:index] + letter + text[index + 1 :])


@given(data=st.binary(max_size=300) | _mutations(ENROL))
def test_enrolments(data: bytes) -> None:
    """Random bytes and mutated bodies: what opens is unchanged in what it means."""
    with contextlib.suppress(EnrolmentError):
        assert open_enrol(data) == open_enrol(ENROL)


@given(data=st.binary(max_size=300) | _mutations(RENEW))
def test_renewals(data: bytes) -> None:
    """The same for renewals, whose certificates are parsed too."""
    with contextlib.suppress(EnrolmentError, CertificateError):
        assert open_renew(data, trust_of(AUTHORITY), NOW).identity.id == BOX.id


@pytest.mark.parametrize("kind", [EnrolAnswer, RenewAnswer, Readmission, RecordRequest, RecordLine])
@given(data=st.binary(max_size=200))
def test_answers(kind: type[object], data: bytes) -> None:
    """Random bytes are an answer or EnrolmentError."""
    with contextlib.suppress(EnrolmentError):
        decode(data, kind)


@given(leaf=_mutations(BOX.chain[0]), issuer=_mutations(BOX.chain[1]))
def test_channels(leaf: bytes, issuer: bytes) -> None:
    """Whatever a peer shows is refused with a fault: none of these is a server's certificate."""
    with pytest.raises(ChannelError):
        check_channel(leaf, issuer, b"p" * 16, NOW)
