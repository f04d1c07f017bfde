"""Footage for the video benches: a clip as a camera's sub-stream has it, 640x360 at 5 frames a second, as plain H.264.

Busy: pedestrians all the time (Debian's opencv-doc). Quiet: the longest stretch of a clip in which nobody is seen.
"""

import os
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from agent.video.media import film

WIDTH: Final = 640
HEIGHT: Final = 360
FPS: Final = 5
GOP: Final = 10
BUSY: Final = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
QUIET: Final = "one-by-one-person-detection.mp4"
QUIET_S: Final = (46.0, 49.4)
"""Nobody is in the one-by-one clip then (truth/one-by-one.visits.json)."""


def busy(folder: Path) -> Path:
    """Half a minute of pedestrians."""
    return _encoded(BUSY, folder / "busy.h264", (0.0, 30.0))


def quiet(folder: Path) -> Path:
    """An empty room with its camera's noise."""
    return _encoded(Path(os.environ["BRANCHWATCH_DATA"]) / "clips" / QUIET, folder / "quiet.h264", QUIET_S)


def _encoded(clip: Path, path: Path, span: tuple[float, float]) -> Path:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.gop_size, encoder.thread_count = GOP, 1
    encoder.options = {
        "preset": "veryfast",
        "profile": "main",
        "tune": "zerolatency",
        "crf": "24",
        "x264-params": "scenecut=0:bframes=0:repeat-headers=1:annexb=1",
    }
    frames: list[VideoFrame] = []
    for at_s, picture in film(clip, *span):
        if (at_s - span[0]) * FPS >= len(frames):
            frames.append(VideoFrame.from_ndarray(picture.bgr(), format="bgr24").reformat(WIDTH, HEIGHT, "yuv420p"))
    with path.open("wb") as out:
        # There and back again, so that it begins anew without a jump.
        for number, frame in enumerate((*frames, *reversed(frames))):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            for packet in encoder.encode(frame):
                out.write(bytes(packet))
        for packet in encoder.encode(None):
            out.write(bytes(packet))
    return path
