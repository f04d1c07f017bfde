"""The fault tree under any sequence of looks: what may never happen, whatever a camera sends."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.detectors import faults, picture
from agent.detectors.faults import NAMES
from agent.findings import Phase
from agent.video.words import Measures
from tests.picture_trials import moment

SOUND = Measures(
    luma=120,
    luma_std=45,
    noise=0.5,
    equal=0.4,
    stirred=5.0,
    colour_shift=1.0,
    sharpness=1.0,
    edges_kept=0.95,
    corner_px=0.0,
    inliers=60,
    chroma=15,
    noise_ratio=1.0,
    blind=0.0,
    features=1.0,
)
_figures: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "luma": st.sampled_from([1.0, 22.0, 60.0, 120.0]),
        "luma_std": st.sampled_from([0.0, 2.0, 5.0, 45.0]),
        "noise": st.sampled_from([0.5, 14.0, 40.0]),
        "noise_ratio": st.sampled_from([None, 1.0, 20.0]),
        "equal": st.sampled_from([None, 0.3, 0.996, 1.0]),
        "stirred": st.sampled_from([None, 0.5, 9.0]),
        "row_shift": st.sampled_from([0.0, 0.0, 12.0]),
        "colour_shift": st.sampled_from([None, 1.0, 24.0, 50.0]),
        "sharpness": st.sampled_from([None, 0.05, 0.22, 1.0]),
        "edges_kept": st.sampled_from([None, 0.1, 0.52, 0.95]),
        "corner_px": st.sampled_from([None, 0.0, 7.5, 20.0]),
        "features": st.sampled_from([None, 0.0, 1.0]),
        "chroma": st.sampled_from([0.0, 9.0, 30.0]),
        "changed": st.sampled_from([0.0, 0.0, 0.0, 0.9]),
    }
)
_looks = st.lists(
    st.tuples(
        st.sampled_from([100, 500, 2_000, 5_000, 30_000]),
        st.one_of(st.just(SOUND), _figures.map(lambda figures: Measures(**figures))),
        st.integers(1, 14),
    ),
    max_size=24,
)


@given(_looks, st.sampled_from(["", *NAMES]))
def test_one_fault_at_a_time_and_every_one_ended_once(looks: list[tuple[int, Measures, int]], told_before: str) -> None:
    """Never two stand together; what is raised is ended before the next, and what stands says so in the state."""
    state = picture.standing(frozenset({f"camera.{told_before}"} if told_before else ()))
    stands, at_ms = told_before, 0
    for step_ms, measures, times in looks:
        for _ in range(times):
            at_ms += step_ms
            state, findings = picture.observe(state, "c", measures, 1, moment(at_ms))
            for finding in findings:
                name = finding.kind.removeprefix("camera.")
                if finding.phase is Phase.RAISED:
                    assert stands == ""
                    assert set(finding.facts) == {"measure", "value", "limit", "reference"}
                    assert finding.because
                    stands = name
                else:
                    assert finding.phase is Phase.ENDED
                    assert stands == name
                    stands = ""
            assert state.told == stands


@given(_looks)
def test_nothing_is_judged_while_the_light_changes_but_what_no_light_looks_like(
    looks: list[tuple[int, Measures, int]],
) -> None:
    """While most of the picture changes at once, nothing begins and nothing ends but snow and jumping."""
    state, at_ms = picture.PictureState(), 0
    for step_ms, measures, times in looks:
        for _ in range(times):
            at_ms += step_ms
            state, findings = picture.observe(state, "c", measures, 1, moment(at_ms))
            if picture.suspended(state, moment(at_ms)):
                raised = {each.kind for each in findings if each.phase is Phase.RAISED}
                assert raised <= {"camera.snow", "camera.jumping"}


@given(_looks)
def test_nothing_is_told_in_less_than_its_time(looks: list[tuple[int, Measures, int]]) -> None:
    """A fault that was seen for less than three seconds is not told, whatever came before.

    A frozen picture has its own test: it becomes a fault when it has been so for its time.
    """
    state, at_ms, since = picture.PictureState(), 0, 0
    for step_ms, measures, times in looks:
        for _ in range(times):
            at_ms += step_ms
            state, findings = picture.observe(state, "c", measures, 1, moment(at_ms))
            if not state.fault:
                since = at_ms
            for finding in findings:
                waited = finding.phase is Phase.ENDED or finding.kind == "camera.frozen" or at_ms - since >= 3_000
                assert waited


@given(st.sampled_from(NAMES))
def test_what_stood_before_a_restart_ends_with_a_sound_picture(name: str) -> None:
    """Five seconds of a sound picture end what the run before had told, once, and nothing else is said."""
    state, kinds = picture.standing(frozenset({f"camera.{name}", "zone.tamper"})), list[tuple[str, Phase, int]]()
    for look in range(30):
        state, findings = picture.observe(state, "c", SOUND, 1, moment(look * 500))
        kinds += [(each.kind, each.phase, look * 500) for each in findings]
    assert kinds == [(f"camera.{name}", Phase.ENDED, 5_000)]


@given(st.integers(1, 200))
def test_without_a_picture_what_stands_stands(minutes: int) -> None:
    """A camera that goes away with a cover on its lens has not been uncovered; it is judged when it is back."""
    state = picture.blind(picture.standing(frozenset({"camera.covered"})))
    assert state.told == "covered"
    covered = Measures(luma=120, luma_std=3, edges_kept=0.1, corner_px=None, features=0.0, noise_ratio=1.0)
    state, findings = picture.observe(state, "c", covered, 1, moment(minutes * 60_000))
    assert findings == ()
    assert state.told == "covered"


def test_a_dark_room_is_told_once_and_headlights_do_not_end_it() -> None:
    """The lamp goes out, there is no infrared: one `camera.black` for the night, through cars that pass for 3 s."""
    dark = Measures(luma=2, luma_std=0.8, noise=0.6, equal=0.5, stirred=0.1, edges_kept=0.1, chroma=0.0)
    state, told = picture.PictureState(), list[tuple[str, Phase]]()
    for look in range(1_200):
        measures = SOUND if look < 20 or (look % 200 < 6 and look > 40) or look >= 1_150 else dark
        state, findings = picture.observe(state, "c", measures, 1, moment(look * 500))
        told += [(each.kind, each.phase) for each in findings]
    assert told == [("camera.black", Phase.RAISED), ("camera.black", Phase.ENDED)]


def test_a_lamp_that_flickers_for_ever_hides_no_cover() -> None:
    """Somebody makes the light flash and covers the lens: judged all the same, once it has gone on for ten seconds."""
    state, told = picture.PictureState(), list[str]()
    covered = Measures(luma=90, luma_std=9, noise=1, edges_kept=0.1, features=0.0, changed=0.9, noise_ratio=1.0)
    for look in range(60):
        state, findings = picture.observe(state, "c", covered, 1, moment(look * 500))
        told += [each.kind for each in findings]
    assert told == ["camera.covered"]


def test_a_camera_whose_live_pictures_look_frozen_is_given_more_time() -> None:
    """Told as frozen and alive again by itself: the next time it takes twice as long, and never more than 64 s."""
    state, at_ms, waits = picture.PictureState(), 0, list[float]()
    same = Measures(**{name: getattr(SOUND, name) for name in SOUND.__struct_fields__} | {"equal": 1.0, "stirred": 0.0})
    for _ in range(8):
        for _ in range(16):
            at_ms += 500
            state, _ = picture.observe(state, "c", SOUND, 1, moment(at_ms))
        began = at_ms
        for _ in range(200):
            at_ms += 500
            state, findings = picture.observe(state, "c", same, 1, moment(at_ms))
            if findings:
                waits.append((at_ms - began) / 1000)
                break
    assert waits == [4, 8, 16, 32, 64, 64, 64, 64]


def test_one_look_alone_decides_nothing() -> None:
    """Eight pairs of equal pictures in 1,393, as a live camera gave: nothing is told."""
    same = Measures(**{name: getattr(SOUND, name) for name in SOUND.__struct_fields__} | {"equal": 1.0, "stirred": 0.0})
    calm = Measures(**{name: getattr(SOUND, name) for name in SOUND.__struct_fields__} | {"stirred": 0.4})
    state = picture.PictureState()
    for look in range(1_393):
        measures = same if look % 174 == 0 else calm
        state, findings = picture.observe(state, "c", measures, 1, moment(look * 500))
        assert findings == ()


def test_the_tree_names_only_kinds_that_are_known() -> None:
    """What is told is in the catalogue of kinds, and every fault has its time."""
    from protocol.kinds import is_known

    assert all(is_known(f"camera.{name}") for name in NAMES)
    assert set(picture.LASTS) == set(NAMES) == {name for name, _ in faults.TREE}
