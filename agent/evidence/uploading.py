"""Gives sealed pictures to the centre, for ever: one connection, one file at a time, the most wanted first.

The shell around `queueing.py`. What is read from a file was compared with its seal first; a call that does not end, or
holds back a new still, is cut off. An outage is logged once. Flow: evidence.py offers -> here -> calling.py -> `done`.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from agent.broker_tls import evidence_context
from agent.clocks import Reading
from agent.evidence import queueing
from agent.evidence.calling import Answer, CallError, Connection
from agent.evidence.describing import Description, SentWord
from agent.evidence.folder import DamagedError, Shelf
from agent.evidence.queueing import Step, Waiting
from agent.identity import BoxIdentity
from protocol.messages import Clock
from protocol.uploads import Upload, seal_upload

LOG: Final = logging.getLogger("branchwatch.evidence")

WHOLE_CALL_MS: Final = 60_000
"""A peer that drips is no way to the centre."""

PATIENCE_MS: Final = 1_000
"""So long a new still waits for the piece of a clip that is under way."""

LOOK_S: Final = 0.25
"""How often a call under way is looked at."""

WAY_MS: Final = 60 * 60 * 1000
"""Without an answer for so long there is no way to the centre, and room counts more than what it has not got."""

GOODBYE_S: Final = 1.0
"""A call that was cut off ends within a blink, but for one that is being connected."""

AGAIN_MS: Final = 2_000
"""A new still tries a centre that was away no sooner than this after the last try."""

MOST_OPEN: Final = 4
"""Files held open: hashing a clip anew after each still between would cost more than sending it."""

Done = Callable[[Description, SentWord, str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where pictures go, as whom, and how fast."""

    host: str
    port: int
    kbps: int
    identity: Callable[[], BoxIdentity]


