"""How well people and vehicles are found in clips whose truth is known: dwell, visits, counts. Used by bench and tests.

The chain is the eye's: frames of a file, resized, looked at twice a second, joined to tracks.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.people.inference import Finder
from agent.people.tracks import Track, Tracks, follow
from agent.video.media import film
from agent.video.vision import Frame, resized
from agent.video.words import CERTAIN, Box, Thing
from protocol.people_models import MODELS, Model

LOITERING_S = 15.0
EDGE_S = 1.0
"""Around the ends of a visit, which are good to 0.4 s: no count is judged there."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found in one frame."""

    at_s: float
    boxes: tuple[Box, ...]


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A stay as it was, and as the track that shares most of it says."""

    begin_s: float
    end_s: float
    found_s: float

    @property
    def error_s(self) -> float:
        """Dwell found, less the dwell that was."""
        return self.found_s - (self.end_s - self.begin_s)


def all_models() -> tuple[Model, ...]:
    """Every model in every precision."""
    return tuple(model for models in MODELS.values() for model in models)


def load(model: Model, data: Path, threads: int = 1) -> Finder:
    """A model of the data folder."""
    folder = data / "models" / model.name / model.precision
    xml, weights = ((folder / each.name).read_bytes() for each in model.files)
    return Finder(xml, weights, threads)


def frames(clip: Path, finder: Finder, every_s: float = 0.5, offset_s: float = 0.0) -> Iterator[tuple[float, Frame]]:
    """The newest frame at each look, in the model's size."""
    due = offset_s
    for at_s, picture in film(clip):
        if at_s + 1e-6 >= due:
            due += every_s
            yield at_s, resized(picture.bgr(), finder.width, finder.height)


def looks(clip: Path, finder: Finder, every_s: float = 0.5, offset_s: float = 0.0) -> list[Look]:
    """What is found in a clip."""
    return [Look(at_s=at_s, boxes=finder.find(frame)) for at_s, frame in frames(clip, finder, every_s, offset_s)]


def tracked(seen: list[Look]) -> list[Track]:
    """Every track of a clip, as it was last seen."""
    state, everyone = Tracks(), dict[int, Track]()
    for look in seen:
        state = follow(state, look.boxes, round(look.at_s * 1000))
        everyone |= {track.id: track for track in state.tracks}
    return list(everyone.values())


def people_visits(data: Path, tracks: list[Track]) -> list[Visit]:
    """Each visit of the one-by-one clip with the dwell of the track that shares most of it."""
    truth = _truth(data, "one-by-one.visits.json")
    visits = []
    for each in truth["visits"]:
        begin, end = each["first"] / truth["fps"], each["last"] / truth["fps"]
        track = max(tracks, key=lambda track: _shared(track, begin, end))
        visits.append(Visit(begin_s=begin, end_s=end, found_s=dwell_s(track) if _shared(track, begin, end) else 0.0))
    return visits


def dwell_s(track: Track) -> float:
    """From its first look to its last."""
    return (track.seen_ms - track.since_ms) / 1000


def loiterers(tracks: list[Track]) -> list[Track]:
    """Those who stayed for the limit."""
    return [track for track in tracks if track.thing is Thing.PERSON and dwell_s(track) >= LOITERING_S]


def counts(data: Path, seen: list[Look]) -> tuple[int, int]:
    """Of the looks of the one-by-one clip, away from the ends of visits: how many counted right, of how many."""
    truth = _truth(data, "one-by-one.visits.json")
    spans = [(each["first"] / truth["fps"], each["last"] / truth["fps"]) for each in truth["visits"]]
    state, right, judged = Tracks(), 0, 0
    for look in seen:
        state = follow(state, look.boxes, round(look.at_s * 1000))
        if any(abs(look.at_s - end) < EDGE_S for span in spans for end in span):
            continue
        people = [track for track in state.tracks if track.seen_ms == round(look.at_s * 1000)]
        judged += 1
        right += len(people) == sum(begin <= look.at_s <= end for begin, end in spans)
    return right, judged


def vehicle_spans(seen: list[Look], gap_s: float = 1.0) -> list[tuple[float, float]]:
    """When a vehicle was there: from the first certain box to the last of any certainty, gaps closed."""
    spans: list[tuple[float, float]] = []
    for look in seen:
        vehicles = [box for box in look.boxes if box.thing is Thing.VEHICLE]
        if spans and vehicles and look.at_s - spans[-1][1] <= gap_s:
            spans[-1] = (spans[-1][0], look.at_s)
        elif any(box.score >= CERTAIN for box in vehicles):
            spans.append((look.at_s, look.at_s))
    return spans


def vehicle_visits(data: Path, spans: list[tuple[float, float]]) -> tuple[int, int, int]:
    """How many visits of the car clip were found, how many there are, and how many spans belong to none."""
    truth = _truth(data, "car.vehicles.json")
    visits = [(each["first"] / truth["fps"], each["last"] / truth["fps"]) for each in truth["vehicles"]]
    found = sum(any(begin <= last and end >= first for begin, end in spans) for first, last in visits)
    false = sum(not any(begin <= last + EDGE_S and end >= first for first, last in visits) for begin, end in spans)
    return found, len(visits), false


def _shared(track: Track, begin_s: float, end_s: float) -> float:
    return max(0.0, min(track.seen_ms / 1000, end_s) - max(track.since_ms / 1000, begin_s))


def _truth(data: Path, name: str) -> Any:
    return json.loads((data / "truth" / name).read_text())
