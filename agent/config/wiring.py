"""From the site file to what hangs on each I/O module: points, their bits and what the bits mean. Pure."""

from datetime import timedelta

from agent.config.watched import on_camera, on_panel, outputs_of
from agent.drivers.modbus.config import InputPoint, OutputPoint, Wiring
from agent.signals import State
from protocol.site.defaults import TEMPLATES
from protocol.site.modbus import Register, parse_register
from protocol.site.schema import Site


def wirings(site: Site) -> tuple[Wiring, ...]:
    """One wiring a module, in the order of the file; a module without points is still polled for its being there."""
    inputs = _inputs(site)
    outputs = _outputs(site)
    return tuple(
        Wiring(
            module=module,
            inputs=tuple(each for each in inputs if each.register.device == module.id),
            outputs=tuple(each for each in outputs if each.register.device == module.id),
        )
        for module in site.io
    )


def _inputs(site: Site) -> list[InputPoint]:
    default = TEMPLATES[site.template].debounce
    found = []
    for door in site.door:
        found.append(
            InputPoint(
                point=f"door/{door.id}",
                register=parse_register(door.contact),
                alarm_bit=not door.closed,
                alarm=State.OPEN,
                rest=State.CLOSED,
                debounce=door.debounce,
                counter=_register(door.contact_counter),
                latch=_register(door.contact_latch),
            )
        )
        found += _button(f"exit/{door.id}", door.exit_button, door.exit_button_active, default)
        found += _button(f"key/{door.id}", door.mechanical_key, door.mechanical_key_active, default)
    for interlock in site.interlock:
        found += _button(
            f"release/{interlock.id}", interlock.emergency_release, interlock.emergency_release_active, default
        )
    for zone in site.zone:
        if on_panel(zone) or on_camera(zone):
            continue
        found.append(
            InputPoint(
                point=f"zone/{zone.id}",
                register=parse_register(zone.input),
                alarm_bit=bool(zone.active),
                alarm=State.ACTIVE,
                rest=State.NORMAL,
                debounce=zone.debounce,
                counter=_register(zone.input_counter),
                latch=_register(zone.input_latch),
                bands=zone.bands,
            )
        )
    for switch in site.keyswitch:
        found += _button(f"keyswitch/{switch.id}", switch.input, switch.active, switch.debounce)
    return found


def _outputs(site: Site) -> list[OutputPoint]:
    found = []
    for door in site.door:
        if door.lock and door.lock_energised:
            energised = State(door.lock_energised)
            released = State.LOCKED if energised is State.UNLOCKED else State.UNLOCKED
            found.append(
                OutputPoint(
                    point=f"lock/{door.id}", register=parse_register(door.lock), energised=energised, released=released
                )
            )
    found += [
        OutputPoint(
            point=f"output/{each.id}", register=parse_register(each.output), energised=State.ON, released=State.OFF
        )
        for each in outputs_of(site)
    ]
    return found


def _button(point: str, register: str | None, active: int, debounce: timedelta) -> list[InputPoint]:
    if register is None:
        return []
    return [
        InputPoint(
            point=point,
            register=parse_register(register),
            alarm_bit=bool(active),
            alarm=State.ACTIVE,
            rest=State.NORMAL,
            debounce=debounce,
        )
    ]


def _register(text: str | None) -> Register | None:
    return parse_register(text) if text else None
