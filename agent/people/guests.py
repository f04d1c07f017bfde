"""Eyes at the people server's socket: who is connected, whose picture waits, and what a rude one may not do.

One picture an eye waits at a time, and whose turn it is goes by who waits longest; an eye that hung up waits no more.
A guest has no more than one picture's memory, is not read while its picture waits, and is thrown out for a wrong
length, for half a picture over `HALF_S`, or for not taking its answer. Blocking calls: none but `poll`.
Flow: server.py -> here -> the sockets of asking.py.
"""

import os
import select
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.people.words import Greeting, encode

MAX_GUESTS: Final = 64
"""As many cameras as a site file may name are never busy at once; each costs a picture, 344 kB."""

HALF_S: Final = 5.0
"""For the rest of a picture, once it has begun."""

BACKLOG: Final = 16

_HEAD: Final = 4
_CREDENTIALS: Final = struct.Struct("3i")
_GONE: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL | select.POLLRDHUP


class RudeError(Exception):
    """This guest keeps to no rule, or is gone; it is thrown out."""


class Guest:
    """One connected eye."""

    def __init__(self, line: socket.socket, frame_bytes: int, now: float) -> None:
        self.line = line
        self.waits = False
        self.heard = now
        self._head = bytearray(_HEAD)
        self._picture = bytearray(frame_bytes)
        self._got = 0

    @property
    def halfway(self) -> bool:
        """Whether a picture has begun and is not whole."""
        return self._got > 0 and not self.waits

    def read(self, now: float) -> None:
        """Take what is there, up to the end of one picture.

        Raises:
            RudeError: it hung up, or announces what is no picture.
        """
        if not self.halfway:
            self.heard = now
        size = len(self._picture)
        while not self.waits:
            at = self._got - _HEAD
            into = memoryview(self._head)[self._got :] if at < 0 else memoryview(self._picture)[at:]
            try:
                part = self.line.recv_into(into)
            except BlockingIOError:
                return
            except OSError:
                raise RudeError from None
            if part == 0:
                raise RudeError
            self._got += part
            if self._got == _HEAD and int.from_bytes(self._head, "big") != size:
                raise RudeError
            self.waits = self._got == _HEAD + size

    def take(self) -> bytearray:
        """The picture whose turn it is; the next one is written over it."""
        self._got = 0
        self.waits = False
        return self._picture

    def tell(self, message: bytes) -> None:
        """Give it its answer at once.

        Raises:
            RudeError: it does not take it.
        """
        data = len(message).to_bytes(_HEAD, "big") + message
        try:
            if self.line.send(data, socket.MSG_NOSIGNAL) != len(data):
                raise RudeError
        except OSError:
            raise RudeError from None


class Guests:
    """All connected eyes."""

    def __init__(self, listening: socket.socket, greeting: Greeting, now: Callable[[], float]) -> None:
        self._listening = listening
        self._greeting = greeting
        self._now = now
        self._guests: dict[int, Guest] = {}
        self._turns: dict[int, None] = {}  # whose picture waits, the longest first
        self._poll = select.poll()
        self._poll.register(listening, select.POLLIN)

    @property
    def waiting(self) -> int:
        """How many pictures wait."""
        return len(self._turns)

    @property
    def count(self) -> int:
        """How many are connected."""
        return len(self._guests)

    def watch(self, descriptor: int) -> None:
        """Have `attend` return as soon as this one is readable too."""
        self._poll.register(descriptor, select.POLLIN)

    def attend(self, timeout_s: float) -> None:
        """See who comes, what they bring and who went, for at most so long."""
        for descriptor, events in self._poll.poll(timeout_s * 1000):
            if descriptor == self._listening.fileno():
                self._welcome()
            elif descriptor in self._guests:
                self._heed(descriptor, events)
        late = self._now() - HALF_S
        self._leave(number for number, guest in self._guests.items() if guest.halfway and guest.heard < late)

    def next_turn(self) -> tuple[int, bytearray] | None:
        """Whose turn it is, and its picture; None when nobody waits."""
        if not self._turns:
            return None
        number = next(iter(self._turns))
        del self._turns[number]
        return number, self._guests[number].take()

    def tell(self, number: int, message: bytes) -> None:
        """Answer whose turn it was, and listen to it again."""
        guest = self._guests[number]
        try:
            guest.tell(message)
        except RudeError:
            self._leave([number])
        else:
            self._poll.modify(number, select.POLLIN | select.POLLRDHUP)

    def close(self) -> None:
        """Send all away."""
        self._leave(self._guests)
        self._listening.close()

    def _welcome(self) -> None:
        with suppress(OSError):
            line, _ = self._listening.accept()
            if not _trusted(line) or not self._has_room():
                line.close()
                return
            line.setblocking(False)
            guest = Guest(line, self._greeting.frame_bytes, self._now())
            self._guests[line.fileno()] = guest
            self._poll.register(line, select.POLLIN | select.POLLRDHUP)
            try:
                guest.tell(encode(self._greeting))
            except RudeError:
                self._leave([line.fileno()])

    def _has_room(self) -> bool:
        """Where all places are taken, the one that has been silent longest gives its own, unless all are in talk."""
        if len(self._guests) >= MAX_GUESTS:
            number, guest = min(self._guests.items(), key=lambda each: (each[1].waits, each[1].heard))
            if guest.waits or guest.heard > self._now() - HALF_S:
                return False
            self._leave([number])
        return True

    def _heed(self, number: int, events: int) -> None:
        if events & _GONE:
            self._leave([number])
            return
        guest = self._guests[number]
        try:
            guest.read(self._now())
        except RudeError:
            self._leave([number])
            return
        if guest.waits:
            self._turns[number] = None
            self._poll.modify(number, select.POLLRDHUP)

    def _leave(self, numbers: Iterable[int]) -> None:
        for number in list(numbers):
            guest = self._guests.pop(number)
            self._turns.pop(number, None)
            self._poll.unregister(number)
            guest.line.close()


def listen(path: Path) -> socket.socket:
    """The socket's file, made anew, for its owner only, in a folder that is its owner's only.

    It is reached through a descriptor of the folder, because a socket's path may have 107 bytes only.

    Raises:
        OSError: it cannot be made there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(f"/proc/self/fd/{folder}/{path.name}")
        made.listen(BACKLOG)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    finally:
        os.umask(before)
        os.close(folder)
    return made


def _trusted(line: socket.socket) -> bool:
    """Whether the peer is root or runs as this very user."""
    raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(raw)
    return user in {0, os.geteuid()}
