"""An asker as a real child process, with what it said, for tests against devices on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import psutil

from agent.drivers.asking import words
from agent.drivers.asking.parent import Asker, Hearing
from agent.drivers.asking.words import FromAsker
from agent.logins import Logins
from agent.timekeeper import system_now
from protocol.site.schema import Camera, Recorder, SecretName
from tests.logins import logins_of, site_of

T = TypeVar("T")
LOGIN = SecretName(secret="devices")


@dataclass
class Asked:
    """A running asker."""

    asker: Asker
    logins: Logins
    said: list[FromAsker] = field(default_factory=list)

    def all(self, kind: type[T]) -> list[T]:
        """Everything of one kind that it said."""
        return [each for each in self.said if isinstance(each, kind)]

    def inputs(self) -> list[tuple[int, bool | None]]:
        """What it said of digital inputs."""
        return [(each.number, each.active) for each in self.all(words.Noticed) if each.what == "input"]


def camera(address: str, **more: object) -> Camera:
    """Camera 03 there."""
    return Camera(id="03", address=address, login=LOGIN, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def asking(
    *, cameras: tuple[Camera, ...] = (), recorders: tuple[Recorder, ...] = (), login: str = "guard:a word"
) -> AsyncIterator[Asked]:
    """An asker of these devices, all with the same login; ended with the test."""
    site = site_of(cameras=cameras, recorders=recorders)
    logins = logins_of(site, {"devices": login}, system_now)
    said: list[FromAsker] = []
    asker = Asker(site, logins, system_now, Hearing(heard=said.append))
    running = asyncio.create_task(asker.run())
    try:
        yield Asked(asker, logins, said)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def kill_the_child() -> None:
    """End the asker's process as a crash would; it is the only child of this test."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # one of another test that just ends
            if "agent.drivers.asking" in child.cmdline():
                child.kill()
