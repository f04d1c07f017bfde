"""What devices say, as small frozen values: the words that drivers, detectors and outputs share.

Pure and without behaviour beyond arithmetic on time. Drivers make `Signal`s; `agent/guard.py` turns them into findings
and `OutputWrite`s; nothing here knows a device or a clock.

Points are named as on the wire: `door/outer` (open, closed), `lock/outer` (locked, unlocked), `exit/outer`,
`key/inner`, `release/vestibule` and `zone/cash-motion` (active, normal), `output/siren` (on, off),
`device/io1` (online, offline). Every one of them may be `unknown`.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

_MILLISECOND = timedelta(milliseconds=1)


class State(StrEnum):
    """What a point can be."""

    OPEN = "open"
    CLOSED = "closed"
    ACTIVE = "active"
    NORMAL = "normal"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    ON = "on"
    OFF = "off"
    ONLINE = "online"
    OFFLINE = "offline"
    TAMPER = "tamper"  # a zone: its case or its wire was meddled with; `cause` says which
    DISARMED = "disarmed"
    ARMING = "arming"  # exit delay
    ARMED_AWAY = "armed_away"
    ARMED_STAY = "armed_stay"
    ENTRY_DELAY = "entry_delay"
    ALARM = "alarm"
    TEST = "test"
    UNKNOWN = "unknown"  # not read yet, or not for longer than it stays fresh: never taken for anything else


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One instant on both clocks: wall time for people, monotonic milliseconds of the machine for waiting."""

    wall: datetime
    mono_ms: int

    def __post_init__(self) -> None:
        if self.wall.tzinfo is None:
            raise ValueError("a moment needs a wall time with a zone")

    def after(self, wait: timedelta) -> "Moment":
        """The moment `wait` later."""
        return Moment(wall=self.wall + wait, mono_ms=self.mono_ms + wait // _MILLISECOND)

    def since(self, earlier: "Moment") -> timedelta:
        """Monotonic time from `earlier` until this moment: steps of the wall clock do not count."""
        return timedelta(milliseconds=self.mono_ms - earlier.mono_ms)

    def carried(self, now: "Moment", same_boot: bool) -> "Moment":
        """This remembered moment on the monotonic clock of now: after a restart of the machine only wall time is left.

        A wall clock that went back makes the time between nothing, never negative.
        """
        if same_boot:
            return self
        return Moment(wall=self.wall, mono_ms=now.mono_ms - max(timedelta(0), now.wall - self.wall) // _MILLISECOND)


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A point became `state` at `at`. Sent on change only; all changes of one poll come together, in order."""

    point: str
    state: State
    at: Moment
    cause: str = ""
    """Why, in a word or two: the fault behind `unknown`, `pulse` for a change that only a counter saw."""
    settling: bool = False
    """The device already reads the return, but debounce has not confirmed it: `state` is still the alarm side."""
    restated: bool = False
    """Nothing happened: its device was not heard of for a while, and this is what it said last."""
    marks: tuple[str, ...] | None = None
    """What else is true of it; None: as before. A signal that changes marks alone is sent with its present state."""
    counter: int | None = None
    """The point's counter register, where it has one: kept across restarts so that a pulse while down is seen."""


class OutputWrite(msgspec.Struct, frozen=True, kw_only=True):
    """An output shall become `state` (`unlocked`, `locked`, `on`, `off`); the driver knows which bit that is."""

    point: str
    state: State


class PointView(msgspec.Struct, frozen=True, kw_only=True):
    """A point as beats and births show it: its state, since when it is so, and why it is unknown."""

    id: str
    name: str
    state: State
    since: Moment
    cause: str = ""
    marks: tuple[str, ...] = ()
