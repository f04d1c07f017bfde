"""One question to a module, beside the drivers: does it answer what its driver will ask, and one coil set in passing.

Each on a connection of its own that is closed at once, so that no running driver gets another's answer; on a serial
line between two questions of its drivers. Bounded in time; decides nothing. Flow: a new site bundle names a module ->
asked here -> taken or refused (`site_devices.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from agent.drivers.modbus.config import Wiring
from agent.drivers.modbus.driver import plan_of
from agent.drivers.modbus.link import DeviceError, Link
from agent.drivers.modbus.reaching import reach
from agent.drivers.modbus.serial_line import SerialLines
from protocol.site.modbus import IoModule

TRIES: Final = 3
"""A gateway that was just rebooted misses one."""

PAUSE_S: Final = 0.3
ANSWER_S: Final = 6.0
"""All tries of one module together, the look-up of a name included."""


async def silence_of(wiring: Wiring, lines: SerialLines | None = None) -> str:
    """Why the module does not answer a poll of everything that hangs on it; empty: it does.

    `lines`: the serial lines that running drivers share. Latches are left out: reading would clear a pulse that the
    running driver has not seen.
    """

    async def poll(connection: Link) -> None:
        for read in plan_of(wiring, latches=False):
            await connection.read(read)

    return await _tried(wiring.module, lines, poll)


async def set_coil(module: IoModule, number: int, lines: SerialLines | None = None, *, on: bool) -> str:
    """Write one coil; why it could not be, or nothing."""
    return await _tried(module, lines, lambda connection: connection.write(number, on))


async def _tried(module: IoModule, lines: SerialLines | None, work: Callable[[Link], Awaitable[None]]) -> str:
    cause = f"no answer within {ANSWER_S:g} s"
    try:
        async with asyncio.timeout(ANSWER_S):
            for _ in range(TRIES):
                try:
                    connection = await reach(module, lines or SerialLines())
                    try:
                        await work(connection)
                    finally:
                        connection.close()
                except DeviceError as error:
                    cause = str(error)
                    await asyncio.sleep(PAUSE_S)
                else:
                    return ""
    except TimeoutError:
        return cause
    return cause
