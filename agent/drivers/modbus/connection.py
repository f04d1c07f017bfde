"""One TCP connection to one module. With `serial_line.py` the only file that imports pymodbus.

A connection that failed is closed and never used again: a reply to a request that timed out would be taken for the
next one's. Reconnecting is the driver's affair; so are pauses.
"""

import logging
import secrets
from typing import Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import DecodePDU, ModbusPDU

from agent.cancelling import heeding
from agent.drivers.modbus.frames import Expected, Incomplete, Refused, Wrong, judge
from agent.drivers.modbus.link import DeviceError, DeviceRefusedError, coil_data, values_in
from agent.drivers.modbus.registers import FUNCTIONS, GOLDEN_BITS, GOLDEN_BYTES, Read

TIMEOUT_S: Final = 0.4
"""For connecting and for each answer. A dead module costs this long; a live one answers in milliseconds."""

_WRITE_COIL: Final = 5

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # causes are told once, by the driver


class Connection:
    """A connected module. Not to be used by two tasks at once."""

    def __init__(self, client: AsyncModbusTcpClient, unit: int) -> None:
        self._client = client
        self._unit = unit
        self._expected: Expected | None = None
        self._fault = ""

    @classmethod
    async def open(cls, host: str, port: int, unit: int) -> "Connection":
        """Connect.

        Raises:
            DeviceError: nobody answers there.
        """
        watcher: list[Connection] = []
        client = AsyncModbusTcpClient(
            host,
            port=port,
            timeout=TIMEOUT_S,
            retries=0,
            reconnect_delay=0,
            trace_packet=lambda sending, data: data if sending else watcher[0]._received(data),
        )
        connection = cls(client, unit)
        watcher.append(connection)
        try:
            with heeding():
                connected = await client.connect()
        except BaseException:
            client.close()
            raise
        if not connected:
            client.close()
            raise DeviceError("cannot be connected")
        # Transactions start anywhere: an answer to the last connection's first request does not fit this one's.
        client.ctx.next_tid = secrets.randbelow(60_000)
        return connection

    async def read(self, read: Read) -> list[int]:
        """The values of one read, lowest number first.

        Raises:
            DeviceError: no answer, or another than this read's.
        """
        client = self._client
        call = {
            1: client.read_coils,
            2: client.read_discrete_inputs,
            3: client.read_holding_registers,
            4: client.read_input_registers,
        }[FUNCTIONS[read.table]]
        self._expect(FUNCTIONS[read.table], read.answer_bytes)
        try:
            with heeding():
                answer = await call(read.start, count=read.count, device_id=self._unit)
        except (ModbusException, OSError) as error:
            raise self._failure() from error
        self._check()
        return values_in(read, answer.bits if read.table.of_bits else answer.registers)

    async def write(self, number: int, on: bool) -> None:
        """Set one coil.

        Raises:
            DeviceRefusedError: the module does not take it; the connection is sound.
            DeviceError: no answer, or another than this write's.
        """
        self._expect(_WRITE_COIL, coil_data(number, on))
        try:
            with heeding():
                await self._client.write_coil(number, on, device_id=self._unit)
        except (ModbusException, OSError) as error:
            raise self._failure() from error
        self._check()

    def close(self) -> None:
        """Let go of the connection at once."""
        self._client.close()

    def _expect(self, function: int, data: bytes | int) -> None:
        transaction = self._client.ctx.next_tid + 1
        self._expected = Expected(transaction=transaction, unit=self._unit, function=function, data=data)
        self._fault = ""

    def _received(self, data: bytes) -> bytes:
        if self._expected is None:
            self._fault = "answer without a request"
            return b""
        verdict = judge(data, self._expected)
        if isinstance(verdict, Wrong):
            self._fault = verdict.cause
            return b""  # never decoded: the request runs into its timeout, the connection is given up
        if not isinstance(verdict, Incomplete):
            self._expected = None
        if isinstance(verdict, Refused):
            self._fault = verdict.cause
        return data

    def _check(self) -> None:
        if self._fault:
            raise DeviceRefusedError(self._fault)

    def _failure(self) -> DeviceError:
        return DeviceError(self._fault or f"no answer within {TIMEOUT_S:g} s")


def golden_bits() -> tuple[bool, ...]:
    """How the library decodes GOLDEN_BYTES in an answer to a read of coils."""
    answer: ModbusPDU | None = DecodePDU(False).decode(bytes([1, len(GOLDEN_BYTES)]) + GOLDEN_BYTES)
    return tuple(bool(bit) for bit in answer.bits[: len(GOLDEN_BITS)]) if answer else ()
