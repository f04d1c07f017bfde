"""What a call of a box about one of its files is answered: one function over what stands. Pure.

The order of the questions is the order of the lines here: whose slot it is, whether it is wanted, whether its bytes can
still be the sealed ones, whether there is room, and only then where to go on. docs/eyes.md 8 has the answers.
"""

from dataclasses import dataclass
from typing import Final

from collector.storage.evidence import EvidenceRow, State
from protocol.uploads import MEDIA_OF, Piece, Upload

MOST_OPEN_PARTS: Final = 16
"""Of one box: it brings one file after another, and begins a few that a better one overtakes."""

RESERVE_BYTES: Final = 1024 * 1024 * 1024
"""Room that stays on the disk: the database may stand on the same one."""

SOON_S: Final = 30
LATER_S: Final = 600


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How things stand for one slot: its row, what of the file is there, and the room that its box has."""

    row: EvidenceRow | None
    have: int = 0
    open_parts: int = 0
    box_bytes: int = 0
    box_limit_bytes: int
    free_bytes: int


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer. `have` is told where it is a number, `word` where it is not empty."""

    status: int
    have: int | None = None
    word: str = ""
    retry_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Take:
    """The piece is welcome, behind the `first` bytes that are there."""

    first: int


def judge(upload: Upload, piece: Piece | None, standing: Standing) -> Reply | Take:
    """What to do with a call; without a `piece` it only asks how much is there."""
    row = standing.row
    if row is None:
        return Reply(status=404, word="unknown_slot")
    if row.state in (State.MISSING, State.REMOVED):
        return Reply(status=410, word="not_wanted")
    if MEDIA_OF.get(row.kind) != upload.media_type:
        return Reply(status=400, word="media_type")
    if row.sha256 and (row.sha256 != upload.sha256 or row.size_bytes != upload.bytes):
        return Reply(status=409, word="other_hash")
    if row.came_sha256 and row.came_sha256 != upload.sha256:
        return Reply(status=409, word="other_hash")
    if row.came_sha256:
        return Reply(status=200 if piece is None else 201, have=upload.bytes)
    if piece is not None and piece.total != upload.bytes:
        return Reply(status=400, word="range")
    if (full := _full(upload, standing)) is not None:
        return full
    if piece is None:
        return Reply(status=200, have=standing.have)
    if piece.first != standing.have:
        return Reply(status=409, have=standing.have)
    return Take(first=piece.first)


def _full(upload: Upload, standing: Standing) -> Reply | None:
    """Why nothing more of it can be taken now."""
    if not standing.have and standing.open_parts >= MOST_OPEN_PARTS:
        return Reply(status=429, word="too_many_parts", retry_s=SOON_S)
    if standing.box_bytes + upload.bytes > standing.box_limit_bytes:
        return Reply(status=429, word="box_full", retry_s=LATER_S)
    if standing.free_bytes - (upload.bytes - standing.have) < RESERVE_BYTES:
        return Reply(status=503, word="disk_full", retry_s=LATER_S)
    return None
