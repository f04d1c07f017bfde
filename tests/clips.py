"""The clips of `BRANCHWATCH_DATA` and Debian's street scene as frames, two a second; decoded once a process."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

STREET = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
CLIPS = {
    "one-by-one": "one-by-one-person-detection.mp4",
    "bottle": "bottle-detection.mp4",
    "car": "car-detection.mp4",
}
NAMES = (*CLIPS, "street")
QUIET_FROM_MS = {"one-by-one": 20_000, "bottle": 500, "car": 9_000, "street": 5_000}
"""From when on a fault is laid over each: a stretch as it is, with whoever walks in."""
Frame = NDArray[np.uint8]


def path_of(name: str) -> Path | None:
    """Where the clip lies; None: not here."""
    if name == "street":
        return STREET if STREET.is_file() else None
    named = os.environ.get("BRANCHWATCH_DATA", "")
    path = Path(named) / "clips" / CLIPS[name]
    return path if named and path.is_file() else None


@cache
def looks(name: str, hz: float = 2.0, until_ms: int = 10**9) -> tuple[tuple[int, Frame], ...]:
    """Its frames with their times in milliseconds, so many a second."""
    path = path_of(name)
    if path is None:
        return ()
    found = list[tuple[int, Frame]]()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or 10)
        for number, frame in enumerate(container.decode(stream)):
            at_ms = round(number * 1000 / rate)
            if at_ms > until_ms:
                break
            if at_ms >= len(found) * 1000 / hz - 1:
                found.append((at_ms, np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)))
    return tuple(found)


@cache
def reference(name: str) -> Frame:
    """The scene without people: its first picture, or the middle of many where somebody always walks."""
    if name != "street":
        return looks(name, until_ms=0)[0][1]
    return np.asarray(np.median(np.stack([frame for _, frame in looks(name)[::10]]), axis=0), np.uint8)
