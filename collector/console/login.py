"""The way in and out: name and password, or a bearer token, for a cookie; a login is a row in the database.

Flow: form or program -> People -> session row -> cookie. Wrong passwords are slowed down by attempts.py.
"""

import logging
import secrets
from asyncio import Semaphore
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from collector.console.asking import COOKIE, MAX_TOKEN, SESSION, bearer_of
from collector.console.attempts import Attempts
from collector.console.pages import Pages
from collector.console.problems import TOO_MANY_LOGINS, WRONG_LOGIN, Problem, language_of
from collector.console.reference import problem_answers
from collector.people import Person, token_hash
from collector.services import Services
from collector.storage.sessions import close_session, open_session
from collector.times import unix_ms
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import texts_for

_MS = timedelta(milliseconds=1)

PASSWORDS_AT_ONCE: Final = 2
"""Argon2 is slow by design: a flood of logins waits for its turn here and keeps no thread from the desk or /healthz."""

logger = logging.getLogger(__name__)


def routes(services: Services, pages: Pages) -> APIRouter:
    """GET and POST /login, POST /logout."""
    router = APIRouter(tags=["login"])
    attempts = Attempts()
    few_at_once = Semaphore(PASSWORDS_AT_ONCE)

    @router.get("/login", include_in_schema=False)
    def show(request: Request) -> Response:
        return pages.login(request, problem="", name="")

    @router.post(
        "/login",
        status_code=204,
        responses={**problem_answers(401, 403, 422, 429), **_for_pages(401, 429)},
        summary="Exchange a password or a bearer token for a cookie",
    )
    async def log_in(
        request: Request,
        name: Annotated[str, Form(max_length=64)] = "",
        password: Annotated[str, Form(max_length=256)] = "",
    ) -> Response:
        try:
            async with few_at_once:
                person = await run_in_threadpool(_who, services, attempts, request, name, password)
        except Problem as problem:
            if not _wants_page(request):
                raise
            _ = texts_for(language_of(request))
            said = _(problem.detail or problem.sort.title).format(**problem.values)
            return pages.login(request, problem=said, name=name, status=problem.sort.status, headers=problem.headers)
        answer: Response = RedirectResponse("/", 303) if _wants_page(request) else Response(status_code=204)
        await run_in_threadpool(_give_cookie, services, request, answer, person)
        return answer

    @router.post(
        "/logout", status_code=204, responses={**problem_answers(403), **_for_pages()}, summary="End this login"
    )
    def log_out(request: Request) -> Response:
        if cookie := request.cookies.get(COOKIE):
            close_session(services.store, token_hash=token_hash(cookie[:MAX_TOKEN]), now_ms=unix_ms(services.now()))
        answer: Response = RedirectResponse("/login", 303) if _wants_page(request) else Response(status_code=204)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    return router


def _who(services: Services, attempts: Attempts, request: Request, name: str, password: str) -> Person:
    address = request.client.host if request.client else ""
    token = bearer_of(request)
    key = None if token is not None else name
    now = services.now()
    if (wait := attempts.begin(key, address, now)) is not None:
        seconds = max(1, round(wait.total_seconds()))
        raise Problem(
            sort=TOO_MANY_LOGINS,
            detail=N_("Too many wrong logins. Try again in {seconds} seconds."),
            values={"seconds": seconds},
            headers={"Retry-After": str(seconds)},
        )
    people = services.people
    person = people.by_token(token) if token is not None else people.by_password(name, password)
    if person is None:
        logger.warning("a login as %r from %s was refused", name, address)
        raise Problem(sort=WRONG_LOGIN, detail=N_("Name or password is wrong. Check both and try again."))
    attempts.succeeded(key, address, now)
    return person


def _give_cookie(services: Services, request: Request, answer: Response, person: Person) -> None:
    token = secrets.token_urlsafe(32)
    now_ms = unix_ms(services.now())
    open_session(
        services.store,
        token_hash=token_hash(token),
        person=person.id,
        now_ms=now_ms,
        expires_ms=now_ms + SESSION // _MS,
    )
    answer.set_cookie(
        COOKIE, token, max_age=int(SESSION.total_seconds()), path="/", httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip


def _for_pages(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a form on a page gets instead: these refusals as the page again, success as the way on."""
    answers = problem_answers(*statuses)
    for answer in answers.values():
        answer["content"]["text/html"] = {}
    return {303: {"description": "Where to go on, for a form on a page"}, **answers}


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")