class Uploader:
    """The way of one box's pictures to its centre. `done` is awaited with each that is over, the word, and why."""

    def __init__(self, to: Destination, shelf: Shelf, reading: Callable[[], Reading], done: Done) -> None:
        self._to = to
        self._shelf = shelf
        self._reading = reading
        self._done = done
        self._files: dict[str, Waiting] = {}
        self._open: dict[str, int] = {}
        self._connection: Connection | None = None
        self._woken = asyncio.Event()
        self._pace_ms = 0
        self._failures = 0
        self._paused_ms = 0  # after failures
        self._told_ms = 0  # the centre told us to wait
        self._tried_ms = 0
        self._heard_ms = self._now()
        self.last_error = ""

    @property
    def waiting(self) -> int:
        """How many files the centre has not got."""
        return len(self._files)

    @property
    def way(self) -> bool:
        """Whether the centre answered lately, or was not given the time to."""
        return self._now() - self._heard_ms < WAY_MS

    @property
    def told_to_wait(self) -> bool:
        """Whether the centre asked for time that is not over."""
        return self._now() < self._told_ms

    def offer(self, description: Description, *, asked: bool = False) -> None:
        """Send this; `asked`: part of it may be there."""
        self._files.setdefault(description.slot, queueing.waiting_of(description, asked=asked))
        if description.kind != "clip":
            self._paused_ms = min(self._paused_ms, self._tried_ms + AGAIN_MS)
        self._woken.set()

    def drop(self, slot: str) -> None:
        """Send this no more."""
        self._files.pop(slot, None)
        self._close_file(slot)

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                self._woken.clear()
                now = self._now()
                due = {slot: self._due(each) for slot, each in self._files.items()}
                file = queueing.next_of((each for slot, each in self._files.items() if due[slot] <= now), now)
                if file is not None:
                    await self._give(file)
                else:
                    await self._wait(min(due.values(), default=None), now)
        finally:
            self._hang_up()
            for slot in tuple(self._open):
                self._close_file(slot)

    def _due(self, file: Waiting) -> int:
        """When this may go. Clips keep to the pace; a still does not wait for it, and is counted."""
        pace_ms = 0 if file.is_still else self._pace_ms
        return max(file.not_before_ms, self._paused_ms, self._told_ms, pace_ms)

    async def _wait(self, due_ms: int | None, now: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due_ms is None else (due_ms - now) / 1000):
                await self._woken.wait()

    async def _give(self, file: Waiting) -> None:
        slot = file.description.slot
        try:
            data = await self._read(file)
        except DamagedError as error:
            await self._over(file, "damaged", error.word)
            return
        except OSError as error:
            LOG.warning("%s cannot be read: %s", slot, error)
            self._put_back(file, replace(file, not_before_ms=self._now() + queueing.LONGEST_WAIT_MS))
            return
        self._tried_ms = self._now()
        try:
            answer = await self._call(file, data)
        except _GivenWayError:
            self._put_back(file, replace(file, have=None))
            return
        except (CallError, OSError) as error:
            self._failed(str(error) or type(error).__name__)
            self._put_back(file, replace(file, have=None))
            return
        except Exception as error:
            LOG.exception("an upload failed by a fault of ours")  # which must not end the guarding
            self._failed(type(error).__name__)
            self._put_back(file, replace(file, have=None))
            return
        await self._heard(file, answer, len(data))

    async def _read(self, file: Waiting) -> bytes:
        """The next piece; nothing where the centre is only asked."""
        slot = file.description.slot
        if slot not in self._open:
            while len(self._open) >= MOST_OPEN:
                self._close_file(next(iter(self._open)))
            opened = await asyncio.to_thread(self._shelf.open, file.description)
            if slot in self._files:
                self._open[slot] = opened
            else:  # it went for room meanwhile
                os.close(opened)
                raise DamagedError("gone")
        if file.have is None:
            return b""
        size = queueing.piece_bytes(file, self._to.kbps)
        data = os.pread(self._open[slot], size, file.have)
        if len(data) != size:
            raise DamagedError("changed")
        return data

    async def _call(self, file: Waiting, data: bytes) -> Answer:
        if self._connection is None:
            suspect = self._reading().clock is Clock.SUSPECT
            context = evidence_context(self._to.identity(), check_dates=not suspect)
            self._connection = Connection(self._to.host, self._to.port, context)
        connection = self._connection
        call = asyncio.ensure_future(asyncio.to_thread(self._blocking, connection, file, data))
        call.add_done_callback(_looked_at)
        began, gives_way = self._now(), False
        try:
            while not call.done():
                await asyncio.wait({call}, timeout=LOOK_S)
                lasted = self._now() - began
                gives_way = lasted > PATIENCE_MS and self._holds_back(file)
                if not call.done() and (gives_way or lasted > WHOLE_CALL_MS):
                    connection.abort()
                    break
            return await call
        except CallError:
            self._connection = None
            if gives_way:
                raise _GivenWayError from None
            raise
        except asyncio.CancelledError:
            connection.abort()
            self._connection = None
            await asyncio.wait({call}, timeout=GOODBYE_S)
            if call.done():
                connection.close()
            raise

    def _holds_back(self, file: Waiting) -> bool:
        now = self._now()
        return any(queueing.goes_before(each, file) and self._due(each) <= now for each in self._files.values())

    def _blocking(self, connection: Connection, file: Waiting, data: bytes) -> Answer:
        about, identity = file.description, self._to.identity()
        word = Upload(
            v=1,
            box=identity.box,
            slot=about.slot,
            sha256=about.sha256,
            bytes=about.bytes,
            media_type=about.media_type,
        )
        authorization = seal_upload(identity.sealer, word)
        if file.have is None:
            return connection.have(about.slot, authorization)
        return connection.put(about.slot, authorization, file.have, about.bytes, data, about.media_type)

    async def _heard(self, file: Waiting, answer: Answer, sent_bytes: int) -> None:
        now = self._now()
        self._heard_ms, self._failures = now, 0
        if self.last_error:
            LOG.info("pictures reach the centre again")
            self.last_error = ""
        self._pace_ms = queueing.paced(self._pace_ms, sent_bytes, self._to.kbps, now)
        retry_ms = None if answer.retry_s is None else answer.retry_s * 1000
        following = queueing.answered(file, answer.status, answer.have, retry_ms, now)
        match following.step:
            case Step.SENT:
                await self._over(file, "sent", "")
            case Step.UNWANTED:
                await self._over(file, "unwanted", "")
            case Step.REFUSED:
                LOG.warning("the centre does not take %s (%d)", file.description.slot, answer.status)
                await self._over(file, "refused", str(answer.status))
            case Step.PAUSE:
                self._told_ms = now + following.pause_ms
                self._put_back(file, following.file)
            case Step.WAIT | Step.GO_ON:
                self._put_back(file, following.file)

    async def _over(self, file: Waiting, word: SentWord, why: str) -> None:
        known = self._files.pop(file.description.slot, None)
        self._close_file(file.description.slot)
        if known is not None:
            await self._done(file.description, word, why)

    def _put_back(self, file: Waiting, waits: Waiting) -> None:
        """Unless it was dropped meanwhile."""
        if file.description.slot in self._files:
            self._files[file.description.slot] = waits

    def _failed(self, error: str) -> None:
        self._failures += 1
        self._paused_ms = self._now() + queueing.pause_ms(self._failures)
        self._hang_up()
        if not self.last_error:
            LOG.warning("pictures do not reach the centre at %s:%d: %s; trying on", self._to.host, self._to.port, error)
        self.last_error = error

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _close_file(self, slot: str) -> None:
        descriptor = self._open.pop(slot, None)
        if descriptor is not None:
            os.close(descriptor)

    def _now(self) -> int:
        return self._reading().moment.mono_ms


class _GivenWayError(Exception):
    """A piece was cut off for something that cannot wait."""


def _looked_at(call: "asyncio.Future[Answer]") -> None:
    """Nobody waits any more where the task was cancelled; its end is no news then."""
    if not call.cancelled():
        call.exception()
