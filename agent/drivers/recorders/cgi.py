"""A Dahua recorder, asked. The shell around dahua.py; not tried on hardware.

Flow: agent/drivers/asking/recorder.py and `agent probe` -> here -> http.py.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from agent.drivers.about import About
from agent.drivers.recorders import dahua
from agent.drivers.recorders.http import Http
from agent.drivers.recorders.told import ChannelTold, DisksTold, Stretch, joined
from agent.drivers.trouble import DeviceError, Trouble

RECENT: Final = (timedelta(hours=3), timedelta(days=2), timedelta(days=31))
AHEAD: Final = timedelta(hours=1)
FARTHEST: Final = timedelta(days=1500)
FINE: Final = timedelta(hours=12)
"""The oldest picture is found by halving the time to this."""


class Dahua:
    """One recorder; `zone` is the site's, which is what its clock shows."""

    def __init__(self, host: str, port: int, user: str, password: str, zone: tzinfo) -> None:
        self._host = f"[{host}]" if ":" in host else host
        self._http = Http(host, port, user, password)
        self._zone = zone
        self._off = timedelta(0)

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def open(self) -> About:
        """Log in once and say who it is. Raises: DeviceError."""
        kind = await self._http.get(dahua.KIND)
        about = dahua.about(kind, await self._http.get(dahua.SERIAL), await self._http.get(dahua.VERSION))
        await self.clock()
        return about

    async def clock(self) -> timedelta | None:
        """How far its clock is ahead. Raises: DeviceError."""
        asked = datetime.now(UTC)
        told = dahua.clock(await self._http.get(dahua.TIME), self._zone)
        if told is None:
            return None
        self._off = told - (asked + (datetime.now(UTC) - asked) / 2)
        return self._off

    async def newest(self, numbers: Sequence[int]) -> tuple[ChannelTold, ...]:
        """The newest pictures, and which channels are set to record nothing. Raises: DeviceError."""
        modes: dict[int, bool] = {}
        with suppress(DeviceError):
            modes = dahua.modes(await self._http.get(dahua.MODES))
        found = []
        for number in numbers:
            recording = False if modes.get(number) is False else None
            found.append(ChannelTold(number=number, recording=recording, newest=await self._newest(number)))
        return tuple(found)

    async def oldest(self, number: int) -> datetime | None:
        """The oldest picture: is there any before...? by halves. Raises: DeviceError."""
        now = self._now()
        early, late = now - FARTHEST, now
        first = await self._files(number, early, late, pages=1)
        if not first:
            return None
        late = min(each.begin for each in first)
        while late - early > FINE:
            middle = early + (late - early) / 2
            found = await self._files(number, early, middle, pages=1)
            if found:
                late = min(late, *(each.begin for each in found))
            else:
                early = middle
        return late

    async def disks(self) -> DisksTold | None:
        """Its disks. Raises: DeviceError."""
        return dahua.disks(await self._http.get(dahua.STORAGE))

    async def stretches(self, number: int, begin: datetime, end: datetime) -> tuple[Stretch, ...]:
        """Where a channel has pictures. Raises: DeviceError."""
        return joined(await self._files(number, begin, end), begin, end)

    async def playback(self, number: int, begin: datetime, end: datetime) -> str | None:
        """Where it plays a stretch."""
        return dahua.playback_url(self._host, number, begin, end, self._zone)

    async def _newest(self, number: int) -> datetime | None:
        now = self._now()
        for back in RECENT:
            if found := await self._files(number, now - back, now + AHEAD):
                return max(each.end for each in found)
        return None

    async def _files(self, number: int, begin: datetime, end: datetime, pages: int = dahua.MAX_PAGES) -> list[Stretch]:
        finder = dahua.finder(await self._http.get(dahua.FINDER))
        try:
            return await self._found(finder, number, begin, end, pages)
        finally:
            with suppress(DeviceError):
                for path in dahua.end_paths(finder):
                    await self._http.get(path)

    async def _found(self, finder: str, number: int, begin: datetime, end: datetime, pages: int) -> list[Stretch]:
        try:
            await self._http.get(dahua.find_path(finder, number, begin, end, self._zone))
        except DeviceError as error:
            if error.trouble is Trouble.REFUSED:  # 400: there is nothing
                return []
            raise
        found: list[Stretch] = []
        for _ in range(pages):
            page, more = dahua.files(await self._http.get(dahua.next_path(finder)), number, self._zone)
            found += page
            if not more:
                return found
        if pages < dahua.MAX_PAGES:
            return found
        raise DeviceError(Trouble.TOO_LARGE, "search")

    def _now(self) -> datetime:
        """The recorder's own time."""
        return datetime.now(UTC) + self._off
