"""What hangs on one Modbus I/O module: each point, its bit or register, and what the bit means. Pure.

The module and the register as a site file writes them are `protocol/site/modbus.py`.
"""

from datetime import timedelta

import msgspec

from agent.signals import State
from protocol.site.modbus import IoModule, Register
from protocol.site.schema import Bands


class InputPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A contact: which bit it is and what the bit means."""

    point: str
    register: Register
    alarm_bit: bool  # the value of the bit on the alarm side
    alarm: State  # open, active: acted on at the first sample
    rest: State  # closed, normal: believed after `debounce`
    debounce: timedelta
    counter: Register | None = None  # counts edges: any step is a pulse, however short
    latch: Register | None = None  # not zero once there was a pulse, cleared by the module when read
    bands: Bands | None = None  # of a supervised loop: `register` holds a measured value, `alarm_bit` says nothing


class OutputPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A lock or siren: which coil it is and what the coil means."""

    point: str
    register: Register
    energised: State  # unlocked, locked or on
    released: State


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a site that hangs on one module."""

    module: IoModule
    inputs: tuple[InputPoint, ...] = ()
    outputs: tuple[OutputPoint, ...] = ()
