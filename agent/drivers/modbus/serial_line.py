"""Modbus RTU: serial lines, and the modules on each, asked in turn. With `connection.py` the only importer of pymodbus.

One request at a time goes out on a line, whoever asks; a module that does not answer costs the others one wait. After
each failure the line is listened to until it is quiet, and what arrives is thrown away.

RTU answers bear no number. So a module that owed an answer, to us or to whoever had the line before, is first asked
something that no poll asks: a read of another size, and if it is silent to that, the next time one of another table.
Answers come in order; behind that one none can be an earlier poll's (FIELD-FAULTS row 9). A refusal is an answer too.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU
from pymodbus.pdu import ModbusPDU

from agent.cancelling import heeding
from agent.drivers.modbus.link import DeviceError, DeviceRefusedError, coil_data, values_in
from agent.drivers.modbus.registers import FUNCTIONS, Read, read_of_another_size
from agent.drivers.modbus.rtu_frames import CRC_BYTES, Asked, complaint, find
from protocol.site.modbus import Line

THINKS_S: Final = 0.3
"""How long a module may take until its answer begins; its time on the line comes on top."""

QUIET_S: Final = 0.05
"""A line that carried nothing for so long carries nothing late: longer than a pause within a frame ever is."""

LISTEN_S: Final = 1.0
"""So long at most is waited for quiet: a line that never is has a fault of its own."""

REOPEN_AFTER: Final = 8
"""Failures in a row after which the line is opened anew: a USB adapter that hangs is mended by that alone."""

_REQUEST_BYTES: Final = 8
_BITS_A_BYTE: Final = 11  # start, eight of data, parity or a second stop, stop
_GAP_BYTES: Final = 3.5  # between frames (MODBUS over Serial Line V1.02, 2.5.1.1)
_SHORTEST_GAP_S: Final = 0.003
_PARITY: Final = {"none": "N", "even": "E", "odd": "O"}
_WRITE_COIL: Final = 5

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # causes are told once, by the driver

Ask = Callable[[AsyncModbusSerialClient], Awaitable[ModbusPDU]]


class SerialLines:
    """The lines of one agent by their device files: whoever asks on one shares it with whoever else does."""

    def __init__(self) -> None:
        self._lines: dict[str, SerialLine] = {}

    def at(self, path: str) -> "SerialLine":
        """The line at this device file."""
        return self._lines.setdefault(path, SerialLine(path))


class SerialLine:
    """One line. Opened when it is first asked on, closed when nobody is connected any more."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = asyncio.Lock()
        self._client: AsyncModbusSerialClient | None = None
        self._speaks: Line | None = None
        self._users = 0
        self._owed = True  # an answer may still come
        self._failures = 0
        self._sure: set[int] = set()  # units that owe no answer
        self._silent: set[int] = set()  # units that were silent to the first marker, and not to the second
        self._sizes: dict[int, set[tuple[int, int]]] = {}  # of each unit's reads: function and bytes
        self._asked: Asked | None = None
        self._received = b""
        self._heard_at = 0.0
        self._refused = ""

    def connect(self, line: Line, unit: int) -> "SerialLink":
        """A module on it; nothing is sent by that."""
        self._users += 1
        return SerialLink(self, line, unit)

    def leave(self) -> None:
        """Somebody is no longer connected."""
        self._users -= 1
        if not self._users and not self._lock.locked():
            self._close()

    async def read(self, line: Line, read: Read, unit: int) -> ModbusPDU:
        """The answer to a read.

        Raises:
            DeviceError: the line cannot be opened, or no answer came.
        """
        asked = asked_of(read, unit)
        sizes = self._sizes.setdefault(unit, set())
        sizes.add((asked.function, read.answer_bytes))
        marker = read_of_another_size(read, {size for function, size in sizes if function == asked.function})
        if unit in self._silent:
            known = {function for function, _ in sizes}
            strange = [table for table, function in FUNCTIONS.items() if function not in known]
            marker = Read(table=strange[0], start=0, count=1) if strange else marker
        return await self.exchange(line, asked, _reading(read, unit), marker)

    async def exchange(self, line: Line, asked: Asked, ask: Ask, marker: Read | None) -> ModbusPDU:
        """One request and its answer, when it is this one's turn.

        `marker`: a read that the module's polls do not have, to tell late answers by; None for a write, whose answer
        no poll's can be.

        Raises:
            DeviceRefusedError: the module answered with an exception.
            DeviceError: the line cannot be opened, or no answer came.
        """
        async with self._turn(line) as client:
            if marker is not None and asked.unit not in self._sure:
                await self._settle(client, line, asked.unit, marker)
            return await self._request(client, line, asked, ask)

    @asynccontextmanager
    async def _turn(self, line: Line) -> AsyncIterator[AsyncModbusSerialClient]:
        async with self._lock:
            try:
                client = await self._opened(line)
                if self._owed:
                    await self._listen()
                yield client
            finally:
                if not self._users or self._failures >= REOPEN_AFTER:
                    self._close()

    async def _opened(self, line: Line) -> AsyncModbusSerialClient:
        if self._client and (self._speaks != line or not self._client.connected):
            self._close()
        if self._client is None:
            client = AsyncModbusSerialClient(
                self._path,
                baudrate=line.baud,
                parity=_PARITY[line.parity],
                stopbits=line.stop_bits,
                timeout=THINKS_S,
                retries=0,
                reconnect_delay=0,
                trace_packet=lambda sending, data: data if sending else self._take(data),
            )
            try:
                with heeding():
                    connected = await client.connect()
            except BaseException:
                asyncio.get_running_loop().call_soon(client.close)  # not before the library's own call to set it up
                raise
            if not connected:
                client.close()
                raise DeviceError("serial line cannot be opened")
            self._client, self._speaks, self._owed = client, line, True
            self._heard_at = asyncio.get_running_loop().time()
        return self._client

    def _close(self) -> None:
        if self._client:
            self._client.close()
        self._client, self._failures = None, 0
        self._sure.clear()

    async def _listen(self) -> None:
        """Until the line is quiet."""
        loop = asyncio.get_running_loop()
        self._asked = None
        self._heard_at = until_s = loop.time()
        until_s += LISTEN_S
        while (left_s := self._heard_at + QUIET_S - loop.time()) > 0:
            if loop.time() > until_s:
                raise DeviceError("serial line is never quiet")
            await asyncio.sleep(left_s)
        self._owed = False

    async def _settle(self, client: AsyncModbusSerialClient, line: Line, unit: int, marker: Read) -> None:
        """Have the module answer something that no poll asks."""
        try:
            await self._request(client, line, asked_of(marker, unit), _reading(marker, unit))
        except DeviceRefusedError:
            pass  # an answer all the same
        except DeviceError:
            self._silent ^= {unit}  # the other question the next time
            raise
        self._sure.add(unit)

    async def _request(self, client: AsyncModbusSerialClient, line: Line, asked: Asked, ask: Ask) -> ModbusPDU:
        byte_s = _BITS_A_BYTE / line.baud
        loop = asyncio.get_running_loop()
        gap_s = self._heard_at + max(_SHORTEST_GAP_S, _GAP_BYTES * byte_s) - loop.time()
        if gap_s > 0:
            await asyncio.sleep(gap_s)
        answer_s = THINKS_S + byte_s * (_REQUEST_BYTES + asked.answer_bytes)
        client.ctx.comm_params.timeout_connect = answer_s
        self._asked, self._received, self._refused, self._owed = asked, b"", "", True
        sure = asked.unit in self._sure
        self._sure.discard(asked.unit)
        try:
            with heeding():
                answer = await ask(client)
        except (ModbusException, OSError) as error:
            self._failures += 1
            cause = complaint(self._received, asked, crc_fits)
            raise DeviceError(cause or f"no answer within {answer_s:.1g} s") from error
        finally:
            self._asked = None
        self._failures, self._owed = 0, False
        if sure:
            self._sure.add(asked.unit)
        if self._refused:
            raise DeviceRefusedError(self._refused)
        return answer

    def _take(self, data: bytes) -> bytes:
        """What pymodbus gets to see of what was received since the request: the whole answer, or nothing."""
        self._heard_at = asyncio.get_running_loop().time()
        if self._asked is None:
            return b""
        self._received = data
        found = find(data, self._asked, crc_fits)
        if found is None:
            return b""
        self._asked, self._refused = None, found.refused
        return data[found.start : found.end]


