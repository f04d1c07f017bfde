"""Sound files of announcements, in the state folder's `announcements/`: whether one is there and is a WAV file.

An installer puts them there; the site file names them. Nothing outside that folder is ever played.
"""

import os
import stat
from pathlib import Path
from typing import Final

FOLDER: Final = "announcements"

MAX_BYTES: Final = 32 * 1024 * 1024
"""Two minutes in the best quality that a sound card has."""

_HEAD_BYTES: Final = 12


def sound_file(state: Path, name: str) -> Path | None:
    """The file of this name, where it can be played; None where not."""
    path = state / FOLDER / name
    if Path(name).name != name or name.startswith("."):
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_BYTES:
            return None
        head = os.read(descriptor, _HEAD_BYTES)
    finally:
        os.close(descriptor)
    return path if head[:4] == b"RIFF" and head[8:] == b"WAVE" else None
