"""The child's side of what the agent keeps: a channel to speak by, and dying with the agent. Blocking, thread-safe.

A child ends with its agent in every case: the kernel kills it when the process that started it dies, and whoever uses
the channel meanwhile is told by `ParentGone`. SIGTERM and Ctrl-C are the agent's affair: it ends its children in order.
Flow: `starting.py` starts it -> here -> `keeper.py` hears.
"""

import ctypes
import os
import select
import signal
import socket
import threading
import time
from typing import Final

from agent.children.framing import BEAT, Framer, FramingError, framed

CHANNEL: Final = "BRANCHWATCH_CHANNEL"
"""Names the inherited descriptor of the channel to a program, and the process that must not die: `7 4711`."""

BEAT_EVERY_S: Final = 1.0
READ_BYTES: Final = 64 * 1024

_PR_SET_PDEATHSIG: Final = 1


class ParentGone(Exception):  # noqa: N818 - it is no fault: the child ends
    """The agent is gone, or wants this child no more."""


class Channel:
    """Messages to and from the agent."""

    def __init__(self, line: socket.socket) -> None:
        line.setblocking(True)
        self._line = line
        self._framer = Framer()
        self._heard: list[bytes] = []
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        self._beaten = -BEAT_EVERY_S

    @classmethod
    def inherited(cls) -> "Channel":
        """The channel of a program that `starting.program` started. To be asked for once, before anything else.

        Raises:
            ParentGone: nobody started it so, or the agent is gone already.
        """
        descriptor, _, parent = os.environ.pop(CHANNEL, "").partition(" ")
        if not (descriptor.isdecimal() and parent.isdecimal()):
            raise ParentGone
        line = socket.socket(fileno=int(descriptor))
        line.set_inheritable(False)
        die_with(int(parent))
        return cls(line)

    def send(self, message: bytes) -> None:
        """Tell the agent; waits while the agent does not listen.

        Raises:
            ParentGone: the agent is gone.
        """
        try:
            with self._sending:
                self._line.sendall(framed(message))
        except OSError:
            raise ParentGone from None

    def beat(self) -> None:
        """Say that the working loop goes round; call it as often as it does, one a second is sent.

        Raises:
            ParentGone: the agent is gone.
        """
        now = time.monotonic()
        if now - self._beaten >= BEAT_EVERY_S:
            self._beaten = now
            self.send(BEAT)

    def receive(self, timeout_s: float = 0.0) -> bytes | None:
        """What the agent says next; None when it says nothing within the time.

        Raises:
            ParentGone: the agent is gone.
        """
        end = time.monotonic() + timeout_s
        with self._receiving:
            while not self._heard:
                if not self._readable(max(0.0, end - time.monotonic())):
                    return None
                self._read()
            return self._heard.pop(0)

    def fileno(self) -> int:
        """The descriptor, for a `select` with others; more may wait in the channel: ask `receive` until None."""
        return self._line.fileno()

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _readable(self, timeout_s: float) -> bool:
        try:
            poll = select.poll()
            poll.register(self._line, select.POLLIN)
            return bool(poll.poll(timeout_s * 1000))
        except (OSError, ValueError):
            raise ParentGone from None

    def _read(self) -> None:
        try:
            data = self._line.recv(READ_BYTES)
            if not data:
                raise ParentGone
            self._heard += [message for message in self._framer.take(data) if message]
        except (OSError, FramingError):
            raise ParentGone from None


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies (prctl(2)), and leave signals to the agent.

    Raises:
        ParentGone: it is dead already.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.getppid() != parent:
        raise ParentGone