class SerialLink:
    """One module on a line."""

    def __init__(self, line: SerialLine, speaks: Line, unit: int) -> None:
        self._line = line
        self._left = False
        self._speaks = speaks
        self._unit = unit

    async def read(self, read: Read) -> list[int]:
        """The values of one read, lowest number first.

        Raises:
            DeviceError: no answer, or another than this read's.
        """
        answer = await self._line.read(self._speaks, read, self._unit)
        return values_in(read, answer.bits if read.table.of_bits else answer.registers)

    async def write(self, number: int, on: bool) -> None:
        """Set one coil.

        Raises:
            DeviceRefusedError: the module does not take it; the connection is sound.
            DeviceError: no answer, or another than this write's.
        """
        asked = Asked(unit=self._unit, function=_WRITE_COIL, data=coil_data(number, on))
        await self._line.exchange(
            self._speaks, asked, lambda client: client.write_coil(number, on, device_id=self._unit), None
        )

    def close(self) -> None:
        """Leave the line; a request under way ends first."""
        if not self._left:
            self._line.leave()
        self._left = True


def asked_of(read: Read, unit: int) -> Asked:
    """What a read must be answered with."""
    return Asked(unit=unit, function=FUNCTIONS[read.table], data=read.answer_bytes)


def crc_fits(frame: bytes) -> bool:
    """Whether the last two bytes are the check sum of those before."""
    return FramerRTU.check_CRC(frame[:-CRC_BYTES], int.from_bytes(frame[-CRC_BYTES:], "big"))


def _reading(read: Read, unit: int) -> Ask:
    def ask(client: AsyncModbusSerialClient) -> Awaitable[ModbusPDU]:
        call = {
            1: client.read_coils,
            2: client.read_discrete_inputs,
            3: client.read_holding_registers,
            4: client.read_input_registers,
        }[FUNCTIONS[read.table]]
        return call(read.start, count=read.count, device_id=unit)

    return ask
