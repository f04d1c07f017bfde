"""A kept child for tests: what it said and how it fared, and its end with the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import monotonic_ns

from agent.children.keeper import ChildLimits, ChildState, Keeper
from agent.children.starting import Starter
from agent.signals import Moment
from tests.waiting import eventually

QUICK = ChildLimits(beat_s=1.5, memory_every_s=0.1, restart_s=(0.05, 0.4))


def real_now() -> Moment:
    """The machine's own clocks."""
    return Moment(wall=datetime.now(UTC), mono_ms=monotonic_ns() // 1_000_000)


class Kept:
    """What a keeper heard."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.heard: list[bytes] = []
        self.states: list[ChildState] = []

    def pids(self) -> list[int]:
        """Of every life so far, in order."""
        return [int(each.split()[1]) for each in self.heard if each.startswith(b"pid ")]

    async def alive(self, lives: int = 1) -> int:
        """Wait until it began so often and beats; gives the newest pid."""
        await eventually(lambda: len(self.pids()) >= lives and self.keeper.state.alive, 20)
        return self.pids()[-1]


@asynccontextmanager
async def kept(start: Starter, limits: ChildLimits = QUICK) -> AsyncIterator[Kept]:
    """Keep a child inside the block."""
    keeper = Keeper("child", start, limits, real_now)
    it = Kept(keeper)
    task = asyncio.ensure_future(keeper.run(it.heard.append, it.states.append))
    try:
        yield it
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled(), task.exception()
