"""What a change of a site touches that one signature cannot change: partitions, zones, outputs (WIRE 3.4). Pure.

Names and waits that weaken nothing are left out; a point's own bits and registers are not.
"""

from collections.abc import Iterator
from typing import Any

from protocol.site.schema import Site


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
    for each in site.zone:
        yield each.id, (each.type, each.input, each.active, each.debounce, each.input_counter, each.input_latch)


def _outputs(site: Site) -> Iterator[tuple[str, Any]]:
    """Locks and sirens, and what moves them: buttons, emergency releases, kinds of event."""
    for door in site.door:
        if door.lock is not None:
            moved_by = (door.exit_button, door.exit_button_active)
            yield f"door/{door.id}", (door.lock, door.lock_energised, door.release_for, *moved_by)
    for interlock in site.interlock:
        if interlock.emergency_release is not None:
            moved_by_all = (interlock.emergency_release, interlock.emergency_release_active)
            yield f"interlock/{interlock.id}", (frozenset(interlock.doors), *moved_by_all)
    for siren in site.siren:
        yield f"siren/{siren.id}", (siren.output, frozenset(siren.on), siren.sound_for)
