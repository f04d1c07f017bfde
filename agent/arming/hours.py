"""Opening hours: who is late, who is early, and when the box arms by itself. Pure.

`guard.py` calls `observe` at every step with what each partition is and the day's plan (`calendar.py`), and arms what
`wanted` names; it stores the state with its events and carries it over a restart with `carried`. The schedule goes by
wall time, waiting by monotonic time: past moments are reckoned back from now, so that a step of the clock neither arms
twice on one day, nor skips a day, nor arms without the whole warning.

    state, findings, wanted = observe(state, sight, now)      # each step; at the latest when `wake_at` (mono ms) has come
    marks(state, "general")                                   # of `late`, `warned`: what the partition shows beside its state
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from agent.arming.calendar import DayPlan, Days
from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.timestamps import format_time

LATE: Final = "partition.late_to_close"
SOON: Final = "partition.arming_soon"
EARLY: Final = "partition.early_to_open"
NOT_OPENED: Final = "partition.failed_to_open"
CALENDAR_UNKNOWN: Final = "calendar.unknown"
CALENDAR: Final = "box/calendar"

RETRY: Final = timedelta(minutes=5)
"""Arming by itself that failed is tried again after so long."""

LOOK_EVERY: Final = timedelta(minutes=1)
"""A step of the wall clock is noticed after so long at the latest."""

MAX_DONE: Final = 4
"""Days that are remembered as done: a clock that is set to and fro finds them."""

OPENING_KINDS: Final = frozenset({"general", "cash"})
"""Kinds of partition that staff open every working day; vaults and ATM rooms are opened when there is work."""


class Standing(StrEnum):
    """What a partition is, as far as hours care."""

    ARMED = "armed"  # away, stay, entry delay, alarm while armed
    ARMING = "arming"  # exit delay
    DISARMED = "disarmed"
    UNKNOWN = "unknown"


class PartitionSight(msgspec.Struct, frozen=True, kw_only=True):
    """One partition now."""

    id: str
    kind: str
    standing: Standing
    since: Moment
    """Since when it stands so."""
    way: str = ""  # by which way it came there
    scheduled: bool = True


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is judged at once."""

    partitions: tuple[PartitionSight, ...]
    days: Days
    """`Timetable.days(now.wall)`."""


class PartitionHours(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one partition."""

    armed: bool | None = None  # as seen last; None: never seen
    unarmed_since: Moment | None = None  # not armed since then, without a break
    late: bool = False
    unopened: bool = False
    closing: tuple[date, ...] = ()  # days whose `arm_by` was judged
    opening: tuple[date, ...] = ()  # days whose `open_by` was judged
    arming: tuple[date, ...] = ()  # days whose `auto_arm` is over
    warned: Moment | None = None
    tried: Moment | None = None


class HoursState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations and across restarts."""

    partitions: Mapping[str, PartitionHours] = {}
    unknown_year: int = 0  # the year that `calendar.unknown` was raised for; 0: it is not


def observe(
    state: HoursState, sight: Sight, now: Moment
) -> tuple[HoursState, tuple[Finding, ...], frozenset[str]]:
    """What this look, or the passing of time, changes; `wanted`: partitions that shall be armed now."""
    return state, (), frozenset()


def wake_at(state: HoursState, sight: Sight, now: Moment) -> int | None:
    """Monotonic milliseconds at which to look again at the latest; None: the site has no hours."""
    return None


def marks(state: HoursState, partition: str) -> tuple[str, ...]:
    """`late`, `warned`: what is shown beside the partition's state."""
    return ()


def orphans(state: HoursState, known: frozenset[str], now: Moment) -> tuple[Finding, ...]:
    """Conditions of partitions that a new site file no longer has, or no longer schedules: they end."""
    return ()


def carried(state: HoursState, now: Moment, same_boot: bool) -> HoursState:
    """The state of an earlier run on the monotonic clock of this one."""
    return state
