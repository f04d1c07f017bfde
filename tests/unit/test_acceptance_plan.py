"""What a walk test of a site consists of: every point once, in the order of its settings."""

from __future__ import annotations

from pathlib import Path

from agent.acceptance.plan import Task, listed, plan_of
from agent.points import named_points
from protocol.site.reading import read_site
from tests.branch import site_of

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
    unwatched = {point.id for point in listed(plan) if point.why}
    assert {"camera/03", "camera/07", "device/nvr1", "area/atm-hall"} <= unwatched
    assert unwatched.isdisjoint({"device/p1", "zone/counter-1"})
    assert not any(point.startswith(("door/", "lock/", "exit/")) for point in unwatched)
    assert {step.point for step in plan if step.task is Task.NONE} == unwatched
