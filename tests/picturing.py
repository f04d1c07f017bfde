"""A guarded branch with cameras on paper: real watch, outbox, folder and evidence; eyes that write what a test says.

Virtual time. `kill` ends everything without a goodbye; `start` begins again on the same disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from agent.clocks import Reading
from agent.evidence.evidence import Cameras, Evidence, Hands, Turn
from agent.evidence.folder import Shelf
from agent.evidence.keeping import Limits
from agent.evidence.playing import Player
from agent.evidence.promises import PROMISES_KEY, OpenPromises
from agent.evidence.promising import SEALED, plan_of
from agent.evidence.stock import Stock
from agent.findings import Finding, Phase
from agent.guard import Guard
from agent.reporting import ReportingState
from agent.signals import Moment
from agent.video.words import Made, TakeClip, TakeStill
from agent.watch import Watch
from protocol.kinds import Lane
from protocol.messages import Clock as ClockWord
from protocol.messages import Event, Request, decode_event
from protocol.timestamps import format_time
from protocol.uploads import MEDIA_OF
from tests.boxes import box, reading, stored_lines
from tests.branch import VESTIBULE, site_of
from tests.clock import Clock
from tests.waiting import eventually

CAMERAS = """
[[camera]]
id = "01"
address = "192.0.2.21"
login = { secret = "cams" }
watch = ["picture"]
shows = ["door/outer", "door/vault"]

[[camera]]
id = "02"
address = "192.0.2.22"
login = { secret = "cams" }
shows = ["door/outer"]
"""
SITE = site_of(VESTIBULE + CAMERAS)
ROOMY = Limits(budget_bytes=10_000_000, keep=timedelta(days=90), keep_routine=timedelta(days=30), margin_bytes=0)
RING = timedelta(seconds=180)
STILL = b"\xff\xd8\xff\xe0 a still "
CLIP = b"\0\0\0\x18ftypisom a clip "


class PaperEyes:
    """Eyes of both cameras. What they are asked for is written at once, unless a test says otherwise."""

    def __init__(self) -> None:
        self.asked: list[TakeStill | TakeClip] = []
        self.gone: set[str] = set()  # cameras without an eye
        self.silent: set[str] = set()  # kinds that get no answer
        self.missing: dict[str, str] = {}  # by kind, why there is none
        self.size = 1000
        self.lie: dict[str, Any] = {}  # what an answer says instead
        self.evidence: Evidence | None = None

    def take(self, camera: str, message: TakeStill | TakeClip) -> bool:
        if camera in self.gone:
            return False
        self.asked.append(message)
        kind = _kind(message)
        if kind not in self.silent:
            asyncio.get_running_loop().call_soon(self.answer, message)
        return True

    def answer(self, message: TakeStill | TakeClip) -> None:
        """Write it and say so."""
        kind = _kind(message)
        assert self.evidence is not None
        if kind in self.missing:
            self.evidence.made(Made(slot=message.slot, missing=self.missing[kind]))
            return
        begin = CLIP if kind == "clip" else STILL
        data = begin + os.urandom(self.size - len(begin))
        Path(message.path).write_bytes(data)
        span = (message.from_ms, message.to_ms) if isinstance(message, TakeClip) else (1_000_000, 1_000_000)
        said: dict[str, Any] = {
            "slot": message.slot,
            "path": message.path,
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
            "media_type": MEDIA_OF[kind],
            "from_ms": span[0],
            "to_ms": span[1],
        }
        self.evidence.made(Made(**{**said, **self.lie}))


def _kind(message: TakeStill | TakeClip) -> str:
    if isinstance(message, TakeClip):
        return "clip"
    return "reference" if message.reference else "still"


class PictureBox:
    """One box with two cameras. `start` before anything else; `end` or `kill` at the end."""

    def __init__(self, folder: Path, limits: Limits = ROOMY) -> None:
        self.folder = folder
        self.clock = Clock()
        self.limits = limits
        self.believed = ClockWord.SYNCED
        self.eyes = PaperEyes()
        self.cameras: Cameras = self.eyes
        self.way = True
        self.turn: Turn | None = None
        self.player: Player | None = None
        self.plan = plan_of(SITE)
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self, *, same_boot: bool = True) -> None:
        """The agent begins on what lies there."""
        self.folder.mkdir(exist_ok=True)
        self.outbox = box(self.folder, self.clock)
        now = self.reading().moment
        self.promises = OpenPromises(self.plan, self.outbox.saved.get(PROMISES_KEY), now, same_boot)
        self.watch = Watch(
            Guard(SITE, None, now, same_boot),
            ReportingState(),
            self.outbox,
            reading=self.reading,
            write=lambda _: None,
            changed=lambda _: None,
            random=os.urandom,
            boot="boot",
            promises=self.promises,
        )
        self.shelf = Shelf(self.folder)
        self.stock = Stock(self.shelf, self.limits, self.reading, self.watch.tell, way=lambda: self.way)
        hands = Hands(
            cameras=self.cameras,
            names=frozenset(camera.id for camera in SITE.camera),
            ring=RING,
            reading=self.reading,
            take=lambda findings: self.watch.take(findings=findings),
            turn=self.turn,
            player=self.player,
        )
        self.evidence = self.eyes.evidence = Evidence(self.shelf, self.stock, self.promises, hands)
        self._tasks = [asyncio.create_task(self.watch.run()), asyncio.create_task(self.evidence.run())]
        await eventually(lambda: self.evidence.ready or any(task.done() for task in self._tasks))

    async def kill(self) -> None:
        """No goodbye: what is not on the disk is gone."""
        for task in reversed(self._tasks):
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self.outbox.close()

    async def happens(self, kind: str, source: str, phase: Phase = Phase.RAISED) -> str:
        """A detector found something; the id of its event."""
        known = {event.id for event in self.told()}
        finding = Finding(kind=kind, source=source, phase=phase, at=self.reading().moment)
        await self.watch.take(findings=[finding])
        return next(event.id for event in self.told() if event.kind.startswith(kind) and event.id not in known)

    def passes(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(timedelta(seconds=seconds))
        self.evidence.wake()

    async def ask(self, action: str, number: int = 1, **args: Any) -> str:
        """The centre asks; its request's id where it was let through, else the word."""
        request = Request(
            v=1,
            id=f"019af6a5-0000-7000-8000-{number:012x}",
            collector="centre-1",
            box="0755-031-a",
            at=format_time(self.clock.now()),
            action=action,
            args=args,
        )
        return await self.evidence.asked(request, "centre-1") or request.id

    def told(self, kind: str = "") -> list[Event]:
        """The ledger, urgent lane first."""
        events = [decode_event(line) for lane in Lane for line in stored_lines(self.folder, lane)]
        return [each for each in events if each.kind.startswith(kind)]

    def sealed(self) -> dict[str, dict[str, Any]]:
        """What `evidence.sealed` says, by slot; each slot once."""
        found = [event.facts for event in self.told(SEALED)]
        assert len({each["slot"] for each in found}) == len(found), "a promise was answered twice"
        return {str(each["slot"]): each for each in found}

    async def answered(self, count: int) -> dict[str, dict[str, Any]]:
        """Wait until so many promises are answered."""
        await eventually(lambda: len(self.sealed()) >= count)
        return self.sealed()

    def files(self) -> list[str]:
        """Names in the folder."""
        return sorted(path.name for path in self.shelf.path.iterdir() if path.is_file())

    def reading(self) -> Reading:
        now = reading(self.clock).moment
        return Reading(moment=Moment(wall=now.wall, mono_ms=now.mono_ms), clock=self.believed)
