"""Every register that a site file names, with its owner and what it is for. Pure; checks and wiring read it."""

from collections.abc import Iterator
from typing import Final

import msgspec

from protocol.settings import Path
from protocol.site.modbus import Table
from protocol.site.schema import Site

INPUT: Final = (Table.DISCRETE_INPUTS,)
OUTPUT: Final = (Table.COILS,)
ZONE: Final = (Table.DISCRETE_INPUTS, Table.INPUT_REGISTERS, Table.HOLDING_REGISTERS)
COUNTER: Final = (Table.INPUT_REGISTERS, Table.HOLDING_REGISTERS)
LATCH: Final = (Table.DISCRETE_INPUTS, Table.INPUT_REGISTERS, Table.HOLDING_REGISTERS)

_KEYS: Final = (
    ("door", "contact", INPUT),
    ("door", "contact_counter", COUNTER),
    ("door", "contact_latch", LATCH),
    ("door", "lock", OUTPUT),
    ("door", "exit_button", INPUT),
    ("door", "mechanical_key", INPUT),
    ("interlock", "emergency_release", INPUT),
    ("siren", "output", OUTPUT),
    ("buzzer", "output", OUTPUT),
    ("output", "output", OUTPUT),
    ("keyswitch", "input", INPUT),
    ("zone", "input", ZONE),
    ("zone", "input_counter", COUNTER),
    ("zone", "input_latch", LATCH),
)


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One place of the file that names a register."""

    path: Path
    owner: str  # [[door]] outer
    key: str
    text: str
    tables: tuple[Table, ...]

    @property
    def output(self) -> bool:
        """Whether it drives something."""
        return self.tables == OUTPUT


def uses_of(site: Site) -> Iterator[Use]:
    """All of them, section by section."""
    for section, key, tables in _KEYS:
        for index, item in enumerate(getattr(site, section)):
            if text := getattr(item, key):
                owner = f"[[{section}]] {item.id}"
                yield Use(path=(section, index, key), owner=owner, key=key, text=text, tables=tables)
