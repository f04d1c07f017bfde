"""What a person's own machine says when it cannot sign: which of the two, the key or the centre, is at fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ordering.drafts import KeyHint
from ordering.keys import PersonalKey
from ordering.reading import read_line
from ordering.signing import NotSignedError, sign_with_file
from protocol.messages import Order, encode

READ = read_line(
    encode(
        Order(
            v=1,
            id="01939f00-0000-7000-8000-000000000001",
            box="0755-031-a",
            challenge="fresh-1",
            roster_version=3,
            action="arm",
            at="2026-11-21T02:13:49.204Z",
            by="zhao",
            args={"partition": "cash"},
        )
    )
)
KEY = PersonalKey(path=Path("zhao.pem"), private=ec.generate_private_key(ec.SECP256R1()))
OTHER = KeyHint(person="li", id="li-1", kind="key_file", public_key="AAAA")


def test_a_key_that_the_roster_does_not_hold_is_named() -> None:
    """The person looks at that key file, and at whether it was delivered."""
    with pytest.raises(NotSignedError, match=r"no key zhao\.pem that may approve this"):
        sign_with_file(READ, KEY, (OTHER,))


def test_a_centre_that_names_no_key_at_all_is_told_of_not_the_key() -> None:
    """A box that took a bundle by hand: the centre knows no roster of it, and the person's key is not at fault."""
    with pytest.raises(NotSignedError, match="was not delivered to it") as caught:
        sign_with_file(READ, KEY, iter(()))
    assert "zhao.pem" not in str(caught.value)


def test_a_key_is_found_by_its_public_half() -> None:
    """Whose it is comes from the roster, whatever other keys stand there."""
    hint = KeyHint(person="zhao", id="zhao-1", kind="key_file", public_key=KEY.public_key)
    approval = sign_with_file(READ, KEY, iter((OTHER, hint)))
    assert (approval.person, approval.method) == ("zhao", "key_file")
