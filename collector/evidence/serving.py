"""The evidence server: HTTPS that only boxes can speak to, its calls, their limits. Only this file knows uvicorn here.

TLS asks for a certificate under our root before a byte of HTTP is read; whose it is, callers.py says. Every connection
ends by itself, whoever is slow, and one address cannot take them all. Flow: app.py starts it -> here -> service.py.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from collector.evidence.callers import CallerError, Callers
from collector.evidence.receiving import Reply
from collector.evidence.service import EvidenceService
from collector.storage.store import StoreError
from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.uploads import (
    UPLOAD_PATH,
    Piece,
    Upload,
    UploadError,
    answer_have,
    read_content_range,
    read_upload,
)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long anybody is waited for, and how many at once."""

    headers_s: float = 15.0  # from the end of the last silence, or of the handshake, to the end of a call's headers
    idle_s: int = 30  # between calls, and between two reads of a body
    slowest_bytes_s: int = 2048  # of a body on the whole; the slowest honest line has four times that
    most: int = 512
    most_of_one: int = 64  # from one address: the boxes of many branches may come from behind one router


MAX_HEADER_BYTES: Final = 8 * 1024
END_S: Final = 3

PATIENCE: Final = Patience()

_STATUS: Final = {"token": 401, "upload": 400, "too_large": 413, "range": 400}

logger = logging.getLogger(__name__)


class ListenError(SaidError):
    """The evidence server cannot listen; the message says why."""


def server_context(*, trust: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """The server's side of mutual TLS.

    Raises:
        ListenError: a file is missing or damaged.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    try:
        path = trust
        context.load_verify_locations(trust)
        path = certificate
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise ListenError(
            N_("the evidence server cannot use {path}: {reason}"), path=path, reason=system_said(error)
        ) from None
    return context


class EvidenceServer:
    """One server in the running loop; use as `async with`."""

    def __init__(
        self,
        *,
        service: EvidenceService,
        callers: Callers,
        context: ssl.SSLContext,
        host: str,
        port: int,
        now: Callable[[], datetime],
        patience: Patience = PATIENCE,
    ) -> None:
        self._door = _Door.at(host, port, patience)
        self._server = _Server(
            uvicorn.Config(
                create_app(service, callers, now, patience),
                http=_brief(patience.headers_s),
                ssl_context_factory=lambda _config, _default: context,
                log_config=None,
                access_log=False,
                server_header=False,
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                timeout_keep_alive=patience.idle_s,
                timeout_graceful_shutdown=END_S,
                lifespan="off",
                ws="none",
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._door.getsockname()[1])

    @property
    def serves(self) -> bool:
        """Whether it takes connections."""
        return self._server.started and self._task is not None and not self._task.done()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._server.serve(sockets=[self._door]), name="evidence")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._door.close()


def create_app(
    service: EvidenceService, callers: Callers, now: Callable[[], datetime], patience: Patience = PATIENCE
) -> Starlette:
    """The calls, as an ASGI application."""

    async def upload_of(request: Request) -> Upload:
        claimed = read_upload(request.headers.get("authorization", ""))
        if claimed.claimed.slot != request.path_params["slot"]:
            raise UploadError("upload")
        return await asyncio.to_thread(callers.opened, claimed, request.scope["state"].get("peer", b""), now())

    async def ask(request: Request) -> Response:
        return _answered(await service.ask(await upload_of(request)))

    async def put(request: Request) -> Response:
        upload = await upload_of(request)
        piece = _piece(request)
        return _answered(await service.take(upload, piece, _body(request, piece.size, patience)))

    async def call(request: Request) -> Response:
        try:
            return await (put if request.method == "PUT" else ask)(request)
        except UploadError as error:
            return _refused(_STATUS[error.word], error.word)
        except CallerError:
            return _refused(401, "token")
        except StoreError:
            return _refused(503, "out_of_order", {"Retry-After": "60"})
        except (ClientDisconnect, TimeoutError):
            return _refused(408, "slow")

    return Starlette(routes=[Route(UPLOAD_PATH + "{slot}", call, methods=["GET", "PUT"])])


def _piece(request: Request) -> Piece:
    piece = read_content_range(request.headers.get("content-range", ""))
    if request.headers.get("content-length") != str(piece.size) or "transfer-encoding" in request.headers:
        raise UploadError("range")
    return piece


async def _body(request: Request, size: int, patience: Patience) -> AsyncIterator[bytes]:
    """The bytes of a piece, at a pace that holds nobody up."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + patience.idle_s + size / patience.slowest_bytes_s
    chunks = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout_at(min(end_s, loop.time() + patience.idle_s)):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        if chunk:
            yield chunk


def _answered(reply: Reply) -> Response:
    headers = {} if reply.retry_s is None else {"Retry-After": str(reply.retry_s)}
    if reply.have is not None:
        return Response(answer_have(reply.have), reply.status, headers, media_type="application/json")
    return _word(reply.status, reply.word, headers)


def _refused(status: int, word: str, headers: dict[str, str] | None = None) -> Response:
    """Nothing of the body was read, and it is not waited for."""
    return _word(status, word, {**(headers or {}), "Connection": "close"})


def _word(status: int, word: str, headers: dict[str, str]) -> Response:
    return Response(b'{"error":"%s"}' % word.encode("ascii"), status, headers, media_type="application/json")


class _Brief(H11Protocol):
    """A connection that ends by itself where its headers do not come, and that knows who is at the other end."""

    headers_s: float

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        shown = transport.get_extra_info("ssl_object")
        peer = shown.getpeercert(binary_form=True) if shown is not None else None
        self.app_state = {**self.app_state, "peer": peer or b""}
        self._headers_due: asyncio.TimerHandle | None = None
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        if not self._answering:
            self._expect_headers()
        super().data_received(data)
        if self._answering:
            self._stop_expecting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        super().connection_lost(exc)

    @property
    def _answering(self) -> bool:
        cycle: Any = self.cycle  # none before the first call, whatever its type says
        return cycle is not None and not cycle.response_complete

    def _expect_headers(self) -> None:
        if self._headers_due is None:
            self._headers_due = self.loop.call_later(self.headers_s, self.transport.abort)

    def _stop_expecting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None


def _brief(seconds: float) -> type[_Brief]:
    """The same with its time; the server makes connections of a class, not of a value."""

    class Timed(_Brief):
        headers_s = seconds

    return Timed


class _Server(uvicorn.Server):
    """A web server that leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _Door(socket.socket):
    """A listening socket that closes what is too much before anything is spent on it: also before the handshake."""

    _live: list[tuple[socket.socket, str]]
    _patience: Patience

    @classmethod
    def at(cls, host: str, port: int, patience: Patience) -> Self:
        """Listen there.

        Raises:
            ListenError: the address is taken or not ours.
        """
        door = cls(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        door._live, door._patience = [], patience
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((host, port))
            door.listen(128)
        except OSError as error:
            door.close()
            raise ListenError(
                N_("the evidence server cannot listen on {address}: {reason}"),
                address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
                reason=system_said(error),
            ) from None
        return door

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection that is not too much."""
        while True:
            connection, address = super().accept()
            origin = _origin(address[0])
            self._live = [(each, of) for each, of in self._live if each.fileno() >= 0]
            of_one = sum(of == origin for _, of in self._live)
            if len(self._live) < self._patience.most and of_one < self._patience.most_of_one:
                self._live.append((connection, origin))
                return connection, address
            connection.close()


def _origin(address: str) -> str:
    """Of an IPv6 address its network, for one machine has all of it."""
    return ip_address(address.partition("%")[0]).exploded[:19]
