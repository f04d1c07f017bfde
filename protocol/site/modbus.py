"""Modbus I/O modules in the site file, and how a point names its bit or register. Pure; no frame is known here.

`io1/di/0` is device, table and number; numbers count from zero as in the PDU (Modbus Application Protocol V1.1b3,
section 4.4), whatever a module's manual prints.
"""

import re
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

REGISTER_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,31}/(di|do|ir|hr)/(0|[1-9][0-9]{0,4})$"
RegisterText = Annotated[
    str,
    Meta(
        pattern=REGISTER_PATTERN, description=N_('device/table/number, like "io1/di/0"; tables are di, do, ir and hr')
    ),
]
MODBUS_PORT: Final = 502
"""Where an address names no port."""

HIGHEST_NUMBER: Final = 65535
"""Modbus addresses are 16 bits."""

_REGISTER: Final = re.compile(REGISTER_PATTERN)


class Table(StrEnum):
    """The four tables of a Modbus device."""

    DISCRETE_INPUTS = "di"
    COILS = "do"
    INPUT_REGISTERS = "ir"
    HOLDING_REGISTERS = "hr"

    @property
    def of_bits(self) -> bool:
        """Whether it holds bits; the others hold 16-bit words."""
        return self in {Table.DISCRETE_INPUTS, Table.COILS}


class Register(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One bit or word of one device."""

    device: str
    table: Table
    number: int

    def __str__(self) -> str:
        return f"{self.device}/{self.table}/{self.number}"


class IoModule(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[io]]` table: a Modbus TCP module, one unit behind a gateway, or one on a serial line (`/dev/ttyS0`)."""

    id: Annotated[
        str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description=N_("made of a-z, 0-9 and -, at most 32 characters"))
    ]
    address: Annotated[str, Meta(max_length=255)]
    unit_id: Annotated[int, Meta(ge=0, le=255)] = 1
    name: Annotated[str, Meta(max_length=64)] = ""
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600  # serial lines only, as the next two
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1


def is_serial(address: str) -> bool:
    """Whether this is the device file of a serial line (RTU), and no host."""
    return address.startswith("/")


class Line(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A serial line as it must be opened; modules on one line say the same of it."""

    path: str
    baud: int = 9600
    parity: str = "none"
    stop_bits: int = 1


def line_of(module: IoModule) -> Line | None:
    """The serial line that a module is on; None: it is reached over the network."""
    if not is_serial(module.address):
        return None
    return Line(path=module.address, baud=module.baud, parity=module.parity, stop_bits=module.stop_bits)


def parse_register(text: str) -> Register:
    """The register that `text` names.

    Raises:
        ValueError: another form, or a number above HIGHEST_NUMBER.
    """
    if not _REGISTER.fullmatch(text):
        raise ValueError('must be device/table/number, like "io1/di/0"')
    device, table, number = text.split("/")
    if int(number) > HIGHEST_NUMBER:
        raise ValueError(f"numbers end at {HIGHEST_NUMBER}")
    return Register(device=device, table=Table(table), number=int(number))
