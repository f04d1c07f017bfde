"""A box's word about a file, and the pieces in which it comes: what is read, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.enrolment import key_kid
from protocol.envelope import Sealer
from protocol.uploads import (
    MAX_PIECE_BYTES,
    Upload,
    UploadError,
    answer_have,
    content_range,
    is_slot,
    open_upload,
    owner_of,
    read_content_range,
    read_have,
    read_retry_after,
    read_upload,
    seal_upload,
    slot_of,
)
from tests.bundles import key
from tests.vectors.generate import HERE
from tests.vectors.uploads import SLOT, UPLOAD

VECTORS: dict[str, Any] = json.loads((HERE / "uploads.json").read_text(encoding="utf-8"))
_TEXT = st.text(max_size=60) | st.text("ABCabc0123456789-_=. /*", max_size=90) | st.just(VECTORS["authorization"])


def _fault(text: str) -> str:
    try:
        read_upload(text)
    except UploadError as error:
        return error.word
    return ""


def test_a_boxs_word_is_read_as_it_was_sealed() -> None:
    """The published word opens with its key and says what stands there."""
    claimed = read_upload(VECTORS["authorization"])
    assert claimed.kid == VECTORS["kid"]
    assert open_upload(claimed, key(710).public_key()) == UPLOAD


def test_another_key_opens_nothing() -> None:
    """A word sealed by another box's key is no word of this one."""
    with pytest.raises(UploadError, match="token"):
        open_upload(read_upload(VECTORS["authorization"]), key(711).public_key())


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["why"])
def test_what_is_no_word_is_refused_by_its_name(case: dict[str, str]) -> None:
    """Each published word that is none is refused, for the published reason."""
    assert _fault(case["authorization"]) == case["word"]


@pytest.mark.parametrize("case", VECTORS["ranges_refused"], ids=lambda case: case["text"])
def test_ranges_that_say_nothing_sensible_are_refused(case: dict[str, str]) -> None:
    """Each published range that is none is refused, for the published reason."""
    with pytest.raises(UploadError, match=case["word"]):
        read_content_range(case["text"])


@pytest.mark.parametrize("case", VECTORS["ranges"], ids=lambda case: case["text"])
def test_ranges_are_read_as_they_are_written(case: dict[str, Any]) -> None:
    """A piece is the bytes that its text names."""
    piece = read_content_range(case["text"])
    assert (piece.first, piece.last, piece.total) == (case["first"], case["last"], case["total"])
    assert content_range(piece.first, piece.size, piece.total) == case["text"]


@given(_TEXT)
def test_whatever_stands_in_authorization_is_a_word_or_our_error(text: str) -> None:
    """No text makes reading end in anything but a word or an `UploadError`."""
    assert _fault(text) in {"", "token", "upload", "too_large"}


_PLACES = st.integers(-1, 2 * MAX_PIECE_BYTES)
_PIECES = st.tuples(_PLACES, _PLACES, _PLACES)


@given(st.text("bytes 0123456789-/*", max_size=60) | st.text(max_size=30) | _PIECES.map("bytes %d-%d/%d".__mod__))
@example(f"bytes 0-{MAX_PIECE_BYTES - 1}/{MAX_PIECE_BYTES}")
def test_whatever_stands_in_content_range_is_a_piece_within_its_limits_or_our_error(text: str) -> None:
    """A piece that is read lies within its file and is no larger than one call may bring."""
    try:
        piece = read_content_range(text)
    except UploadError:
        return
    assert 0 <= piece.first <= piece.last < piece.total
    assert piece.size <= MAX_PIECE_BYTES


@given(st.binary(max_size=80) | st.integers(-5, 2**64).map(b'{"have":%d}'.__mod__))
def test_whatever_answers_is_a_number_or_our_error(body: bytes) -> None:
    """A centre that answers nonsense is told as one."""
    try:
        have = read_have(body)
    except UploadError:
        return
    assert have >= 0


def test_an_answer_says_how_many_bytes_are_there() -> None:
    """What the centre writes, the box reads."""
    assert read_have(answer_have(4711)) == 4711


def test_nobody_is_told_to_wait_for_more_than_an_hour() -> None:
    """`Retry-After` is seconds; a date, nonsense and a century are not waited for."""
    assert read_retry_after("7", 60) == 7
    assert read_retry_after("999999", 60) == 3600
    assert read_retry_after("9" * 5000, 60) == 60
    assert read_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 60) == 60
    assert read_retry_after(None, 60) == 60


def test_a_slot_names_whose_it_is() -> None:
    """Its event's or request's id stands in it; nothing else is a slot."""
    assert owner_of(SLOT) == SLOT.removesuffix("-1")
    assert slot_of(owner_of(SLOT), 1) == SLOT
    assert is_slot(SLOT)
    assert not any(map(is_slot, ("", SLOT + "/", SLOT + "\n", SLOT + "00", SLOT.upper(), f"a{SLOT}", "still")))


def test_the_word_of_a_box_is_short_enough_for_a_header() -> None:
    """The longest honest word stays far below what the centre reads."""
    longest = Upload(
        v=1, box="b" * 32, slot=SLOT + "0", sha256="f" * 64, bytes=256 * 1024 * 1024, media_type="video/mp4"
    )
    assert len(seal_upload(Sealer(key(710), key_kid(key(710).public_key())), longest)) < 1024
