"""How long a listener for events stands, and when and how to keep it. Pure; times are monotonic milliseconds.

A device says by its own clock when a lease ends; what counts is the time between its two times. Lengths are asked for
in seconds, never in minutes, which some read as seconds. Nobody says goodbye. Flow: asking/listening.py -> here.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

LEASE_S: Final = 60
"""Short: what a killed listener leaves occupied is free again so soon."""

PULL_S: Final = 15
"""So long one question waits for an event; a lease is renewed between two."""

SHORTEST_S: Final = 1.0
ANEW_S: Final = (2.0, 120.0)
"""Pause before listening anew: the first, and the longest after doubling."""


class Way(StrEnum):
    """How a lease is kept."""

    LENGTH = "length"  # PT60S
    TIME = "time"  # until a time of the device's own clock
    ANEW = "anew"  # it renews nothing properly: a new listener when this one ends


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One listener's time."""

    ends_ms: int
    renew_ms: int
    way: Way = Way.LENGTH


def granted_s(current: datetime | None, termination: datetime | None) -> float:
    """What a device grants, by its own two times; what was asked where it says nothing that can be."""
    if current is None or termination is None:
        return float(LEASE_S)
    seconds = (termination - current).total_seconds()
    return seconds if seconds > 0 else SHORTEST_S


def begun(current: datetime | None, termination: datetime | None, now_ms: int, way: Way = Way.LENGTH) -> Lease:
    """A new listener. One that is over sooner than a pull takes is renewed at once."""
    return _lease(granted_s(current, termination), now_ms, way)


def renewed(lease: Lease, current: datetime | None, termination: datetime | None, now_ms: int) -> Lease:
    """After a renewal; the quirk of a wrong unit shows as far less than was asked for."""
    granted = granted_s(current, termination)
    if granted >= LEASE_S / 2 or lease.way is Way.ANEW:
        return _lease(granted, now_ms, lease.way)
    following = Way.TIME if lease.way is Way.LENGTH else Way.ANEW
    # What stands of the time before may be cut to this: renew again at once, the other way.
    ends_ms = now_ms + int(1000 * granted)
    return Lease(ends_ms=ends_ms, renew_ms=now_ms if following is Way.TIME else ends_ms, way=following)


def due(lease: Lease, now_ms: int) -> bool:
    """Whether it is to be renewed before the next pull."""
    return lease.way is not Way.ANEW and now_ms >= lease.renew_ms


def over(lease: Lease, now_ms: int) -> bool:
    """Whether a new listener is needed."""
    return now_ms >= lease.ends_ms


def asked_until(way: Way, device_time: datetime) -> str:
    """What a renewal asks for; `device_time` is the time by the device's clock."""
    if way is Way.TIME:
        return f"{(device_time + timedelta(seconds=LEASE_S)).astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
    return f"PT{LEASE_S}S"


def pause_s(failures: int) -> float:
    """How long to wait before listening anew after so many failures in a row."""
    shortest, longest = ANEW_S
    return min(longest, shortest * 2.0 ** min(max(failures - 1, 0), 10))


def _lease(granted: float, now_ms: int, way: Way) -> Lease:
    granted = max(SHORTEST_S, min(granted, 24 * 3600.0))
    half = min(granted, float(LEASE_S)) / 2
    return Lease(ends_ms=now_ms + int(1000 * granted), renew_ms=now_ms + int(1000 * half), way=way)
