"""A device on loopback that speaks HTTP as a test tells it: with digest login, or as no device should. In threads."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

REALM = "device"
Answer = bytes | Callable[[str, bytes], bytes]


@dataclass
class HttpDevice:
    """What it is asked, by request line, and how often a login was wrong."""

    port: int
    user: str = ""
    password: str = ""
    nonce: str = "5f8a0b"
    requests: list[str] = field(default_factory=list)
    logins: list[bool] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)


def reply(body: bytes | str, status: str = "200 OK", *headers: str) -> bytes:
    """One HTTP answer."""
    content = body.encode() if isinstance(body, str) else body
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers))
    return head.encode() + b"\r\n\r\n" + content


@contextmanager
def http_device(answer: Callable[[str, bytes], bytes], user: str = "", password: str = "") -> Iterator[HttpDevice]:
    """Serve `answer(path, body)`, which gives whole HTTP answers, behind a digest login where a user is named."""
    listener = socket.create_server(("127.0.0.1", 0))
    device = HttpDevice(listener.getsockname()[1], user, password)
    running = True
    serving: list[tuple[socket.socket, threading.Thread]] = []

    def serve(line: socket.socket) -> None:
        with line, suppress(OSError):
            line.settimeout(5)
            head, body = _request(line)
            first = head.split("\r\n")[0]
            device.requests.append(first)
            device.heads.append(head)
            if device.user:
                given = re.search(r"(?im)^authorization: digest (.*)$", head)
                right = given is not None and _is_right(given[1], first.split()[0], device)
                if given is not None:
                    device.logins.append(right)
                if not right:
                    challenge = f'WWW-Authenticate: Digest realm="{REALM}", nonce="{device.nonce}", qop="auth"'
                    line.sendall(reply("no", "401 Unauthorized", challenge))
                    return
            line.sendall(answer(first.split()[1], body))

    def listen() -> None:
        while running:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            serving.append((line, threading.Thread(target=serve, args=(line,), daemon=True)))
            serving[-1][1].start()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield device
    finally:
        running = False
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for line, answering in serving:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            answering.join(5)


def _request(line: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data and (piece := line.recv(65536)):
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: (\d+)", head)
    while length and len(body) < int(length[1]) and (piece := line.recv(65536)):
        body += piece
    return head.decode("latin-1"), body


def _is_right(given: str, method: str, device: HttpDevice) -> bool:
    """RFC 7616 with MD5 and qop=auth, answering the present challenge."""

    def hashed(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    said = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', given)}
    one, two = hashed(f"{device.user}:{REALM}:{device.password}"), hashed(f"{method}:{said.get('uri', '')}")
    middle = ":".join(said.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
    right = said.get("response") == hashed(f"{one}:{middle}:{two}")
    return right and (said.get("username"), said.get("nonce")) == (device.user, device.nonce)
