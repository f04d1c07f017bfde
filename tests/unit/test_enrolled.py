"""The enrolment machine's word about a box: read strictly, and compared by people before it counts."""

from __future__ import annotations

import subprocess
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.certificates import thumbprint
from protocol.enrolled import Enrolled, EnrolledError, encode_enrolled, read_enrolled, spoken_fingerprint
from tests.bundles import key, spki

SIGNING = thumbprint(key(1).public_key())
SEALING = spki(key(2).public_key())
ENROLLED = Enrolled(
    v=1,
    box="0755-031-a",
    site="0755-031",
    signing=SIGNING,
    sealing_key=b64encode(SEALING).decode("ascii"),
    at="2026-11-21T02:13:49.204Z",
    machine="0123456789abcdef",
)


def test_what_is_written_is_read() -> None:
    """A file says exactly what was put into it."""
    assert read_enrolled(encode_enrolled(ENROLLED)) == ENROLLED


def test_the_fingerprint_is_sha256_of_both_keys_in_groups_to_be_read_aloud() -> None:
    """Anybody can compute it: here with the system's own sha256sum."""
    digest = subprocess.run(["sha256sum"], input=bytes.fromhex(SIGNING) + SEALING, capture_output=True, check=True)
    expected = digest.stdout.decode()[:32].upper()
    said = spoken_fingerprint(SIGNING, SEALING)
    assert said.replace(" ", "") == expected
    assert [len(group) for group in said.split(" ")] == [4] * 8


def test_either_key_exchanged_reads_differently() -> None:
    """Both keys are in it: a stolen enrolment machine can exchange neither unheard."""
    other = thumbprint(key(3).public_key())
    said = {
        spoken_fingerprint(SIGNING, SEALING),
        spoken_fingerprint(other, SEALING),
        spoken_fingerprint(SIGNING, spki(key(3).public_key())),
    }
    assert len(said) == 3


@given(st.binary(max_size=64) | st.integers(0, 400).map(lambda at: encode_enrolled(ENROLLED)[:at]))
def test_nothing_but_such_a_file_is_read(content: bytes) -> None:
    """Whatever else lies in the folder is refused by the one error."""
    with pytest.raises(EnrolledError):
        read_enrolled(content.rstrip(b"}\n"))


@pytest.mark.parametrize("text", ["", "00", SIGNING + "00", "x" * 64])
def test_what_is_no_thumbprint_has_no_fingerprint(text: str) -> None:
    """A short one would move bytes of the one key into the other."""
    with pytest.raises(ValueError, match="hex"):
        spoken_fingerprint(text, SEALING)
