"""H.264 as a camera's chip makes it: baseline, no frame held back, a key frame every one or two seconds.

The only file of the simulator that knows PyAV. Frames go in, access units (network abstraction layer units without
start codes, ITU-T H.264 annex B) come out. Flow: feed.py -> here -> rtp.py.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from simulator.cameras.faults import Frame

SPS, PPS, IDR = 7, 8, 5
QUALITY: Final = 24
"""x264's constant rate factor: the noise of a sensor survives it, as it does in a real sub-stream."""


@dataclass(frozen=True, kw_only=True)
class AccessUnit:
    """One coded picture."""

    nals: tuple[bytes, ...]
    key: bool


class Encoder:
    """Encodes frames of one size. Not for two threads at once."""

    def __init__(self, width: int, height: int, fps: int, gop_s: float) -> None:
        codec = av.CodecContext.create("libx264", "w")
        if not isinstance(codec, VideoCodecContext):
            raise TypeError(codec)
        self.width, self.height = width, height
        codec.width, codec.height = width, height
        codec.pix_fmt = "yuv420p"
        codec.time_base = Fraction(1, fps)
        codec.framerate = Fraction(fps)
        codec.gop_size = max(1, round(fps * gop_s))
        codec.thread_count = 1
        codec.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "crf": str(QUALITY),
            "x264-params": "scenecut=0:repeat-headers=1:annexb=1:sliced-threads=0",
        }
        self._codec = codec
        self._pts = 0

    def encode(self, frame: Frame, *, key: bool = False) -> AccessUnit:
        """One frame; `key` asks for a key frame out of turn."""
        picture = av.VideoFrame.from_ndarray(frame, format="bgr24")
        picture.pts = self._pts
        self._pts += 1
        if key:
            picture.pict_type = PictureType.I
        packets = self._codec.encode(picture)
        nals = tuple(nal for packet in packets for nal in split(bytes(packet)))
        return AccessUnit(nals=nals, key=any(nal[0] & 0x1F == IDR for nal in nals))


def split(annex_b: bytes) -> list[bytes]:
    """The units between start codes."""
    parts = annex_b.split(b"\x00\x00\x01")
    return [part for each in parts if (part := each.rstrip(b"\x00"))]
