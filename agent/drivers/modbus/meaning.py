"""From bits and counters to what points are: polarity, debounce, pulses. Pure; one step a poll.

Measured values of supervised loops are judged by `loops.py`.

The alarm side is believed at its first sample. The return is believed once it has held for `debounce`, and is then
dated to its first sample; until then the point is still on its alarm side, `settling`.
"""

from collections.abc import Mapping

import msgspec

from agent.drivers.modbus import loops
from agent.drivers.modbus.config import InputPoint, OutputPoint
from agent.signals import Moment, Signal, State
from protocol.site.modbus import Register, Table

COUNTER_RANGE = 1 << 16
"""Counter registers are 16 bits and wrap."""

HONEST_STEP = 1000
"""A counter that seems to have gone further between two polls was reset instead."""

PULSE = "pulse"


class InputMemory(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of an input between polls."""

    state: State = State.UNKNOWN
    resting_since: Moment | None = None  # first sample of a return that is not believed yet
    counter: int | None = None
    loop: loops.LoopMemory = loops.LoopMemory()


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One poll's reading of one input."""

    bit: bool
    value: int = 0
    counter: int | None = None
    latched: bool = False


def observe(
    point: InputPoint, memory: InputMemory, sample: Sample, at: Moment
) -> tuple[InputMemory, tuple[Signal, ...]]:
    """What this reading changes."""
    if point.bands is not None:
        loop, signals = loops.observe(point.point, point.bands, point.debounce, memory.loop, sample.value, at)
        return msgspec.structs.replace(memory, loop=loop), signals
    resting = sample.bit != point.alarm_bit
    state, since, settling = memory.state, memory.resting_since, False
    states: list[tuple[State, Moment, bool, str]] = []
    if not resting:
        if state is not point.alarm or since is not None:
            states.append((point.alarm, at, False, ""))
        state, since = point.alarm, None
    elif state is point.alarm:
        since = since or at
        if at.since(since) >= point.debounce:
            states.append((point.rest, since, False, ""))
            state, since = point.rest, None
        elif memory.resting_since is None:
            settling = True
            states.append((point.alarm, at, True, ""))
    else:
        if _pulsed(memory, sample):
            states += [(point.alarm, at, False, PULSE), (point.rest, at, False, PULSE)]
        elif state is not point.rest:
            states.append((point.rest, at, False, ""))
        state = point.rest
    if not states and sample.counter != memory.counter:
        settling = since is not None
        states.append((state, at, settling, "counter"))
    signals = tuple(
        Signal(point=point.point, state=each, at=when, cause=cause, settling=unsure, counter=sample.counter)
        for each, when, unsure, cause in states
    )
    return InputMemory(state=state, resting_since=since, counter=sample.counter), signals


def observe_output(point: OutputPoint, known: State, bit: bool, at: Moment) -> tuple[State, tuple[Signal, ...]]:
    """What reading an output's coil back changes."""
    state = point.energised if bit else point.released
    return state, () if state is known else (Signal(point=point.point, state=state, at=at),)


def sample_of(point: InputPoint, values: Mapping[tuple[Table, int], int]) -> Sample:
    """This input's part of a poll."""
    latch = _value(point.latch, values)
    value = values[point.register.table, point.register.number]
    return Sample(
        bit=bool(value),
        value=value,
        counter=_value(point.counter, values),
        latched=bool(latch),
    )


def _value(register: Register | None, values: Mapping[tuple[Table, int], int]) -> int | None:
    return None if register is None else values[register.table, register.number]


def _pulsed(memory: InputMemory, sample: Sample) -> bool:
    if sample.latched:
        return True
    if sample.counter is None or memory.counter is None or sample.counter == memory.counter:
        return False
    step = (sample.counter - memory.counter) % COUNTER_RANGE
    return step <= HONEST_STEP or sample.counter > 0  # after a reset, what was counted since then
