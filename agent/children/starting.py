"""How a child process begins: as a program of its own, or forked from the nursery. Starts, and decides nothing.

Neither way keeps the agent's event loop waiting for longer than a `fork`, and neither shows a secret in the arguments.
Flow: `Keeper` calls a `Starter` -> here -> `child.py` in the child.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from agent.children.child import CHANNEL, Channel
from agent.children.nursery import MAX_REQUEST, PLACE

PRELOAD: Final = ("agent.video.eye", "agent.video.warm")
"""What eyes share: av, cv2 and numpy, and the tables that these make when they are used first."""

FORK_S: Final = 30.0
"""The first fork waits until the libraries are loaded: a second, or ten on a slow disk."""

END_S: Final = 1.0
"""The kernel ends a killed process within milliseconds."""

FRUGAL: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "4000000",
    "MALLOC_TRIM_THRESHOLD_": "300000",
}
"""A child a camera is parallel enough; idle threads and their heaps cost memory, and so does what a picture needed for
a moment: it is given back, 2 MB an eye."""

_NURSERY: Final = "agent.children.nursery"


class StartError(Exception):
    """The child could not be started."""


@dataclass(kw_only=True)
class Child:
    """A started process: watched through `process` (a pidfd, readable once it ended), heard on `line`."""

    pid: int
    process: int
    line: socket.socket
    bury: Callable[[], object] = field(default=lambda: None)

    def kill(self) -> None:
        """End it at once."""
        with suppress(OSError):
            signal.pidfd_send_signal(self.process, signal.SIGKILL)

    def close(self) -> None:
        """Let go of its descriptors; the process has ended. `line` belongs to whoever reads it."""
        self.bury()
        os.close(self.process)


class Starter(Protocol):
    """Starts the same child again and again."""

    async def start(self) -> Child:
        """Start one.

        Raises:
            StartError: it cannot be.
        """

    def hold(self) -> None:
        """A keeper begins to use this starter."""

    def release(self) -> None:
        """It does no more."""


def program(module: str, *args: str) -> Starter:
    """A program of ours: `python -m module args`. It asks for its channel with `Channel.inherited()`."""
    return _Program(module, args)


def forked(function: Callable[[Channel, bytes], None] | str, settings: bytes) -> Starter:
    """A function of a module (or its name, `agent.video.eye:run`, where importing it would load libraries here)."""
    name = function if isinstance(function, str) else f"{function.__module__}:{function.__qualname__}"
    if len(settings) + len(name) + 1 > MAX_REQUEST:
        raise ValueError(f"settings of {len(settings)} bytes; at most {MAX_REQUEST - len(name) - 1}")
    return _Forked(name, settings)


class _Program:
    def __init__(self, module: str, args: Sequence[str]) -> None:
        self._command = [sys.executable, "-m", module, *args]

    def hold(self) -> None:
        pass

    def release(self) -> None:
        pass

    async def start(self) -> Child:
        ours, theirs = socket.socketpair()
        try:
            child = _spawn(self._command, CHANNEL, theirs)
            process = os.pidfd_open(child.pid)
        except OSError as problem:
            ours.close()
            raise StartError(problem.strerror or "") from problem
        finally:
            theirs.close()
        return Child(pid=child.pid, process=process, line=ours, bury=child.poll)


class _Forked:
    def __init__(self, function: str, settings: bytes) -> None:
        self._request = function.encode() + b"\0" + settings

    def hold(self) -> None:
        _THE_NURSERY.hold()

    def release(self) -> None:
        _THE_NURSERY.release()

    async def start(self) -> Child:
        ours, theirs = socket.socketpair()
        try:
            pid, process = await _THE_NURSERY.fork(self._request, theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return Child(pid=pid, process=process, line=ours)


class _Nursery:
    """The one process that forks, as long as anyone uses it."""

    def __init__(self) -> None:
        self._users = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._turn: asyncio.Lock | None = None

    def hold(self) -> None:
        self._users += 1

    def release(self) -> None:
        self._users -= 1
        if self._users == 0:
            self.end()
            self._turn = None  # it belongs to one event loop

    def end(self) -> None:
        if self._requests is not None:
            self._requests.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process, self._requests = None, None

    async def fork(self, request: bytes, line: socket.socket) -> tuple[int, int]:
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            answer = asyncio.ensure_future(self._asked(request, line))
            try:
                # What was asked for comes, and must be owned by somebody: a cancellation waits for it.
                return await asyncio.shield(answer)
            except asyncio.CancelledError:
                with suppress(StartError):
                    await _ended((await answer)[1])
                raise

    async def _asked(self, request: bytes, line: socket.socket) -> tuple[int, int]:
        try:
            requests = self._running()
            socket.send_fds(requests, [request], [line.fileno()])
            await asyncio.wait_for(_readable(requests.fileno()), FORK_S)
            answer, processes, _flags, _address = socket.recv_fds(requests, 64, 1)
        except (OSError, TimeoutError) as problem:
            self.end()
            raise StartError(type(problem).__name__) from problem
        if not processes:
            if not answer:
                self.end()
            raise StartError("the nursery gave no process")
        return int(answer), processes[0]

    def _running(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self.end()
        if self._requests is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self._process = _spawn([sys.executable, "-m", _NURSERY, *PRELOAD], PLACE, theirs)
            finally:
                theirs.close()
            ours.setblocking(False)
            self._requests = ours
        return self._requests


_THE_NURSERY: Final = _Nursery()


async def _ended(process: int) -> None:
    """Kill a process that nobody wants any more."""
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        await asyncio.wait_for(_readable(process), END_S)
    except (OSError, TimeoutError):
        return
    finally:
        os.close(process)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(descriptor, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def _spawn(command: list[str], name: str, line: socket.socket) -> subprocess.Popen[bytes]:
    """Start it in this thread: the kernel kills it when the *thread* that started it ends (prctl(2))."""
    environment = {**os.environ, **FRUGAL, name: f"{line.fileno()} {os.getpid()}"}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, pass_fds=(line.fileno(),))


def _wake(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
