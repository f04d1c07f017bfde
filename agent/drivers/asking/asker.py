"""The asker at work: one task a device, each alone with its troubles; what the agent says goes to the task it is for.

The shell around camera.py and recorder.py. It tries a login only with a `LogIn` in its hand. Flow: __main__.py -> here.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import msgspec

from agent.drivers.about import About
from agent.drivers.asking import words
from agent.drivers.asking.words import Anew, AskCamera, AskRecorder, DaysFrom, FromAsker, GoTo, LogIn, Playback, ToAsker
from agent.drivers.trouble import DeviceError, Trouble

PAUSES_S: Final = (2.0, 60.0)
"""Between tries to reach a device: the first, and the longest after doubling."""

MAX_WAITING: Final = 16
"""Requests that wait for one device; more are refused."""

Request = GoTo | Playback | DaysFrom | Anew
Say = Callable[[FromAsker], None]


class Watcher(Protocol):
    """What asks one kind of device."""

    async def watch(self, login: LogIn, desk: "Desk") -> None:
        """Open it and ask until it cannot be had. Raises: DeviceError."""


class Desk:
    """What a watcher is given: it says, and is asked."""

    def __init__(self, point: str, say: Say) -> None:
        self.point = point
        self.say = say
        self.requests: asyncio.Queue[Request] = asyncio.Queue(MAX_WAITING)
        self.logins: asyncio.Queue[LogIn] = asyncio.Queue(1)
        self.opened = False

    def accepted(self, about: About) -> None:
        """The login was taken, and this is who it says it is."""
        self.opened = True
        self.say(words.Outcome(point=self.point, result="accepted"))
        self.say(words.Reached(point=self.point, **msgspec.structs.asdict(about)))


class Asker:
    """Every device that the agent wants asked."""

    def __init__(self, say: Say, make: Callable[[AskCamera | AskRecorder], Watcher]) -> None:
        self._say = say
        self._make = make
        self._desks: dict[str, Desk] = {}

    async def run(self, said: "asyncio.Queue[ToAsker]") -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                message = await said.get()
                if isinstance(message, (AskCamera, AskRecorder)):
                    if message.point not in self._desks:
                        desk = self._desks[message.point] = Desk(message.point, self._say)
                        tasks.create_task(_keep_asking(desk, self._make(message)), name=message.point)
                elif isinstance(message, LogIn):
                    _hand_over(self._desks.get(message.point), message)
                else:
                    _request(self._desks.get(message.point), message, self._say)


async def _keep_asking(desk: Desk, watcher: Watcher) -> None:
    pause_s = PAUSES_S[0]
    while True:
        desk.opened = False
        desk.say(words.Wants(point=desk.point))
        login = await desk.logins.get()
        try:
            await _alone(watcher.watch(login, desk))
        except DeviceError as error:
            refused = error.trouble is Trouble.LOGIN_REFUSED  # also of one that was taken before: it was changed there
            if refused or not desk.opened:
                desk.say(words.Outcome(point=desk.point, result="refused" if refused else "given_up"))
            desk.say(words.Away(point=desk.point, cause=error.trouble, detail=error.detail))
        _answer_all(desk)
        pause_s = PAUSES_S[0] if desk.opened else min(2 * pause_s, PAUSES_S[1])
        await asyncio.sleep(pause_s)


async def _alone(watching: Coroutine[Any, Any, None]) -> None:
    """Of several troubles at once, the first."""
    try:
        await watching
    except BaseExceptionGroup as group:
        error: BaseException = group
        if group.split(DeviceError)[1] is not None:
            raise
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


def _hand_over(desk: Desk | None, login: LogIn) -> None:
    if desk is None:
        return
    while not desk.logins.empty():  # a newer login stands for an older one
        desk.logins.get_nowait()
    desk.logins.put_nowait(login)


def _request(desk: Desk | None, request: Request, say: Say) -> None:
    if desk is not None and desk.opened and not desk.requests.full():
        desk.requests.put_nowait(request)
    elif isinstance(request, (GoTo, Playback)):
        say(words.Answered(ask=request.ask, cause=Trouble.UNREACHABLE if desk else Trouble.NOT_FOUND))


def _answer_all(desk: Desk) -> None:
    while not desk.requests.empty():
        request = desk.requests.get_nowait()
        if isinstance(request, (GoTo, Playback)):
            desk.say(words.Answered(ask=request.ask, cause=Trouble.UNREACHABLE))


def mono_ms() -> int:
    """The machine's monotonic clock, as the agent reads it."""
    return time.monotonic_ns() // 1_000_000
