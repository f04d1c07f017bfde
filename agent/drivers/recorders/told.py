"""What every make of recorder tells, in our own words, and the port that each adapter fills. Pure.

Times are aware, by the recorder's own clock; whoever judges them subtracts what that clock is off. Flow: hikvision.py,
dahua.py, profile_g.py -> here -> agent/drivers/asking/recorder.py.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from agent.drivers.about import About


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures without a gap."""

    begin: datetime
    end: datetime


class ChannelTold(msgspec.Struct, frozen=True, kw_only=True):
    """One channel. None: it does not say."""

    number: int
    name: str = ""
    recording: bool | None = None
    newest: datetime | None = None
    oldest: datetime | None = None


class DiskTold(msgspec.Struct, frozen=True, kw_only=True):
    """One disk; `state` is the recorder's own word."""

    name: str
    well: bool
    state: str = ""
    full: bool | None = None


class DisksTold(msgspec.Struct, frozen=True, kw_only=True):
    """All disks; `loops`: when they are full the oldest pictures go."""

    disks: tuple[DiskTold, ...]
    loops: bool | None = None

    @property
    def overwrites(self) -> bool | None:
        """Old pictures are going now: they are let go when room is short, and it is."""
        if self.loops is None or not self.disks:
            return None
        return self.loops and all(each.full for each in self.disks)


class Recorder(Protocol):
    """What the asker wants of a recorder. Every method raises DeviceError."""

    async def open(self) -> About:
        """Log in once and say who it is."""

    async def clock(self) -> timedelta | None:
        """How far its clock is ahead; None: it does not say."""

    async def newest(self, numbers: Sequence[int]) -> tuple[ChannelTold, ...]:
        """Whether these channels record, and their newest pictures."""

    async def oldest(self, number: int) -> datetime | None:
        """The oldest picture of a channel."""

    async def disks(self) -> DisksTold | None:
        """Its disks; None: it has no way to say."""

    async def stretches(self, number: int, begin: datetime, end: datetime) -> tuple[Stretch, ...]:
        """Where a channel has pictures between two times."""

    async def playback(self, number: int, begin: datetime, end: datetime) -> str | None:
        """The address at which it plays a stretch, without a login; None: there is none."""

    async def close(self) -> None:
        """Hang up; raises nothing."""


def joined(found: Iterable[Stretch], begin: datetime, end: datetime) -> tuple[Stretch, ...]:
    """Stretches within two times, in order, those that touch or overlap as one."""
    made: list[Stretch] = []
    for each in sorted(found, key=lambda stretch: stretch.begin):
        start, stop = max(each.begin, begin), min(each.end, end)
        if start >= stop:
            continue
        if made and start <= made[-1].end + timedelta(seconds=2):  # files meet within a second of rounding
            made[-1] = Stretch(begin=made[-1].begin, end=max(stop, made[-1].end))
        else:
            made.append(Stretch(begin=start, end=stop))
    return tuple(made)
