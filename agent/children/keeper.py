"""Keeps one child: hears it, kills it when it hangs or takes too much memory, starts it again. Knows no child's trade.

A child is alive while its working loop beats. What was said before it died is still heard. Between a death and the next
start lies a pause, doubling while it does not live for long. When keeping ends, the child has ended.
Flow: `starting.py` -> here -> `hear`, and `changed` whenever the child came or went.
"""

import asyncio
import os
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from agent.children.child import READ_BYTES
from agent.children.framing import BEAT, MAX_MESSAGE, Framer, FramingError, framed
from agent.children.starting import Child, Starter, StartError
from agent.signals import Moment

MAX_UNSENT: Final = 4 * MAX_MESSAGE
"""What a child has not taken yet; more is refused, never kept: a hanging child costs nothing."""

END_S: Final = 1.0
"""What a child gets to end by itself once its channel is closed."""

KILLED_S: Final = 10.0
"""The kernel ends a killed process within milliseconds; a machine that is short of everything takes longer."""

BURST: Final = 3
"""A child may map this many times its cap; the kernel refuses more at once, the cap is looked at now and then."""

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_BARE_BYTES: Final = 512 * 1024 * 1024
"""What libraries and threads' stacks map without using it."""


class ChildLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a child may."""

    beat_s: float = 5.0
    first_beat_s: float = 30.0  # loading a model takes its time on a slow disk
    memory_bytes: int = 400 * 1024 * 1024  # of its own: what it shares with its like is not counted
    memory_every_s: float = 3.0
    restart_s: tuple[float, float] = (1.0, 30.0)
    steady_s: float = 60.0  # who lived this long begins with the shortest pause again


class ChildState(msgspec.Struct, frozen=True, kw_only=True):
    """How it is; `cause`: why the last one ended: `hung`, `memory`, `died`, `start` (could not be started)."""

    alive: bool = False
    cause: str = ""
    restarts: int = 0
    memory_bytes: int = 0
    pid: int = 0


def pause_s(failures: int, limits: ChildLimits) -> float:
    """How long to wait after so many failures in a row."""
    shortest, longest = limits.restart_s
    return min(longest, shortest * 2.0 ** min(failures - 1, 30))


def own_memory(pid: int) -> int:
    """Bytes of a process that it shares with no file; 0 when it is gone. Costs a few microseconds."""
    try:
        _size, resident, shared, *_rest = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


class Keeper:
    """One child and its successors."""

    def __init__(self, name: str, start: Starter, limits: ChildLimits, now: Callable[[], Moment]) -> None:
        self.name = name
        self.state = ChildState()
        self._start = start
        self._limits = limits
        self._now = now
        self._writer: asyncio.StreamWriter | None = None
        self._beat_ms: int | None = None
        self._pid = 0
        self._changed: Callable[[ChildState], None] = lambda _state: None
        self._hear: Callable[[bytes], None] = lambda _message: None

    async def run(self, hear: Callable[[bytes], None], changed: Callable[[ChildState], None]) -> None:
        """Keep it until cancelled. Both are called in the loop and must not wait."""
        self._hear, self._changed = hear, changed
        self._start.hold()
        failures = 0
        try:
            while True:
                began = self._now()
                cause = await self._live()
                lived_s = self._now().since(began).total_seconds()
                failures = 1 if lived_s >= self._limits.steady_s else failures + 1
                self._tell(alive=False, cause=cause, restarts=self.state.restarts + 1, memory_bytes=0)
                await asyncio.sleep(pause_s(failures, self._limits))
        finally:
            self._start.release()

    def send(self, message: bytes) -> bool:
        """Tell the child; False: there is none, or it does not listen."""
        if self._writer is None or self._writer.transport.get_write_buffer_size() > MAX_UNSENT:
            return False
        self._writer.write(framed(message))
        return True

    async def _live(self) -> str:
        """One life; gives what ended it."""
        try:
            child = await self._start.start()
        except StartError:
            return "start"
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.add_reader(child.process, _once, ended)
        try:
            self._pid = child.pid
            _bound(child.pid, self._limits)
            reader, self._writer = await asyncio.open_connection(sock=child.line, limit=READ_BYTES)
            self._beat_ms = None
            listening = asyncio.ensure_future(self._listen(reader))
            try:
                return await self._watch(child, listening, ended)
            finally:
                await self._part(child, listening, ended)
        finally:
            child.kill()
            loop.remove_reader(child.process)
            child.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        framer = Framer()
        with suppress(OSError, FramingError):
            while data := await reader.read(READ_BYTES):
                for message in framer.take(data):
                    if message == BEAT:
                        self._beaten()
                    else:
                        self._hear(message)

    def _beaten(self) -> None:
        self._beat_ms = self._now().mono_ms
        if not self.state.alive:
            self._tell(alive=True, cause="", restarts=self.state.restarts, memory_bytes=0, pid=self._pid)

    async def _watch(self, child: Child, listening: "asyncio.Future[None]", ended: "asyncio.Future[None]") -> str:
        began_ms = seen_ms = weighed_ms = self._now().mono_ms
        tick_s = min(1.0, self._limits.beat_s / 4, self._limits.memory_every_s)
        while True:
            await asyncio.wait({listening, ended}, timeout=tick_s, return_when=asyncio.FIRST_COMPLETED)
            if listening.done() or ended.done():
                return "died"
            now_ms = self._now().mono_ms
            late, seen_ms = now_ms - seen_ms > 2000 * tick_s + 500, now_ms
            if late:
                continue  # we ourselves did not get to listen: what it said meanwhile comes first
            since_ms, limit_s = self._beat_ms, self._limits.beat_s
            if since_ms is None:
                since_ms, limit_s = began_ms, self._limits.first_beat_s
            if now_ms - since_ms > limit_s * 1000:
                return "hung"
            if now_ms - weighed_ms >= self._limits.memory_every_s * 1000:
                weighed_ms = now_ms
                memory = own_memory(child.pid)
                self.state = msgspec.structs.replace(self.state, memory_bytes=memory)
                if memory > self._limits.memory_bytes:
                    child.kill()
                    return "memory"

    async def _part(self, child: Child, listening: "asyncio.Future[None]", ended: "asyncio.Future[None]") -> None:
        """Hear it to its end where it ended, hang up, and see that it is gone."""
        writer, self._writer = self._writer, None
        try:
            if ended.done():
                await asyncio.wait({listening}, timeout=END_S)
            if writer is not None:
                writer.transport.abort() if self._hangs() else writer.close()
            if not self._hangs():
                await asyncio.wait({ended}, timeout=END_S)
            child.kill()
            await asyncio.wait({ended}, timeout=KILLED_S)
        finally:
            listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening

    def _hangs(self) -> bool:
        since_ms = self._beat_ms
        return since_ms is None or self._now().mono_ms - since_ms > self._limits.beat_s * 1000

    def _tell(self, **state: object) -> None:
        self.state = msgspec.convert(state, ChildState)
        self._changed(self.state)


def _once(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)


def _bound(pid: int, limits: ChildLimits) -> None:
    most = BURST * limits.memory_bytes + _BARE_BYTES
    with suppress(OSError, ValueError):  # a child that ended at once; a sandbox that forbids it: the cap remains
        resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))
