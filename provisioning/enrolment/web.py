"""The enrolment's addresses, as the web framework wants them: the only file of provisioning that knows Starlette.

It takes bodies up to their limits, hands them to the desk in a thread, and makes answers and errors (RFC 9457) of what
comes back. Its log says who was refused for what: never a body. Flow: serving.py -> here -> desk.py.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.enrolment import (
    ENROL_PATH,
    ISSUER_PATH,
    MAX_ASKED_BYTES,
    RECORD_PATH,
    RENEW_PATH,
    Problem,
    Refusal,
)
from provisioning.enrolment.desk import Answered, Declined, Desk
from provisioning.refusal import RefusedError

LOG: Final = logging.getLogger("branchwatch.enrolment")

BODY_S: Final = 10.0
"""A body of 32 KiB that has not come by then never comes."""

STATUS: Final[Mapping[Refusal, tuple[int, str]]] = MappingProxyType(
    {
        Refusal.CODE_WRONG: (403, "This code is not known."),
        Refusal.CODE_USED: (409, "This code was used."),
        Refusal.CODE_EXPIRED: (410, "This code has ended."),
        Refusal.CODE_DEAD: (410, "This code is dead: too many wrong tries, or a newer one took its place."),
        Refusal.SITE_WRONG: (403, "This code is for another site or box."),
        Refusal.BOX_KNOWN: (409, "This box is known with another key, or this key with another box."),
        Refusal.BOX_UNKNOWN: (404, "This enrolment knows nothing of this certificate."),
        Refusal.REVOKED: (403, "The box's certificates are revoked."),
        Refusal.NOT_READMITTED: (403, "The certificate has ended, and nobody gave leave to renew it."),
        Refusal.TOO_MANY: (429, "Too many tries; later."),
        Refusal.MALFORMED: (400, "This is no such request."),
    }
)

_Act = Callable[[bytes], Answered | Declined]


def create_app(desk: Desk) -> Starlette:
    """The web application of one enrolment."""

    async def issuer(_: Request) -> Response:
        return Response(desk.issuer_der, media_type="application/pkix-cert")

    async def health(_: Request) -> Response:
        old = await run_in_threadpool(desk.is_list_old)
        state = {"status": "ok", "revocation_list": "ended" if old else "ok"}
        return Response(msgspec.json.encode(state), media_type="application/json")

    return Starlette(
        routes=[
            Route(ISSUER_PATH, issuer, methods=["GET"]),
            Route(ENROL_PATH, _asking(desk.enrol, "application/json"), methods=["POST"]),
            Route(RENEW_PATH, _asking(desk.renew, "application/json"), methods=["POST"]),
            Route(RECORD_PATH, _asking(desk.lines, "application/x-ndjson"), methods=["POST"]),
            Route("/healthz", health, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _elsewhere},
    )


def _asking(act: _Act, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            body = await _body(request)
        except (ClientDisconnect, TimeoutError):
            return _problem(408, "", "The body did not come.")
        if body is None:
            return _problem(413, Refusal.MALFORMED.value, "The body is too large.")
        try:
            done = await run_in_threadpool(act, body)
        except (RefusedError, OSError, sqlite3.Error) as error:
            LOG.warning("%s: cannot be recorded now: %s", request.url.path, error)
            return _problem(503, "", "The enrolment cannot record anything now; try again.")
        peer = request.client.host if request.client else "?"
        if isinstance(done, Declined):
            LOG.warning("%s %s: refused (%s), claimed %s", peer, request.url.path, done.reason.value, done.who or "-")
            status, detail = STATUS[done.reason]
            return _problem(status, done.reason.value, detail)
        level = logging.DEBUG if request.url.path == RECORD_PATH else logging.INFO  # the centre reads every 5 s
        LOG.log(level, "%s %s: answered %s", peer, request.url.path, done.who)
        return Response(done.body, media_type=media_type)

    return answer


async def _body(request: Request) -> bytes | None:
    """The body; None when it is larger than any honest one."""
    body = bytearray()
    async with asyncio.timeout(BODY_S):
        async for part in request.stream():
            body += part
            if len(body) > MAX_ASKED_BYTES:
                return None
    return bytes(body)


async def _elsewhere(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _problem(status, "", "There is nothing here.")


def _problem(status: int, code: str, detail: str) -> Response:
    problem = Problem(status=status, title=detail, code=code)
    return Response(msgspec.json.encode(problem), status_code=status, media_type="application/problem+json")
