"""What stands before every request and on every answer: size limits, strict browser rules, same-origin checks.

Plain ASGI, so that the live feed streams through it untouched. It knows no route and no person.
"""

import re
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.console.problems import FOREIGN_ORIGIN, TOO_LARGE, Problem, answer
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_BODY_BYTES: Final = 64 * 1024
"""The largest honest body is a narrative of 4,000 characters."""
LARGER_BODIES: Final = ((re.compile(r"/api/v1/sites/[^/]{1,64}/bundle"), MAX_BUNDLE_BYTES),)
"""Addresses that take more, and how much: a signed site bundle with its roster."""
MAX_QUERY_BYTES: Final = 4 * 1024
"""Every filter at its longest needs about 700."""

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with it a browser sends `Origin: null` from our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(message, scope)
            await send(message)

        limit_bytes = _limit_bytes(scope)
        problem = _refuse(scope, limit_bytes)
        app = self._app if problem is None else answer(Request(scope), problem)
        await app(scope, _limited(receive, limit_bytes), send_guarded)


def is_same_origin(headers: Headers) -> bool | None:
    """Whether a browser says that our own page made this request; None when it says nothing (no browser, or old)."""
    if (origin := headers.get("origin")) is not None:
        return bool(headers.get("host")) and urlsplit(origin).netloc == headers["host"]
    if (site := headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    return None


def _limit_bytes(scope: Scope) -> int:
    if scope["method"] == "POST":
        for address, limit_bytes in LARGER_BODIES:
            if address.fullmatch(scope["path"]):
                return limit_bytes
    return MAX_BODY_BYTES


def _refuse(scope: Scope, limit_bytes: int) -> Problem | None:
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    if (
        len(scope["query_string"]) > MAX_QUERY_BYTES
        or not length.isascii()
        or not length.isdigit()
        or int(length) > limit_bytes
    ):
        return Problem(sort=TOO_LARGE)
    if scope["method"] not in SAFE_METHODS and is_same_origin(headers) is False:
        return Problem(sort=FOREIGN_ORIGIN, detail=N_("Open the desk itself and try again from there."))
    return None


def _limited(receive: Receive, limit_bytes: int) -> Receive:
    taken = 0

    async def take() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit_bytes:
            raise HTTPException(TOO_LARGE.status)  # the framework hands this one on from wherever a body is read
        return message

    return take


def _dress(message: MutableMapping[str, Any], scope: Scope) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers[name] = value
    # Our own files may be kept, but are asked for again; everything else may show people and alarms.
    headers["Cache-Control"] = "no-cache" if scope["path"].startswith("/static/") else "no-store"
