"""The reference pictures of one camera on disk: `N.png` and `N.json` beside it. Writes and reads; decides nothing.

A picture is whole before its description is there, and the description says what the picture's SHA-256 must be: a file
that was damaged, swapped or cut off is refused, with the reason, and never compared with. The newest KEPT stay.
Flow: references.py -> here -> `references/CAMERA/`.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from agent.video import vision
from agent.video.vision import Frame, PictureError

KEPT: Final = 8
WIDEST: Final = 1280
"""Of a kept picture, in pixels: enough for the cells of a fascia, and at most some 2 MB."""
LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a picture's file that are read."""
ASKED: Final = "asked"
LARGEST_DESCRIPTION: Final = 64 * 1024


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands beside a picture."""

    version: Annotated[int, Meta(ge=1)]
    at: Annotated[str, Meta(max_length=64)]  # wall time
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    light: Annotated[str, Meta(pattern="^(colour|grey)$")]
    why: Annotated[str, Meta(max_length=32)]  # first, asked, light, infrared, damaged


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One reference."""

    description: Description
    picture: Frame


@dataclass(frozen=True, kw_only=True)
class Refused:
    """One that is there and is not what it should be."""

    version: int
    reason: str  # "gone", "damaged", "not described"


def listed(folder: Path) -> tuple[Description | Refused, ...]:
    """Every version that is there, oldest first, its picture's hash checked; nothing is decoded."""
    names = {int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit()}
    names |= {int(path.stem) for path in folder.glob("*.png") if path.stem.isdigit()}
    return tuple(_described(folder, version)[0] for version in sorted(names))


def read(folder: Path) -> tuple[tuple[Kept, ...], tuple[Refused, ...]]:
    """The newest sound picture for each light, and what was refused."""
    kept: dict[str, Kept] = {}
    refused = list[Refused]()
    for version in sorted((each.version for each in listed(folder)), reverse=True):
        found, data = _described(folder, version)
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
    kept, data = described(picture, version, light=light, why=why, at=at)
    _put(folder / f"{version}.png", data)
    _put(folder / f"{version}.json", msgspec.json.encode(kept.description))
    newest = {each.light: each.version for each in there if isinstance(each, Description)} | {light: version}
    old = [each.version for each in there if each.version not in newest.values()]
    for gone in old[: max(0, len(there) + 1 - KEPT)]:
        (folder / f"{gone}.json").unlink(missing_ok=True)
        (folder / f"{gone}.png").unlink(missing_ok=True)
    return kept


def described(picture: Frame, version: int, *, light: str, why: str, at: str) -> tuple[Kept, bytes]:
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


def _described(folder: Path, version: int) -> tuple[Description | Refused, bytes]:
    try:
        text = _bytes(folder / f"{version}.json", LARGEST_DESCRIPTION)
        description = msgspec.json.decode(text, type=Description)
    except (OSError, msgspec.MsgspecError, ValueError):
        return Refused(version=version, reason="not described"), b""
    try:
        data = _bytes(folder / f"{version}.png", LARGEST)
    except (OSError, ValueError):
        return Refused(version=version, reason="gone"), b""
    if description.version != version or hashlib.sha256(data).hexdigest() != description.sha256:
        return Refused(version=version, reason="damaged"), b""
    return description, data


def _bytes(path: Path, largest: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise ValueError("too large")
    return data


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
