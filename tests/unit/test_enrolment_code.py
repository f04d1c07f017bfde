"""The code that an installer types: every way people write it, every slip that they make."""

from __future__ import annotations

import pytest

from protocol.enrolment_code import (
    CodeError,
    EnrolmentCode,
    Invitation,
    decode_code,
    encode_code,
    grouped,
    invitation_uri,
    read_invitation,
)

CODE = EnrolmentCode(secret=bytes(range(10)), pin=bytes(range(16, 32)))
TEXT = encode_code(CODE)
INVITATION = Invitation(site="0755-031", box="0755-031-a", at="192.0.2.7:8443", code=CODE)


def _changed(index: int, letter: str) -> str:
    return TEXT[:index] + letter + TEXT[index + 1 :]


def test_a_code_is_twelve_groups_of_four() -> None:
    """48 characters that paper, telephone and keyboard know."""
    assert len(TEXT) == 48
    assert [len(group) for group in grouped(TEXT)] == [4] * 12
    assert set(TEXT) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@pytest.mark.parametrize(
    "typed",
    [
        TEXT,
        TEXT.lower(),
        " ".join(grouped(TEXT)),
        "-".join(grouped(TEXT)) + "\n",
        "\u3000".join(grouped(TEXT)),
        TEXT.translate({ord("O"): "0", ord("I"): "1", ord("B"): "8"}),
        "".join(chr(ord(letter) + 0xFEE0) for letter in TEXT),
        " — ".join(grouped(TEXT)),
    ],
    ids=["plain", "small", "blanks", "dashes", "wide blanks", "digits for letters", "full width", "long dashes"],
)
def test_the_way_it_is_typed_does_not_matter(typed: str) -> None:
    """Case, blanks, dashes, 0 for O, 1 for I, 8 for B, and what a Chinese input method makes of letters."""
    assert decode_code(typed) == CODE


def test_every_single_slip_is_found_and_its_group_named() -> None:
    """One wrong letter anywhere: refused, and the installer looks at four letters instead of forty-eight."""
    for index in range(48):
        with pytest.raises(CodeError) as caught:
            decode_code(_changed(index, "A" if TEXT[index] != "A" else "C"))
        assert caught.value.group == index // 4 + 1


def test_two_letters_that_changed_places_are_found() -> None:
    """The commonest slip of quick fingers: the group of the first is named."""
    index = next(i for i in range(20, 46) if TEXT[i] != TEXT[i + 1] and i % 4 != 3)
    typed = TEXT[:index] + TEXT[index + 1] + TEXT[index] + TEXT[index + 2 :]
    with pytest.raises(CodeError) as caught:
        decode_code(typed)
    assert caught.value.group == index // 4 + 1


def test_slips_in_two_places_are_found() -> None:
    """Then no group is named, and none wrongly."""
    with pytest.raises(CodeError) as caught:
        decode_code(_changed(3, "7")[:40] + "ZZZZ" + TEXT[44:])
    assert caught.value.group is None


def test_a_letter_that_no_code_has_is_named_by_its_group() -> None:
    """A 9 or an umlaut cannot be in a code."""
    with pytest.raises(CodeError) as caught:
        decode_code(_changed(17, "9"))
    assert caught.value.group == 5


def test_a_group_too_short_is_named() -> None:
    """A letter left out: the group of three stands out."""
    groups = list(grouped(TEXT))
    groups[6] = groups[6][:3]
    with pytest.raises(CodeError) as caught:
        decode_code(" ".join(groups))
    assert caught.value.group == 7
    assert "47" in str(caught.value)
    with pytest.raises(CodeError) as caught:
        decode_code(TEXT[:-1])
    assert caught.value.group is None


@pytest.mark.parametrize("typed", ["", " ", "A" * 5000, "no code", "9" * 48, "A" * 48])
def test_what_is_no_code_is_refused(typed: str) -> None:
    """Empty, endless, prose, all one letter."""
    with pytest.raises(CodeError):
        decode_code(typed)


def test_no_error_and_no_repr_shows_the_code() -> None:
    """A slip's sentence goes to screens and logs: nothing that was typed is in it."""
    for index in range(48):
        with pytest.raises(CodeError) as caught:
            decode_code(_changed(index, "A" if TEXT[index] != "A" else "C"))
        assert not any(group in str(caught.value) for group in grouped(TEXT))
    assert "…" in repr(CODE)
    assert CODE.secret.hex() not in repr(INVITATION)
    assert repr(CODE.secret) not in repr(INVITATION)


def test_the_uri_carries_everything() -> None:
    """What the QR image and the kit file hold is read back whole."""
    uri = invitation_uri(INVITATION)
    assert uri == f"branchwatch:enrol?v=1&site=0755-031&box=0755-031-a&at=192.0.2.7:8443&code={TEXT}"
    assert read_invitation(uri) == INVITATION
    assert read_invitation(uri + "\n") == INVITATION


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://192.0.2.7/enrol?v=1",
        f"branchwatch:enrol?v=2&site=a&box=b&at=c:1&code={TEXT}",
        f"branchwatch:enrol?v=1&site=a&site=b&box=b&at=c:1&code={TEXT}",
        f"branchwatch:enrol?v=1&site=../x&box=b&at=c:1&code={TEXT}",
        f"branchwatch:enrol?v=1&site=a&box=b&at=&code={TEXT}",
        "branchwatch:enrol?v=1&site=a&box=b&at=c:1",
        "branchwatch:enrol?" + "x=1&" * 100,
        "branchwatch://[",
    ],
)
def test_what_is_no_invitation_is_refused(uri: str) -> None:
    """Another scheme, another version, a name twice, a path for an id, no address, no code."""
    with pytest.raises(CodeError):
        read_invitation(uri)
