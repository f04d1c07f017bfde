"""The local page's web server: for one browser, on this machine alone. The one file that knows Starlette and uvicorn.

It listens on loopback, answers to `localhost` alone (RP ID `localhost`), below a secret path that opens once, loads
nothing from anywhere else, and ends by itself. Flow: browser -> here -> `page_steps.py`.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ordering.page_steps import AnswerBodyError, Step, Steps
from ordering.refusal import InputError
from protocol.page_door import Door
from protocol.texts import LANGUAGES, match_language, system_said, texts_for
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

PORT: Final = 7531
LIFE_S: Final = 600.0
"""As long as a box honours a challenge."""
HOSTS: Final = (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))
"""A browser takes either for `localhost`: whoever had the other could show another page under our name."""

COOKIE: Final = "bw_approve"
MAX_BODY_BYTES: Final = 16 * 1024
MAX_HEAD_BYTES: Final = 16 * 1024
MAX_CONNECTIONS: Final = 16
BODY_S: Final = 10.0
END_S: Final = 2

FOLDER: Final = Path(__file__).with_name("page")
FILES: Final = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
}
SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
CLOSED: Final = N_(
    "This address is mistyped, or another browser opened it already. Next step: end the command in the terminal with "
    "Ctrl-C and type it again; it shows a new address."
)


class _Server(uvicorn.Server):
    """A web server that leaves signals to Python: Ctrl-C ends the command."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listen(port: int) -> list[socket.socket]:
    """Take the port on both loopback addresses, or on IPv4 alone where the machine has no IPv6.

    Raises:
        InputError: another program has it.
    """
    taken: list[socket.socket] = []
    for host, family in HOSTS:
        try:
            one = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((host, port))
        except OSError as error:
            one.close()
            if family == socket.AF_INET6 and error.errno == errno.EADDRNOTAVAIL:
                continue
            for each in taken:
                each.close()
            raise InputError(
                N_("the page cannot be served at {address}: {reason}. Next step: end what uses it, or take --port N"),
                address=f"localhost:{port}",
                reason=system_said(error),
            ) from None
        taken.append(one)
    return taken


async def serve(
    steps: Steps,
    listeners: list[socket.socket],
    random: Callable[[int], bytes],
    tell: Callable[[str], None],
    life_s: float = LIFE_S,
) -> bool:
    """Serve the page until its purpose is at its end; False: time is over. `tell` hears the address once it answers."""
    port = int(listeners[0].getsockname()[1])
    room = _Room(steps, Door(random), port)
    server = _Server(
        uvicorn.Config(
            room.app,
            http="h11",
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=END_S,
            lifespan="off",
            ws="none",
        )
    )
    serving = asyncio.create_task(server.serve(sockets=listeners), name="the page")
    tell(f"http://localhost:{port}/{room.door.token}/")
    try:
        async with asyncio.timeout(life_s):
            await room.ended.wait()
    except TimeoutError:
        return False
    else:
        return True
    finally:
        server.should_exit = True
        await serving


class _Room:
    """The addresses of one page."""

    def __init__(self, steps: Steps, door: Door, port: int) -> None:
        self.door = door
        self.ended = asyncio.Event()
        self._steps = steps
        self._host = f"localhost:{port}"
        self._busy = asyncio.Lock()
        self.app = Starlette(
            routes=[
                Route("/{token}/view", self._view, methods=["GET"]),
                Route("/{token}/answer", self._answer, methods=["POST"]),
                Route("/{token}/decline", self._decline, methods=["POST"]),
                Route("/{token}/{file}", self._file, methods=["GET"]),
                Route("/{token}/", self._file, methods=["GET"]),
            ]
        )

    async def _file(self, request: Request) -> Response:
        fresh, refused = self._enter(request)
        if refused is not None:
            return refused
        name = request.path_params.get("file", "")
        if name not in FILES:
            return _plain(404, "")
        file, kind = FILES[name]
        answer = Response((FOLDER / file).read_bytes(), media_type=kind, headers=SAFE)
        if fresh:
            path = f"/{self.door.token}/"
            answer.set_cookie(COOKIE, fresh, path=path, httponly=True, samesite="strict")
        return answer

    async def _view(self, request: Request) -> Response:
        refused = self._enter(request)[1]
        if refused is not None:
            return refused
        language = match_language(request.query_params.get("lang", "")[:16]) or "en"
        return _json({"language": language, **self._steps.view(texts_for(language))})

    async def _answer(self, request: Request) -> Response:
        return await self._do(request, self._steps.answered)

    async def _decline(self, request: Request) -> Response:
        return await self._do(request, lambda _: self._steps.declined())

    async def _do(self, request: Request, act: Callable[[bytes], Step]) -> Response:
        refused = self._enter(request)[1]
        if refused is not None:
            return refused
        if request.headers.get("content-type") != "application/json":  # no form of another page sends this
            return _plain(415, "")
        try:
            body = await _body(request)
        except (ClientDisconnect, TimeoutError):
            return _plain(408, "")
        if body is None:
            return _plain(413, "")
        async with self._busy:  # a second tap waits, and finds the end
            if self.ended.is_set():
                return _plain(409, "")
            try:
                language = _language_of(body)
                step = await run_in_threadpool(act, body)
            except AnswerBodyError:
                return _plain(400, "")
            if step.ended:
                self.ended.set()
        return _json({"text": step.text.told(texts_for(language)), "done": step.done, "ended": step.ended})

    def _enter(self, request: Request) -> tuple[str | None, Response | None]:
        """The cookie for whoever comes first; a refusal for whoever may not come in."""
        if request.headers.get("host") != self._host:
            return None, _plain(421, "")  # another name for this address: a rebound page
        if request.headers.get("origin", f"http://{self._host}") != f"http://{self._host}":
            return None, _plain(403, "")  # another page asks, from the same machine perhaps
        if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and request.method != "GET":
            return None, _plain(403, "")
        token = request.path_params["token"]
        if self.door.knows(request.cookies.get(COOKIE, "")):
            return None, None if token == self.door.token else _plain(404, "")
        at_the_door = request.method == "GET" and request.url.path == f"/{token}/"
        fresh = self.door.admit(token) if at_the_door else None
        if fresh is None:
            return None, _plain(403, "\n".join(texts_for(each)(CLOSED) for each in LANGUAGES))
        return fresh, None


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async with asyncio.timeout(BODY_S):
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                return None
    return bytes(body)


class _Reader(msgspec.Struct):
    lang: str = ""


def _language_of(body: bytes) -> str:
    """The language of the page that sent this. Raises: AnswerBodyError."""
    try:
        return match_language(msgspec.json.decode(body, type=_Reader).lang[:16]) or "en"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AnswerBodyError from None


def _json(data: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(data), media_type="application/json", headers=SAFE)


def _plain(status: int, text: str) -> Response:
    return Response(text, status_code=status, media_type="text/plain; charset=utf-8", headers=SAFE)
