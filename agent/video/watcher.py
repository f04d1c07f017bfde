"""The agent's side of one eye: keeps the child, tells it when to try its camera, hears it. Knows no picture.

A camera is tried once for each login that is let through; whoever lets them through keeps the ledger of refused ones:
neither a restarted eye nor a restarted agent tries a password too often. After a loss: 2 s, doubling to 60 s.
Flow: agent/eyes/ -> `EyeLink` -> agent/children/ -> eye.py, and back by `hear`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from agent.children.keeper import ChildLimits, ChildState, Keeper
from agent.children.starting import Starter, forked
from agent.signals import Moment
from agent.video.words import (
    EyeSettings,
    FromEye,
    Login,
    Loss,
    Lost,
    Made,
    Opened,
    TakeClip,
    TakeStill,
    ToEye,
    encode,
    from_eye,
)

EYE: Final = "agent.video.eye:run"
"""By its name: importing it here would load what only children may hold."""

LIMITS: Final = ChildLimits(beat_s=12.0, memory_bytes=300 * 1024 * 1024)
"""An eye waits 8 s at most to be let in and 5 s for a packet. Of its own it holds 20 MB, its ring, and frames of 25 MB
at the largest size."""

AGAIN_S: Final = (2.0, 60.0)
STEADY_S: Final = 60.0
"""A camera that showed pictures for so long is tried with the shortest pause again."""

MAX_OWED: Final = 100
"""Stills and clips that an eye was asked for and has not answered."""

MAX_OUTCOMES: Final = 20
"""Changes of a picture's size that were not noted yet; a spoiled eye may say what it likes."""


class Way(Protocol):
    """How one camera is reached, and when."""

    def standing(self) -> Loss | None:
        """What is known to keep it from being tried now: `login_refused`, `secret`; None: nothing."""

    async def login(self) -> Login:
        """Address and login, as soon as the camera may be tried; then one of the following is called."""

    def accepted(self) -> None:
        """The camera let us in."""

    def refused(self) -> None:
        """It refused the login (401)."""

    def given_up(self) -> None:
        """Nothing is known about the login: the camera could not be reached, or is busy."""


def again_s(losses: int) -> float:
    """How long to wait after so many losses in a row."""
    shortest, longest = AGAIN_S
    return min(longest, shortest * 2.0 ** min(max(losses, 1) - 1, 30))


class EyeLink:
    """One eye."""

    def __init__(
        self,
        settings: EyeSettings,
        way: Way,
        hear: Callable[[FromEye], None],
        now: Callable[[], Moment],
        *,
        limits: ChildLimits = LIMITS,
        start: Starter | None = None,
    ) -> None:
        self._way = way
        self._tell = hear
        self._now = now
        starter = start or forked(EYE, msgspec.msgpack.encode(settings))
        self._keeper = Keeper(f"eye {settings.camera}", starter, limits, now)
        self._owed: dict[str, None] = {}
        self._alive = asyncio.Event()
        self._outcomes: asyncio.Queue[Opened | Lost] = asyncio.Queue(MAX_OUTCOMES)

    @property
    def child(self) -> ChildState:
        """How its process is."""
        return self._keeper.state

    def take(self, message: ToEye) -> bool:
        """Tell the eye. False: it cannot hear now. What it heard of a still or clip is answered by `Made`, always."""
        asked = isinstance(message, TakeStill | TakeClip)
        if not self._keeper.state.alive or (asked and len(self._owed) >= MAX_OWED):
            return False
        heard = self._keeper.send(encode(message))
        if heard and isinstance(message, TakeStill | TakeClip):
            self._owed[message.slot] = None
        return heard

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keeper.run(self._hear, self._changed))
            tasks.create_task(self._try())

    async def _try(self) -> None:
        losses = 0
        while True:
            await self._alive.wait()
            if (known := self._way.standing()) is not None:
                self._lost(known)
            login = await self._way.login()
            if not self._keeper.state.alive:
                self._way.given_up()
                continue
            began = self._now()
            if await self._once(login) is not Loss.CHILD:
                steady = self._now().since(began).total_seconds() >= STEADY_S
                losses = 1 if steady else losses + 1
                await asyncio.sleep(again_s(losses))

    async def _once(self, login: Login) -> Loss:
        """One try, until the pictures end; the way is told how it went."""
        while not self._outcomes.empty():
            self._outcomes.get_nowait()
        self._keeper.send(encode(login))
        opened = told = False
        try:
            while isinstance(outcome := await self._outcomes.get(), Opened):
                if not opened:
                    self._way.accepted()
                    opened = told = True
            if outcome.cause is Loss.LOGIN_REFUSED:
                self._way.refused()
                told = True
            return outcome.cause
        finally:
            if not told:
                self._way.given_up()

    def _hear(self, data: bytes) -> None:
        with suppress(msgspec.DecodeError):  # what a spoiled eye says besides means nothing
            message = from_eye(data)
            if isinstance(message, Opened | Lost) and not self._outcomes.full():
                self._outcomes.put_nowait(message)
            if isinstance(message, Made):
                if message.slot not in self._owed:
                    return
                del self._owed[message.slot]
            self._tell(message)

    def _changed(self, state: ChildState) -> None:
        if state.alive:
            self._alive.set()
            return
        self._alive.clear()
        lost = Lost(cause=Loss.CHILD, at_ms=self._now().mono_ms, detail=state.cause)
        if self._outcomes.full():
            self._outcomes.get_nowait()
        self._outcomes.put_nowait(lost)
        self._tell(lost)
        owed, self._owed = self._owed, {}
        for slot in owed:
            self._tell(Made(slot=slot, missing="no_eye"))

    def _lost(self, cause: Loss) -> None:
        self._tell(Lost(cause=cause, at_ms=self._now().mono_ms))
