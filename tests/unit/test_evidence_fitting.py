"""What the centre takes as a picture: JPEG of a size that eyes make, MP4, and nothing that fills a screen's memory."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest

from collector.evidence.fitting import fits
from tests.pictures import CLIP, JPEG


def sized(height: int, width: int, marker: int = 0xC0, before: bytes = b"") -> bytes:
    """The beginning of a JPEG that says this size."""
    return b"\xff\xd8" + before + struct.pack(">BBHBHHB", 0xFF, marker, 11, 8, height, width, 1) + bytes(40)


def test_what_eyes_make_fits() -> None:
    """A real JPEG of OpenCV at the largest size, and the beginning of an MP4."""
    for shape in ((4096, 4096, 3), (180, 320, 3)):
        made, data = cv2.imencode(".jpg", np.zeros(shape, np.uint8))
        assert made
        assert fits("image/jpeg", io.BytesIO(data.tobytes()).read(64 * 1024))
    assert fits("image/jpeg", JPEG)
    assert fits("video/mp4", CLIP)
    assert fits("image/jpeg", sized(10, 10, 0xC2, b"\xff\xe1\x00\x04ab\xff\xdb\x00\x03a"))


@pytest.mark.parametrize(
    "begin",
    [
        sized(65_500, 65_500),
        sized(4097, 10),
        sized(0, 10),  # its height comes behind the picture
        sized(10, 10, 0xC3),
        b"\xff\xd8" + b"\xff\xe0\xff\xff" * 20_000,
        b"\xff\xd8",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<html>",
        b"",
        CLIP,
    ],
)
def test_what_does_not(begin: bytes) -> None:
    """A picture of four thousand million pixels, pages, other files."""
    assert not fits("image/jpeg", begin)


def test_a_page_is_no_clip() -> None:
    """Whatever its box calls it."""
    assert not fits("video/mp4", b"<html>" + bytes(100))
