"""Answers of the API have an entity tag: who asks again for what did not change is told "not modified".

RFC 9110, 8.8.3 and 13.1.2. The tag is a hash of what was answered, so it is right whatever the answer is made of; it
spares the way and the reading of it, not the asking. A version that a route gave stands before the hash: what stands
beside a version changes without it, and If-Match asks for the version alone (`version_in`). Files have the tag of
their route. Plain ASGI: streams go through untouched. Inside guard.py.
"""

import re
from hashlib import sha256
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.staticfiles import NotModifiedResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API: Final = "/api/v1/"
TAG_HEX: Final = 32
"""128 bits of SHA-256."""
HASHED: Final = ("application/json", "application/pdf")
"""What comes whole; everything else is a stream, or a file with a tag of its own."""
_VERSIONED: Final = re.compile(rf'(?:W/)?"?([^"]*?)(?:\.[0-9a-f]{{{TAG_HEX}}})?"?')


class EntityTags:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        asks = Headers(scope=scope).get("if-none-match") if scope["method"] == "GET" else None
        held: Message | None = None
        over = False

        async def not_modified(headers: MutableHeaders) -> None:
            nonlocal over
            over = True
            await NotModifiedResponse(headers)(scope, receive, send)

        async def send_tagged(message: Message) -> None:
            nonlocal held
            if over:
                return
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if _wants_hash(scope, message["status"], headers):
                    held = message
                elif message["status"] in (200, 206) and knows(asks, headers.get("etag", "")):
                    await not_modified(headers)
                else:
                    await send(message)
                return
            if held is None or message["type"] != "http.response.body":
                await send(message)
                return
            start, held = held, None
            if message.get("more_body", False):  # not whole: nothing to take a hash of
                await send(start)
                await send(message)
                return
            headers = MutableHeaders(scope=start)
            headers["ETag"] = tag = tag_of(message.get("body", b""), headers.get("etag"))
            if knows(asks, tag):
                await not_modified(headers)
                return
            await send(start)
            await send(message)

        await self._app(scope, receive, send_tagged)


def tag_of(body: bytes, version: str | None = None) -> str:
    """The entity tag of an answer: its `version` with the hash, which is of these very bytes, or the hash alone.

    That one is weak: the same words may one day be written in another order.
    """
    digest = sha256(body).hexdigest()[:TAG_HEX]
    return f'W/"{digest}"' if version is None else f'"{version_in(version)}.{digest}"'


def version_in(tag: str) -> str:
    """The version that an entity tag of ours, or an If-Match, names; with or without quotes and hash."""
    found = _VERSIONED.fullmatch(tag.strip())
    return found[1] if found else ""


def knows(if_none_match: str | None, tag: str) -> bool:
    """Whether who asks has this already; tags are compared weakly, as If-None-Match is."""
    if if_none_match is None or not tag:
        return False
    asked = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return asked == ["*"] or tag.removeprefix("W/") in asked


def _wants_hash(scope: Scope, status: int, headers: Headers) -> bool:
    if not headers.get("content-type", "").startswith(HASHED):
        return False
    return (scope["method"] == "GET" and status == 200) or (status in (200, 201) and "etag" in headers)
