"""Imported by the process that eyes are forked from: lets the libraries make their tables once, for all eyes.

Colour tables, a decoder's and a converter's, features' patterns: some 7 MB that each eye would make for itself. Starts
no thread, opens nothing, keeps nothing.
"""

from typing import Final

import numpy as np

from agent.video import vision
from agent.video.background import Background
from agent.video.fascia import Fascias
from agent.video.measuring import Measurer
from agent.video.media import blank
from agent.video.vision import Frame

LOOKS: Final = 3
_WALL: Final = {"x": ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))}


def warmed() -> None:
    """What an eye does with a picture, once, with a picture of noise."""
    drawn = np.random.default_rng(1).integers(0, 255, (36, 64, 3), np.uint8)
    frame: Frame = np.ascontiguousarray(drawn.repeat(10, 0).repeat(10, 1))
    background, measurer, fascias = Background(), Measurer(frame), Fascias(_WALL)
    fascias.refer(frame)
    for number in range(LOOKS):
        background.boxes(frame, number * 500)
        measurer.measure(frame, number * 500)
        fascias.cells(frame)
    vision.opened(vision.png(frame))
    vision.jpeg(frame)
    blank().bgr()


warmed()
