"""People and vehicles in clips whose truth is known: what was measured stays so."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.video.words import CERTAIN, Thing
from protocol.people_models import DEFAULT, MODELS, Model
from tests.people_data import data_folder

pytest.importorskip("openvino", reason="the extra `people` is not installed", exc_type=ImportError)

from benchmarks.people_clips import (
    Look,
    counts,
    load,
    loiterers,
    looks,
    people_visits,
    tracked,
    vehicle_spans,
    vehicle_visits,
)

PEOPLE_CLIP = "one-by-one-person-detection.mp4"
VEHICLES_CLIP = "car-detection.mp4"

QUICK = MODELS[DEFAULT][0]
SMALL = MODELS["person-vehicle-bike-detection-2000"][0]


@pytest.fixture(scope="module")
def data() -> Path:
    """Models and clips."""
    return data_folder()


@pytest.fixture(scope="module", params=[QUICK, SMALL], ids=lambda model: model.title)
def model(request: pytest.FixtureRequest) -> Model:
    """The default, and the one for a short processor."""
    found: Model = request.param
    return found


@pytest.fixture(scope="module")
def seen(data: Path, model: Model) -> list[Look]:
    """The people clip at two looks a second."""
    return looks(data / "clips" / PEOPLE_CLIP, load(model, data))


def test_every_dwell_is_right_within_a_second_and_a_half(data: Path, seen: list[Look]) -> None:
    """Six visits, each one track and no others; nobody is split in two or joined with the next."""
    tracks = tracked(seen)
    visits = people_visits(data, tracks)
    assert [visit for visit in visits if abs(visit.error_s) >= 1.5] == []
    assert len([track for track in tracks if track.seen_ms - track.since_ms > 1000]) == len(visits)


def test_who_loiters_is_found_and_nobody_else(data: Path, seen: list[Look]) -> None:
    """At 15 s three of six."""
    found = loiterers(tracked(seen))
    long_ones = [visit for visit in people_visits(data, tracked(seen)) if visit.end_s - visit.begin_s >= 15]
    assert len(found) == len(long_ones) == 3


def test_people_are_counted_right(data: Path, seen: list[Look]) -> None:
    """One where one is and none where none is, but for a look in a hundred."""
    right, judged = counts(data, seen)
    assert judged > 200
    assert right >= 0.99 * judged


def test_all_three_vehicle_visits_are_found_and_no_other(data: Path, model: Model) -> None:
    """Vehicles carry the number 0, people 1: nobody walks through this clip."""
    found = looks(data / "clips" / VEHICLES_CLIP, load(model, data))
    certain = {box.thing for look in found for box in look.boxes if box.score >= CERTAIN}
    assert certain == {Thing.VEHICLE}
    assert vehicle_visits(data, vehicle_spans(found)) == (3, 3, 0)


def test_people_carry_the_number_of_people(seen: list[Look]) -> None:
    """No vehicle stands in the hall."""
    assert {box.thing for look in seen for box in look.boxes if box.score >= CERTAIN} == {Thing.PERSON}
