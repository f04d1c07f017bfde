"""Invariants of what comes back from outside: signatures, replies, codes; whatever the bytes, one judgement."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.notify.addresses import plain
from collector.notify.codes import code_of
from collector.notify.fitting import fit, segments
from collector.notify.signing import ID, SIGNATURE, TIMESTAMP, Judgement, judge, secret_of, sign

KEY = b"a key of the gateway, 24+"
NOW_S = 1_800_000_000


@given(st.binary(max_size=2000), st.text(max_size=80), st.text(max_size=20), st.text(max_size=1100))
def test_no_headers_that_were_made_up_are_good(body: bytes, name: str, at: str, signature: str) -> None:
    """Whatever is sent without the key is never taken, and never trips."""
    assert judge(KEY, {ID: name, TIMESTAMP: at, SIGNATURE: signature}, body, NOW_S) is not Judgement.GOOD


@given(st.binary(max_size=2000), st.integers(-301, 301), st.integers(0, 2000))
def test_a_signature_holds_for_its_bytes_and_five_minutes(body: bytes, late_s: int, place: int) -> None:
    """One bit of another body is a forgery; the window is what it says."""
    headers = sign(KEY, "m1", NOW_S - late_s, body)
    wanted = Judgement.GOOD if abs(late_s) <= 300 else Judgement.OLD
    assert judge(KEY, headers, body, NOW_S) is wanted
    other = bytearray(body + b"x")
    other[place % len(other)] ^= 1
    assert judge(KEY, headers, bytes(other), NOW_S) is Judgement.FORGED


@given(st.text(max_size=3000))
def test_a_reply_is_a_code_or_none(text: str) -> None:
    """Six ASCII digits or nothing; addresses and secrets are read whatever stands in them."""
    code = code_of(text)
    assert code is None or (len(code) == 6 and code.isascii() and code.isdigit())
    plain(text)
    secret_of(text)


@given(st.text(max_size=200), st.text(max_size=200))
def test_cutting_ends_and_never_lengthens(site: str, what: str) -> None:
    """Whatever the names, a text gets no longer by being cut."""

    def draw(fields: object) -> str:
        return "警情 {site} {what} 123456".format_map(fields)  # type: ignore[arg-type]

    assert segments(fit(draw, {"site": site, "what": what})) <= segments(draw({"site": site, "what": what}))
