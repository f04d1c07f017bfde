"""Which picture goes to the centre next, how fast, and what each answer means: pure decisions of the upload.

Stills before clips, urgent before routine, new before old. Flow: uploading.py asks -> here -> calling.py carries.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from agent.evidence.describing import Description
from protocol.timestamps import parse_time
from protocol.uploads import MIN_PIECE_BYTES

MAX_PIECE_BYTES: Final = 1024 * 1024
"""What a torn line loses at most; also the largest still that goes in one call."""

PIECE_S: Final = 0.25
"""A clip's piece takes about so long at the site's own rate: a new still waits no longer than for one."""

FIRST_WAIT_MS: Final = 1_000
LONGEST_WAIT_MS: Final = 60_000
NOT_KNOWN_WAIT_MS: Final = 100
"""The centre does not know the slot yet: its event is under way by another line, in a tenth of a second as a rule."""

REFUSED_WAIT_MS: Final = 60_000
"""Our word was not believed; a renewed certificate changes that."""

MOST_WRONG_HASHES: Final = 3
"""So often the centre may have got something else than what we read; then somebody must look."""

MOST_REFUSALS: Final = 5
"""So often it may say that this is no upload, or not what was sealed, in a row."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One file on its way; `have` None: nobody asked the centre yet what it has of it."""

    description: Description
    at_ms: int  # wall time of its event, for the order only
    have: int | None = 0
    not_before_ms: int = 0
    tries: int = 0  # failures in a row
    wrong: int = 0  # times that the centre got something else

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int, str]:
        """The smallest goes first. A clip that was begun is finished: the centre keeps few parts of one box."""
        about = self.description
        return (about.kind == "clip", not about.urgent, not self.have, about.level, -self.at_ms, about.slot)

    @property
    def is_still(self) -> bool:
        """A picture that somebody looks at now."""
        return self.description.kind != "clip"


def waiting_of(description: Description, *, asked: bool) -> Waiting:
    """A file that waits; `asked`: it may be there in part, from an earlier run."""
    at_ms = int(parse_time(description.at).timestamp() * 1000)
    return Waiting(description=description, at_ms=at_ms, have=None if asked else 0)


def next_of(files: Iterable[Waiting], now_ms: int) -> Waiting | None:
    """Who goes next; None: nobody may yet."""
    ready = (each for each in files if each.not_before_ms <= now_ms)
    return min(ready, key=lambda each: each.rank, default=None)


def goes_before(new: Waiting, under_way: Waiting) -> bool:
    """Whether this one need not wait for a piece of that one: an urgent still before a clip, not a whim of order."""
    return new.is_still and not under_way.is_still


def piece_bytes(file: Waiting, kbps: int) -> int:
    """How many bytes go in one call."""
    left = file.description.bytes - (file.have or 0)
    if file.is_still:
        return min(left, MAX_PIECE_BYTES)
    at_rate = int(kbps * 1000 / 8 * PIECE_S)
    return min(left, max(MIN_PIECE_BYTES, min(at_rate, MAX_PIECE_BYTES)))


def paced(next_ms: int, sent_bytes: int, kbps: int, now_ms: int) -> int:
    """When the next piece may go, after so many bytes."""
    return max(next_ms, now_ms) + sent_bytes * 8 // kbps


class Step(StrEnum):
    """What follows from an answer."""

    GO_ON = "go_on"
    SENT = "sent"
    UNWANTED = "unwanted"
    REFUSED = "refused"
    WAIT = "wait"  # this file
    PAUSE = "pause"  # everything


@dataclass(frozen=True, kw_only=True)
class Next:
    """The file as it waits now, what follows, and for how long."""

    step: Step
    file: Waiting
    pause_ms: int = 0


def answered(file: Waiting, status: int, have: int | None, retry_ms: int | None, now_ms: int) -> Next:
    """What an answer means. `have`: bytes that the centre says it has; None where it does not say."""
    total = file.description.bytes
    if status == 201 or (status == 200 and have == total):
        return Next(step=Step.SENT, file=file)
    if status in (200, 409) and have is not None and 0 <= have < total:
        moved = replace(file, have=have)
        if status == 200 and file.have is None:
            return Next(step=Step.GO_ON, file=moved)
        if status == 200 and have > (file.have or 0):
            return Next(step=Step.GO_ON, file=replace(moved, tries=0))
        if status == 409 and have != file.have and not file.tries:
            return Next(step=Step.GO_ON, file=replace(moved, tries=1))
        return _later(moved, now_ms)  # nothing comes of it
    if status == 404:
        return _later(file, now_ms, NOT_KNOWN_WAIT_MS)
    if status in (400, 409) and have is None and file.tries >= MOST_REFUSALS:
        return Next(step=Step.REFUSED, file=file)
    if status == 410:
        return Next(step=Step.UNWANTED, file=file)
    if status == 413:
        return Next(step=Step.REFUSED, file=file)
    if status == 422:
        if file.wrong + 1 >= MOST_WRONG_HASHES:
            return Next(step=Step.REFUSED, file=file)
        return _later(replace(file, have=0, wrong=file.wrong + 1), now_ms)
    if status == 401:
        return Next(step=Step.PAUSE, file=file, pause_ms=REFUSED_WAIT_MS)
    wait_ms = FIRST_WAIT_MS if retry_ms is None else retry_ms
    if status == 429:  # of this file, or of files like it: others may be welcome
        return Next(step=Step.WAIT, file=replace(file, not_before_ms=now_ms + wait_ms))
    if status == 503:
        return Next(step=Step.PAUSE, file=file, pause_ms=wait_ms)
    return _later(replace(file, have=None), now_ms)


def pause_ms(failures: int) -> int:
    """How long nothing is tried after so many failures in a row."""
    return int(min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** min(max(0, failures - 1), 10)))


def _later(file: Waiting, now_ms: int, first_ms: int = FIRST_WAIT_MS) -> Next:
    wait = min(LONGEST_WAIT_MS, first_ms * 2 ** min(file.tries, 10))
    return Next(step=Step.WAIT, file=replace(file, tries=file.tries + 1, not_before_ms=now_ms + wait))
