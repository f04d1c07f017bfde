"""One recorder as the asker asks it: newest pictures, disks and clock often; the oldest and the calendar seldom.

Times are told as the recorder's clock has them, put right by what that clock is off. A newest picture that looks too
old is asked for again within a minute, so that it is told soon or not at all. Raises `DeviceError` to whoever runs it
when the recorder cannot be had. Flow: asker.py -> here -> agent/drivers/recorders.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.detectors.recording import NEWEST_AGE, day_span
from agent.drivers.asking import words
from agent.drivers.asking.asker import Desk, mono_ms
from agent.drivers.asking.listening import Listening
from agent.drivers.asking.words import AskRecorder, DaysFrom, GoTo, LogIn, Playback
from agent.drivers.recorders.cgi import Dahua
from agent.drivers.recorders.isapi import Hikvision
from agent.drivers.recorders.profile_g import ProfileG
from agent.drivers.recorders.told import ChannelTold, Recorder
from agent.drivers.trouble import DeviceError, Trouble
from protocol.timestamps import format_time, parse_time

OFTEN_S: Final = 600.0
SELDOM_S: Final = 6 * 3600.0
AGAIN_S: Final = 60.0
AGAIN: Final = 2
"""docs/eyes.md 9; a suspicion is looked at again after AGAIN_S, so many times in a row."""

MAX_DAYS: Final = 16
MAX_STRETCHES: Final = 500
"""Of one day; a channel in so many pieces has holes enough."""

_PASSING: Final = frozenset({Trouble.REFUSED, Trouble.NOT_FOUND, Trouble.NOT_ALLOWED, Trouble.TOO_LARGE})
"""Troubles with one question, after which others are asked all the same."""


class RecorderWatcher:
    """One recorder."""

    def __init__(self, task: AskRecorder) -> None:
        self._task = task
        self._off = timedelta(0)
        self._busy = asyncio.Lock()  # one question at a time: recorders are slow and have few sessions

    async def watch(self, login: LogIn, desk: Desk) -> None:
        """Ask it until it cannot be had. Raises: DeviceError."""
        recorder = make(self._task, login)
        try:
            about = await recorder.open()
            desk.accepted(about)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._often(recorder, desk))
                tasks.create_task(self._seldom(recorder, desk))
                tasks.create_task(self._serve(recorder, desk))
                if isinstance(recorder, ProfileG):
                    tasks.create_task(Listening(recorder.device, desk, self._task.listener).run())
        finally:
            await recorder.close()

    async def _often(self, recorder: Recorder, desk: Desk) -> None:
        again = 0
        while True:
            await self._passing(self._clock(recorder, desk), desk)
            told: list[tuple[ChannelTold, ...]] = []
            await self._passing(self._newest(recorder, desk, told), desk)
            await self._passing(self._disks(recorder, desk), desk)
            suspect = any(self._looks_stale(each) for each in (told[0] if told else ()))
            again = again + 1 if suspect else 0
            await asyncio.sleep(AGAIN_S if 0 < again <= AGAIN else OFTEN_S)

    async def _seldom(self, recorder: Recorder, desk: Desk) -> None:
        while True:
            for channel in self._task.channels:
                await self._passing(self._oldest(recorder, desk, channel), desk)
            await asyncio.sleep(SELDOM_S)

    async def _serve(self, recorder: Recorder, desk: Desk) -> None:
        while True:
            request = await desk.requests.get()
            if isinstance(request, DaysFrom):
                await self._passing(self._days(recorder, desk, request), desk)
            elif isinstance(request, Playback):
                desk.say(await self._playback(recorder, request))
            elif isinstance(request, GoTo):
                desk.say(words.Answered(ask=request.ask, cause=Trouble.NOT_FOUND))

    async def _passing(self, asking: Coroutine[Any, Any, None], desk: Desk) -> None:
        """One question; what it does not answer is told, and only its being away ends everything."""
        try:
            async with self._busy:
                await asking
        except DeviceError as error:
            if error.trouble not in _PASSING:
                raise
            desk.say(words.Unanswered(point=desk.point, cause=error.trouble, detail=error.detail))

    async def _clock(self, recorder: Recorder, desk: Desk) -> None:
        off = await recorder.clock()
        if off is not None:
            self._off = off
            desk.say(words.ClockTold(point=desk.point, off_s=off.total_seconds(), at_ms=mono_ms()))

    async def _newest(self, recorder: Recorder, desk: Desk, told: list[tuple[ChannelTold, ...]]) -> None:
        channels = {channel.number: channel for channel in self._task.channels}
        if not channels:
            return
        told.append(await recorder.newest(tuple(channels)))
        for each in told[0]:
            desk.say(
                words.Recorded(
                    point=desk.point,
                    camera=channels[each.number].camera,
                    at_ms=mono_ms(),
                    recording=each.recording,
                    newest=self._ours(each.newest),
                )
            )

    async def _oldest(self, recorder: Recorder, desk: Desk, channel: words.Channel) -> None:
        oldest = self._ours(await recorder.oldest(channel.number))
        desk.say(words.Kept(point=desk.point, camera=channel.camera, oldest=oldest))

    async def _disks(self, recorder: Recorder, desk: Desk) -> None:
        told = await recorder.disks()
        if told is not None:
            found = tuple(
                words.Disk(name=each.name, well=each.well, state=each.state, full=each.full) for each in told.disks
            )
            desk.say(words.Disks(point=desk.point, disks=found, overwrites=told.overwrites))

    async def _days(self, recorder: Recorder, desk: Desk, request: DaysFrom) -> None:
        number = next((each.number for each in self._task.channels if each.camera == request.camera), None)
        if number is None:
            return
        told: dict[str, tuple[tuple[str, str], ...]] = {}
        for day in request.days[:MAX_DAYS]:
            try:
                begin, end = day_span(day, ZoneInfo(self._task.timezone))
            except (ValueError, KeyError):
                continue
            found = await recorder.stretches(number, begin + self._off, end + self._off)
            told[day] = tuple(
                (format_time(each.begin - self._off), format_time(each.end - self._off))
                for each in found[:MAX_STRETCHES]
            )
        desk.say(words.Days(point=desk.point, camera=request.camera, days=told))

    async def _playback(self, recorder: Recorder, request: Playback) -> words.Answered:
        try:
            begin, end = parse_time(request.begin) + self._off, parse_time(request.end) + self._off
            async with self._busy:
                url = await recorder.playback(request.channel, begin, end)
        except DeviceError as error:
            return words.Answered(ask=request.ask, cause=error.trouble)
        except ValueError:
            return words.Answered(ask=request.ask, cause=Trouble.NOT_FOUND)
        return words.Answered(ask=request.ask, url=url or "", cause="" if url else Trouble.NOT_FOUND)

    def _looks_stale(self, told: ChannelTold) -> bool:
        return told.newest is None or datetime.now(UTC) - (told.newest - self._off) > NEWEST_AGE

    def _ours(self, at: datetime | None) -> str | None:
        with suppress(OverflowError, ValueError):
            return format_time(at - self._off) if at else None
        return None


def make(task: AskRecorder, login: LogIn) -> Recorder:
    """The adapter of a recorder's make."""
    zone = ZoneInfo(task.timezone)
    makers: dict[str, Callable[[], Recorder]] = {
        "onvif": lambda: ProfileG(task.host, task.port, login.user, login.password, refused=login.refused),
        "hikvision": lambda: Hikvision(task.host, task.port, login.user, login.password, zone),
        "dahua": lambda: Dahua(task.host, task.port, login.user, login.password, zone),
    }
    return makers[task.protocol]()
