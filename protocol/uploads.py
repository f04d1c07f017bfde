"""How a picture comes to the centre: the box's signed word about one file, its pieces, and the answers. Pure.

The word (`bw-upload`) ties bytes to a slot of the box's own ledger; whether they are shown, the sealed line there says
alone (docs/eyes.md 7 and 8). Flow: box seals an `Upload` and sends it with every call; the centre reads, then opens it.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from msgspec import Meta

from protocol.envelope import EnvelopeError, EnvelopeType, Sealer, Unverified, open_envelope, read_envelope
from protocol.ids import EVENT_ID_PATTERN
from protocol.messages import Hash, Id, Version

MAX_TOKEN_BYTES: Final = 2048
"""The word with header and signature; ours has some 600 bytes."""

MAX_SIDE: Final = 4096
"""Columns or rows of the largest picture that an eye takes."""

MAX_STILL_BYTES: Final = 16 * 1024 * 1024
"""A JPEG of 4096 x 4096, the largest picture that an eye takes, is some 6 MiB."""

MAX_CLIP_BYTES: Final = 256 * 1024 * 1024
"""180 s, the longest that can be asked for, at 10 Mbit/s are 225 MiB."""

MAX_PIECE_BYTES: Final = 4 * 1024 * 1024
"""One PUT. What a torn line loses is at most this."""

MIN_PIECE_BYTES: Final = 16 * 1024
"""But for the last: half a million pieces of one byte are no upload."""

MAX_RETRY_S: Final = 3600
"""Longer than this nobody is told to wait."""

UPLOAD_PATH: Final = "/v1/evidence/"
"""Followed by the slot."""

_EVENT: Final = EVENT_ID_PATTERN.removeprefix("^").removesuffix("$")
SLOT_PATTERN: Final = rf"^{_EVENT}-[1-9][0-9]?$"
"""The event's or the request's id, and a number from 1 on."""

Slot = Annotated[str, Meta(pattern=SLOT_PATTERN.removesuffix("$") + r"\Z")]
Kind = Literal["still", "clip", "reference"]
MediaType = Literal["image/jpeg", "video/mp4"]

MEDIA_OF: Final[dict[str, MediaType]] = {"still": "image/jpeg", "reference": "image/jpeg", "clip": "video/mp4"}
MAX_BYTES_OF: Final[dict[str, int]] = {"image/jpeg": MAX_STILL_BYTES, "video/mp4": MAX_CLIP_BYTES}
ENDINGS: Final[dict[str, str]] = {"image/jpeg": "jpg", "video/mp4": "mp4"}
"""By media type; how a file's name ends where a person gets it."""

_SLOT = re.compile(SLOT_PATTERN)
_RANGE = re.compile(r"bytes (0|[1-9][0-9]{0,10})-(0|[1-9][0-9]{0,10})/([1-9][0-9]{0,10})")
_BEARER: Final = "Bearer "


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What the box says of a file: which slot of its ledger it fills, its hash, length and type."""

    v: Version
    box: Id
    slot: Slot
    sha256: Hash
    bytes: Annotated[int, Meta(ge=1, le=MAX_CLIP_BYTES)]
    media_type: MediaType


class Have(msgspec.Struct, frozen=True, kw_only=True):
    """How many bytes are there. As many as the file has: it is complete, and its hash was right."""

    have: Annotated[int, Meta(ge=0, le=MAX_CLIP_BYTES)]


class UploadError(Exception):
    """The peer sent what is no upload; `word` says why: `token`, `upload`, `too_large`, `range`, `answer`."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Bytes `first` to `last`, both included, of `total`."""

    first: int
    last: int
    total: int

    @property
    def size(self) -> int:
        """How many bytes they are."""
        return self.last - self.first + 1


@dataclass(frozen=True, kw_only=True)
class ClaimedUpload:
    """A word whose form is right and whose signature nobody has looked at; `kid` names the key to look with."""

    claimed: Upload
    unverified: Unverified

    @property
    def kid(self) -> str:
        """Of the key that signed, as it says."""
        return self.unverified.kid


def is_slot(text: str) -> bool:
    """Whether `text` may name a slot."""
    return _SLOT.fullmatch(text) is not None


def slot_of(owner: str, number: int) -> str:
    """The slot `number`, from 1 on, of an event or a request."""
    return f"{owner}-{number}"


def owner_of(slot: str) -> str:
    """The id of the event or request that a slot belongs to."""
    return slot.rpartition("-")[0]


def seal_upload(sealer: Sealer, upload: Upload) -> str:
    """The value of `Authorization` for every call about this file."""
    return _BEARER + sealer.seal(EnvelopeType.UPLOAD, msgspec.json.encode(upload)).decode("ascii")


def read_upload(authorization: str) -> ClaimedUpload:
    """Take the value of `Authorization` apart without trusting any of it.

    Raises:
        UploadError: no such token (`token`), no such word in it (`upload`), a file that nobody takes (`too_large`).
    """
    if not authorization.startswith(_BEARER):
        raise UploadError("token")
    try:
        unverified = read_envelope(authorization[len(_BEARER) :].encode("ascii"), MAX_TOKEN_BYTES)
    except (EnvelopeError, UnicodeEncodeError):
        raise UploadError("token") from None
    if unverified.typ is not EnvelopeType.UPLOAD:
        raise UploadError("token")
    try:
        claimed = _UPLOAD.decode(unverified.claimed_payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UploadError("upload") from None
    if claimed.bytes > MAX_BYTES_OF[claimed.media_type]:
        raise UploadError("too_large")
    return ClaimedUpload(claimed=claimed, unverified=unverified)


def open_upload(claimed: ClaimedUpload, public_key: EllipticCurvePublicKey) -> Upload:
    """The box's word, checked with its key; whose key it is was decided by the caller.

    Raises:
        UploadError: the signature is not of this key (`token`).
    """
    try:
        open_envelope(claimed.unverified, public_key, EnvelopeType.UPLOAD)
    except EnvelopeError:
        raise UploadError("token") from None
    return claimed.claimed


def content_range(first: int, size: int, total: int) -> str:
    """The value of `Content-Range` for `size` bytes from `first` on."""
    return f"bytes {first}-{first + size - 1}/{total}"


def read_content_range(text: str) -> Piece:
    """Read `Content-Range` (RFC 9110 section 14.4), strictly and only what an upload may say.

    Raises:
        UploadError: no range (`range`), or more at once than one call may bring (`too_large`).
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        raise UploadError("range")
    piece = Piece(first=int(found[1]), last=int(found[2]), total=int(found[3]))
    if not piece.first <= piece.last < piece.total:
        raise UploadError("range")
    if piece.size > MAX_PIECE_BYTES:
        raise UploadError("too_large")
    if piece.size < MIN_PIECE_BYTES and piece.last != piece.total - 1:
        raise UploadError("range")
    return piece


def answer_have(have: int) -> bytes:
    """The body of 200, 201 and 409."""
    return msgspec.json.encode(Have(have=have))


def read_have(body: bytes) -> int:
    """What the centre says it has.

    Raises:
        UploadError: no such answer (`answer`).
    """
    try:
        return _HAVE.decode(body).have
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UploadError("answer") from None


def read_retry_after(text: str | None, otherwise_s: int) -> int:
    """Seconds to wait from `Retry-After`; only whole seconds are understood, and at most an hour of them."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 6):
        return otherwise_s
    return min(MAX_RETRY_S, int(text))


_UPLOAD: "msgspec.json.Decoder[Upload]" = msgspec.json.Decoder(Upload)
_HAVE: "msgspec.json.Decoder[Have]" = msgspec.json.Decoder(Have)
