"""One task a module: poll, tell changes, write outputs, and start over after every failure. All I/O is behind `Link`.

`run` ends only when cancelled, or when what it delivers to fails. Points become `unknown` when no poll succeeded for
FRESH_FOR, and are what they are again with the next good poll.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from random import SystemRandom
from typing import Final

from agent.drivers.modbus import meaning
from agent.drivers.modbus.config import Wiring
from agent.drivers.modbus.connection import golden_bits
from agent.drivers.modbus.link import DeviceError, DeviceRefusedError, Link
from agent.drivers.modbus.reaching import reach
from agent.drivers.modbus.registers import Read, golden_fault, plan, values_of
from agent.drivers.modbus.serial_line import SerialLines
from agent.signals import Moment, OutputWrite, Signal, State
from protocol.site.modbus import Register, Table

POLL_S: Final = 0.1
FRESH_FOR: Final = timedelta(seconds=1)
"""How long the last good poll speaks for now: two tries into their timeouts. One may be under way then, so points are
unknown after FRESH_FOR and at most one timeout more."""

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
"""Between tries to connect; doubled each time, less up to half by chance so that boxes do not step together."""

_LOG: Final = logging.getLogger(__name__)


class ModbusDriver:
    """Watches one module.

    `deliver` is called with all changes of one poll at once, from the driver's task; it must not block for long.
    `counters` are the counters remembered from the run before, by point; `lines` the serial lines that it shares.
    """

    def __init__(
        self,
        wiring: Wiring,
        *,
        now: Callable[[], Moment],
        deliver: Callable[[tuple[Signal, ...]], None],
        counters: Mapping[str, int],
        lines: SerialLines | None = None,
        golden: tuple[bool, ...] | None = None,
    ) -> None:
        self.device = f"device/{wiring.module.id}"
        self._module = wiring.module
        self._lines = lines or SerialLines()
        self._now = now
        self._deliver = deliver
        self._golden = golden_bits() if golden is None else golden
        self._inputs = wiring.inputs
        self._outputs = {output.point: output for output in wiring.outputs}
        self._memory = {each.point: meaning.InputMemory(counter=counters.get(each.point)) for each in wiring.inputs}
        self._output_states = dict.fromkeys(self._outputs, State.UNKNOWN)
        self._online = State.UNKNOWN
        self._plan = plan_of(wiring)
        self._pending: dict[str, State] = {}
        self._refused: set[str] = set()  # outputs whose refusal is in the log already
        self._woken = asyncio.Event()
        self._random = SystemRandom()
        self._good_at: Moment | None = None
        self._cause = ""
        self.took_ms: float | None = None
        """How long the last good poll took; None while the module does not answer."""

    def write(self, write: OutputWrite) -> None:
        """Have an output written before the next poll; the newest word for an output wins.

        Raises:
            KeyError: no output of this module.
        """
        self._pending[self._outputs[write.point].point] = write.state
        self._woken.set()

    def owns(self, point: str) -> bool:
        """Whether this is an output of this module."""
        return point in self._outputs

    async def run(self) -> None:
        """Watch until cancelled."""
        if fault := golden_fault(self._golden):
            self._lost(fault)
            return  # another door's bit must not be shown: nothing is read at all
        self._good_at = self._now()
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                connection = await reach(self._module, self._lines)
                try:
                    while True:
                        next_s = asyncio.get_running_loop().time() + POLL_S
                        await self._poll(connection)
                        pause_s = FIRST_PAUSE_S
                        await self._until(next_s)
                finally:
                    connection.close()
            except DeviceError as error:
                await self._pause(pause_s * (1 - self._random.random() / 2), str(error))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _poll(self, connection: Link) -> None:
        await self._write_pending(connection)
        begun_s = asyncio.get_running_loop().time()
        values = values_of([(read, await connection.read(read)) for read in self._plan])
        self.took_ms = 1000 * (asyncio.get_running_loop().time() - begun_s)
        at = self._good_at = self._now()
        signals: list[Signal] = []
        if self._online is not State.ONLINE:
            self._online = State.ONLINE
            signals.append(Signal(point=self.device, state=State.ONLINE, at=at))
        for point in self._inputs:
            sample = meaning.sample_of(point, values)
            self._memory[point.point], seen = meaning.observe(point, self._memory[point.point], sample, at)
            signals += seen
        for name, output in self._outputs.items():
            bit = bool(values[output.register.table, output.register.number])
            self._output_states[name], seen = meaning.observe_output(output, self._output_states[name], bit, at)
            signals += seen
        if signals:
            self._deliver(tuple(signals))

    async def _write_pending(self, connection: Link) -> None:
        while self._pending:
            name, state = next(iter(self._pending.items()))
            output = self._outputs[name]
            try:
                await connection.write(output.register.number, state is output.energised)
            except DeviceRefusedError as error:
                # Once until it is taken again; `device.output_refused` tells people.
                if name not in self._refused:
                    _LOG.warning("%s: %s is not %s: %s", self.device, name, state, error)
                self._refused.add(name)
            else:
                self._refused.discard(name)
            if self._pending.get(name) is state:  # else a newer word came meanwhile
                del self._pending[name]

    async def _until(self, loop_time_s: float) -> None:
        self._woken.clear()
        if self._pending:
            return
        try:
            async with asyncio.timeout_at(loop_time_s):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _pause(self, pause_s: float, cause: str) -> None:
        left_s = self._fresh_left_s()
        if self._online is not State.OFFLINE and left_s <= pause_s:
            await asyncio.sleep(max(0.0, left_s))
            self._lost(cause)
            pause_s -= max(0.0, left_s)
        await asyncio.sleep(pause_s)

    def _fresh_left_s(self) -> float:
        age = self._now().since(self._good_at) if self._good_at else FRESH_FOR
        return (FRESH_FOR - age).total_seconds()

    def _lost(self, cause: str) -> None:
        at = self._now()
        self.took_ms = None
        self._online = State.OFFLINE
        signals = [Signal(point=self.device, state=State.OFFLINE, at=at, cause=cause)]
        for name, memory in self._memory.items():
            self._memory[name] = meaning.InputMemory(counter=memory.counter)
            signals.append(Signal(point=name, state=State.UNKNOWN, at=at, cause=cause, counter=memory.counter))
        for name in self._outputs:
            self._output_states[name] = State.UNKNOWN
            signals.append(Signal(point=name, state=State.UNKNOWN, at=at, cause=cause))
        self._deliver(tuple(signals))


def plan_of(wiring: Wiring, *, latches: bool = True) -> tuple[Read, ...]:
    """The reads of one poll; without latches nothing on the module changes by being read."""
    wanted = [output.register for output in wiring.outputs]
    for point in wiring.inputs:
        wanted += [each for each in (point.register, point.counter, point.latch if latches else None) if each]
    # A module without points is still asked, to see that it is there.
    return plan(wanted or [Register(device=wiring.module.id, table=Table.DISCRETE_INPUTS, number=0)])
