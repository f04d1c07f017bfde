"""An eye under test: its agent's side, a way that lets it try at once, and everything it said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.children.keeper import ChildLimits
from agent.video.watcher import LIMITS, EyeLink
from agent.video.words import EyeSettings, FromEye, Login, Look, Loss, Lost, Made, Opened
from tests.kept import real_now
from tests.waiting import eventually

T = TypeVar("T", bound=FromEye)
QUICK = msgspec.structs.replace(LIMITS, restart_s=(0.05, 0.2))


class AtOnce:
    """A way that lets an eye try until its login is refused, and then no more."""

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        self._login = Login(url=url, user=user, password=password)
        self.told: list[str] = []
        self._open = asyncio.Event()
        self._open.set()

    def standing(self) -> Loss | None:
        return None if self._open.is_set() else Loss.LOGIN_REFUSED

    async def login(self) -> Login:
        await self._open.wait()
        self.told.append("login")
        return self._login

    def accepted(self) -> None:
        self.told.append("accepted")

    def refused(self) -> None:
        self.told.append("refused")
        self._open.clear()

    def given_up(self) -> None:
        self.told.append("given up")


class Watched:
    """What one eye said."""

    def __init__(self, link: EyeLink) -> None:
        self.link = link
        self.heard: list[FromEye] = []

    def of(self, kind: type[T]) -> list[T]:
        """Its words of one kind."""
        return [each for each in self.heard if isinstance(each, kind)]

    async def says(self, kind: type[T], count: int = 1, timeout_s: float = 20.0) -> T:
        """Its word of a kind, once it said so many."""
        await eventually(lambda: len(self.of(kind)) >= count, timeout_s, f"{kind.__name__} of {self.heard[-3:]}")
        return self.of(kind)[count - 1]

    async def lost(self, timeout_s: float = 20.0) -> tuple[Loss, str]:
        """Why it lost its pictures first."""
        word = await self.says(Lost, 1, timeout_s)
        return word.cause, word.detail

    async def made(self, slot: str, timeout_s: float = 20.0) -> Made:
        """What became of a still or clip."""
        await eventually(lambda: any(each.slot == slot for each in self.of(Made)), timeout_s, f"made {slot}")
        return next(each for each in self.of(Made) if each.slot == slot)


def settings(folder: Path, **changes: object) -> EyeSettings:
    """Of an eye that does everything, without people."""
    plain = EyeSettings(
        camera="01", picture=True, people=True, ring_s=20, ring_bytes=8 << 20, references=str(folder / "references")
    )
    return msgspec.structs.replace(plain, **changes)


@asynccontextmanager
async def watched(way: AtOnce, about: EyeSettings, limits: ChildLimits = QUICK) -> AsyncIterator[Watched]:
    """An eye inside the block."""
    heard: list[FromEye] = []
    link = EyeLink(about, way, heard.append, real_now, limits=limits)
    it = Watched(link)
    it.heard = heard
    task = asyncio.ensure_future(link.run())
    try:
        yield it
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled(), task.exception()


__all__ = ["AtOnce", "Login", "Look", "Lost", "Made", "Opened", "Watched", "settings", "watched"]
