"""What of cameras, areas and pictures no single person may weaken (docs/trust.md 4.2). Pure.

More eyes, more rules and shorter waits take one signature; fewer, longer, or another camera at the same name take two.
A camera's password is left out: a wrong one is told by the camera itself.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from protocol.site.schema import Area, Camera, Site

Kept = Iterator[tuple[str, frozenset[Any]]]
Waits = Iterator[tuple[str, timedelta]]


def weakened(before: Site | None, after: Site) -> bool:
    """Whether anything is watched less than before; against nothing, whether anything is watched at all."""
    if before is None:
        return bool(after.camera or after.area or after.recorder)
    if _fewer(dict(_kept(before)), dict(_kept(after))) or _longer(dict(_waits(before)), dict(_waits(after))):
        return True
    hidden = {camera.id: frozenset(camera.mask) for camera in before.camera}
    return any(frozenset(camera.mask) - hidden.get(camera.id, frozenset(camera.mask)) for camera in after.camera)


def _fewer(before: Mapping[str, frozenset[Any]], after: Mapping[str, frozenset[Any]]) -> bool:
    return any(not things <= after.get(name, frozenset()) for name, things in before.items())


def _longer(before: Mapping[str, timedelta], after: Mapping[str, timedelta]) -> bool:
    return any(wait < after.get(name, timedelta.max) for name, wait in before.items())


def _kept(site: Site) -> Kept:
    """What must go on being there, each under its name."""
    for camera in site.camera:
        yield f"camera/{camera.id}", _of_camera(camera)
    for area in site.area:
        yield f"area/{area.id}", frozenset({("where", area.camera, area.polygon), *_rules(area)})
    for recorder in site.recorder:
        yield f"recorder/{recorder.id}", frozenset({("where", recorder.address, recorder.protocol)})


def _of_camera(camera: Camera) -> frozenset[Any]:
    where = ("where", camera.address, camera.protocol, camera.stream, camera.recorder)
    quiet = ("records", camera.records_on_alarm)
    told = {("events",)} if camera.events else set()
    return frozenset({where, quiet, *told, *camera.watch, *(("shows", each) for each in camera.shows)})


def _rules(area: Area) -> Iterator[tuple[Any, ...]]:
    """The rules of an area, with what they hang on; how long they wait stands among the waits."""
    yield from [("loitering_after",)] if area.loitering_after is not None else []
    yield from [("after_hours", area.partition)] if area.after_hours else []
    yield from [("restricted",)] if area.restricted else []
    yield from [("post_empty_after",)] if area.post_empty_after is not None else []
    yield from [("crowd_over",)] if area.crowd_over is not None else []
    yield from [("two_people_while", area.two_people_while)] if area.two_people_while is not None else []
    yield from [("tailgating_at", area.tailgating_at)] if area.tailgating_at is not None else []
    yield from [("fascia",)] if area.fascia else []
    yield from [("bay",)] if area.bay else []
    yield from [("truck_while", area.truck_while)] if area.truck_while is not None else []


def _waits(site: Site) -> Waits:
    """What must not grow: how long something is waited for, and what is not kept."""
    for area in site.area:
        if area.loitering_after is not None:
            yield f"loitering/{area.id}", area.loitering_after
            yield f"speak/{area.id}", area.speak_wait if area.speak is not None else timedelta(0)
        if area.post_empty_after is not None:
            yield f"post/{area.id}", area.post_empty_after
        if area.crowd_over is not None:
            yield f"crowd/{area.id}", area.crowd_after
            yield f"crowd-over/{area.id}", timedelta(seconds=area.crowd_over)
        if area.two_people_while is not None or area.truck_while is not None:
            yield f"grace/{area.id}", area.grace
    for recorder in site.recorder:
        yield f"keep/{recorder.id}", -recorder.keep
    for name in ("keep", "keep_routine", "before", "after"):
        yield f"evidence/{name}", -getattr(site.evidence, name)
    yield "evidence/disk", timedelta(seconds=-site.evidence.disk_gb)
