"""An eye asks the people server what is in a frame. Blocking, for one thread; it never raises and never waits long.

Nobody there, no answer in time, or nonsense: None, and the next question connects anew. After one that was not answered
in time nobody is asked for a while: an eye has its ring to fill.
Flow: eye.py -> here -> the socket of server.py.
"""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np

from agent.people.heads import Frame
from agent.people.words import Greeting, answer, greeting
from agent.video.vision import resized
from agent.video.words import Box

Resize: TypeAlias = Callable[[Frame, int, int], Frame]

TIMEOUT_S: Final = 1.0
"""For one question, connecting counted in."""

PAUSE_S: Final = 2.0
"""After a question that was not answered in time."""

MAX_ANSWER: Final = 64 * 1024
"""A hundred boxes are 6 kB."""

_HEAD: Final = 4
_FAULTS: Final = (OSError, EOFError, msgspec.DecodeError, UnicodeDecodeError)


class People:
    """The people server, as one eye meets it."""

    def __init__(
        self,
        socket_path: str | Path,
        resize: Resize = resized,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = str(socket_path)
        self._resize = resize
        self._now = now
        self._line: socket.socket | None = None
        self._greeting = Greeting(width=1, height=1, model="")
        self._not_before = 0.0

    def find(self, frame: Frame) -> tuple[tuple[Box, ...], str] | None:
        """What is in a frame (rows x columns x 3, BGR, any size), and the model that says so; None: nobody answers."""
        if not self._path or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
            return None
        began = self._now()
        if began < self._not_before:
            return None
        try:
            return self._ask(frame, began + TIMEOUT_S)
        except _FAULTS as problem:
            if isinstance(problem, TimeoutError):
                self._not_before = self._now() + PAUSE_S
            self.close()
            return None

    def close(self) -> None:
        """Hang up; a later question connects anew."""
        if self._line is not None:
            with suppress(OSError):
                self._line.close()
        self._line = None

    def _ask(self, frame: Frame, end: float) -> tuple[tuple[Box, ...], str]:
        line = self._line or self._connect(end)
        picture = self._resize(frame, self._greeting.width, self._greeting.height)
        data = np.ascontiguousarray(picture, np.uint8).tobytes()
        if len(data) != self._greeting.frame_bytes:
            raise EOFError
        self._hurry(line, end)
        line.sendall(len(data).to_bytes(_HEAD, "big") + data)
        return answer(self._message(line, end)), self._greeting.model

    def _connect(self, end: float) -> socket.socket:
        line = self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._hurry(line, end)
        folder = os.open(Path(self._path).parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:  # a socket's path may have 107 bytes only
            line.connect(f"/proc/self/fd/{folder}/{Path(self._path).name}")
        finally:
            os.close(folder)
        self._greeting = greeting(self._message(line, end))
        return line

    def _message(self, line: socket.socket, end: float) -> bytes:
        length = int.from_bytes(self._exactly(line, _HEAD, end), "big")
        if length > MAX_ANSWER:
            raise EOFError
        return self._exactly(line, length, end)

    def _exactly(self, line: socket.socket, size: int, end: float) -> bytes:
        data = b""
        while len(data) < size:
            self._hurry(line, end)
            part = line.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _hurry(self, line: socket.socket, end: float) -> None:
        left = end - self._now()
        if left <= 0:
            raise TimeoutError
        line.settimeout(left)
