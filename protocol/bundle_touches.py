"""What a change of a site touches that one signature cannot change (docs/trust.md 4.2). Pure.

A point is its register on its machine: moved to another address, `io1/di/4` is another input. A secret that arms,
disarms or proves a panel counts with its sealed text. Names, and waits that weaken nothing, are left out; waits that
grow are not.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from protocol.eyes_touches import weakened
from protocol.orders import people_of
from protocol.site.schema import Door, Interlock, Site

MOST_STEPS: Final = 1000
"""Versions that one signature may pass over: a single signer must not use up all numbers there are, for good."""

WORDS: Final = ("version", "roster", "pins", "partitions", "zones", "outputs", "doors", "ways_in", "eyes")
"""Everything that needs two signatures, in the order in which it is told."""

Points = Iterator[tuple[str, Any]]
Waits = Iterator[tuple[str, timedelta]]


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A site, and the sealed text of its secrets by their names."""

    site: Site
    sealed: Mapping[str, str] = field(default_factory=dict)

    def wired(self, *registers: str | None) -> tuple[Any, ...]:
        """Each register with where its machine is found."""
        return tuple(
            (each, self._machines.get(each.partition("/")[0])) if each is not None else None for each in registers
        )

    def secret(self, name: str | None) -> tuple[str | None, str | None]:
        """A secret by name and by what is sealed."""
        return name, self.sealed.get(name) if name is not None else None

    @cached_property
    def _machines(self) -> Mapping[str, tuple[Any, ...]]:
        modules = {io.id: (io.address, io.unit_id, io.baud, io.parity, io.stop_bits) for io in self.site.io}
        listen = self.site.receiver.listen if self.site.receiver else None
        panels = {
            each.id: (
                *(each.protocol, each.account, each.supervision, listen),
                self.secret(each.key.secret if each.key else None),
            )
            for each in self.site.panel
        }
        cameras = {each.id: (each.address, each.protocol) for each in self.site.camera}
        return {**cameras, **modules, **panels}


def touched(before: Guarded | None, after: Guarded) -> tuple[str, ...]:
    """Which of `partitions`, `zones`, `outputs`, `doors`, `ways_in` differ, and whether `eyes` are weakened.

    Against nothing, whichever are there.
    """
    parts: tuple[tuple[str, Callable[[Guarded], Points], Callable[[Site], Waits]], ...] = (
        ("partitions", _partitions, _delays),
        ("zones", _zones, _no_waits),
        ("outputs", _outputs, _no_waits),
        ("doors", _doors, _door_waits),
        ("ways_in", _ways_in, _no_waits),
    )
    words = [
        word
        for word, points, waits in parts
        if dict(points(after)) != (dict(points(before)) if before is not None else {})
        or (before is not None and _grown(dict(waits(before.site)), dict(waits(after.site))))
    ]
    return *words, *(["eyes"] if weakened(before.site if before is not None else None, after.site) else [])


def _partitions(of: Guarded) -> Points:
    for each in of.site.partition:
        follows = of.wired(each.follows)
        yield each.id, (each.kind, frozenset(each.zones), people_of(each), each.scheduled, each.confirm_within, follows)


def _delays(site: Site) -> Waits:
    for each in site.partition:
        yield f"exit/{each.id}", each.exit_delay
        yield f"entry/{each.id}", each.entry_delay


def _zones(of: Guarded) -> Points:
    for each in of.site.zone:
        judged = (each.type, each.active, each.debounce, each.bands, each.principle, each.swinger_after)
        registers = of.wired(each.input, each.input_counter, each.input_latch)
        yield each.id, (*judged, frozenset(each.adjacent), *registers)


def _outputs(of: Guarded) -> Points:
    """What the box switches, and what moves it: buttons, emergency releases, an interlock's doors, kinds of event."""
    site, doors = of.site, {door.id: door for door in of.site.door}
    for door in site.door:
        if door.lock is not None:
            moved_by = (door.exit_button_active, door.closed, door.lock_energised, door.release_for, door.partition)
            yield f"lock/{door.id}", (*moved_by, *of.wired(door.lock, door.exit_button, door.contact))
    for interlock in site.interlock:
        held = tuple(doors[name] for name in sorted(interlock.doors) if name in doors)
        if interlock.emergency_release is not None or any(door.lock is not None for door in held):
            yield f"interlock/{interlock.id}", _interlock(interlock, held, of)
    for siren in site.siren:
        yield f"siren/{siren.id}", (frozenset(siren.on), siren.sound_for, *of.wired(siren.output))
    for buzzer in site.buzzer:
        yield f"buzzer/{buzzer.id}", (frozenset(buzzer.partitions), *of.wired(buzzer.output))
    for output in site.output:
        yield f"output/{output.id}", of.wired(output.output)


def _interlock(interlock: Interlock, held: tuple[Door, ...], of: Guarded) -> tuple[Any, ...]:
    """A lock lets go only while the others are closed: so their contacts move it."""
    contacts = tuple((door.id, door.closed, *of.wired(door.contact)) for door in held)
    return contacts, interlock.emergency_release_active, *of.wired(interlock.emergency_release)


def _doors(of: Guarded) -> Points:
    """What tells an opening, and what excuses it: contacts, buttons, key switches, doors that bar each other."""
    for door in of.site.door:
        bits = (door.closed, door.exit_button_active, door.mechanical_key_active)
        contact = of.wired(door.contact, door.contact_counter, door.contact_latch)
        yield f"door/{door.id}", (*bits, *contact, *of.wired(door.exit_button, door.mechanical_key))
    for each in of.site.interlock:
        release = (each.emergency_release_active, *of.wired(each.emergency_release))
        yield f"interlock/{each.id}", (frozenset(each.doors), each.occupied_by, *release)


def _door_waits(site: Site) -> Waits:
    for door in site.door:
        yield f"grace/{door.id}", door.request_grace
        yield f"held/{door.id}", door.held_open_after if door.held_open_after is not None else timedelta.max
    for interlock in site.interlock:
        yield f"tolerance/{interlock.id}", interlock.tolerance


def _ways_in(of: Guarded) -> Points:
    """Who and what arms and disarms at the site itself."""
    for switch in of.site.keyswitch:
        how = (switch.active, switch.acts, switch.debounce, frozenset(switch.partitions))
        yield f"keyswitch/{switch.id}", (*how, *of.wired(switch.input))
    for code in of.site.code:
        yield (
            f"code/{code.secret.secret}",
            (code.person, frozenset(code.partitions), code.hours, of.secret(code.secret.secret)),
        )


def _no_waits(_: Site) -> Waits:
    return iter(())


def _grown(before: Mapping[str, timedelta], after: Mapping[str, timedelta]) -> bool:
    return any(wait > before[name] for name, wait in after.items() if name in before)
