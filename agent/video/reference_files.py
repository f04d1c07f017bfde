"""What stands in a camera's folder of reference pictures, without opening a picture. Knows no picture library.

A description says what its picture's SHA-256 must be: a file that was damaged, swapped or cut off is told as such.
Flow: shelf.py, agent/reference_words.py -> here.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a picture's file that are read."""
LARGEST_DESCRIPTION: Final = 64 * 1024
ASKED: Final = "asked"


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands beside a picture."""

    version: Annotated[int, Meta(ge=1)]
    at: Annotated[str, Meta(max_length=64)]  # wall time
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    light: Annotated[str, Meta(pattern="^(colour|grey)$")]
    why: Annotated[str, Meta(max_length=32)]  # first, asked, light, infrared, damaged


@dataclass(frozen=True, kw_only=True)
class Refused:
    """One that is there and is not what it should be."""

    version: int
    reason: str  # "gone", "damaged", "not described"


def listed(folder: Path) -> tuple[Description | Refused, ...]:
    """Every version that is there, oldest first, its picture's hash checked; nothing is decoded."""
    names = {int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit()}
    names |= {int(path.stem) for path in folder.glob("*.png") if path.stem.isdigit()}
    return tuple(described(folder, version)[0] for version in sorted(names))


def described(folder: Path, version: int) -> tuple[Description | Refused, bytes]:
    """One version: its description and its picture's file, or what is wrong with it."""
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
