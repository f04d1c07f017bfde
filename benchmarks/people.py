"""What finding people costs and how well it does: each model and precision, one thread, and the server's memory.

Milliseconds are processor time of the inference alone, all models taking turns on the same frames; quality is that of
the whole chain on clips whose truth is known, at two looks a second and five phases of the clock.
"""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from agent.children.keeper import ChildLimits, Keeper
from agent.children.starting import program
from agent.people.asking import People
from agent.people.inference import Finder
from agent.people.words import Serving, from_people
from agent.signals import Moment
from benchmarks.figures import Figure, Goal
from benchmarks.people_clips import (
    LOITERING_S,
    all_models,
    counts,
    frames,
    load,
    loiterers,
    looks,
    people_visits,
    tracked,
    vehicle_spans,
    vehicle_visits,
)
from protocol.people_models import DEFAULT, MODELS, Model

BENCH: Final = "people"
PHASES: Final = 5
TIMED: Final = 120
"""Frames of the one-by-one clip that are timed."""

DWELL_ERROR_S: Final = 1.5
SERVER_MB: Final = 200
"""The people server's share of the 600 MB that sixteen cameras may take."""


def measure(folder: Path) -> list[Figure]:
    """Every figure of finding people; `BRANCHWATCH_DATA` names models and clips."""
    data = Path(os.environ["BRANCHWATCH_DATA"])
    finders = {model: load(model, data) for model in all_models()}
    return [*_times(finders, data), *_quality(finders, data), asyncio.run(_memory(folder, data))]


def _times(finders: dict[Model, Finder], data: Path) -> list[Figure]:
    clip = data / "clips" / "one-by-one-person-detection.mp4"
    spent: dict[Model, list[float]] = {model: [] for model in finders}
    for finder in finders.values():
        finder.find(next(iter(frames(clip, finder)))[1])
    per_model = {model: [frame for _, frame in frames(clip, finder, 1.0)][:TIMED] for model, finder in finders.items()}
    for turn in range(TIMED):
        for model, finder in finders.items():
            began = time.process_time()
            finder.find(per_model[model][turn % len(per_model[model])])
            spent[model].append((time.process_time() - began) * 1000)
    quick = median(spent[MODELS[DEFAULT][0]])
    return [
        Figure(
            bench=BENCH,
            name=f"{model.title}: one frame",
            value=median(times),
            unit="ms",
            ratio=f"{median(times) / quick:.2f} of the default",
            samples=tuple(times),
        )
        for model, times in spent.items()
    ]


def _quality(finders: dict[Model, Finder], data: Path) -> list[Figure]:
    figures = []
    for model, finder in finders.items():
        errors, loitering, right, judged, wrong_vehicles = list[float](), list[int](), 0, 0, 0
        for phase in range(PHASES):
            seen = looks(data / "clips" / "one-by-one-person-detection.mp4", finder, 0.5, phase / PHASES / 2)
            tracks = tracked(seen)
            errors += [visit.error_s for visit in people_visits(data, tracks)]
            loitering.append(len(loiterers(tracks)))
            right, judged = (one + two for one, two in zip((right, judged), counts(data, seen), strict=True))
            spans = vehicle_spans(looks(data / "clips" / "car-detection.mp4", finder, 0.5, phase / PHASES / 2))
            found, there, false = vehicle_visits(data, spans)
            wrong_vehicles += there - found + false
        figures += [
            Figure(
                bench=BENCH,
                name=f"{model.title}: dwell error, worst of {len(errors)} visits",
                value=max(map(abs, errors)),
                unit="s",
                goal=Goal.BELOW,
                target=DWELL_ERROR_S,
                ratio=f"median {median(map(abs, errors)):.1f} s",
                limit="the ends of a visit, half a body in the picture, and half a second between two looks",
                samples=tuple(errors),
            ),
            Figure(
                bench=BENCH,
                name=f"{model.title}: loiterers at {LOITERING_S:.0f} s, missed or false, of 3 in {PHASES} runs",
                value=sum(abs(count - 3) for count in loitering),
                unit="",
                target=0,
            ),
            Figure(
                bench=BENCH,
                name=f"{model.title}: looks with the right count",
                value=right / judged,
                unit="",
                goal=Goal.AT_LEAST,
                target=0.99,
                ratio=f"{right} of {judged}",
            ),
            Figure(
                bench=BENCH,
                name=f"{model.title}: vehicle visits, missed or false, of 3 in {PHASES} runs",
                value=wrong_vehicles,
                unit="",
                target=0,
            ),
        ]
    return figures


async def _memory(folder: Path, data: Path) -> Figure:
    """RSS of the server with the default model while an eye asks: on a box it shares its libraries with nobody."""
    said = asyncio.get_running_loop().create_future()
    place = folder / "run" / "people.socket"
    words = ("--socket", str(place), "--state", str(folder), "--models", str(data / "models"))
    keeper = Keeper("people", program("agent.people.server", *words), ChildLimits(), _now)
    task = asyncio.ensure_future(keeper.run(said.set_result, lambda _state: None))
    try:
        async with asyncio.timeout(60):
            assert isinstance(from_people(await said), Serving)
        people = People(place)
        clip = data / "clips" / "one-by-one-person-detection.mp4"
        finder = load(MODELS[DEFAULT][0], data)
        for _, frame in frames(clip, finder, 5.0):
            assert await asyncio.to_thread(people.find, frame) is not None
        people.close()
        return Figure(
            bench=BENCH,
            name="people server, memory",
            value=_memory_of(place) / 1e6,
            unit="MB RSS",
            target=SERVER_MB,
            limit="OpenVINO's libraries 50 MB, the compiled model 65 MB, interpreter and NumPy 16 MB",
        )
    finally:
        task.cancel()
        await asyncio.wait({task})


def _memory_of(place: Path) -> int:
    """RSS of the process that has this socket's path among its arguments."""
    server = next(each for each in psutil.process_iter(["cmdline"]) if str(place) in (each.info["cmdline"] or []))
    return int(server.memory_info().rss)


def _now() -> Moment:
    return Moment(wall=datetime.now(UTC), mono_ms=time.monotonic_ns() // 1_000_000)
