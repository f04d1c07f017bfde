"""Children for the tests of `agent/children`: each does one thing, well or badly. Run as a program or forked."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress

from agent.children.child import Channel, ParentGone

MEGABYTE = 1024 * 1024


def behave(channel: Channel, settings: bytes) -> None:
    """Say who it is, then do as told: `hang`, `die`, `raise`, `hoard`, `flood`; anything else is given back."""
    channel.send(b"pid %d %s" % (os.getpid(), settings))
    hoard: list[bytes] = []
    while True:
        channel.beat()
        heard = channel.receive(0.05)
        if heard == b"hang":
            while True:
                signal.pause()
        elif heard == b"hang in a library":
            ctypes.PyDLL(None).pause()  # holds the interpreter's lock, as a broken decoder may
        elif heard == b"die":
            channel.send(b"last words")
            os._exit(3)
        elif heard == b"raise":
            raise ValueError("rtsp://admin:secret@camera")
        elif heard == b"hoard":
            hoard.append(b"x" * (100 * MEGABYTE))
        elif heard == b"grab":
            hoard.append(bytes(64 * 1024 * MEGABYTE))
        elif heard == b"garbage":
            os.write(channel.fileno(), b"\xff" * 100)
        elif heard is not None:
            channel.send(heard)


if __name__ == "__main__":
    if sys.argv[1:] == ["mute"]:
        while True:
            signal.pause()
    with suppress(ParentGone):
        behave(Channel.inherited(), " ".join(sys.argv[1:]).encode())
