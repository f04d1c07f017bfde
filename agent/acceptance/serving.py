"""The page's little web server: HTTP/1.1 (RFC 9112) over asyncio streams, for one browser at a time. No framework.

It knows five addresses below a secret path. Everything has a limit; whatever is not understood is refused and the
connection closed. Flow: browser -> here -> session; `view.py` makes what is shown.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from agent.acceptance.session import Act
from protocol.page_door import Door, cookie_of
from protocol.texts import LANGUAGES, texts_for
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

LOG: Final = logging.getLogger("branchwatch.acceptance")

COOKIE: Final = "bw_walk"
MAX_HEAD_BYTES: Final = 8 * 1024
MAX_BODY_BYTES: Final = 1024
"""One tap: an act, a point, four digits."""
MAX_CONNECTIONS: Final = 16
REQUEST_S: Final = 15.0
FOLDER: Final = Path(__file__).with_name("page")
FILES: Final[Mapping[str, tuple[str, str]]] = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
}
SAFE: Final = (
    "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n"
    "Connection: close\r\n"
)


CLOSED: Final = N_(
    "This address is mistyped, or another browser opened it already. Next step: on the box q, then the same command "
    "with --resume; it shows a new address."
)


class BadRequestError(Exception):
    """Not what this server understands; `status` says how it is refused."""

    def __init__(self, status: HTTPStatus, text: str = "") -> None:
        super().__init__(status.phrase)
        self.status = status
        self.text = text or status.phrase


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the page shows and does."""

    view: Callable[[str], dict[str, Any]]
    """By language."""
    revision: Callable[[], int]
    act: Callable[[Act, str, str], Awaitable[None]]
    end: Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


class _Tap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    act: Act
    point: str
    number: str


class PageServer:
    """Serves one page; `start`, print `address`, `close`."""

    def __init__(self, shown: Shown, door: Door) -> None:
        self._shown = shown
        self._door = door
        self._server: asyncio.Server | None = None
        self._hosts: frozenset[str] = frozenset()
        self._connections: set[asyncio.Task[None]] = set()
        self.address = ""

    async def start(self, host: str, listening: socket.socket) -> None:
        """Serve at a socket of `listen_at`."""
        self._server = await asyncio.start_server(self._serve, sock=listening, limit=MAX_HEAD_BYTES)
        port = int(listening.getsockname()[1])
        named = f"[{host}]" if ":" in host else host
        self._hosts = frozenset({f"{named}:{port}"})
        if host in {"127.0.0.1", "::1", "localhost"}:
            self._hosts |= {f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"}
        self.address = f"http://{named}:{port}/{self._door.token}/"

    async def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            async with asyncio.timeout(REQUEST_S):
                try:
                    answer = await self._answer(await _read(reader))
                except BadRequestError as refused:
                    answer = _response(refused.status, "text/plain; charset=utf-8", refused.text.encode())
                writer.write(answer)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception:
            LOG.exception("a request of the page failed")  # its connection ends; the walk goes on
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, request: _Request) -> bytes:
        if request.headers.get("host", "") not in self._hosts:
            raise BadRequestError(HTTPStatus.MISDIRECTED_REQUEST)  # another name for this address: a rebound page
        if request.headers.get("origin", "").removeprefix("http://") not in {"", *self._hosts}:
            raise BadRequestError(HTTPStatus.FORBIDDEN)  # another page asks, from the same machine perhaps
        token, _, place = request.path.lstrip("/").partition("/")
        cookie = cookie_of(request.headers.get("cookie", ""), COOKIE)
        fresh = None
        if not self._door.knows(cookie):
            fresh = self._door.admit(token)
            if fresh is None:
                raise BadRequestError(HTTPStatus.FORBIDDEN, "\n".join(texts_for(each)(CLOSED) for each in LANGUAGES))
        elif token != self._door.token:
            raise BadRequestError(HTTPStatus.NOT_FOUND)
        more = f"Set-Cookie: {COOKIE}={fresh}; Path=/{token}/; HttpOnly; SameSite=Strict\r\n" if fresh else ""
        if request.method == "GET" and place in FILES:
            file, kind = FILES[place]
            return _response(HTTPStatus.OK, kind, (FOLDER / file).read_bytes(), more)
        if request.method == "GET" and place == "view":
            if request.query.get("revision") == [str(self._shown.revision())]:
                return _response(HTTPStatus.NO_CONTENT, "", b"", more)
            language = request.query.get("lang", ["zh-CN"])[0]
            data = msgspec.json.encode(self._shown.view(language))
            return _response(HTTPStatus.OK, "application/json", data, more)
        if request.method == "POST" and place == "act":
            await self._act(request)
            return _response(HTTPStatus.NO_CONTENT, "", b"", more)
        raise BadRequestError(HTTPStatus.NOT_FOUND)

    async def _act(self, request: _Request) -> None:
        if request.headers.get("content-type") != "application/json":  # no form of another page sends this
            raise BadRequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            tap = msgspec.json.decode(request.body, type=_Tap)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadRequestError(HTTPStatus.BAD_REQUEST) from None
        if tap.act is Act.END:
            await self._shown.end()
        else:
            await self._shown.act(tap.act, tap.point, tap.number)


def listen_at(host: str, port: int) -> socket.socket:
    """Take an address before anything is begun. Raises: OSError: it is taken, or not of this machine."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


async def _read(reader: asyncio.StreamReader) -> _Request:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
    try:
        first, *rest = head.decode("ascii").split("\r\n")
        method, target, version = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        length = int(headers.get("content-length", "0"))
        url = urlsplit(target)
        query = parse_qs(url.query, max_num_fields=8)
    except ValueError:
        raise BadRequestError(HTTPStatus.BAD_REQUEST) from None
    if version not in {"HTTP/1.1", "HTTP/1.0"} or "transfer-encoding" in headers or length < 0:
        raise BadRequestError(HTTPStatus.BAD_REQUEST)
    if length > MAX_BODY_BYTES:
        raise BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    body = await reader.readexactly(length)
    return _Request(method=method, path=url.path, query=query, headers=headers, body=body)


def _response(status: HTTPStatus, kind: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{SAFE}{more}"
    if kind:
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode("ascii") + body
