"""Properties of the rules of areas over random people, doors, silence, time and restarts."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.detectors import occupancy
from agent.detectors.occupancy import HELD, Occupancy
from agent.detectors.places import inside, share
from agent.eyes.told import AREA_KINDS, Told
from agent.findings import Finding, Phase
from agent.signals import Moment
from agent.video.words import Box, Loss, Thing
from tests.clock import START, Clock
from tests.scenes import Scene, person, site_of

RULES = """
loitering_after = "5s"
after_hours = true
partition = "cash"
restricted = true
post_empty_after = "10s"
crowd_over = 2
crowd_after = "4s"
two_people_while = "vault"
grace = "5s"
truck_while = "vault"
bay = true
"""
SITE = site_of(RULES)
SPEAKING = site_of('loitering_after = "5s"\nspeak = "leave"\nspeak_wait = "5s"')
PLACES = (0.1, 0.25, 0.4, 0.8)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("people"), st.sets(st.sampled_from(PLACES), max_size=4), st.sampled_from([0.5, 3.0, 8.0, 8.0])
        ),
        st.tuples(st.just("door"), st.sampled_from(["open", "open", "open", "closed", "unknown"])),
        st.tuples(st.just("partition"), st.sampled_from(["armed_away", "disarmed", "entry_delay"])),
        st.tuples(st.just("hours"), st.booleans()),
        st.tuples(st.just("lose"), st.sampled_from(list(Loss))),
        st.tuples(st.just("see")),
        st.tuples(st.just("truck"), st.sampled_from([0.5, 4.0, 9.0])),
        st.tuples(st.just("model"), st.sampled_from(["none", "m"])),
        st.tuples(st.just("restart")),
    ),
    min_size=8,
    max_size=40,
)
TRUCK = Box(thing=Thing.VEHICLE, score=0.8, left=0.1, top=0.3, right=0.4, bottom=0.8)


def played(scene: Scene, steps: list[tuple[object, ...]]) -> list[Finding]:
    """Let all this happen, restarts included; everything that was told."""
    findings: list[Finding] = []
    scene.door("open")
    for step in steps:
        match step:
            case "people", set() as places, float() as seconds:
                scene.after(seconds, *(person(at) for at in sorted(places)))
            case "truck", float() as seconds:
                scene.after(seconds, TRUCK)
            case "door", str() as state:
                scene.door(state)
            case "partition", str() as state:
                scene.partition(state)
            case "hours", bool() as is_open:
                scene.hours(is_open=is_open)
            case "lose", Loss() as cause:
                scene.lose(cause)
            case "see", *_:
                scene.sees = True
            case "model", str() as model:
                scene.model = model
            case "restart", *_:
                findings += scene.findings
                after = Scene(scene.site, stands(findings), scene.clock)
                after.around, after.model, after.sees = scene.around, scene.model, scene.sees
                scene = after
    return findings + scene.findings


def stands(findings: list[Finding]) -> list[Told]:
    """What was told and has not ended; fails when something ends that does not stand."""
    standing: dict[tuple[str, str], bool] = {}
    for finding in findings:
        key = (finding.kind, finding.source)
        match finding.phase:
            case Phase.RAISED:
                assert not standing.get(key), finding
                standing[key] = True
            case Phase.AGAIN | Phase.ENDED:
                assert standing.get(key), finding
                standing[key] = finding.phase is Phase.AGAIN
            case Phase.TOLD:
                pass
    return [Told(kind=kind, source=source) for (kind, source), is_so in standing.items() if is_so]


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_every_beginning_has_exactly_one_end(steps: list[tuple[object, ...]]) -> None:
    """Nothing begins twice or ends twice; an empty, closed and watched branch has no condition left."""
    scene = Scene(SITE)
    found = played(scene, [*steps, ("see",), ("model", "m"), ("door", "closed"), ("partition", "disarmed")])
    over = played(
        Scene(SITE, stands(found), scene.clock), [("hours", False), ("door", "closed"), ("people", set(), 20.0)]
    )
    assert [each for each in stands(found + over) if each.kind in AREA_KINDS] == []


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_every_finding_explains_itself(steps: list[tuple[object, ...]]) -> None:
    """Each says what it is about, with which model, and how it came about; times never run backwards."""
    for finding in played(Scene(SITE), steps):
        assert finding.source in {"area/hall", "camera/03", "door/vault"}
        if finding.kind in AREA_KINDS:
            assert "model" in finding.facts
        if finding.phase is not Phase.ENDED:
            assert finding.because, finding
        times = [row[0] for row in finding.because]
        assert all(at <= finding.at.wall.strftime("%Y-%m-%dT%H:%M:%S.999Z") for at in times)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.5, 1.0, 2.0])), max_size=30))
@example([(1, 2.0), (2, 1.0), (1, 2.0), (2, 1.0), (1, 2.0), (2, 1.0)])
@settings(max_examples=200, deadline=None)
def test_custody_is_told_exactly_when_one_is_alone_for_longer_than_the_grace(steps: list[tuple[int, float]]) -> None:
    """By a plain count of seconds: a second person counts after two seconds, and is gone after two."""
    scene = Scene(site_of('two_people_while = "vault"\ngrace = "5s"'))
    scene.door("open")
    seen: list[int] = []
    for people, seconds in steps:
        scene.after(seconds, *(person(at) for at in PLACES[:people]))
        seen += [people] * round(seconds * 2)
    alone = any(all(count == 1 for count in seen[at : at + 11]) for at in range(len(seen) - 10))
    told = [each for each in scene.findings if each.kind.startswith("custody.") and each.phase is Phase.RAISED]
    if alone:  # for more than five seconds, at every look
        assert any(each.kind != "custody.unattended" for each in told)
    for each in told:
        assert each.facts.get("alone_s", each.facts.get("empty_s")) > 5


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([500, 1000, 2000, 4000])), min_size=1, max_size=40))
@settings(max_examples=300, deadline=None)
def test_a_count_is_one_that_was_seen_for_two_seconds(looks: list[tuple[int, int]]) -> None:
    """Never more than was seen in every look of some two seconds but for single misses, never fewer than in any."""
    state, clock = Occupancy(), Clock(START)
    seen: list[tuple[int, int]] = []
    for count, wait_ms in looks:
        clock.advance(timedelta(milliseconds=wait_ms))
        at = Moment(wall=clock.now(), mono_ms=clock.mono_ms())
        before, state = state.count, occupancy.observe(state, count, at)
        seen.append((at.mono_ms, count))
        held_ms = HELD // timedelta(milliseconds=1)
        within = [number for time_ms, number in seen if at.mono_ms - time_ms <= held_ms]
        if state.count > before:
            assert max(within) >= state.count
            assert state.since is not None
            assert at.since(state.since) >= HELD
        if state.count < before:
            assert max(within) <= max(state.count, before - 1)
        if all(number == count for _, number in seen[-8:]) and len(seen) >= 8:
            assert state.count == count  # whatever was before: seen at eight looks in a row


@given(st.lists(st.sampled_from([0.5, 2.0, 4.0, 6.0]), max_size=20), st.booleans())
@settings(max_examples=100, deadline=None)
def test_nobody_is_told_before_they_were_spoken_to(stays: list[float], heard: bool) -> None:
    """Where the box speaks, an alarm comes after an announcement, and by its wait later when it was heard."""
    scene = Scene(SPEAKING)
    for at, seconds in enumerate(stays):
        scene.after(seconds, *([person()] if at % 3 else [person(), person(0.4)]))
        if not heard and scene.spoken:
            scene.mind.unspoken("hall")
    told = [each for each in scene.findings if each.phase is not Phase.ENDED]
    assert not told or scene.spoken
    for each in told:
        assert each.facts["dwell_s"] >= (10 if heard else 5)


BOXES = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 5), st.integers(1, 5)).map(
    lambda at: Box(
        thing=Thing.PERSON,
        score=1,
        left=at[0] / 10,
        top=at[1] / 10,
        right=(at[0] + at[2]) / 10,
        bottom=(at[1] + at[3]) / 10,
    )
)
SHAPES = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=3, max_size=3, unique=True).map(
    lambda corners: tuple((x / 10, y / 10) for x, y in corners)
)


@given(SHAPES, BOXES)
def test_the_share_of_a_box_is_what_a_grid_of_points_says(shape: tuple[tuple[float, float], ...], box: Box) -> None:
    """Cutting polygons and asking points agree."""
    steps = 40
    points = [
        (box.left + (box.right - box.left) * (i + 0.5) / steps, box.top + (box.bottom - box.top) * (j + 0.5) / steps)
        for i in range(steps)
        for j in range(steps)
    ]
    assert abs(share(shape, box) - sum(inside(shape, point) for point in points) / steps**2) < 0.06
