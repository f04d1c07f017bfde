"""A recorder by ONVIF Profile G, asked: channel N is the N-th source that it has recordings of.

ONVIF has no word for a disk's state but an event (`StorageFailure`). Flow: agent/drivers/asking/recorder.py and
`agent probe` -> here -> agent/drivers/onvif/device.py.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agent.drivers.about import About
from agent.drivers.onvif.device import OnvifDevice
from agent.drivers.onvif.recordings import Source, sources
from agent.drivers.recorders.told import ChannelTold, DisksTold, Stretch, joined
from agent.drivers.trouble import DeviceError, Trouble


class ProfileG:
    """One recorder."""

    def __init__(self, host: str, port: int, user: str, password: str, *, refused: int = 0) -> None:
        self.device = OnvifDevice(host, port, user, password, refused=refused)
        self._sources: tuple[Source, ...] = ()

    async def close(self) -> None:
        """Hang up."""
        await self.device.close()

    async def open(self) -> About:
        """Log in once and say who it is. Raises: DeviceError."""
        return await self.device.open()

    async def clock(self) -> timedelta | None:
        """How far its clock is ahead. Raises: DeviceError."""
        return await self.device.clock(login=True)

    async def newest(self, numbers: Sequence[int]) -> tuple[ChannelTold, ...]:
        """What it has of each channel. Raises: DeviceError."""
        self._sources = sources(await self.device.recordings())
        return tuple(self._told(number) for number in numbers)

    async def oldest(self, number: int) -> datetime | None:
        """The oldest picture of a channel. Raises: DeviceError."""
        if not self._sources:
            self._sources = sources(await self.device.recordings())
        return self._told(number).oldest

    async def disks(self) -> DisksTold | None:
        """ONVIF does not say."""
        return None

    async def stretches(self, number: int, begin: datetime, end: datetime) -> tuple[Stretch, ...]:
        """Where a channel has pictures. Raises: DeviceError."""
        source = self._source(number)
        found: list[Stretch] = []
        for recording in source.recordings if source else ():
            if recording.oldest and recording.newest and (recording.newest <= begin or recording.oldest >= end):
                continue
            segments = await self.device.segments(recording.token, begin, end)
            if segments is not None:
                found += [Stretch(begin=each.begin, end=each.end) for each in segments]
            elif len(source.recordings if source else ()) > 1 and recording.oldest and recording.newest:
                found.append(Stretch(begin=recording.oldest, end=recording.newest))  # each stretch is a recording
            else:
                raise DeviceError(Trouble.REFUSED, "no history")
        return joined(found, begin, end)

    async def playback(self, number: int, begin: datetime, end: datetime) -> str | None:
        """Where it plays; the stretch is asked for when playing begins (Range: clock=). Raises: DeviceError."""
        source = self._source(number)
        for recording in source.recordings if source else ():
            if recording.oldest is None or recording.newest is None or recording.oldest <= begin < recording.newest:
                return await self.device.replay(recording.token)
        return None

    def names(self) -> tuple[str, ...]:
        """What its channels are called, in their order."""
        return tuple(each.name or each.source for each in self._sources)

    def _source(self, number: int) -> Source | None:
        return self._sources[number - 1] if 1 <= number <= len(self._sources) else None

    def _told(self, number: int) -> ChannelTold:
        source = self._source(number)
        if source is None:
            return ChannelTold(number=number, recording=False)
        return ChannelTold(
            number=number,
            name=source.name,
            recording=source.recording,
            newest=source.newest,
            oldest=source.oldest,
        )
