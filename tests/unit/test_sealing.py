"""A sealed secret opens with one key, under one name, for one box; everything else looks the same: it does not open."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1 as P256
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from protocol.sealing import MAX_SECRET_BYTES, SealingError, open_secret, read_sealing_key, seal_secret

KEY = generate_private_key(P256())
SECRET = "Kamera-1 密码".encode()
SEALED = seal_secret(SECRET, box="0755-031-a", name="cameras", key=KEY.public_key())


def _open(sealed: str = SEALED, box: str = "0755-031-a", name: str = "cameras") -> bytes:
    return open_secret(sealed, box=box, name=name, key=KEY)


def test_the_box_reads_what_was_sealed_for_it() -> None:
    """What was sealed comes out, byte for byte."""
    assert _open() == SECRET


def test_a_secret_is_bound_to_its_box_and_name() -> None:
    """A secret moved to another box's or another device's place does not open."""
    for box, name in (("0755-031-b", "cameras"), ("0755-031-a", "panel-p1"), ("0755-031-a\ncameras", "")):
        with pytest.raises(SealingError):
            _open(box=box, name=name)


def test_another_key_opens_nothing() -> None:
    """A thief of another box reads no secret of this one."""
    with pytest.raises(SealingError):
        open_secret(SEALED, box="0755-031-a", name="cameras", key=generate_private_key(P256()))


@given(place=st.integers(0, len(SEALED) - 1), letter=st.sampled_from("Aa0-_=é\n"))
def test_no_changed_letter_opens(place: int, letter: str) -> None:
    """A changed letter is refused without a word of the secret."""
    changed = SEALED[:place] + letter + SEALED[place + 1 :]
    if changed == SEALED:
        return
    with pytest.raises(SealingError) as caught:
        _open(changed)
    assert "Kamera" not in str(caught.value)


def test_what_is_no_secret_and_no_key_is_refused() -> None:
    """Too long a secret, a key of another curve, and rubbish are said to be so."""
    with pytest.raises(SealingError):
        seal_secret(b"x" * (MAX_SECRET_BYTES + 1), box="a", name="b", key=KEY.public_key())
    other = generate_private_key(SECP384R1()).public_key()
    for der in (b"", b"\x30\x00", other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)):
        with pytest.raises(SealingError):
            read_sealing_key(der)
    der = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert read_sealing_key(der) == KEY.public_key()
