"""One camera's cost: an eye (decoding, picture checks, motion) against Debian's `motion`, which only finds motion.

Both watch the same stream of the same RTSP server at the same time; processor seconds of each process are read from the
kernel at the beginning and end of windows, so what else the machine does weighs on both alike.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from agent.video import shelf
from agent.video.media import film
from agent.video.watcher import EyeLink
from agent.video.words import EyeSettings, FromEye, Look
from benchmarks import video_footage
from benchmarks.figures import Figure, Goal
from benchmarks.processes import Process
from benchmarks.video_peers import motion, served
from benchmarks.way import Open, now
from protocol.timestamps import format_time

BENCH: Final = "decoding"
WINDOWS: Final = 5
WINDOW_S: Final = 16.0
SETTLE_S: Final = 5.0
BEGIN_S: Final = 60.0


def measure(folder: Path) -> list[Figure]:
    """Both ratios."""
    return [
        *_paired(folder / "busy", video_footage.busy, 1.6, lambda look: not look.quiet),
        *_paired(folder / "quiet", video_footage.quiet, 1.0, lambda look: look.quiet),
    ]


def _paired(
    folder: Path, footage: Callable[[Path], Path], target: float, ready: Callable[[Look], bool]
) -> list[Figure]:
    folder.mkdir(parents=True)
    file = footage(folder)
    server, url = served(folder, file, 1)
    with server, motion(folder, f"{url}0") as peer:
        _, first = next(film(file))
        shelf.write(folder / "references", first.bgr(), light="colour", why="first", at=format_time(now().wall))
        ours, theirs = asyncio.run(_windows(folder, f"{url}0", peer, ready))
    name = folder.name
    ratios = tuple(one / other for one, other in zip(ours, theirs, strict=True))
    per_minute = [60 / WINDOW_S * median(each) for each in (ours, theirs)]
    return [
        Figure(
            bench=BENCH,
            name=f"{name} camera, eye over motion",
            value=median(ratios),
            unit="of motion's CPU",
            goal=Goal.AT_MOST,
            target=target,
            ratio=f"{per_minute[0]:.2f} s of {per_minute[1]:.2f} s a stream-minute",
            limit="decoding, and the measures of each look" if name == "busy" else "key frames only",
            samples=ratios,
        )
    ]


async def _windows(
    folder: Path, url: str, peer: Process, ready: Callable[[Look], bool]
) -> tuple[list[float], list[float]]:
    looks: list[Look] = []

    def hear(message: FromEye) -> None:
        if isinstance(message, Look):
            looks.append(message)

    settings = EyeSettings(
        camera="01", picture=True, people=False, ring_s=120, ring_bytes=12 << 20, references=str(folder / "references")
    )
    link = EyeLink(settings, Open(url), hear, now)
    task = asyncio.ensure_future(link.run())
    try:
        end = time.monotonic() + BEGIN_S
        while not (looks and ready(looks[-1]) and looks[-1].reference and "connected" in _log(folder)):
            peer.check()
            if time.monotonic() > end:
                raise TimeoutError(f"eye or peer did not begin: {_story(looks)}")
            await asyncio.sleep(0.2)
        await asyncio.sleep(SETTLE_S)
        eye = link.child.pid
        ours, theirs = [], []
        for _ in range(WINDOWS):
            before = _cpu_s(eye), _cpu_s(peer.pid)
            await asyncio.sleep(WINDOW_S)
            ours.append(_cpu_s(eye) - before[0])
            theirs.append(_cpu_s(peer.pid) - before[1])
        if not ready(looks[-1]):
            raise AssertionError("the eye did not stay as it was")
        return ours, theirs
    finally:
        task.cancel()
        await asyncio.wait({task})


def _cpu_s(pid: int) -> float:
    """Of its living threads, in the scheduler's own nanoseconds: the usual ticks are too coarse for a window."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def _story(looks: list[Look]) -> str:
    stirred = [
        f"{look.at_ms - looks[0].at_ms} ms: {look.measures.motion:.4f}"
        for look in looks
        if look.measures.motion > 0.003
    ]
    return f"{len(looks)} looks, {sum(look.quiet for look in looks)} quiet, motion {stirred}"


def _log(folder: Path) -> str:
    path = folder / "motion.txt"
    return path.read_text(errors="replace") if path.exists() else ""
