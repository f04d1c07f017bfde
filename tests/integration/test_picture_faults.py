"""Picture faults on real footage: each found in time and called by its name, and none where there is none."""

from __future__ import annotations

import math

import pytest

from tests import clips
from tests.clips import NAMES, QUIET_FROM_MS, looks, path_of, reference
from tests.picture_faults import LIGHTS, crowd, drawn, faults, gain, lettered
from tests.picture_trials import judged, measured

WITHIN_MS = 10_000
FAULTS = tuple(faults(drawn(1)))
QUICKER = {"frozen": 5_000, "snow 100 %": 5_000, "snow 40 %": 5_000}
EITHER = {("car", "spray on 62 %"): {"covered", "moved"}}
"""Bare asphalt with six cells of structure: paint over all six looks like another place. It is told all the same."""

AT_LENGTH = {"snow 100 %", "weak channels", "rolling", "defocused, 10 px", "paper", "cloth"}
"""Near relations of others: tried on two clips always, on the rest by `make test-long`."""

every_clip = pytest.mark.parametrize("name", NAMES)
FAULTS_ON_CLIPS = [
    pytest.param(name, fault, marks=[pytest.mark.long] if fault in AT_LENGTH and name in ("bottle", "street") else [])
    for name in NAMES
    for fault in FAULTS
]
LIGHTS_ON_CLIPS = [
    pytest.param(name, light, marks=[] if number % 2 == place % 2 else [pytest.mark.long])
    for place, name in enumerate(NAMES)
    for number, light in enumerate(LIGHTS)
]


@pytest.fixture(autouse=True)
def _data(name: str) -> None:
    if path_of(name) is None:
        pytest.skip(f"the clip {name} is not here: BRANCHWATCH_DATA names no folder with it, or opencv-doc is missing")


def _other(name: str) -> clips.Frame:
    """Another place: a clip that is there, or a drawn one."""
    other = "street" if name == "one-by-one" else "one-by-one"
    return reference(other) if path_of(other) else drawn(4)


@pytest.mark.parametrize(("name", "fault"), FAULTS_ON_CLIPS)
def test_a_fault_is_found_in_time_and_called_by_its_name(name: str, fault: str) -> None:
    """Whatever happens to a picture is told within 10 s (frozen and snow: 5 s), once, as what it is."""
    change, kind = faults(_other(name))[fault]
    begins = QUIET_FROM_MS[name]
    stretch = [each for each in looks(name) if begins - 1_500 <= each[0] <= begins + WITHIN_MS + 500]
    told = judged(measured(stretch, reference(name), change, begins))
    first = next(at for at, _ in stretch if at >= begins)
    kinds = EITHER.get((name, fault), {kind})
    assert len(told) == 1, told
    assert told[0].fault in kinds
    assert told[0].at_ms - first <= QUICKER.get(fault, WITHIN_MS)


@pytest.mark.parametrize("fault", ["black", "jumping", "frozen", "defocused, 10 px", "shifted 10 %", "hand", "cloth"])
@every_clip
def test_a_fault_behind_a_burned_in_clock_is_found_in_time(name: str, fault: str) -> None:
    """A running clock and a title stay sharp whatever happens to the lens, and hide nothing."""
    change, kind = faults(_other(name))[fault]
    begins = QUIET_FROM_MS[name]
    stretch = [each for each in looks(name) if begins - 1_500 <= each[0] <= begins + WITHIN_MS + 500]
    shown = [
        (at, lettered(change(frame, number) if at >= begins else frame, at))
        for number, (at, frame) in enumerate(stretch)
    ]
    told = judged(measured(shown, lettered(reference(name), 777_000)))
    assert [each.fault for each in told] == [kind]


@every_clip
def test_untouched_footage_under_a_burned_in_clock_has_no_fault(name: str) -> None:
    """A clock that runs, and people who walk by behind it: nothing is told."""
    shown = [(at, lettered(frame, at)) for at, frame in looks(name)]
    assert judged(measured(shown, lettered(reference(name), 777_000))) == []


@every_clip
def test_untouched_footage_has_no_fault(name: str) -> None:
    """People, cars, hands and the camera's own exposure are no faults: nothing is told of a whole clip."""
    assert judged(measured(looks(name), reference(name))) == []


@pytest.mark.parametrize(("name", "light"), LIGHTS_ON_CLIPS)
def test_light_that_is_switched_is_no_fault(name: str, light: str) -> None:
    """Light goes off, comes on, or becomes infrared, every eight seconds: nothing is told."""
    stretch = [(at, LIGHTS[light](frame, at) if at // 8_000 % 2 else frame) for at, frame in looks(name)[:56]]
    assert judged(measured(stretch, reference(name))) == []


@every_clip
def test_light_that_grows_and_fades_is_no_fault(name: str) -> None:
    """From a third of the light to nearly half as much again and back, in half a minute: nothing is told."""
    ramp = [
        (at, gain(0.35 + 1.05 * abs(math.sin(number / 15)))(frame, number))
        for number, (at, frame) in enumerate(looks(name)[:64])
    ]
    assert judged(measured(ramp, reference(name))) == []


@every_clip
def test_a_crowd_close_to_the_lens_is_no_cover(name: str) -> None:
    """People walk by before the lens for three seconds: nothing is told."""
    stretch = [
        (at, crowd(frame, number - 20) if 20 <= number < 26 else frame)
        for number, (at, frame) in enumerate(looks(name)[:60])
    ]
    assert judged(measured(stretch, reference(name))) == []
