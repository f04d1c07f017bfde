"""The process from which eyes are forked: it has loaded the libraries once, so that all eyes share their memory.

Single-threaded, and does nothing but fork. Each request carries the child's end of its channel; the answer carries a
descriptor of the new process (pidfd_open(2)), by which it is watched and killed without mistaking it for another.
It dies with the agent, and its children with it. Not `multiprocessing`'s forkserver: that one runs the agent's main
module again in each child, keeps two more processes, and lives as long as any of its children hangs.
Flow: `starting.forked` -> here -> a function of (`Channel`, settings) in the child.
"""

import ctypes
import gc
import importlib
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from agent.children.child import Channel, ParentGone, die_with

LOG: Final = logging.getLogger("branchwatch.children")

MAX_REQUEST: Final = 256 * 1024
"""A function's name and its settings in one packet: polygons of a camera."""

PLACE: Final = "BRANCHWATCH_NURSERY"
"""Names the inherited descriptor of the requests, and the agent's process: `5 4711`."""


def main(preload: list[str]) -> None:
    """Load, then fork on request, until the agent is gone."""
    descriptor, _, parent = os.environ.pop(PLACE).partition(" ")
    die_with(int(parent))
    requests = socket.socket(fileno=int(descriptor))
    requests.set_inheritable(False)
    for name in preload:
        with suppress(ImportError):  # the child that needs it says so
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    gc.collect()
    with suppress(AttributeError):  # other C libraries have none
        ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()  # what is shared stays shared: a collection writes into every object it looks at
    while True:
        request, lines, _flags, _address = socket.recv_fds(requests, MAX_REQUEST, 1)
        if not request:
            return
        function, _, settings = request.partition(b"\0")
        _fork(requests, lines[0], function.decode(), settings)


def _fork(requests: socket.socket, line: int, function: str, settings: bytes) -> None:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = become(function, socket.socket(fileno=line), settings, parent)
        finally:
            os._exit(code)
    os.close(line)
    process = -1
    try:
        process = os.pidfd_open(pid)
        socket.send_fds(requests, [str(pid).encode()], [process])
    except ProcessLookupError:
        requests.sendall(b"0")
    finally:
        if process >= 0:
            os.close(process)


def become(function: str, line: socket.socket, settings: bytes, parent: int) -> int:
    """Be the child: run its function to the end. Gives the exit code; says of a failure where, never its text."""
    try:
        die_with(parent)
        work(function)(Channel(line), settings)
    except ParentGone:
        return 0
    except BaseException as problem:  # noqa: BLE001 - whatever it is: the agent starts another
        last = traceback.extract_tb(problem.__traceback__)[-1:]
        places = ", ".join(f"{os.path.basename(each.filename)}:{each.lineno}" for each in last)  # noqa: PTH119 - a word
        LOG.error("a child ended: %s in %s", type(problem).__name__, places)  # noqa: TRY400 - its text may hold an address
        return 1
    return 0


def work(function: str) -> Callable[[Channel, bytes], None]:
    """The function of a name like `agent.video.eye:run`."""
    module, _, name = function.partition(":")
    found: Callable[[Channel, bytes], None] = getattr(importlib.import_module(module), name)
    return found


if __name__ == "__main__":
    with suppress(ParentGone, ConnectionError, KeyboardInterrupt):
        main(sys.argv[1:])
