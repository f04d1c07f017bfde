"""What the box holds of pictures, a few words each in memory: puts in, marks, makes room, tells when there is none.

The shell around `keeping.py`; disk work is done in a thread, one piece at a time. A disk that refuses is a fault with
its reason (`box.disk_low` at `box/evidence`), and everything else goes on. Flow: evidence.py -> here -> folder.py.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from agent.clocks import Reading
from agent.evidence import keeping
from agent.evidence.describing import Description, SentWord
from agent.evidence.folder import FULL, DamagedError, Found, Shelf
from agent.evidence.keeping import Kept, Limits
from agent.evidence.promising import DAMAGED
from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.messages import Clock
from protocol.site.schema import Evidence as EvidenceSettings
from protocol.timestamps import parse_time
from protocol.uploads import slot_of

LOG: Final = logging.getLogger("branchwatch.evidence")

DISK_LOW: Final = "box.disk_low"
SOURCE: Final = "box/evidence"
GIB: Final = 1024 * 1024 * 1024
MOST_SLOTS: Final = 8
"""Of one event, as `protocol.messages.Event` takes them."""

Tell = Callable[[Iterable[Finding]], Awaitable[None]]


class Stock:
    """The pictures of one box."""

    def __init__(
        self, shelf: Shelf, limits: Limits, reading: Callable[[], Reading], tell: Tell, way: Callable[[], bool]
    ) -> None:
        self._shelf = shelf
        self._limits = limits
        self._reading = reading
        self._tell = tell
        self._way = way
        self._kept: dict[str, Kept] = {}
        self._low = ""
        self._making_room = asyncio.Lock()
        self._changing = asyncio.Lock()
        self.dropped: Callable[[str], None] = lambda slot: None
        self.used_bytes = 0

    @property
    def held(self) -> Mapping[str, Kept]:
        """What is held, by slot."""
        return self._kept

    async def begin(self) -> Found:
        """Look at the folder, and hold what is there.

        Raises:
            OSError: there can be no folder.
        """
        await asyncio.to_thread(self._shelf.prepare)
        found = await asyncio.to_thread(self._shelf.look)
        for description in found.kept:
            self._hold(description)
        if found.strange:
            names = ", ".join(repr(name) for name in found.strange)
            LOG.warning("not ours in %s, left alone: %s, and %d more", self._shelf.path, names, found.strange_more)
        return found

    async def room_for(self, size: int) -> bool:
        """Whether so many bytes more may come; what may go for them is gone then."""
        async with self._making_room:
            if not self._low and self.used_bytes + size <= self._limits.budget_bytes:
                with suppress(OSError):
                    free = await asyncio.to_thread(self._shelf.disk_free)
                    if free - size >= self._limits.margin_bytes:
                        return True
            return await self._make_room(size)

    async def settle(self, description: Description) -> None:
        """Put a new picture, which lies in `making`, in its place.

        Raises:
            OSError: the disk refuses; that it does is told.
        """
        try:
            await asyncio.to_thread(self._shelf.settle, description)
        except OSError as error:
            await self.refused(error)
            raise
        self._hold(description)

    def take_up(self, description: Description) -> None:
        """Hold one that the start found, after all."""
        self._hold(description)

    async def set_aside(self, slot: str) -> None:
        """Hold this no longer; what there is of it stays on the disk under another name."""
        if (kept := self._kept.pop(slot, None)) is not None:
            self.used_bytes -= kept.size
        await asyncio.to_thread(self._shelf.set_aside, slot)

    async def over(self, events: Iterable[str]) -> None:
        """The alarms of these events are over: their pictures may go when their time comes."""
        for event in events:
            for number in range(1, MOST_SLOTS + 1):
                kept = self._kept.get(slot_of(event, number))
                if kept is not None and kept.open:
                    await self._change(kept.slot, over=True)

    async def sent(self, slot: str, word: SentWord) -> None:
        """The centre has it, or nobody waits for it any more."""
        if slot in self._kept:
            await self._change(slot, sent=word)

    async def damaged(self, slot: str, camera: str, why: str) -> None:
        """Tell that a sealed picture is not what it was."""
        facts = {"slot": slot, "camera": camera, "reason": why}
        await self._tell(
            [Finding(kind=DAMAGED, source=SOURCE, phase=Phase.TOLD, at=self._reading().moment, facts=facts)]
        )

    async def tend(self) -> None:
        """Let go of what is too old or too much."""
        async with self._making_room:
            await self._make_room(0)

    async def eye_refused(self) -> None:
        """An eye could not write."""
        with suppress(OSError):
            full = await asyncio.to_thread(self._shelf.disk_free) < self._limits.margin_bytes
            await self._be_low("disk_full" if full else "disk_refuses")

    async def refused(self, error: OSError) -> None:
        """The disk refused something."""
        reason = "disk_full" if error.errno in FULL else "disk_refuses"
        LOG.warning("pictures cannot be kept in %s: %s", self._shelf.path, error)
        await self._be_low(reason)

    async def _make_room(self, wanted: int) -> bool:
        try:
            free = await asyncio.to_thread(self._shelf.disk_free)
        except OSError as error:
            await self.refused(error)
            return False
        reading = self._reading()
        decide = partial(
            keeping.decide,
            way=self._way(),
            dated=reading.clock is not Clock.SUSPECT,
            disk_free=free,
            wanted=wanted,
        )
        # in a thread: of a hundred thousand pictures it takes longer than a door may wait
        room = await asyncio.to_thread(decide, tuple(self._kept.values()), self._limits, reading.moment.wall)
        for slot in room.go:
            await self._let_go(slot)
        await self._be_low("no_room" if room.short_bytes else "")
        return not room.short_bytes

    async def _let_go(self, slot: str) -> None:
        self.dropped(slot)
        if not self._kept[slot].sent:
            LOG.warning("%s goes for room before the centre had it", slot)
            await self._change(slot, sent="given_up")
        try:
            await asyncio.to_thread(self._shelf.remove, slot)
        except OSError as error:
            LOG.warning("%s cannot be taken away: %s", slot, error)
            return
        self.used_bytes -= self._kept.pop(slot).size

    async def _change(self, slot: str, **fields: object) -> None:
        """Write down what became of it; what cannot be written counts until the next start."""
        async with self._changing:
            try:
                description = await asyncio.to_thread(self._shelf.read, slot)
                changed = msgspec.structs.replace(description, **fields)
                self._hold(changed)
                await asyncio.to_thread(self._shelf.describe, changed)
            except (OSError, DamagedError, ValueError) as error:
                LOG.warning("what became of %s cannot be noted: %s", slot, error)
                held = self._kept[slot]
                self._kept[slot] = replace(held, open=held.open and "over" not in fields, sent=True)

    def _hold(self, description: Description) -> None:
        known = self._kept.get(description.slot)
        self.used_bytes += description.bytes - (known.size if known else 0)
        self._kept[description.slot] = kept_of(description)

    async def _be_low(self, reason: str) -> None:
        """Told when it begins and when it ends, not each time."""
        if bool(reason) is bool(self._low):
            self._low = reason
            return
        self._low = reason
        now: Moment = self._reading().moment
        facts: dict[str, object] = {"used_bytes": self.used_bytes, "limit_bytes": self._limits.budget_bytes}
        if reason:
            facts["reason"] = reason
        phase = Phase.RAISED if reason else Phase.ENDED
        await self._tell([Finding(kind=DISK_LOW, source=SOURCE, phase=phase, at=now, facts=facts)])


def limits_of(settings: EvidenceSettings) -> Limits:
    """What the site file says."""
    return Limits(budget_bytes=settings.disk_gb * GIB, keep=settings.keep, keep_routine=settings.keep_routine)


def kept_of(description: Description) -> Kept:
    """As the decision sees it."""
    return Kept(
        slot=description.slot,
        level=description.level,
        at=parse_time(description.at),
        size=description.bytes,
        open=not description.request and not description.over,
        sent=bool(description.sent),
        request=description.request,
    )
