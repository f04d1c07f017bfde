"""A box's folder of pictures and its uploader, with a clock that a test moves on."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agent.clocks import Reading
from agent.evidence.describing import Description, SentWord
from agent.evidence.folder import Shelf
from agent.evidence.uploading import Destination, Uploader
from agent.identity import BoxIdentity
from agent.signals import Moment
from agent.timekeeper import system_now
from protocol.messages import Clock as ClockWord
from protocol.timestamps import format_time
from protocol.uploads import MEDIA_OF

EVENT = "019af6a5-0000-7000-8000-{:012x}"
FAST = 1_000_000


@dataclass
class Sender:
    """A box's folder and its uploader."""

    shelf: Shelf
    identity: BoxIdentity
    clock: ClockWord = ClockWord.SYNCED
    ahead_ms: int = 0
    over: list[tuple[str, str, str]] = field(default_factory=list)

    def reading(self) -> Reading:
        now = system_now()
        return Reading(moment=Moment(wall=now.wall, mono_ms=now.mono_ms + self.ahead_ms), clock=self.clock)

    def seal(self, kind: str = "still", size: int = 40_000, *, number: int = 1, urgent: bool = True) -> Description:
        """A picture in the folder."""
        self.shelf.prepare()
        slot = f"{EVENT.format(number)}-1"
        begin = b"\xff\xd8\xff\xe0" if kind != "clip" else b"\0\0\0\x18ftypisom"
        data = begin + os.urandom(size - len(begin))
        self.shelf.making_path(slot, MEDIA_OF[kind]).write_bytes(data)
        at = format_time(datetime(2026, 11, 21, 2, 13, tzinfo=UTC) + timedelta(seconds=number))
        description = Description(
            slot=slot,
            owner=EVENT.format(number),
            camera="01",
            kind=kind,  # type: ignore[arg-type]
            about="door.forced",
            level=2 if urgent else 4,
            urgent=urgent,
            at=at,
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=size,
            media_type=MEDIA_OF[kind],
            since=at,
            until=at,
        )
        self.shelf.settle(description)
        return description

    @asynccontextmanager
    async def running(self, port: int, kbps: int = FAST, host: str = "localhost") -> AsyncIterator[Uploader]:
        """The uploader, at work."""

        async def done(description: Description, word: SentWord, why: str) -> None:
            self.over.append((description.slot, word, why))

        to = Destination(host=host, port=port, kbps=kbps, identity=lambda: self.identity)
        uploader = Uploader(to, self.shelf, self.reading, done)
        task = asyncio.create_task(uploader.run())
        try:
            yield uploader
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
