"""Between the library that opens streams and one camera: who logs in is here, and the library never has a password.

The library follows a camera to any host that it names, and says the password in clear to whoever asks for it so. Here a
camera is one connection to one host: a login is answered by digest, a redirection ends it. What is played passes as it
came. A thread of its own, bounded by what its two sockets hold. Flow: eye.py -> `Relay` -> its `url` for media.py.
"""

import secrets
import select
import socket
import ssl
import time
from contextlib import suppress
from threading import Thread
from typing import Final

from agent.drivers.rtsp import digest
from agent.drivers.rtsp.address import StreamAddress
from agent.drivers.rtsp.describe import RtspError, connected
from agent.drivers.rtsp.passing import Asked, Passing, PassingError, Told
from agent.video.words import Loss

CONNECT_S: Final = 2.0
"""The camera answered a moment ago."""

CAMERA_S: Final = 5.0
"""To take what is said to it."""

GUEST_S: Final = 5.0
"""From the first moment until the library stands at the door; whoever else comes there is sent away."""

GATHER_S: Final = 0.004
"""A picture comes in a dozen packets: waiting for the rest of it costs less than passing on each."""

READ_BYTES: Final = 64 * 1024
BUFFER_BYTES: Final = 128 * 1024
"""Of each socket: a picture that nobody reads yet should lie at the camera, not here."""

_END: Final = (OSError, PassingError, TimeoutError)


class Relay:
    """One connection to a camera; make another for another. `close` it."""

    def __init__(self, address: StreamAddress, user: str = "", password: str = "") -> None:
        """Connect.

        Raises:
            RtspError: it is not there.
        """
        self._login = (user, password)
        try:
            self._camera = connected(address, time.monotonic() + CONNECT_S)
        except TimeoutError:
            raise RtspError(Loss.UNREACHABLE, "TimeoutError") from None
        self._camera.settimeout(CAMERA_S)
        self._guest: socket.socket | None = None
        self._door = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._door.settimeout(GUEST_S)
        self.url = f"rtsp://127.0.0.1:{self._door.getsockname()[1]}/{secrets.token_hex(16)}"
        """Where the library finds the stream; nobody else knows the path."""
        self._passing = Passing(own=self.url, camera=address.url)
        self._challenge: digest.Challenge | None = None
        self._count = 0
        self._asked_again: Asked | None = None
        self.trouble = ""
        """Why it ended, where that was the camera's doing and the library could not know."""
        self._closed = False
        self._thread = Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up on both sides."""
        self._closed = True
        for line in (self._door, self._camera, self._guest):
            if line is not None:
                with suppress(OSError):
                    socket.socket.shutdown(line, socket.SHUT_RDWR)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._guest = self._welcomed()
            self._pass_on(self._guest)
        except _END as problem:
            if isinstance(problem, PassingError):
                self.trouble = str(problem)
        finally:
            for line in (self._door, self._camera, self._guest):
                if line is not None:
                    line.close()

    def _welcomed(self) -> socket.socket:
        """The library, known by the path that it asks for."""
        end = time.monotonic() + GUEST_S
        while not self._closed and time.monotonic() < end:
            guest, _ = self._door.accept()
            guest.settimeout(1.0)
            guest.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            with suppress(OSError):
                if self._passing.known(guest.recv(READ_BYTES, socket.MSG_PEEK)):
                    guest.settimeout(None)
                    self._door.close()
                    return guest
            guest.close()
        raise TimeoutError

    def _pass_on(self, guest: socket.socket) -> None:
        poll = select.poll()
        for line in (guest, self._camera):
            poll.register(line, select.POLLIN)
        while True:
            ready = poll.poll()
            if self._passing.playing:
                time.sleep(GATHER_S)
            for descriptor, _ in ready:
                data = guest.recv(READ_BYTES) if descriptor == guest.fileno() else _read(self._camera)
                if data is None:
                    continue
                if not data:
                    return
                if descriptor == guest.fileno():
                    for asked in self._passing.asked(data):
                        self._ask(asked)
                else:
                    self._answer(guest, data)

    def _ask(self, asked: Asked) -> None:
        login = b""
        if asked.method and self._challenge is not None:
            self._count += 1
            user, password = self._login
            told = digest.answer(
                self._challenge,
                asked.method,
                asked.uri,
                user=user,
                password=password,
                cnonce=secrets.token_hex(8),
                count=self._count,
            )
            login = f"\r\nAuthorization: {told}".encode()
        self._camera.settimeout(CAMERA_S)
        self._camera.sendall(asked.head + login + asked.rest)

    def _answer(self, guest: socket.socket, data: bytes) -> None:
        out = bytearray()
        for told in self._passing.told(data):
            if told.status == 401 and told.of is not None and self._may_ask_again(told, told.of):
                self._ask(told.of)
            else:
                out += told.data
        if out:
            guest.sendall(out)

    def _may_ask_again(self, told: Told, asked: Asked) -> bool:
        """Whether a login is worth a try: none was given yet, or the camera's word for it is old. One try each."""
        offered = digest.challenges(told.challenges)
        first = self._challenge is None
        if first and told.challenges and not offered and any(self._login):
            raise PassingError("basic login")
        if not offered or not any(self._login) or asked is self._asked_again or not (first or offered[0].stale):
            return False
        self._challenge, self._count, self._asked_again = offered[0], 0, asked
        return True


def _read(line: socket.socket) -> bytes | None:
    """What is there; None: only words of TLS itself."""
    line.settimeout(0.0)
    try:
        data = line.recv(READ_BYTES)
        while isinstance(line, ssl.SSLSocket) and (more := line.pending()):
            data += line.recv(more)
    except (BlockingIOError, ssl.SSLWantReadError):
        return None
    return data
