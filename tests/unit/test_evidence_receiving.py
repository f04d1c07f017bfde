"""What a call about a file is answered, row by row; and which files go when room is short."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from collector.evidence.receiving import MOST_OPEN_PARTS, RESERVE_BYTES, Reply, Standing, Take, judge
from collector.storage.evidence import EvidenceRow, State
from protocol.uploads import Piece
from tests.vectors.uploads import SLOT, UPLOAD

ROW = EvidenceRow(
    box=UPLOAD.box, slot=SLOT, site="0755-031", owner=SLOT.removesuffix("-1"), request=False, camera="03", kind="still"
)
STANDING = Standing(row=ROW, box_limit_bytes=10_000_000, free_bytes=RESERVE_BYTES * 2)
PIECE = Piece(first=0, last=UPLOAD.bytes - 1, total=UPLOAD.bytes)


def _row(**unlike: object) -> Standing:
    return replace(STANDING, row=msgspec.structs.replace(ROW, **unlike))


def test_a_promised_slot_is_welcome() -> None:
    """Nothing is there: it begins at 0; something is there: it goes on behind it."""
    assert judge(UPLOAD, PIECE, STANDING) == Take(first=0)
    assert judge(UPLOAD, None, STANDING) == Reply(status=200, have=0)
    half = replace(STANDING, have=50_000)
    assert judge(UPLOAD, PIECE, half) == Reply(status=409, have=50_000)
    assert judge(UPLOAD, Piece(first=50_000, last=99_999, total=100_000), half) == Take(first=50_000)


@pytest.mark.parametrize(
    ("standing", "status", "word"),
    [
        (replace(STANDING, row=None), 404, "unknown_slot"),
        (_row(state=State.MISSING.value), 410, "not_wanted"),
        (_row(state=State.REMOVED.value), 410, "not_wanted"),
        (_row(kind="clip"), 400, "media_type"),
        (_row(sha256="0" * 64, size_bytes=UPLOAD.bytes), 409, "other_hash"),
        (_row(sha256=UPLOAD.sha256, size_bytes=UPLOAD.bytes + 1), 409, "other_hash"),
        (_row(came_sha256="0" * 64), 409, "other_hash"),
        (replace(STANDING, open_parts=MOST_OPEN_PARTS), 429, "too_many_parts"),
        (replace(STANDING, box_bytes=10_000_000 - UPLOAD.bytes + 1), 429, "box_full"),
        (replace(STANDING, free_bytes=RESERVE_BYTES), 503, "disk_full"),
    ],
)
def test_what_is_not_welcome_is_told_why(standing: Standing, status: int, word: str) -> None:
    """Each reason has its answer, the same for asking and for bringing; who may come again is told when."""
    for piece in (PIECE, None):
        found = judge(UPLOAD, piece, standing)
        assert isinstance(found, Reply)
        assert (found.status, found.word, found.have) == (status, word, None)
        assert (found.retry_s is not None) is (status in (429, 503))


def test_a_file_that_is_here_is_not_taken_twice() -> None:
    """Asked, it is whole; brought again, it is created as before: the box lost the answer."""
    here = _row(came_sha256=UPLOAD.sha256, sha256=UPLOAD.sha256, size_bytes=UPLOAD.bytes, state=State.HERE.value)
    assert judge(UPLOAD, None, here) == Reply(status=200, have=UPLOAD.bytes)
    assert judge(UPLOAD, PIECE, here) == Reply(status=201, have=UPLOAD.bytes)


def test_a_file_that_was_begun_is_ended_though_others_are_open() -> None:
    """The limit of open parts holds for beginnings only."""
    begun = replace(STANDING, have=1, open_parts=MOST_OPEN_PARTS)
    assert judge(UPLOAD, Piece(first=1, last=99_999, total=100_000), begun) == Take(first=1)


def test_a_piece_of_another_length_is_none_of_this_file() -> None:
    """The word says how long it is, and the piece says the same."""
    assert judge(UPLOAD, Piece(first=0, last=9, total=10), STANDING) == Reply(status=400, word="range")
