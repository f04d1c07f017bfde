"""From the measured value of a supervised loop to what its zone is: at rest, tripped, or meddled with. Pure.

The alarm side is believed at its first sample. A cut, a short or a value in no band is believed once it has lasted for
SETTLE, dated to its first sample: what a contact or an analogue input passes through while it changes over is no
tamper, and one that comes and goes is. The return to rest is believed after `debounce`, as a contact's.

Noise at an edge of a band changes nothing: a band that was entered is left only beyond its edge by a margin, and rest
is reached only that far inside. Flow: a poll -> `meaning.sample_of` -> here -> signals.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec

from agent.signals import Moment, Signal, State
from protocol.site.schema import Band, Bands

SETTLE: Final = timedelta(milliseconds=300)
"""Longer than a contact and a slow input take to change over, shorter than a hand at a wire: three polls."""

MARGIN_PART: Final = 16
"""The margin is this part of the narrower of the bands of rest and alarm. Measured with simulated noise at every edge:
with a deviation of a quarter of the margin nothing flutters, without a margin one sample in twenty would."""


class Reading(StrEnum):
    """In which band a value is; the words of the last three are the cause of a tamper."""

    NORMAL = "normal"
    ALARM = "alarm"
    SHORT = "short"
    OPEN = "open"
    BAND = "band"  # in none


class LoopMemory(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a loop between polls."""

    state: State = State.UNKNOWN
    reading: Reading | None = None
    resting_since: Moment | None = None  # first of the last samples at rest
    odd_since: Moment | None = None  # first sample of a tamper that is not believed yet
    cause: str = ""  # of a tamper


def observe(
    point: str, bands: Bands, debounce: timedelta, memory: LoopMemory, value: int, at: Moment
) -> tuple[LoopMemory, tuple[Signal, ...]]:
    """What this value changes."""
    reading = reading_of(bands, value, memory.reading)
    if reading is Reading.ALARM:
        known = LoopMemory(state=State.ACTIVE, reading=reading)
        told = memory.state is not State.ACTIVE or memory.resting_since is not None
        return known, (Signal(point=point, state=State.ACTIVE, at=at),) if told else ()
    if reading is Reading.NORMAL:
        return _resting(point, debounce, memory, at)
    return _odd(point, memory, reading, at)


def reading_of(bands: Bands, value: int, held: Reading | None) -> Reading:
    """In which band a value is, when the one before was in `held`."""
    found = next((each for each in _BANDED if _within(_band(bands, each), value)), Reading.BAND)
    if found is Reading.ALARM or held is None or found is held:
        return found
    margin = margin_of(bands)
    if found is Reading.NORMAL:
        return found if _within(bands.normal, value, -margin) else held
    if (found is Reading.BAND or held is Reading.ALARM) and _within(_band(bands, held), value, margin):
        return held
    return found


def margin_of(bands: Bands) -> int:
    """How far beyond its edge a band is left, in the register's units."""
    width = min(high - low for low, high in (bands.normal, bands.alarm))
    return max(width // MARGIN_PART, int(width >= 4))


def _resting(point: str, debounce: timedelta, memory: LoopMemory, at: Moment) -> tuple[LoopMemory, tuple[Signal, ...]]:
    since = memory.resting_since or at
    believed = at.since(since) >= debounce
    if memory.state in {State.NORMAL, State.UNKNOWN}:
        signals = (Signal(point=point, state=State.NORMAL, at=at),) if memory.state is State.UNKNOWN else ()
        odd_since = None if believed else memory.odd_since
        known = LoopMemory(
            state=State.NORMAL, reading=Reading.NORMAL, odd_since=odd_since, resting_since=since if odd_since else None
        )
        return known, signals
    if believed:
        known = LoopMemory(state=State.NORMAL, reading=Reading.NORMAL)
        return known, (Signal(point=point, state=State.NORMAL, at=since),)
    known = msgspec.structs.replace(memory, reading=Reading.NORMAL, resting_since=since)
    if memory.resting_since is not None:
        return known, ()
    return known, (Signal(point=point, state=memory.state, at=at, cause=memory.cause, settling=True),)


def _odd(point: str, memory: LoopMemory, reading: Reading, at: Moment) -> tuple[LoopMemory, tuple[Signal, ...]]:
    odd_since = memory.odd_since or at
    known = msgspec.structs.replace(memory, reading=reading, resting_since=None, odd_since=odd_since)
    if memory.state is not State.TAMPER and at.since(odd_since) >= SETTLE:
        known = LoopMemory(state=State.TAMPER, reading=reading, cause=reading.value)
        return known, (Signal(point=point, state=State.TAMPER, at=odd_since, cause=reading.value),)
    if memory.state is State.TAMPER:
        known = msgspec.structs.replace(known, odd_since=None)
    settled = memory.state in {State.ACTIVE, State.TAMPER} and memory.resting_since is not None
    return known, (Signal(point=point, state=memory.state, at=at, cause=memory.cause),) if settled else ()


_BANDED: Final = (Reading.ALARM, Reading.NORMAL, Reading.SHORT, Reading.OPEN)


def _band(bands: Bands, reading: Reading) -> Band | None:
    match reading:
        case Reading.NORMAL:
            return bands.normal
        case Reading.ALARM:
            return bands.alarm
        case Reading.SHORT:
            return bands.short
        case Reading.OPEN:
            return bands.open
    return None


def _within(band: Band | None, value: int, beyond: int = 0) -> bool:
    return band is not None and band[0] - beyond <= value <= band[1] + beyond
