"""A Modbus TCP server that is a branch's I/O module. The shell around `model.py` and `wiring.py`.

The only part that reads the clock: every request first lets the branch's time pass, so nothing runs between requests.
Served by pymodbus; the box's driver and anybody's `mbpoll` see an ordinary module (Modbus Application Protocol V1.1b3).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Self, cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from simulator.actions import ActionRefusedError
from simulator.model import Branch, BusyError, advance, begin
from simulator.wiring import (
    COUNTER_WORDS,
    OPERATOR,
    OPERATOR_WORDS,
    coils_of,
    counters_of,
    inputs_of,
    ordered_script,
    with_coils,
)

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # a wrong unit is answered, not worth a traceback

UNIT_ID: Final = 1
READ_COILS, READ_INPUTS, READ_HOLDING, READ_WORDS = 1, 2, 3, 4
WRITE_COILS: Final = frozenset({5, 15})
WRITE_HOLDING: Final = frozenset({6, 16})


class BranchServer:
    """One branch on one port; use as `async with BranchServer() as branch`, then poll `branch.port`."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.host = host
        self.port = port
        self.state = Branch()
        self._monotonic_s = monotonic_s
        self._server: ModbusTcpServer | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; port 0 becomes a free one.

        Raises:
            OSError: the address is taken.
        """
        device = SimDevice(
            id=UNIT_ID,
            simdata=(
                [SimData(0, values=coils_of(self.state), datatype=DataType.BITS)],
                [SimData(0, values=inputs_of(self.state), datatype=DataType.BITS)],
                [SimData(OPERATOR, count=OPERATOR_WORDS, values=0, datatype=DataType.REGISTERS)],
                [SimData(0, count=COUNTER_WORDS, values=0, datatype=DataType.REGISTERS)],
            ),
            action=self._on_request,
        )
        self._server = ModbusTcpServer(device, address=(self.host, self.port))
        if not await self._server.listen():
            raise OSError(f"nothing can listen on {self.host}:{self.port}; is the port taken?")
        listening = cast(asyncio.Server, self._server.transport)  # what a listening transport of pymodbus is
        self.port = int(listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)  # its connections close in the next turn of the loop

    def now(self) -> Branch:
        """The branch as it is at this moment."""
        self.state = advance(self.state, self._monotonic_s())
        return self.state

    async def _on_request(
        self,
        function: int,
        _start: int,
        address: int,
        _count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by the server before each read and write; `registers` are the whole table, changed in place."""
        branch = self.now()
        if values is not None and function in WRITE_COILS:
            self.state = with_coils(branch, address, [bool(value) for value in values])
        refused: ExcCodes | None = None
        if values is not None and function in WRITE_HOLDING:
            refused = self._order([int(value) for value in values] if address == OPERATOR else [])
        self._show(function, registers)
        return refused

    def _order(self, words: list[int]) -> ExcCodes | None:
        try:
            self.state = begin(self.state, ordered_script(words), self._monotonic_s())
        except ActionRefusedError:
            return ExcCodes.ILLEGAL_VALUE
        except BusyError:
            return ExcCodes.DEVICE_BUSY
        self.now()
        return None

    def _show(self, function: int, registers: list[int]) -> None:
        state = self.state
        if function == READ_COILS or function in WRITE_COILS:
            registers[0] = _word(coils_of(state))
        elif function == READ_INPUTS:
            registers[0] = _word(inputs_of(state))
        elif function == READ_WORDS:
            registers[:COUNTER_WORDS] = counters_of(state)
        elif function == READ_HOLDING or function in WRITE_HOLDING:
            registers[2:OPERATOR_WORDS] = [state.accepted % 0x10000, int(state.outcome)]


def _word(bits: list[bool]) -> int:
    """Sixteen bits as the server keeps them: the lowest number in the lowest bit."""
    return sum(1 << number for number, bit in enumerate(bits) if bit)
