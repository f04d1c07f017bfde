"""The vectors of uploads: one box's word about a file, words that are none, and pieces (docs/eyes.md 8)."""

from __future__ import annotations

import json
from typing import Any

from protocol.enrolment import key_kid
from protocol.envelope import EnvelopeType, Sealer
from protocol.uploads import MAX_PIECE_BYTES, MAX_STILL_BYTES, MIN_PIECE_BYTES, Upload, content_range, seal_upload
from tests.bundles import key

SLOT = "0190c2d5-7b1e-7c3a-9f00-0123456789ab-1"
UPLOAD = Upload(
    v=1,
    box="0755-031-a",
    slot=SLOT,
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    bytes=100_000,
    media_type="image/jpeg",
)


def upload_vectors() -> dict[str, Any]:
    """Everything that another implementation needs to upload, and what a centre must not take."""
    sealer = Sealer(key(710), key_kid(key(710).public_key()))
    said = {"v": 1, "box": UPLOAD.box, "slot": SLOT, "sha256": UPLOAD.sha256, "bytes": 100_000}
    said["media_type"] = UPLOAD.media_type

    def word(**unlike: Any) -> str:
        return "Bearer " + sealer.seal(EnvelopeType.UPLOAD, _line(said | unlike)).decode()

    return {
        "provenance": "made by tests/vectors/generate.py from the rules of docs/eyes.md section 8",
        "private_scalar": 711,
        "kid": sealer.kid,
        "upload": said,
        "authorization": seal_upload(sealer, UPLOAD),
        "refused": [
            {"why": why, "word": name, "authorization": text}
            for why, name, text in (
                ("no bearer", "token", word().removeprefix("Bearer ")),
                ("another type", "token", "Bearer " + sealer.seal(EnvelopeType.BEAT, _line(said)).decode()),
                ("a slot with a path in it", "upload", word(slot=f"../{SLOT}")),
                ("a slot without a number", "upload", word(slot=SLOT.removesuffix("-1"))),
                ("a slot with a line feed behind", "upload", word(slot=SLOT + "\n")),
                ("another media type", "upload", word(media_type="text/html")),
                ("an empty file", "upload", word(bytes=0)),
                ("a still that is too large", "too_large", word(bytes=MAX_STILL_BYTES + 1)),
                ("a hash in capitals", "upload", word(sha256=UPLOAD.sha256.upper())),
            )
        ],
        "ranges": [
            {"text": content_range(0, 65_536, 100_000), "first": 0, "last": 65_535, "total": 100_000},
            {"text": content_range(65_536, 34_464, 100_000), "first": 65_536, "last": 99_999, "total": 100_000},
            {"text": content_range(0, 1, 1), "first": 0, "last": 0, "total": 1},
        ],
        "ranges_refused": [
            {"text": text, "word": name}
            for text, name in (
                ("", "range"),
                ("bytes */100000", "range"),
                ("bytes 0-99999/*", "range"),
                ("bytes 5-4/10", "range"),
                ("bytes 0-100000/100000", "range"),
                ("bytes 00-9/10", "range"),
                ("bytes 0-9/10\n", "range"),
                ("bytes ٠-٩/10", "range"),
                (content_range(0, MIN_PIECE_BYTES - 1, MIN_PIECE_BYTES), "range"),
                (content_range(0, MAX_PIECE_BYTES + 1, MAX_PIECE_BYTES * 2), "too_large"),
            )
        ],
    }


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()
