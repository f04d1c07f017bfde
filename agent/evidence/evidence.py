"""Evidence at work: promised pictures are made by eyes, checked, sealed in the ledger, kept, and given to the centre.

The shell around everything in this folder. It never opens a path that a message named, and never trusts a hash that it
did not make itself. Every promise is answered by `evidence.sealed`, with a hash or with why there is none.
Flow: promises.py -> here -> eyes; `made` -> sealing -> watch (evidence.sealed) -> uploading.py.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from agent.clocks import Reading
from agent.evidence import owing, requests
from agent.evidence.describing import Description, SentWord, describes
from agent.evidence.folder import FULL, DamagedError, Found, Shelf
from agent.evidence.owing import Wait
from agent.evidence.playing import Player
from agent.evidence.promises import OpenPromises
from agent.evidence.promising import ANSWERED, SEALED, Ask, Promise
from agent.evidence.requests import Over, Preset
from agent.evidence.stock import Stock
from agent.evidence.uploading import Uploader
from agent.findings import Finding, Phase
from agent.signals import Moment
from agent.video.words import Made, TakeClip, TakeStill
from protocol.messages import Request
from protocol.timestamps import format_time
from protocol.uploads import ENDINGS, MAX_BYTES_OF, MEDIA_OF, is_slot

LOG: Final = logging.getLogger("branchwatch.evidence")

TEND_S: Final = 10 * 60
"""How often what is too old goes."""

PREPARE_AGAIN_S: Final = 60
"""Without a folder, pictures are missing; it is tried again."""

NO_EYE: Final = "no_eye"
"""It ended before it answered; the next one is asked, while there is time."""

DISK: Final = "disk_refuses"
SAID_OTHERWISE: Final[Mapping[str, str]] = {"disk": DISK, "busy": "eye_busy"}
"""Words of eyes that mean something else at the desk."""

MAX_WORD: Final = 64
"""Characters of an eye's reason."""


class Cameras(Protocol):
    """Whoever keeps the eyes. What was taken is answered by `Evidence.made`, sooner or later or never."""

    def take(self, camera: str, message: TakeStill | TakeClip) -> bool:
        """Hand this to the eye of a camera; False: there is none now."""


Turn = Callable[[str, str], Awaitable[str]]
"""Turns a camera to a preset; the word says why not."""

