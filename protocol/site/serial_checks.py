"""Modules on serial lines (Modbus RTU): one line speaks in one way, and each unit on it answers alone. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from protocol.settings import Path, Problem
from protocol.site.modbus import IoModule, is_serial
from protocol.site.schema import Site
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said

_DEVICE: Final = re.compile(r"/dev/[A-Za-z0-9_][A-Za-z0-9_.:+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.:+-]*)*")
_SPEAKS: Final = ("baud", "parity", "stop_bits")
_UNSAID: Final = IoModule(id="-", address="")
_HIGHEST_UNIT: Final = 247
"""Modbus over serial line V1.02 section 2.2: 0 is a broadcast, which nobody answers, 248 to 255 are reserved."""


def serial_lines(site: Site) -> Iterator[Problem]:
    """Addresses, unit numbers, and how each line speaks."""
    first: dict[str, IoModule] = {}
    units: dict[tuple[str, int], str] = {}
    for index, module in enumerate(site.io):
        place: Path = ("io", index)
        if not is_serial(module.address):
            for key in _SPEAKS:
                if getattr(module, key) != getattr(_UNSAID, key):
                    text = N_('{key} is said, but address is no serial line like "/dev/ttyS0"')
                    yield (*place, key), said(text, key=key)
            continue
        if not _DEVICE.fullmatch(module.address):
            yield (*place, "address"), said('address must be a serial line like "/dev/ttyS0"')
            continue
        if not 1 <= module.unit_id <= _HIGHEST_UNIT:
            text = N_("unit_id must be from 1 to {highest} on a serial line")
            yield (*place, "unit_id"), said(text, highest=_HIGHEST_UNIT)
        elif (other := units.get((module.address, module.unit_id))) is not None:
            text = N_('unit_id is that of [[io]] "{name}" on the same line already')
            yield (*place, "unit_id"), said(text, name=other)
        units.setdefault((module.address, module.unit_id), module.id)
        begun = first.setdefault(module.address, module)
        for key in _SPEAKS:
            if getattr(module, key) != getattr(begun, key):
                text = N_('{key} must be that of [[io]] "{name}", {value}: they share one line')
                yield (*place, key), said(text, key=key, name=begun.id, value=getattr(begun, key))
