"""What a change of the site means for its modules: whom to ask before it is taken, what to let go of after. Pure.

`agent/drivers/modbus/asking.py` does the asking. A module whose place did not change is not asked, nor one that was
silent before: a change may be what mends it (docs/trust.md 4.2 rule 6).
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from agent.config.wiring import wirings
from agent.drivers.modbus.config import Wiring
from agent.outputs import Pulse
from agent.signals import PointView, State
from protocol.site.addresses import parse_address
from protocol.site.modbus import MODBUS_PORT, IoModule, line_of
from protocol.site.schema import Site

_DEVICE: Final = "device/"


class Coil(msgspec.Struct, frozen=True, kw_only=True):
    """An output as a module has it, and what it must be there when nobody moves it any more."""

    point: str
    module: IoModule
    number: int
    on: bool


def to_ask(before: Site, after: Site, silent: Iterable[str]) -> tuple[Wiring, ...]:
    """The modules that must answer: new, or at another address or unit than before, unless they were silent there."""
    known = {module.id: _place(module) for module in before.io}
    left_out = set(silent)
    return tuple(
        wiring
        for wiring in wirings(after)
        if known.get(wiring.module.id) != _place(wiring.module)
        and not (wiring.module.id in known and wiring.module.id in left_out)
    )


def silent_of(points: Iterable[PointView]) -> frozenset[str]:
    """Ids of the devices that do not answer now, or did not yet."""
    return frozenset(
        view.id.removeprefix(_DEVICE)
        for view in points
        if view.id.startswith(_DEVICE) and view.state is not State.ONLINE
    )


def to_let_go(before: Site, after: Site, pulses: Mapping[str, Pulse]) -> tuple[Coil, ...]:
    """Outputs that are held for a while where the new site no longer has them: nobody else would end that.

    One that is where it was goes on, with its timer (FIELD-FAULTS row 2).
    """
    kept = {(coil.point, _place(coil.module), coil.number) for coil in _coils(after, pulses)}
    return tuple(coil for coil in _coils(before, pulses) if (coil.point, _place(coil.module), coil.number) not in kept)


def _coils(site: Site, pulses: Mapping[str, Pulse]) -> list[Coil]:
    return [
        Coil(
            point=output.point,
            module=wiring.module,
            number=output.register.number,
            on=pulses[output.point].off is output.energised,
        )
        for wiring in wirings(site)
        for output in wiring.outputs
        if output.point in pulses
    ]


def _place(module: IoModule) -> tuple[object, ...]:
    line = line_of(module)
    return (line or parse_address(module.address, MODBUS_PORT)), module.unit_id
