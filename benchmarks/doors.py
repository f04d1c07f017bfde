"""A Modbus TCP server that is the door contacts of one site: a bit a door, written by the bench, polled by a real box.

Simulated branches have two interlocked doors and people with human timing; here are as many doors as a site has, and
they move at the very moment the bench notes. Served by pymodbus, as the simulated branches are.
"""

import asyncio
import logging
import time
from typing import Final, Self, cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from benchmarks.bank import HOST

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # a box that hangs up is not worth a word

DOORS: Final = 16
INTERLOCKS: Final = DOORS // 2
READ_INPUTS: Final = 2
UNIT_ID: Final = 1
NAMES: Final = ("outer", "inner")


class Doors:
    """The contacts of one site; door 2n and 2n+1 are an interlock. A contact's bit is 1 while its door is closed."""

    def __init__(self) -> None:
        self.port = 0
        self._word = (1 << DOORS) - 1
        self._server: ModbusTcpServer | None = None

    async def __aenter__(self) -> Self:
        closed = [True] * DOORS
        device = SimDevice(
            id=UNIT_ID,
            simdata=(
                [SimData(0, values=closed, datatype=DataType.BITS)],
                [SimData(0, values=closed, datatype=DataType.BITS)],
                [SimData(0, count=1, values=0, datatype=DataType.REGISTERS)],
                [SimData(0, count=1, values=0, datatype=DataType.REGISTERS)],
            ),
            action=self._on_request,
        )
        self._server = ModbusTcpServer(device, address=(HOST, 0))
        if not await self._server.listen():
            raise OSError("the doors cannot listen on loopback")
        listening = cast(asyncio.Server, self._server.transport)
        self.port = int(listening.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0)

    def open(self, door: int) -> int:
        """The contact opens now; returns the Unix time of it in nanoseconds."""
        self._word &= ~(1 << door)
        return time.time_ns()

    def close(self, door: int) -> None:
        """The contact closes now."""
        self._word |= 1 << door

    async def _on_request(
        self,
        function: int,
        _start: int,
        _address: int,
        _count: int,
        registers: list[int],
        _values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if function == READ_INPUTS:
            registers[0] = self._word
        return None


def site_toml(site: str, keys: str, *, modbus: int, broker: int, more: str = "") -> str:
    """The site file of a box that watches these doors, or `more` instead; interlocks have a tolerance of nothing."""
    doors = (*map(_door, range(DOORS)), *map(_interlock, range(INTERLOCKS)))
    return "\n".join(
        (
            f'id = "{site}"',
            f'name = "分理处 {site}"',
            'unit = "市分行/西区支行"',
            'template = "outlet-small"',
            'timezone = "Asia/Shanghai"',
            "key_site = true",
            "",
            "[centre]",
            f'box = "{site}-a"',
            f'brokers = ["{HOST}:{broker}"]',
            f'ca = "{keys}/root.pem"',
            f'trust = "{keys}/root.pem"',
            f'certificate = "{keys}/{site}-a.pem"',
            f'key = "{keys}/{site}-a.key"',
            "",
            "[[io]]",
            'id = "io1"',
            f'address = "{HOST}:{modbus}"',
            f"unit_id = {UNIT_ID}",
            "",
            *((more,) if more else doors),
        )
    )


def interlock_name(number: int) -> str:
    """The source of what happens at interlock `number`."""
    return f"interlock/vestibule-{number}"


def _door(number: int) -> str:
    # No lock and no exit button, so that an opening is no break-in: one alarm a trial, that of the interlock.
    return f"""[[door]]
id = "{NAMES[number % 2]}-{number // 2}"
name = "通道门 {number}"
contact = "io1/di/{number}"
closed = 1
"""


def _interlock(number: int) -> str:
    doors = ", ".join(f'"{name}-{number}"' for name in NAMES)
    return f"""[[interlock]]
id = "vestibule-{number}"
doors = [{doors}]
tolerance = "0s"
"""
