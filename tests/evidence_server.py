"""A small server that takes pictures as docs/eyes.md 8 says, over TLS, in a thread: it can cut, stall, lie and refuse.

For tests of the box alone; the centre's own server has its own.
"""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from protocol.uploads import (
    UPLOAD_PATH,
    Piece,
    Upload,
    answer_have,
    open_upload,
    read_content_range,
    read_upload,
)
from tests.brokers import BROKER, Certificates


@dataclass
class Taken:
    """What the server has of one slot."""

    said: Upload
    data: bytearray = field(default_factory=bytearray)
    complete: bool = False


@dataclass
class EvidenceServer:
    """What it took, in which order, and what it shall do wrong. Use as a context manager."""

    certificates: Certificates
    box: str = "0755-031-a"
    identity: str = BROKER
    answers: Callable[[str, str, Piece | None], tuple[int, dict[str, str]] | None] = lambda method, slot, piece: None
    """Instead of the right answer: status and headers."""
    cut: Callable[[str, int], bool] = lambda slot, at: False
    """Whether the line is cut when so many bytes of this slot are there."""
    stall: Callable[[str, int], bool] = lambda slot, at: False
    """Whether no answer comes while this says so."""
    slots: dict[str, Taken] = field(default_factory=dict)
    calls: list[tuple[str, str, int]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> EvidenceServer:
        outer = self

        class Handler(_Handler):
            server_of = outer

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificates.pair(self.identity))
        context.load_verify_locations(self.certificates.root)
        context.verify_mode = ssl.CERT_REQUIRED
        self.released = threading.Event()
        self._http = _Server(("127.0.0.1", 0), Handler, context)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.end_all()
        self._http.server_close()
        self._thread.join()

    def key(self) -> Any:
        """The box's public key."""
        from cryptography import x509

        chain, _ = self.certificates.pair(self.box)
        return x509.load_pem_x509_certificates(chain.read_bytes())[0].public_key()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext
    ) -> None:
        super().__init__(address, handler)
        self._context = context
        self._socks: list[Any] = []

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        request.settimeout(10)
        try:
            wrapped = self._context.wrap_socket(request, server_side=True)
        except OSError:
            request.close()
            return
        self._socks.append(wrapped)
        super().process_request_thread(wrapped, client_address)

    def end_all(self) -> None:
        for each in self._socks:
            with suppress(OSError):
                each.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A line that was cut is what we wanted."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: EvidenceServer

    def setup(self) -> None:
        super().setup()
        self.server_of.connections += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Nothing."""

    def do_GET(self) -> None:
        slot, said = self._slot()
        if (wrong := self.server_of.answers("GET", slot, None)) is not None:
            self._say(wrong[0], b"", wrong[1])
            return
        known = self.server_of.slots.get(slot)
        self.server_of.calls.append(("GET", slot, len(known.data) if known else 0))
        if known is None or known.said != said:
            self._say(200, answer_have(0))
        else:
            self._say(200, answer_have(len(known.data)))

    def do_PUT(self) -> None:
        outer = self.server_of
        slot, said = self._slot()
        piece = read_content_range(self.headers["Content-Range"])
        taken = outer.slots.get(slot)
        at = len(taken.data) if taken else 0
        body = b""
        length = int(self.headers["Content-Length"])
        while len(body) < length:
            if outer.cut(slot, at + len(body)):
                self.connection.close()
                return
            more = self.rfile.read(min(16_384, length - len(body)))
            if not more:
                return
            body += more
        while outer.stall(slot, at) and not outer.released.wait(0.02):
            pass
        outer.calls.append(("PUT", slot, piece.first))
        if (wrong := outer.answers("PUT", slot, piece)) is not None:
            self._say(wrong[0], b"", wrong[1])
            return
        if taken is None or taken.said != said:
            taken = outer.slots[slot] = Taken(said)
        if piece.first != len(taken.data) or piece.total != said.bytes:
            self._say(409, answer_have(len(taken.data)))
            return
        taken.data += body
        if outer.cut(slot, len(taken.data)):
            self.connection.close()  # it has the bytes, and the box does not know
            return
        if len(taken.data) < said.bytes:
            self._say(200, answer_have(len(taken.data)))
        elif hashlib.sha256(taken.data).hexdigest() != said.sha256:
            del outer.slots[slot]
            self._say(422, b'"hash"')
        else:
            taken.complete = True
            if slot not in outer.finished:
                outer.finished.append(slot)
            self._say(201, answer_have(len(taken.data)))

    def _slot(self) -> tuple[str, Upload]:
        assert self.path.startswith(UPLOAD_PATH)
        said = open_upload(read_upload(self.headers["Authorization"]), self.server_of.key())
        assert said.box == self.server_of.box
        slot = self.path.removeprefix(UPLOAD_PATH)
        assert said.slot == slot
        return slot, said

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


STRANGER = "centre-1"
"""A certificate of the same root whose role is not a broker's."""
