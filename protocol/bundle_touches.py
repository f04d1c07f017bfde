"""What a change of a site touches that one signature cannot change: partitions, zones, outputs (WIRE 3.4). Pure.

A point is its register on its machine: moved to another address, `io1/di/4` is another input. Names and waits that
weaken nothing are left out; a point's own bits and registers are not.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from protocol.site.schema import Door, Interlock, Site

MOST_STEPS: Final = 1000
"""Versions that one signature may pass over: a single signer must not use up all numbers there are, for good."""

Devices = Mapping[str, tuple[Any, ...]]
"""Where each module and panel is found, by its id."""


def touched(before: Site | None, after: Site) -> tuple[str, ...]:
    """Which of `partitions`, `zones`, `outputs` differ; against nothing, whichever are there."""
    parts = (("partitions", _partitions), ("zones", _zones), ("outputs", _outputs))
    return tuple(
        word for word, part in parts if dict(part(after)) != (dict(part(before)) if before is not None else {})
    )


def _partitions(site: Site) -> Iterator[tuple[str, Any]]:
    for each in site.partition:
        yield each.id, (each.kind, frozenset(each.zones))


def _zones(site: Site) -> Iterator[tuple[str, Any]]:
    devices = _devices(site)
    for each in site.zone:
        registers = (each.input, each.input_counter, each.input_latch)
        yield each.id, (each.type, each.active, each.debounce, *_wired(devices, *registers))


def _outputs(site: Site) -> Iterator[tuple[str, Any]]:
    """Locks and sirens, and what moves them: buttons, emergency releases, doors of an interlock, kinds of event."""
    devices, doors = _devices(site), {door.id: door for door in site.door}
    for door in site.door:
        if door.lock is not None:
            moved_by = (door.exit_button_active, door.closed, door.lock_energised, door.release_for)
            yield f"door/{door.id}", (*moved_by, *_wired(devices, door.lock, door.exit_button, door.contact))
    for interlock in site.interlock:
        held = tuple(doors[name] for name in sorted(interlock.doors) if name in doors)
        if interlock.emergency_release is not None or any(door.lock is not None for door in held):
            yield f"interlock/{interlock.id}", _interlock(interlock, held, devices)
    for siren in site.siren:
        yield f"siren/{siren.id}", (frozenset(siren.on), siren.sound_for, *_wired(devices, siren.output))


def _interlock(interlock: Interlock, held: tuple[Door, ...], devices: Devices) -> tuple[Any, ...]:
    """A lock lets go only while the others are closed: so their contacts move it."""
    contacts = tuple((door.id, door.closed, *_wired(devices, door.contact)) for door in held)
    return contacts, interlock.emergency_release_active, *_wired(devices, interlock.emergency_release)


def _devices(site: Site) -> Devices:
    modules = {io.id: (io.address, io.unit_id) for io in site.io}
    panels = {panel.id: (panel.protocol, panel.account, panel.key and panel.key.secret) for panel in site.panel}
    return {**modules, **panels}


def _wired(devices: Devices, *registers: str | None) -> tuple[Any, ...]:
    """Each register with where its machine is found."""
    return tuple((each, devices.get(each.partition("/")[0])) if each is not None else None for each in registers)
