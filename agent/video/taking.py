"""Stills and clips out of the ring: written beside their place, then moved to it, and told with hash and size.

A clip waits until its later time is over. Encoding takes its time, so files are written by a thread of their own, one
after the other; the ring goes on. What cannot be made is told as `missing` with its reason.
Flow: `TakeStill`, `TakeClip` -> eye.py -> here -> `Made`.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from agent.video import media, vision
from agent.video.ring import Packet, Ring
from agent.video.words import Made, TakeClip, TakeStill

MAX_WAITING: Final = 12
"""Clips that wait for their end, and files that wait to be written; docs/eyes.md 7 asks for two an event."""

MAX_CLIP_MS: Final = 200_000
"""60 s before and 120 s after, and one run from key frame to key frame."""

OLDEST_MS: Final = 60_000
"""An older frame shows nothing of what happens now: a camera that has been away for an hour has no picture of it."""

GRACE_MS: Final = 1_000
"""A frame may come so much later than the end of a clip that it closes."""

Masks = Sequence[Sequence[tuple[float, float]]]


class Taker:
    """Makes the files of one eye. `tell` is called in this and in the writing thread."""

    def __init__(self, ring: Ring, masks: Masks, tell: Callable[[Made], None]) -> None:
        self._ring = ring
        self._masks = masks
        self._tell = tell
        self._clips: list[TakeClip] = []
        self._writing = 0
        self._pool = ThreadPoolExecutor(1, "writing")

    def still(self, asked: TakeStill, frame: vision.Frame | None, at_ms: int, now_ms: int) -> None:
        """Write one frame, which came at `at_ms`; None: there is none. A reference may be of any age."""
        if frame is None or (not asked.reference and now_ms - at_ms > OLDEST_MS):
            self._tell(Made(slot=asked.slot, missing="no_picture"))
            return
        try:
            data = vision.jpeg(frame, self._masks)
            made = written(Path(asked.path), lambda path: path.write_bytes(data))
        except (OSError, ValueError) as problem:
            self._tell(Made(slot=asked.slot, missing=reason(problem)))
            return
        about = msgspec.structs.replace(made, slot=asked.slot, media_type="image/jpeg", from_ms=at_ms, to_ms=at_ms)
        self._tell(msgspec.structs.replace(about, masked=bool(self._masks)))

    def clip(self, asked: TakeClip) -> None:
        """Write it once its end is over."""
        if len(self._clips) + self._writing >= MAX_WAITING:
            self._tell(Made(slot=asked.slot, missing="busy"))
        elif not 0 <= asked.to_ms - asked.from_ms <= MAX_CLIP_MS:
            self._tell(Made(slot=asked.slot, missing="too_long"))
        else:
            self._clips.append(asked)

    def turn(self, now_ms: int) -> None:
        """Begin with what is due."""
        span = self._ring.span()
        newest_ms = span[1] if span else 0
        due = [each for each in self._clips if newest_ms > each.to_ms or now_ms > each.to_ms + GRACE_MS]
        for asked in due:
            self._clips.remove(asked)
            packets = self._ring.between(asked.from_ms, asked.to_ms)
            if not packets or packets[-1].at_ms < asked.from_ms:
                self._tell(Made(slot=asked.slot, missing="no_picture"))
                continue
            self._writing += 1
            self._pool.submit(self._write, asked, packets)

    def _write(self, asked: TakeClip, packets: list[Packet]) -> None:
        try:
            cover = partial(vision.blacken, masks=self._masks)
            made = written(
                Path(asked.path),
                (lambda path: media.write_masked(packets, path, cover))
                if self._masks
                else (lambda path: media.write_clip(packets, path)),
            )
        except (OSError, ValueError, media.MediaError) as problem:
            self._tell(Made(slot=asked.slot, missing=reason(problem)))
        else:
            about = msgspec.structs.replace(
                made,
                slot=asked.slot,
                media_type="video/mp4",
                from_ms=packets[0].at_ms,
                to_ms=packets[-1].at_ms,
                masked=bool(self._masks),
            )
            self._tell(about)
        finally:
            self._writing -= 1


def written(path: Path, write: Callable[[Path], object]) -> Made:
    """Have a file written, whole or not at all.

    Raises:
        OSError: it cannot be.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        with part.open("rb") as file:
            os.fchmod(file.fileno(), 0o600)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
            os.fsync(file.fileno())
        part.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    return Made(slot="", path=str(path), sha256=digest, size=size)


def reason(problem: Exception) -> str:
    """A word for why a file could not be made."""
    if isinstance(problem, OSError):
        return "disk"
    return "not_written"
