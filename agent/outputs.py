"""Locks and sirens that are held for a while: what to write, when, and until it is so. Pure; one table.

An output that nobody started is left as it is. A lock is locked again when its time is over, or when the door that it
released was opened and is closed again. One that was started is written again if the module lost it, and its
end is written until the module reads it back. Ends are kept on both clocks, so that after a restart of the agent
output and timer go on as they were (FIELD-FAULTS row 2): nothing is triggered anew, an end already past ends at once.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.signals import Moment, OutputWrite, State

WRITE_AGAIN: Final = timedelta(seconds=1)
"""An output that does not read back as written is written again after so long."""


class Stage(StrEnum):
    """Where a pulse stands."""

    HOLDING = "holding"  # until its end
    ENDING = "ending"  # the end is written, but not read back


class Read(StrEnum):
    """What the output reads, seen from the pulse."""

    ON = "on"  # the pulse's side
    OFF = "off"
    UNKNOWN = "unknown"


class Do(StrEnum):
    """What that asks for."""

    NOTHING = "nothing"
    WRITE_ON = "write_on"
    WRITE_OFF = "write_off"
    FORGET = "forget"


TABLE: Final[Mapping[tuple[Stage, Read], Do]] = MappingProxyType(
    {
        (Stage.HOLDING, Read.ON): Do.NOTHING,
        (Stage.HOLDING, Read.OFF): Do.WRITE_ON,
        (Stage.HOLDING, Read.UNKNOWN): Do.NOTHING,  # the driver still has the first write, or it was on before
        (Stage.ENDING, Read.ON): Do.WRITE_OFF,
        (Stage.ENDING, Read.OFF): Do.FORGET,
        (Stage.ENDING, Read.UNKNOWN): Do.NOTHING,
    }
)


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """One output that is held."""

    on: State
    off: State
    until: Moment
    stage: Stage = Stage.HOLDING
    passed: bool = False  # a lock: its door was opened since this was last asked for
    written: Moment | None = None


Pulses = Mapping[str, Pulse]


def start(pulses: Pulses, point: str, on: State, off: State, until: Moment) -> Pulses:
    """Hold `point` until then; one that is held already is held longer, never shorter.

    Whoever asks again has not passed yet: a door that was opened before is no longer what ends it.
    """
    known = pulses.get(point)
    if known and known.stage is Stage.HOLDING:
        until = max(until, known.until, key=lambda end: end.mono_ms)
        return {**pulses, point: msgspec.structs.replace(known, until=until, passed=False)}
    return {**pulses, point: Pulse(on=on, off=off, until=until)}


def opened(pulses: Pulses, point: str) -> Pulses:
    """The door of this lock was opened."""
    known = pulses.get(point)
    if known is None or known.stage is not Stage.HOLDING or known.passed:
        return pulses
    return {**pulses, point: msgspec.structs.replace(known, passed=True)}


def closed(pulses: Pulses, point: str, now: Moment) -> Pulses:
    """The door of this lock is closed: a release that somebody passed through ends now, for nobody else to use."""
    known = pulses.get(point)
    if known is None or known.stage is not Stage.HOLDING or not known.passed:
        return pulses
    return {**pulses, point: msgspec.structs.replace(known, stage=Stage.ENDING, until=now, written=None)}


def stop(pulses: Pulses, point: str, now: Moment) -> Pulses:
    """End what holds this output, now; nothing where nothing does."""
    known = pulses.get(point)
    if known is None or known.stage is not Stage.HOLDING:
        return pulses
    return {**pulses, point: msgspec.structs.replace(known, stage=Stage.ENDING, until=now, written=None)}


def ended(pulses: Pulses, point: str, on: State, off: State, now: Moment) -> Pulses:
    """Have this output off, whoever switched it on."""
    known = pulses.get(point)
    if known is None:
        return {**pulses, point: Pulse(on=on, off=off, until=now, stage=Stage.ENDING)}
    return stop(pulses, point, now)


def due(pulses: Pulses, now: Moment) -> Pulses:
    """The pulses with those ending whose end has come."""
    over = {
        point: msgspec.structs.replace(pulse, stage=Stage.ENDING, written=None)
        for point, pulse in pulses.items()
        if pulse.stage is Stage.HOLDING and now.mono_ms >= pulse.until.mono_ms
    }
    return {**pulses, **over} if over else pulses


def asked(pulse: Pulse) -> State:
    """What the output shall be now."""
    return pulse.on if pulse.stage is Stage.HOLDING else pulse.off


def step(pulses: Pulses, states: Mapping[str, State], now: Moment) -> tuple[Pulses, tuple[OutputWrite, ...]]:
    """What is to be written now, given what the outputs read."""
    kept: dict[str, Pulse] = {}
    writes: list[OutputWrite] = []
    for point, known in due(pulses, now).items():
        pulse = known
        do = TABLE[pulse.stage, _read(pulse, states.get(point, State.UNKNOWN))]
        if do is Do.FORGET:
            continue
        if pulse.written is None or (do is not Do.NOTHING and now.since(pulse.written) >= WRITE_AGAIN):
            if pulse.written is not None or _read(pulse, states.get(point, State.UNKNOWN)) is not _wanted(pulse):
                writes.append(OutputWrite(point=point, state=asked(pulse)))
            pulse = msgspec.structs.replace(pulse, written=now)
        kept[point] = pulse
    return (kept if kept != pulses else pulses), tuple(writes)


def wake_at(pulses: Pulses, states: Mapping[str, State]) -> int | None:
    """When a pulse ends or is to be written again, in monotonic milliseconds."""
    ends = [pulse.until.mono_ms for pulse in pulses.values() if pulse.stage is Stage.HOLDING]
    for point, pulse in pulses.items():
        do = TABLE[pulse.stage, _read(pulse, states.get(point, State.UNKNOWN))]
        if pulse.written and do in {Do.WRITE_ON, Do.WRITE_OFF}:
            ends.append(pulse.written.after(WRITE_AGAIN).mono_ms)
    return min(ends, default=None)


def carried(pulses: Pulses, now: Moment, same_boot: bool) -> Pulses:
    """Pulses of an earlier run on the clock of this one. A pulse never gets longer, whatever the wall clock did."""
    return {point: _carried(pulse, now, same_boot) for point, pulse in pulses.items()}


def _read(pulse: Pulse, state: State) -> Read:
    return {pulse.on: Read.ON, pulse.off: Read.OFF}.get(state, Read.UNKNOWN)


def _wanted(pulse: Pulse) -> Read:
    return Read.ON if pulse.stage is Stage.HOLDING else Read.OFF


def _carried(pulse: Pulse, now: Moment, same_boot: bool) -> Pulse:
    if same_boot:
        return pulse
    written = pulse.written.carried(now, same_boot) if pulse.written else None
    left = pulse.until.wall - now.wall
    if pulse.written:
        left = min(left, pulse.until.wall - pulse.written.wall)
    return msgspec.structs.replace(pulse, until=now.after(left), written=written)
