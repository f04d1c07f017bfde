"""Answers of the API that have no version of their own get a weak entity tag: who asks again is told "not modified".

RFC 9110, 8.8.3 and 13.1.2. The tag is a hash of what was answered, so it is right whatever the answer is made of; it
spares the way and the reading of it, not the asking. Plain ASGI: streams go through untouched. Inside guard.py.
"""

from hashlib import sha256
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.staticfiles import NotModifiedResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API: Final = "/api/v1/"
TAG_HEX: Final = 32
"""128 bits of SHA-256."""


class EntityTags:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def send_tagged(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _wants_tag(message):
                held = message
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
            headers["ETag"] = tag = tag_of(message.get("body", b""))
            if knows(Headers(scope=scope).get("if-none-match"), tag):
                await NotModifiedResponse(headers)(scope, receive, send)
                return
            await send(start)
            await send(message)

        await self._app(scope, receive, send_tagged)


def tag_of(body: bytes) -> str:
    """The entity tag of an answer, weak: the same words may one day be written in another order."""
    return f'W/"{sha256(body).hexdigest()[:TAG_HEX]}"'


def knows(if_none_match: str | None, tag: str) -> bool:
    """Whether who asks has this already; tags are compared weakly, as If-None-Match is."""
    if if_none_match is None:
        return False
    asked = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return asked == ["*"] or tag.removeprefix("W/") in asked


def _wants_tag(start: Message) -> bool:
    headers = Headers(scope=start)
    return (
        start["status"] == 200
        and headers.get("content-type", "").startswith("application/json")
        and "etag" not in headers
    )
