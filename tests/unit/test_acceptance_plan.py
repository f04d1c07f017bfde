"""What a walk test of a site consists of: every point once, in the order of its settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.acceptance import progress, sentences
from agent.acceptance.plan import Task, listed, plan_of
from agent.points import named_points
from agent.signals import State
from protocol.site.reading import read_site
from tests.branch import site_of

EYES = Path(__file__).parents[1] / "data" / "0755-031-eyes.toml"
OUTLET = Path(__file__).parents[1] / "data" / "0755-031.toml"


def test_a_whole_outlet_is_walked_in_order() -> None:
    """Doors with lock, button and key together, then releases, sirens, zones, what is not watched, and the desk."""
    plan = plan_of(site_of())
    assert [(step.point, step.task.value) for step in plan] == [
        ("device/io1", "answer"),
        ("door/outer", "open"),
        ("lock/outer", "move"),
        ("exit/outer", "press"),
        ("door/inner", "open"),
        ("lock/inner", "move"),
        ("exit/inner", "press"),
        ("key/inner", "turn"),
        ("door/vault", "open"),
        ("release/vestibule", "pull"),
        ("output/hall", "sound"),
        ("zone/cash-motion", "trip"),
        ("desk/operator", "read_out"),
    ]
    assert (plan[1].wiring, plan[1].level) == ("io1/di/0", "closed = 1")


def test_every_point_that_people_can_see_is_in_the_walk() -> None:
    """The example of an installer's site file: all of its points, and what this version does not watch says so."""
    site = read_site(OUTLET.read_text(), OUTLET.name)
    plan = plan_of(site)
    partitions = {f"partition/{each.id}" for each in site.partition}
    assert {step.point for step in plan} == (named_points(site).keys() - partitions) | {"desk/operator"}
    assert len({step.point for step in plan}) == len(plan)
    assert not any(point.why for point in listed(plan))
    by_point = {step.point: step.task for step in plan}
    assert by_point["camera/03"] is Task.COVER
    assert by_point["device/nvr1"] is Task.ANSWER
    assert by_point["area/atm-hall"] is Task.WALK_IN


def test_eyes_are_tested_by_what_they_must_see() -> None:
    """A camera that judges its picture is covered, another only shows; a fascia has something stuck on."""
    site = read_site(EYES.read_text(), EYES.name)
    tasks = {step.point: (step.task, step.wiring) for step in plan_of(site)}
    assert tasks["camera/03"] == (Task.COVER, "192.0.2.23")
    assert tasks["camera/07"] == (Task.ANSWER, "rtsp://192.0.2.20:554/Streaming/Channels/702")
    assert tasks["area/vault-room"] == (Task.WALK_IN, "camera/07")
    alone = re.sub(r'\[\[area\]\]\nid = "atm-hall".*?\n\n', "", EYES.read_text(), flags=re.DOTALL)
    fascia = read_site(alone.replace('watch = ["picture", "people"]', 'watch = ["picture"]'), EYES.name)
    assert {step.point: step.task for step in plan_of(fascia)}["area/atm-1"] is Task.STICK


GUARDED = """
id = "s"
name = "s"
unit = "u"
timezone = "Asia/Shanghai"
[[io]]
id = "io1"
address = "/dev/ttyS0"
unit_id = 7
[[buzzer]]
id = "entry"
output = "io1/do/3"
[[output]]
id = "light"
output = "io1/do/4"
[[keyswitch]]
id = "front"
input = "io1/di/5"
partitions = ["hall"]
[[panel]]
id = "p1"
protocol = "dc09"
account = "0755031"
[[zone]]
id = "panic"
type = "hold-up"
input = "p1/zone/12"
[[zone]]
id = "loop"
type = "instant"
input = "io1/ir/3"
bands = { normal = [800, 1200], alarm = [1800, 2400], short = [0, 200], open = [3500, 4095] }
[[partition]]
id = "hall"
kind = "general"
zones = ["loop", "panic"]
"""


def test_what_guards_a_site_is_walked() -> None:
    """Buzzers sound, outputs are switched, key switches turned, panels dial, their zones and loops are tripped."""
    site = site_of(GUARDED)
    plan = plan_of(site)
    assert [(step.point, step.task.value, step.wiring, step.level) for step in plan[:-1]] == [
        ("device/io1", "answer", "/dev/ttyS0 unit_id 7", ""),
        ("output/entry", "sound", "io1/do/3", ""),
        ("output/light", "switch", "io1/do/4", ""),
        ("keyswitch/front", "turn", "io1/di/5", "active = 1"),
        ("device/p1", "call", "0755031", ""),
        ("zone/panic", "trip", "p1/zone/12", ""),
        ("zone/loop", "trip", "io1/ir/3", "bands"),
    ]
    assert not any(point.why for point in listed(plan))
    assert {step.point for step in plan[:-1]} | {"partition/hall"} == set(named_points(site))


@pytest.mark.parametrize(
    ("point", "reads", "words"),
    [
        ("zone/loop", State.TAMPER, "see to the case, to the wire"),
        ("zone/loop", State.ACTIVE, "compare its bands"),
        ("zone/panic", State.ACTIVE, "the panel's own settings"),
        ("keyswitch/front", State.ACTIVE, "active = 1 in the site file must be the other value"),
    ],
)
def test_a_zone_that_is_not_at_rest_says_where_to_look(point: str, reads: State, words: str) -> None:
    """A loop has bands and a wire, a panel's zone its panel, a bit its other value; none of it counts as tripped."""
    steps = {step.point: step for step in plan_of(site_of(GUARDED))}
    move = progress.seen(steps, progress.begun(tuple(steps.values())), point, reads)
    assert words in sentences.hint(steps[point], move.progress, str)
    assert move.progress.stages[point] is progress.Stage.UNSEEN


def test_a_tamper_in_the_middle_begins_the_step_anew() -> None:
    """A wire that is cut while a zone is tripped has not come to rest."""
    steps = {step.point: step for step in plan_of(site_of(GUARDED))}
    at = progress.begun(tuple(steps.values()))
    for state in (State.NORMAL, State.ACTIVE, State.TAMPER, State.NORMAL):
        at = progress.seen(steps, at, "zone/loop", state).progress
    assert at.stages["zone/loop"] is progress.Stage.RESTING
