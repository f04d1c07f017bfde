"""The reference pictures of one camera on disk: `N.png` and `N.json` beside it. Writes and reads; decides nothing.

A picture is whole before its description is there, and the description says what the picture's SHA-256 must be: a file
that was damaged, swapped or cut off is refused, with the reason, and never compared with. The newest KEPT stay.
Flow: references.py -> here -> `references/CAMERA/`.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from agent.video import vision
from agent.video.reference_files import ASKED, Description, Refused, described, listed
from agent.video.vision import Frame, PictureError

KEPT: Final = 8
WIDEST: Final = 1280
"""Of a kept picture, in pixels: enough for the cells of a fascia, and at most some 2 MB."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One reference."""

    description: Description
    picture: Frame


def read(folder: Path) -> tuple[tuple[Kept, ...], tuple[Refused, ...]]:
    """The newest sound picture for each light, and what was refused."""
    kept: dict[str, Kept] = {}
    refused = list[Refused]()
    for version in sorted((each.version for each in listed(folder)), reverse=True):
        found, data = described(folder, version)
        if isinstance(found, Refused):
            refused.append(found)
        elif found.light not in kept:
            try:
                kept[found.light] = Kept(description=found, picture=vision.opened(data))
            except PictureError:
                refused.append(Refused(version=version, reason="damaged"))
                continue
        if isinstance(found, Description) and found.why == ASKED:
            break  # the camera may have looked elsewhere before: what is older is of the past
    return tuple(kept.values()), tuple(refused)


def write(folder: Path, picture: Frame, *, light: str, why: str, at: str) -> Kept:
    """Keep a picture as the next version; the oldest beyond KEPT go.

    Raises:
        OSError: it cannot be written; nothing is changed then.
        PictureError: it is no picture.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = listed(folder)
    version = 1 + max((each.version for each in there), default=0)
    kept, data = as_kept(picture, version, light=light, why=why, at=at)
    _put(folder / f"{version}.png", data)
    _put(folder / f"{version}.json", msgspec.json.encode(kept.description))
    newest = {each.light: each.version for each in there if isinstance(each, Description)} | {light: version}
    old = [each.version for each in there if each.version not in newest.values()]
    for gone in old[: max(0, len(there) + 1 - KEPT)]:
        (folder / f"{gone}.json").unlink(missing_ok=True)
        (folder / f"{gone}.png").unlink(missing_ok=True)
    return kept


def as_kept(picture: Frame, version: int, *, light: str, why: str, at: str) -> tuple[Kept, bytes]:
    """The picture as it is kept, and its file.

    Raises:
        PictureError: it is no picture.
    """
    picture = vision.resized(picture, *_size(picture))
    data = vision.png(picture)
    sha256 = hashlib.sha256(data).hexdigest()
    description = Description(version=version, at=at, sha256=sha256, light=light, why=why)
    return Kept(description=description, picture=picture), data


def _size(picture: Frame) -> tuple[int, int]:
    rows, columns = picture.shape[:2]
    return (columns, rows) if columns <= WIDEST else (WIDEST, max(1, round(rows * WIDEST / columns)))


def _put(path: Path, data: bytes) -> None:
    """Write atomically: a file is there whole or not at all, after a power cut too."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
