"""What a walk test of a site consists of: one step a point, in the order of the settings. Pure.

A step says what the person there does and where the point is wired; how far it got is `progress.py`.
Flow: site file -> here -> the running agent shows it (agent/local) -> terminal and page walk it.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from agent.config.watched import on_camera, on_panel
from protocol.acceptance import DESK, NOT_WATCHED, ListedPoint
from protocol.site.modbus import is_serial
from protocol.site.schema import Buzzer, Door, Siren, Site, Zone

BANDS: Final = "bands"
"""The `level` of a supervised loop."""


class Task(StrEnum):
    """What is done at a point."""

    ANSWER = "answer"  # a module, a recorder, a camera that only shows: the box sees it by itself
    CALL = "call"  # a panel: it dials the box
    OPEN = "open"  # a door: opened and closed
    PRESS = "press"  # an exit button: pressed and let go
    TURN = "turn"  # a key switch: turned and turned back
    PULL = "pull"  # an emergency release: pulled and put back
    TRIP = "trip"  # a zone: tripped and left at rest
    SOUND = "sound"  # a siren or buzzer: the box sounds it, the installer hears it
    SWITCH = "switch"  # another output: the box switches it on for a moment, the installer sees it
    MOVE = "move"  # a lock: the box releases it, the installer sees it move
    COVER = "cover"  # a camera: its lens is covered and uncovered
    WALK_IN = "walk_in"  # an area: somebody walks in and out
    STICK = "stick"  # a fascia: something is stuck on and taken off
    READ_OUT = "read_out"  # the way to the operator's screen: a number comes back by telephone
    NONE = "none"  # not watched: stays untested


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One point of the walk."""

    point: str
    task: Task
    name: str = ""
    wiring: str = ""
    """Where it is wired, as the site file writes it: `io1/di/0`."""
    level: str = ""
    """The bit that means rest on that wiring, as the site file says: `closed = 1`; empty where it is no bit."""


Plan = tuple[Step, ...]


def plan_of(site: Site) -> Plan:
    """The walk of a site."""
    return tuple(_steps(site))


def listed(plan: Plan) -> tuple[ListedPoint, ...]:
    """The points of a walk as `test.started` lists them."""
    return tuple(
        ListedPoint(id=step.point, name=step.name, why=NOT_WATCHED if step.task is Task.NONE else "") for step in plan
    )


def _steps(site: Site) -> Iterator[Step]:
    for module in site.io:
        unit = f" unit_id {module.unit_id}" if is_serial(module.address) else ""
        wiring = f"{module.address}{unit}"  # modules on one line differ by their unit only
        yield Step(point=f"device/{module.id}", task=Task.ANSWER, name=module.name, wiring=wiring)
    for door in site.door:
        yield from _door(door)
    for interlock in site.interlock:
        if interlock.emergency_release:
            yield Step(
                point=f"release/{interlock.id}",
                task=Task.PULL,
                name=interlock.name,
                wiring=interlock.emergency_release,
                level=f"emergency_release_active = {interlock.emergency_release_active}",
            )
    sounders: tuple[Siren | Buzzer, ...] = (*site.siren, *site.buzzer)
    for sounder in sounders:
        yield Step(point=f"output/{sounder.id}", task=Task.SOUND, name=sounder.name, wiring=sounder.output)
    for output in site.output:
        yield Step(point=f"output/{output.id}", task=Task.SWITCH, name=output.name, wiring=output.output)
    for switch in site.keyswitch:
        level = f"active = {switch.active}"
        point = f"keyswitch/{switch.id}"
        yield Step(point=point, task=Task.TURN, name=switch.name, wiring=switch.input, level=level)
    for panel in site.panel:
        yield Step(point=f"device/{panel.id}", task=Task.CALL, name=panel.name, wiring=panel.account)
    for zone in site.zone:
        yield Step(point=f"zone/{zone.id}", task=Task.TRIP, name=zone.name, wiring=zone.input, level=_zone_level(zone))
    for recorder in site.recorder:
        yield Step(point=f"device/{recorder.id}", task=Task.ANSWER, name=recorder.name, wiring=recorder.address)
    watch = {camera.id: camera.watch for camera in site.camera}
    for camera in site.camera:
        task = Task.COVER if "picture" in camera.watch else Task.ANSWER
        yield Step(point=f"camera/{camera.id}", task=task, name=camera.name, wiring=camera.address)
    for area in site.area:
        task = Task.WALK_IN if "people" in watch.get(area.camera, ()) else Task.STICK
        yield Step(point=f"area/{area.id}", task=task, name=area.name, wiring=f"camera/{area.camera}")
    yield Step(point=DESK, task=Task.READ_OUT)


def _zone_level(zone: Zone) -> str:
    if on_panel(zone) or on_camera(zone):
        return ""
    return f"active = {zone.active}" if zone.bands is None else BANDS


def _door(door: Door) -> Iterator[Step]:
    name = door.name
    yield Step(point=f"door/{door.id}", task=Task.OPEN, name=name, wiring=door.contact, level=f"closed = {door.closed}")
    if door.lock:
        level = f'lock_energised = "{door.lock_energised}"'
        yield Step(point=f"lock/{door.id}", task=Task.MOVE, name=name, wiring=door.lock, level=level)
    if door.exit_button:
        level = f"exit_button_active = {door.exit_button_active}"
        yield Step(point=f"exit/{door.id}", task=Task.PRESS, name=name, wiring=door.exit_button, level=level)
    if door.mechanical_key:
        level = f"mechanical_key_active = {door.mechanical_key_active}"
        yield Step(point=f"key/{door.id}", task=Task.TURN, name=name, wiring=door.mechanical_key, level=level)