Take = Callable[[Iterable[Finding]], Awaitable[object]]
"""The watch: back once the findings are on the disk."""


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What evidence works with."""

    cameras: Cameras
    names: frozenset[str]  # of the site's cameras
    ring: timedelta  # what an eye remembers
    reading: Callable[[], Reading]
    take: Take
    turn: Turn | None = None  # none: this site's cameras are not turned
    player: Player | None = None  # none: nothing is played out of recorders


class Evidence:
    """The pictures of one run. Make it inside a running loop and await `run`."""

    def __init__(self, shelf: Shelf, stock: Stock, promises: OpenPromises, hands: Hands) -> None:
        self._shelf = shelf
        self._stock = stock
        self._promises = promises
        self._hands = hands
        self._waits: dict[str, Wait] = {}
        self._earlier = frozenset(promises.owed)
        self._stills: asyncio.Queue[tuple[Wait, Made]] = asyncio.Queue()
        self._clips: asyncio.Queue[tuple[Wait, Made]] = asyncio.Queue()
        self._jobs: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue()
        self._woken = asyncio.Event()
        self._ready = False
        self._asked: requests.Asked = {}
        self._uploader: Uploader | None = None
        promises.heard = self._promised
        if hands.player:
            hands.player.made = self.made

    def upload_by(self, uploader: Uploader) -> None:
        """Give what is sealed to the centre this way; without, it stays on the box."""
        self._uploader = uploader
        self._stock.dropped = uploader.drop

    @property
    def waiting(self) -> int:
        """Pictures that the centre has not got."""
        return self._uploader.waiting if self._uploader else 0

    @property
    def used_bytes(self) -> int:
        """What is kept."""
        return self._stock.used_bytes

    @property
    def ready(self) -> bool:
        """Whether the folder was looked at, and eyes are asked."""
        return self._ready

    def wake(self) -> None:
        """Look at the time anew."""
        self._woken.set()

    def made(self, made: Made) -> None:
        """An eye's answer; called by whoever keeps the eyes."""
        wait = self._waits.get(made.slot)
        if wait is None or not wait.asked:
            LOG.info("an eye brought %r, which nobody waits for", made.slot[:MAX_WORD])
            if is_slot(made.slot) and made.media_type in ENDINGS and made.slot not in self._promises.owed:
                self._jobs.put_nowait(self._drop(made.slot, made.media_type))
            return
        del self._waits[made.slot]  # from here on it is answered by whoever seals it
        (self._clips if wait.promise.kind == "clip" else self._stills).put_nowait((wait, made))

    async def asked(self, request: Request, collector: str) -> str:
        """Do what the centre asks of pictures, and answer it; a word, where it is refused and nothing was answered."""
        now = self._now()
        hands = self._hands
        wanted = requests.read_wanted(request.action, request.args, hands.names, hands.ring, now)
        if isinstance(wanted, str):
            return wanted
        if not self._can(request.action, wanted):
            return "not_supported"
        camera = "" if isinstance(wanted, Over) else wanted.camera
        admitted = requests.admit(self._asked, request.action, camera, now)
        if admitted is None:
            return "too_soon"
        self._asked = admitted
        match wanted:
            case Over(events=events):
                self._promises.over(events)
                self._jobs.put_nowait(self._close(request, collector, events))
            case Preset():
                self._jobs.put_nowait(self._turn(request, collector, wanted))
            case Ask():
                self._promises.ask(request.id, wanted)
                await self._answer(request, collector, "")
        return ""

    def _can(self, action: str, wanted: requests.Wanted) -> bool:
        if isinstance(wanted, Preset):
            return self._hands.turn is not None
        if isinstance(wanted, Ask) and action == requests.PLAYBACK:
            return self._hands.player is not None and self._hands.player.can(wanted.camera)
        return True

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._begin()
                for queue in (self._stills, self._clips):
                    tasks.create_task(self._seal_all(queue))
                tasks.create_task(self._work())
                tasks.create_task(self._tend())
                if self._uploader:
                    tasks.create_task(self._uploader.run(), name="uploads")
                if self._hands.player:
                    tasks.create_task(self._hands.player.run(), name="playback")
                while True:
                    self._woken.clear()
                    await self.step()
                    await self._sleep()
        finally:
            self._ready = False
            while not self._jobs.empty():
                self._jobs.get_nowait().close()

    async def step(self) -> None:
        """Ask for what is due, and answer what nothing will come of."""
        now = self._now()
        for slot, wait in tuple(self._waits.items()):
            if owing.is_over(wait, now):
                await self._miss(wait.promise, "no_answer" if wait.asked else NO_EYE)
            elif owing.is_due(wait, now):
                self._ask(slot, wait, now)

    async def over_with(self, description: Description, word: SentWord, why: str) -> None:
        """The upload of this one is over."""
        if word == "damaged":
            LOG.error("%s is not what was sealed: %s", description.slot, why)
            await self._stock.damaged(description.slot, description.camera, why)
        await self._stock.sent(description.slot, word)

    def _promised(self, fresh: Sequence[Promise]) -> None:
        """Ask for stills before anything is written: somebody is in the picture now."""
        now = self._now()
        for promise in fresh:
            wait = owing.planned(promise, now, late=False)
            if wait is not None:
                self._waits[promise.slot] = wait
                if self._ready and owing.is_due(wait, now):
                    self._ask(promise.slot, wait, now)
        self._woken.set()

    def _ask(self, slot: str, wait: Wait, now: Moment) -> None:
        promise = wait.promise
        path = str(self._shelf.making_path(slot, MEDIA_OF[promise.kind]))
        message: TakeStill | TakeClip = TakeStill(slot=slot, path=path, reference=promise.kind == "reference")
        if promise.since is not None and promise.until is not None:
            message = TakeClip(slot=slot, path=path, from_ms=promise.since.mono_ms, to_ms=promise.until.mono_ms)
        player = self._hands.player
        if promise.about == requests.PLAYBACK:
            took = player is not None and player.take(promise, Path(path))
        else:
            took = self._hands.cameras.take(promise.camera, message)
        self._waits[slot] = owing.asked(wait) if took else owing.again(wait, now)

    async def _begin(self) -> None:
        """Look at what an earlier run left: answer what it owes, and go on with the rest."""
        for promise in self._promises.owed.values():
            self._waits.pop(promise.slot, None)
        while True:
            try:
                found = await self._stock.begin()
                break
            except OSError as error:
                await self._stock.refused(error)
                for promise in tuple(self._promises.owed.values()):
                    await self._miss(promise, "no_folder")
                await asyncio.sleep(PREPARE_AGAIN_S)
        left = {each.slot: each for each in (*found.alone, *found.kept)}
        for promise in tuple(self._promises.owed.values()):
            await self._take_up(promise, left.get(promise.slot), self._now())
        await self._look_after(found)
        with suppress(OSError):
            await asyncio.to_thread(self._shelf.clear_making)
        self._ready = True
        if self._uploader:
            for description in (*found.kept, *found.alone):
                if not description.sent and description.slot in self._stock.held:
                    self._uploader.offer(description, asked=True)

    async def _take_up(self, promise: Promise, left: Description | None, now: Moment) -> None:
        """A promise of an earlier run: it lies there and was not told, or it can still be made, or it is missing."""
        if left is not None and describes(left, promise):
            try:
                await asyncio.to_thread(self._shelf.finish, left)
            except (DamagedError, OSError):
                await self._stock.set_aside(promise.slot)
                await self._miss(promise, "not_as_said")
            else:
                self._stock.take_up(left)
                await self._tell_sealed(left)
            return
        late = promise.slot in self._earlier
        wait = owing.planned(promise, now, late=late) if promise.camera in self._hands.names else None
        if wait is None:
            await self._miss(promise, "restarted" if promise.camera in self._hands.names else "no_such_camera")
        else:
            self._waits[promise.slot] = wait

    async def _look_after(self, found: Found) -> None:
        """What was found and is owed to nobody."""
        held = self._stock.held
        for slot in found.damaged:
            await self._stock.damaged(slot, "", "changed")
            await self._stock.set_aside(slot)
        for each in found.alone:
            if each.slot in held:
                continue
            if not each.sent:
                await self._stock.damaged(each.slot, each.camera, "gone")
            with suppress(OSError):
                await asyncio.to_thread(self._shelf.remove, each.slot)

    async def _seal_all(self, queue: asyncio.Queue[tuple[Wait, Made]]) -> None:
        """One at a time: a long clip is hashed beside the stills, not before them."""
        while True:
            wait, made = await queue.get()
            try:
                await self._seal(wait, made)
            except Exception:
                LOG.exception("a fault of ours while %s was sealed", made.slot)
                await self._miss(wait.promise, "not_written")

    async def _seal(self, wait: Wait, made: Made) -> None:
        promise, now = wait.promise, self._now()
        missing = SAID_OTHERWISE.get(made.missing, made.missing[:MAX_WORD])
        if missing and (wait.late or missing == NO_EYE) and not owing.is_over(wait, now):
            self._waits[made.slot] = owing.again(wait, now)
            self._woken.set()
            return
        if missing == DISK:
            await self._stock.eye_refused()
        elif not missing and not await self._stock.room_for(made.size):
            missing = "no_room"
        description = None
        if not missing:
            try:
                description = await self._checked(promise, made)
                await self._stock.settle(description)
            except DamagedError as error:
                missing = error.word
            except OSError as error:
                missing = "disk_full" if error.errno in FULL else DISK
        if missing or description is None:
            await self._miss(promise, missing)
            return
        await self._tell_sealed(description)
        if self._uploader:
            self._uploader.offer(description)

    async def _checked(self, promise: Promise, made: Made) -> Description:
        """What the eye wrote, hashed by us. Raises: DamagedError: it is not what the eye said. OSError."""
        media_type = MEDIA_OF[promise.kind]
        limit = MAX_BYTES_OF[media_type]
        digest, size = await asyncio.to_thread(self._shelf.hash_made, promise.slot, media_type, limit)
        if (digest, size, media_type) != (made.sha256, made.size, made.media_type):
            raise DamagedError("not_as_said")
        return self._described(promise, made, digest, size)

    def _described(self, promise: Promise, made: Made, digest: str, size: int) -> Description:
        owed = self._promises.owed.get(promise.slot, promise)  # its alarm may be over meanwhile
        return Description(
            slot=promise.slot,
            owner=promise.owner,
            request=promise.request,
            camera=promise.camera,
            kind=promise.kind,
            about=promise.about,
            level=promise.level,
            urgent=promise.urgent,
            at=format_time(promise.at.wall),
            sha256=digest,
            bytes=size,
            media_type=MEDIA_OF[promise.kind],
            since=format_time(self._wall(made.from_ms, promise.since)),
            until=format_time(self._wall(made.to_ms, promise.until)),
            masked=made.masked,
            over=owed.over,
        )

    async def _tell_sealed(self, description: Description) -> None:
        facts = {
            "sha256": description.sha256,
            "bytes": description.bytes,
            "media_type": description.media_type,
            "from": description.since,
            "to": description.until,
            "masked": description.masked,
        }
        await self._tell_of(description, facts)

    async def _miss(self, promise: Promise, why: str) -> None:
        """Nothing will come: that is said, and what lies half-made is thrown away."""
        self._waits.pop(promise.slot, None)
        LOG.warning("no %s of camera %s for %s: %s", promise.kind, promise.camera, promise.about, why)
        await asyncio.to_thread(self._shelf.drop_made, promise.slot, MEDIA_OF[promise.kind])
        await self._tell_of(promise, {"missing": why})

    async def _tell_of(self, about: Promise | Description, facts: dict[str, Any]) -> None:
        """Told and on the disk, and owed no longer, in one."""
        owner = {"request" if about.request else "event": about.owner}
        told = {**owner, "slot": about.slot, "kind": about.kind, **facts}
        source = f"camera/{about.camera}"
        await self._hands.take([Finding(kind=SEALED, source=source, phase=Phase.TOLD, at=self._now(), facts=told)])

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            await job

    async def _drop(self, slot: str, media_type: str) -> None:
        await asyncio.to_thread(self._shelf.drop_made, slot, media_type)

    async def _close(self, request: Request, collector: str, events: Iterable[str]) -> None:
        await self._stock.over(events)
        await self._answer(request, collector, "")
        await self._stock.tend()

    async def _turn(self, request: Request, collector: str, wanted: Preset) -> None:
        turn = self._hands.turn
        refusal = await turn(wanted.camera, wanted.preset) if turn else "not_supported"
        await self._answer(request, collector, refusal, camera=wanted.camera, preset=wanted.preset)

    async def _answer(self, request: Request, collector: str, refusal: str, **about: str) -> None:
        facts = {
            "reason": refusal[:MAX_WORD] or "served",
            "count": 1,
            "request": request.id,
            "action": request.action,
            "collector": collector,
            **about,
        }
        await self._hands.take(
            [Finding(kind=ANSWERED, source="box/requests", phase=Phase.TOLD, at=self._now(), facts=facts)]
        )

    async def _tend(self) -> None:
        while True:
            await self._stock.tend()
            await asyncio.sleep(TEND_S)

    async def _sleep(self) -> None:
        due = min((owing.wake_ms(each) for each in self._waits.values()), default=None)
        wait_s = None if due is None else max(0.0, (due - self._now().mono_ms) / 1000)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._woken.wait()

    def _now(self) -> Moment:
        return self._hands.reading().moment

    def _wall(self, mono_ms: int, asked: Moment | None) -> datetime:
        if asked and asked.mono_ms == mono_ms:
            return asked.wall  # reckoned anew it would be a millisecond off now and then
        now = self._now()
        return now.wall - timedelta(milliseconds=now.mono_ms - mono_ms) if mono_ms else now.wall
