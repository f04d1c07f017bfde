"""Picture faults: seconds until each is told on every clip, what is told of untouched footage, and what a look costs.

Two looks a second, as an eye that something wakes gives them. A frozen picture is also sent through an encoder anew, as
a camera does whose sensor hangs: key frames then differ, and pixels are not equal as they are in memory.
"""

import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import av
import numpy as np

from agent.video import vision
from agent.video.background import Background
from agent.video.fascia import Fascias
from agent.video.measuring import Measurer
from agent.video.words import Measures
from benchmarks.figures import Figure, Goal
from tests.clips import NAMES, QUIET_FROM_MS, looks, path_of, reference
from tests.picture_faults import LIGHTS, Frame, crowd, drawn, faults, live
from tests.picture_trials import judged, measured

BENCH: Final = "faults"
WITHIN_S: Final = 10.0
LONGEST_S: Final = 14.0
ENCODERS: Final = {
    "crf 23": {"preset": "veryfast", "crf": "23"},
    "crf 32": {"preset": "veryfast", "crf": "32"},
    "zerolatency": {"preset": "ultrafast", "tune": "zerolatency", "crf": "28"},
    "200 kbit/s": {"preset": "veryfast", "b": "200k"},
}
FPS: Final = 5
GOP_S: Final = 2
NOISE: Final = 1.2


def measure(_folder: Path) -> list[Figure]:
    """Every figure. Raises: RuntimeError: no clip is here."""
    there = [name for name in NAMES if path_of(name)]
    if not there:
        raise RuntimeError("BRANCHWATCH_DATA names no folder with clips, and opencv-doc is not installed")
    return [*_found(there), *_frozen_encoded(there), *_untouched(there), *_costs(there)]


def _found(there: Sequence[str]) -> list[Figure]:
    figures = list[Figure]()
    for fault in faults(drawn(1)):
        seconds, wrong = dict[str, float](), list[str]()
        for name in there:
            other = next((each for each in ("one-by-one", "street") if each in there and each != name), None)
            change, kind = faults(reference(other) if other else drawn(4))[fault]
            begins = QUIET_FROM_MS[name]
            stretch = [each for each in looks(name) if begins - 4_000 <= each[0] <= begins + LONGEST_S * 1_000]
            told = judged(measured(stretch, reference(name), change, begins))
            first = next(at for at, _ in stretch if at >= begins)
            seconds[name] = (told[0].at_ms - first) / 1_000 if told else LONGEST_S
            if told and told[0].fault != kind:
                wrong.append(f"{name}: told as {told[0].fault}")
        said = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        figures.append(
            Figure(
                bench=BENCH,
                name=f"{fault}: slowest of {len(there)} clips",
                value=max(seconds.values()),
                unit="s",
                target=WITHIN_S,
                limit="; ".join((said, *wrong)),
                samples=tuple(seconds.values()),
            )
        )
    return figures


def _frozen_encoded(there: Sequence[str]) -> list[Figure]:
    """A picture that stands still before the encoder; key frames every 2 s, looks at 2.5 Hz; and a still room, live."""
    figures = list[Figure]()
    for encoder, options in ENCODERS.items():
        seconds = dict[str, float]()
        for name in there:
            begins = QUIET_FROM_MS[name]
            seen = [frame for at, frame in looks(name, FPS, begins + 4_000) if at >= begins]
            shown = _recoded([*seen, *[seen[-1]] * FPS * 40], options)
            told = [each for each in judged(_measured(shown)) if each.fault == "frozen"]
            seconds[name] = (told[0].at_ms - len(seen) * 1_000 // FPS) / 1_000 if told else 40.0
        said = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        name = f"frozen before the encoder, x264 {encoder}: slowest"
        figures.append(Figure(bench=BENCH, name=name, value=max(seconds.values()), unit="s", limit=said))
        room = [live(drawn(7), number, NOISE) for number in range(60 * FPS)]
        lived = judged(_measured(_recoded(room, options)))
        name = f"told of a live, still room, x264 {encoder}"
        figures.append(Figure(bench=BENCH, name=name, value=len(lived), unit="", target=0, limit="60 s"))
    return figures


def _measured(shown: Sequence[tuple[Frame, bool]]) -> list[tuple[int, Measures]]:
    """Looks at 2.5 Hz, and at each key frame, as an eye looks."""
    measurer, found = Measurer(shown[0][0]), list[tuple[int, Measures]]()
    for number, (frame, key) in enumerate(shown):
        if key or number % 2 == 0:
            at_ms = number * 1_000 // FPS
            found.append((at_ms, measurer.measure(frame, at_ms, key=key)))
    return found


def _recoded(frames: Sequence[Frame], options: dict[str, str]) -> list[tuple[Frame, bool]]:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 640, 360, "yuv420p", GOP_S * FPS
        stream.options = dict(options)
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(vision.resized(frame, 640, 360), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as read:
        return [
            (np.asarray(each.to_ndarray(format="bgr24"), np.uint8), bool(each.key_frame))
            for each in read.decode(video=0)
        ]


def _untouched(there: Sequence[str]) -> list[Figure]:
    whole = {name: judged(measured(looks(name), reference(name))) for name in there}
    seen = sum(len(looks(name)) for name in there)
    false = sum(len(told) for told in whole.values())
    lit = 0
    for name in there:
        for light in LIGHTS.values():
            stretch = [(at, light(frame, at) if at // 8_000 % 2 else frame) for at, frame in looks(name)[:64]]
            lit += len(judged(measured(stretch, reference(name))))
        close = [
            (at, crowd(frame, number - 20) if 20 <= number < 26 else frame)
            for number, (at, frame) in enumerate(looks(name)[:60])
        ]
        lit += len(judged(measured(close, reference(name))))
    return [
        Figure(bench=BENCH, name="told of untouched clips", value=false, unit="", target=0, limit=f"{seen} looks"),
        Figure(
            bench=BENCH,
            name="told of switched light, infrared and crowds",
            value=lit,
            unit="",
            target=0,
            limit=f"{len(LIGHTS) + 1} changes on {len(there)} clips",
        ),
    ]


def _costs(there: Sequence[str]) -> list[Figure]:
    name = there[0]
    frames = [vision.resized(frame, 640, 360) for _, frame in looks(name)[:120]]
    measurer, background = Measurer(frames[0]), Background()
    fascias = Fascias({"atm": ((0.3, 0.2), (0.8, 0.2), (0.8, 0.9), (0.3, 0.9))})
    fascias.refer(frames[0])
    parts: dict[str, Callable[[Frame, int], object]] = {
        "all measures of a look, 640x360": measurer.measure,
        "motion and moving boxes": background.boxes,
        "cells of one fascia": lambda frame, _: fascias.cells(frame),
        "JPEG of a still": lambda frame, _: vision.jpeg(frame),
    }
    return [
        Figure(bench=BENCH, name=f"{part}, median", value=_milliseconds(frames, does), unit="ms", goal=Goal.AT_MOST)
        for part, does in parts.items()
    ]


def _milliseconds(frames: Sequence[Frame], does: Callable[[Frame, int], object]) -> float:
    taken = list[float]()
    for number, frame in enumerate(frames):
        began = time.thread_time()
        does(frame, number * 500)
        taken.append((time.thread_time() - began) * 1_000)
    return round(median(taken), 3)
