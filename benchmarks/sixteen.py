"""A whole branch's cameras: sixteen busy ones with people found twice a second, and thirty-two quiet ones.

All eyes, the process they are forked from, the people server and the agent's part are counted, in processor seconds
and in memory that is shared out (PSS); the server that plays the cameras is not.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from agent.video import shelf
from agent.video.media import film
from benchmarks import video_footage
from benchmarks.figures import Figure, Goal
from benchmarks.processes import Process
from benchmarks.video_peers import served
from benchmarks.way import now
from protocol.timestamps import format_time

BENCH: Final = "sixteen"
BUSY: Final = 16
QUIET: Final = 32
WINDOWS: Final = 3
WINDOW_S: Final = 20.0
FULL_S: Final = 125.0
"""Until the rings hold what they may: two minutes."""

BEGIN_S: Final = 90.0
MB: Final = 1024 * 1024


def measure(folder: Path) -> list[Figure]:
    """Cores and memory of both."""
    models = Path(os.environ["BRANCHWATCH_DATA"]) / "models"
    busy = _watched(folder / "busy", video_footage.busy, BUSY, models, lambda said: said["quiet"] == 0)
    quiet = _watched(folder / "quiet", video_footage.quiet, QUIET, models, lambda said: said["quiet"] >= QUIET - 1)
    return [
        *_figures(f"{BUSY} busy cameras with people", busy, 1.2, 600.0),
        *_figures(f"{QUIET} quiet cameras with people", quiet, 1.0, None),
    ]


Sample = tuple[float, float, float, float]
"""Cores, PSS in MB, looks a second of one camera, looks for people a second of one camera."""


def _watched(
    folder: Path, footage: Callable[[Path], Path], count: int, models: Path, ready: Callable[[dict[str, int]], bool]
) -> list[Sample]:
    folder.mkdir(parents=True)
    file = footage(folder)
    _, first = next(film(file))
    for number in range(count):
        place = folder / "references" / f"{number:02}"
        shelf.write(place, first.bgr(), light="colour", why="first", at=format_time(now().wall))
    server, url = served(folder, file, count)
    command = [sys.executable, "-m", "benchmarks.eyes_agent", str(folder), url, str(count), str(models)]
    with server, Process("eyes", command, folder / "eyes.log") as agent:
        began = time.monotonic()
        while not ((said := _said(agent)).get("eyes") == count and said["people"] and ready(said)):
            agent.check()
            if time.monotonic() - began > BEGIN_S:
                raise TimeoutError(f"the eyes did not begin: {said} {agent.last_words()}")
            time.sleep(0.5)
        time.sleep(max(0.0, FULL_S - (time.monotonic() - began)))
        samples = [_sample(agent, count) for _ in range(WINDOWS)]
        if _said(agent).get("lost"):
            raise AssertionError(f"an eye lost its camera: {_said(agent)}")
        return samples


def _sample(agent: Process, count: int) -> Sample:
    said, before, began = _said(agent), _cpu_s(agent), time.monotonic()
    time.sleep(WINDOW_S)
    later, used, passed = _said(agent), _cpu_s(agent) - before, time.monotonic() - began
    looks, people = (later[word] - said[word] for word in ("looks", "people"))
    return used / passed, _pss(agent) / MB, looks / passed / count, people / passed / count


def _figures(name: str, samples: list[Sample], cores: float, memory_mb: float | None) -> list[Figure]:
    used, pss, looks, people = (tuple(column) for column in zip(*samples, strict=True))
    rate = f"{median(looks):.2f} looks a second a camera, {median(people):.2f} of them for people"
    return [
        Figure(
            bench=BENCH, name=f"{name}, CPU", value=median(used), unit="cores", goal=Goal.BELOW, target=cores,
            limit=rate, samples=used,
        ),
        Figure(
            bench=BENCH, name=f"{name}, memory", value=median(pss), unit="MB PSS", goal=Goal.BELOW, target=memory_mb,
            limit="rings of two minutes; libraries are shared", samples=pss,
        ),
    ]  # fmt: skip


def _said(agent: Process) -> dict[str, int]:
    lines = [line for line in agent.log.read_text().splitlines() if line.startswith("{")]
    found: dict[str, int] = {"looks": 0, "people": 0, "quiet": 0}
    if lines:
        found |= json.loads(lines[-1])
    return found


def _all(agent: Process) -> list[psutil.Process]:
    return [psutil.Process(agent.pid), *agent.children()]


def _cpu_s(agent: Process) -> float:
    return sum(times.user + times.system for times in (each.cpu_times() for each in _all(agent)))


def _pss(agent: Process) -> int:
    total = 0
    for each in _all(agent):
        for line in Path(f"/proc/{each.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total
