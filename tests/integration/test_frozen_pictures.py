"""A still room and a frozen sensor through a camera's encoder: no fault the one, found by key frames the other."""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
import numpy as np
import pytest

from agent.video.measuring import Measurer
from agent.video.words import Measures
from tests.picture_faults import Frame, drawn, lettered, live
from tests.picture_trials import Told, judged

FPS = 5
GOP = 10
ENCODERS = {
    "crf 23": {"preset": "veryfast", "crf": "23"},
    "crf 28": {"preset": "veryfast", "crf": "28"},
    "crf 32": {"preset": "veryfast", "crf": "32"},
}


def _through_encoder(frames: Sequence[Frame], options: dict[str, str]) -> list[Told]:
    """What is told, looked at twice a second and at each key frame, as an eye does."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 640, 360, "yuv420p", GOP
        stream.options = dict(options)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    file.seek(0)
    measurer, looks = Measurer(frames[0]), list[tuple[int, Measures]]()
    with av.open(file, "r") as read:
        for number, picture in enumerate(read.decode(video=0)):
            if picture.key_frame or number % 5 in (0, 2):
                at_ms, key = number * 1_000 // FPS, bool(picture.key_frame)
                frame = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
                looks.append((at_ms, measurer.measure(frame, at_ms, key=key)))
    return judged(looks)


@pytest.mark.parametrize("noise", [0.8, 1.6])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_still_room_is_not_frozen_because_its_camera_saves_bits(encoder: str, noise: float) -> None:
    """Between key frames a camera codes no noise: nobody comes for half a minute, and nothing is told."""
    room = drawn(7)
    frames = [lettered(live(room, number, noise), number * 1_000 // FPS) for number in range(30 * FPS)]
    assert _through_encoder(frames, ENCODERS[encoder]) == []


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_sensor_that_hangs_behind_a_running_clock_is_frozen(encoder: str) -> None:
    """The picture stands, the clock goes on, the encoder codes it anew every 2 s: told within 10 s, once."""
    room, hangs = drawn(7), 12 * FPS
    frames = [lettered(live(room, min(number, hangs), 1.2), number * 1_000 // FPS) for number in range(26 * FPS)]
    told = _through_encoder(frames, ENCODERS[encoder])
    assert [each.fault for each in told] == ["frozen"]
    assert 12_000 < told[0].at_ms <= 22_000
