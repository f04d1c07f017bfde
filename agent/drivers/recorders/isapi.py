"""A Hikvision recorder, asked. The shell around hikvision.py; not tried on hardware.

Flow: agent/drivers/asking/recorder.py and `agent probe` -> here -> http.py.
"""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from agent.drivers.about import About
from agent.drivers.recorders import hikvision
from agent.drivers.recorders.http import Http
from agent.drivers.recorders.told import ChannelTold, DisksTold, Stretch, joined
from agent.drivers.trouble import DeviceError, Trouble

RECENT: Final = (timedelta(hours=2), timedelta(days=2), timedelta(days=31))
"""How far back the newest picture is looked for, the shortest first."""

AHEAD: Final = timedelta(hours=1)


class Hikvision:
    """One recorder; `zone` is the site's, for one that does not say its own."""

    def __init__(self, host: str, port: int, user: str, password: str, zone: tzinfo) -> None:
        self._host = f"[{host}]" if ":" in host else host
        self._http = Http(host, port, user, password)
        self._zone = zone
        self._off = timedelta(0)
        self._local_z = True

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def open(self) -> About:
        """Log in once and say who it is. Raises: DeviceError."""
        about = hikvision.about(await self._http.get(hikvision.ABOUT))
        await self.clock()
        return about

    async def clock(self) -> timedelta | None:
        """How far its clock is ahead. Raises: DeviceError."""
        asked = datetime.now(UTC)
        told = hikvision.clock(await self._http.get(hikvision.TIME), self._zone)
        if told is None:
            return None
        at, self._zone = told
        self._off = at - (asked + (datetime.now(UTC) - asked) / 2)
        return self._off

    async def newest(self, numbers: Sequence[int]) -> tuple[ChannelTold, ...]:
        """The newest pictures; a channel whose camera is away does not record. Raises: DeviceError."""
        there: dict[int, bool] = {}
        with suppress(DeviceError):  # analogue recorders have no such list
            there = hikvision.inputs(await self._http.get(hikvision.INPUTS))
        found = []
        for number in numbers:
            newest = await self._newest(number)
            recording = False if there.get(number) is False else None
            found.append(ChannelTold(number=number, recording=recording, newest=newest))
        return tuple(found)

    async def oldest(self, number: int) -> datetime | None:
        """The oldest picture: month by month back to the first day with pictures. Raises: DeviceError."""
        first: tuple[int, int, int] | None = None
        for year, month in hikvision.months_back(self._now().astimezone(self._zone)):
            days = hikvision.days(await self._http.post(hikvision.days_path(number), hikvision.days_body(year, month)))
            if not days:
                break
            first = (year, month, days[0])
        if first is None:
            return None
        begin = datetime(*first, tzinfo=self._zone)
        found = await self.stretches(number, begin, begin + timedelta(days=1))
        return found[0].begin if found else begin.astimezone(UTC)

    async def disks(self) -> DisksTold | None:
        """Its disks. Raises: DeviceError."""
        tracks = None
        with suppress(DeviceError):
            tracks = await self._http.get(hikvision.TRACKS)
        return hikvision.disks(await self._http.get(hikvision.STORAGE), tracks)

    async def stretches(self, number: int, begin: datetime, end: datetime) -> tuple[Stretch, ...]:
        """Where a channel has pictures. Raises: DeviceError."""
        return joined(
            hikvision.stretches(await self._spans(number, begin, end), self._zone, local_z=self._local_z), begin, end
        )

    async def playback(self, number: int, begin: datetime, end: datetime) -> str | None:
        """Where it plays a stretch."""
        start, stop = (hikvision.asked(at, self._zone, local_z=self._local_z) for at in (begin, end))
        return hikvision.playback_url(self._host, number, start, stop)

    async def _newest(self, number: int) -> datetime | None:
        now = self._now()
        for back in RECENT:
            spans = await self._spans(number, now - back, now + AHEAD)
            if spans:
                latest = max(end for _, end in spans)
                self._local_z = hikvision.reads_local(latest, now, self._zone)
                return max(each.end for each in hikvision.stretches(spans, self._zone, local_z=self._local_z))
        return None

    async def _spans(self, number: int, begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        start, stop = (hikvision.asked(at, self._zone, local_z=self._local_z) for at in (begin, end))
        identity = "{" + str(uuid.uuid4()).upper() + "}"
        found: list[tuple[datetime, datetime]] = []
        for _ in range(hikvision.MAX_PAGES):
            body = hikvision.search_body(number, start, stop, identity, len(found))
            spans, more = hikvision.matches(await self._http.post(hikvision.SEARCH, body))
            found += spans
            if not more:
                return found
        raise DeviceError(Trouble.TOO_LARGE, "search")

    def _now(self) -> datetime:
        """The recorder's own time."""
        return datetime.now(UTC) + self._off
