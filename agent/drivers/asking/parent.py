"""The agent's side of the asker: whom to ask, logins when they may be tried, what was said turned into our own words.

Knows no camera's protocol and loads none of its libraries. Flow: app.py -> here <-> the child `agent.drivers.asking`;
signals and findings go to the watch, stream addresses to the eyes.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from agent.children.keeper import ChildLimits, ChildState, Keeper
from agent.children.starting import program
from agent.config.asked import tasks_of
from agent.drivers.asking import words
from agent.drivers.asking.words import Answered, AskCamera, AskRecorder, Listener, LogIn, Outcome, Stream, Wants
from agent.drivers.trouble import Trouble
from agent.logins import Logins
from agent.signals import Moment
from protocol.site.schema import Site

LOG: Final = logging.getLogger("branchwatch.asking")

LIMITS: Final = ChildLimits(memory_bytes=300 * 1024 * 1024)
"""Libraries and their tables take 90 MB; each device a few hundred kB."""

ANSWER_S: Final = 30.0
"""So long somebody's request may take."""


@dataclass
class Hearing:
    """Who is told what; the shells of eyes and watch."""

    stream: Callable[[Stream], None] = lambda _stream: None
    heard: Callable[[words.FromAsker], None] = lambda _message: None
    child: Callable[[ChildState], None] = lambda _state: None


@dataclass
class _Open:
    asks: dict[int, "asyncio.Future[Answered]"] = field(default_factory=dict)
    count: int = 0


class Asker:
    """Every camera and recorder of one site that is asked."""

    def __init__(self, site: Site, logins: Logins, now: Callable[[], Moment], hearing: Hearing) -> None:
        self._tasks: dict[str, AskCamera | AskRecorder] = {task.point: task for task in tasks_of(site)}
        self._logins = logins
        self._hearing = hearing
        self._keeper = Keeper("asker", program("agent.drivers.asking"), LIMITS, now)
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._open = _Open()
        self._listeners: dict[str, Listener] = {}
        self.streams: dict[str, Stream] = {}
        """The latest address of each camera's stream, by its point."""

    async def run(self) -> None:
        """Have them asked until cancelled."""
        if not self._tasks:
            return
        try:
            await self._keeper.run(self._hear, self._changed)
        finally:
            for task in self._waiting.values():
                task.cancel()
            await asyncio.gather(*self._waiting.values(), return_exceptions=True)

    def ask(self, message: words.ToAsker) -> bool:
        """Hand something on to the asker; False: it cannot hear now."""
        return self._keeper.send(words.encode(message))

    async def preset(self, camera: str, preset: str) -> str:
        """Move a camera; gives the word of what went wrong, empty when it moved."""
        return (await self._ask(lambda ask: words.GoTo(ask=ask, point=f"camera/{camera}", preset=preset))).cause

    async def playback(self, recorder: str, channel: int, begin: str, end: str) -> Answered:
        """The address at which a recorder plays a stretch of a channel, or the word of what went wrong."""
        return await self._ask(
            lambda ask: words.Playback(ask=ask, point=f"device/{recorder}", channel=channel, begin=begin, end=end)
        )

    async def _ask(self, make: Callable[[int], words.ToAsker]) -> Answered:
        self._open.count += 1
        ask = self._open.count
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._open.asks[ask] = answer
        try:
            if not self._keeper.send(words.encode(make(ask))):
                return Answered(ask=ask, cause=Trouble.UNREACHABLE)
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return Answered(ask=ask, cause=Trouble.SILENT)
        finally:
            del self._open.asks[ask]

    def _changed(self, state: ChildState) -> None:
        if state.alive:
            for point, task in self._tasks.items():
                listener = self._listeners.get(point, Listener())
                self._keeper.send(words.encode(msgspec.structs.replace(task, listener=listener)))
        else:
            for point, waiting in self._waiting.items():
                waiting.cancel()
                self._logins.given_up(point)
            self._waiting.clear()
            for answer in self._open.asks.values():
                if not answer.done():
                    answer.set_result(Answered(ask=0, cause=Trouble.UNREACHABLE))
        self._hearing.child(state)

    def _hear(self, data: bytes) -> None:
        try:
            message = words.from_asker(data)
        except msgspec.DecodeError:
            LOG.warning("the asker said something that cannot be read")
            return
        match message:
            case Wants():
                self._wait(message.point)
            case Outcome(result="accepted"):
                self._logins.accepted(message.point)
            case Outcome(result="refused"):
                self._logins.refused(message.point)
            case Outcome():
                self._logins.given_up(message.point)
            case Answered():
                answer = self._open.asks.get(message.ask)
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case words.Listening():
                self._listeners[message.point] = message.listener
            case Stream():
                self.streams[message.point] = message
                self._hearing.stream(message)
        self._hearing.heard(message)

    def _wait(self, point: str) -> None:
        """Give the child a login as soon as there is one to try."""
        if point in self._tasks and point not in self._waiting:
            waiting = self._waiting[point] = asyncio.create_task(self._give(point), name=f"login {point}")
            waiting.add_done_callback(lambda done: self._waited(point, done))

    def _waited(self, point: str, task: "asyncio.Task[None]") -> None:
        if self._waiting.get(point) is task:
            del self._waiting[point]

    async def _give(self, point: str) -> None:
        login = await self._logins.ready(point)
        self._keeper.send(
            words.encode(
                LogIn(point=point, user=login.user, password=login.password, refused=self._logins.times_refused(point))
            )
        )
