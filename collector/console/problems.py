"""What a refused request gets: RFC 9457 problem details, in the reader's language, and nothing of our insides.

`Problem` is raised wherever a request ends; the handlers here make the answer. Flow: any route -> handler -> JSON.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from collector.console.languages import negotiate
from collector.storage.store import StoreError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import texts_for

MEDIA_TYPE: Final = "application/problem+json"
MOST_FAULTS: Final = 20
"""Faults of one request that are listed."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sort:
    """One sort of problem: the last part of its type URN, its status and its title."""

    name: str
    status: int
    title: str


LOGIN_NEEDED: Final = Sort(name="login-needed", status=401, title=N_("Log in first"))
WRONG_LOGIN: Final = Sort(name="wrong-login", status=401, title=N_("Name or password is wrong"))
NOT_ALLOWED: Final = Sort(name="not-allowed", status=403, title=N_("You may not do this"))
FOREIGN_ORIGIN: Final = Sort(name="foreign-origin", status=403, title=N_("The request came from another page"))
NOT_FOUND: Final = Sort(name="not-found", status=404, title=N_("There is no such thing here"))
WRONG_METHOD: Final = Sort(name="wrong-method", status=405, title=N_("This address does not take that method"))
WRONG_STATE: Final = Sort(name="wrong-state", status=409, title=N_("The alarm is not in a state for this"))
HELD_BY_ANOTHER: Final = Sort(name="held-by-another", status=409, title=N_("Another person holds this alarm"))
STEPS_OPEN: Final = Sort(name="steps-open", status=409, title=N_("The procedure is not finished"))
OTHER_PERSON: Final = Sort(name="other-person", status=403, title=N_("This needs another person"))
STALE: Final = Sort(name="stale", status=412, title=N_("The alarm has changed meanwhile"))
TOO_LARGE: Final = Sort(name="too-large", status=413, title=N_("The request is too large"))
KEY_REFUSED: Final = Sort(name="key-refused", status=409, title=N_("This key is not taken"))
BUNDLE_OLDER: Final = Sort(name="bundle-older", status=409, title=N_("Another site bundle is stored"))
BUNDLE_NOT_TAKEN: Final = Sort(name="bundle-not-taken", status=422, title=N_("This is no site bundle that a box takes"))
INVALID: Final = Sort(name="invalid", status=422, title=N_("The request is not valid"))
VERSION_NEEDED: Final = Sort(name="version-needed", status=428, title=N_("Say which version you looked at"))
TOO_MANY_LOGINS: Final = Sort(name="too-many-logins", status=429, title=N_("Too many wrong logins"))
TOO_MANY: Final = Sort(name="too-many", status=429, title=N_("Too often"))
NOT_NOW: Final = Sort(name="not-now", status=409, title=N_("This cannot be done now"))
APPROVAL_NOT_TAKEN: Final = Sort(name="approval-not-taken", status=422, title=N_("This approval does not count"))
OUR_FAULT: Final = Sort(name="our-fault", status=500, title=N_("The centre made a mistake; it is in its log"))
UNHEALTHY: Final = Sort(name="unhealthy", status=503, title=N_("The centre does not work fully"))
NO_DATABASE: Final = Sort(name="no-database", status=503, title=N_("The centre's database does not answer now"))
RETRY_AFTER_S: Final = 5

_BY_STATUS: Final = {
    sort.status: sort for sort in (OUR_FAULT, INVALID, TOO_LARGE, WRONG_METHOD, NOT_FOUND, NOT_ALLOWED, LOGIN_NEEDED)
}

_FAULTS: Final = {
    "missing": N_("is missing"),
    "extra_forbidden": N_("is not known here"),
    "json_invalid": N_("is no valid JSON"),
    "string_too_long": N_("is longer than {max_length} characters"),
    "string_too_short": N_("is shorter than {min_length} characters"),
    "string_pattern_mismatch": N_("does not have the right form"),
    "int_parsing": N_("is no whole number"),
    "greater_than_equal": N_("is less than {ge}"),
    "less_than_equal": N_("is more than {le}"),
    "enum": N_("must be one of {expected}"),
    "literal_error": N_("must be one of {expected}"),
    "timezone_aware": N_("is a time without a zone"),
    "datetime_from_date_parsing": N_("is no time such as 2026-11-21T02:13:49Z"),
    "datetime_parsing": N_("is no time such as 2026-11-21T02:13:49Z"),
}
_FAULT_OTHERWISE: Final = N_("is not valid")


@dataclass(kw_only=True)
class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """The request ends with this answer. `detail` is an English message id with `{named}` places for `values`."""

    sort: Sort
    detail: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def language_of(request: Request) -> str:
    """The language of a request before or after it is known who asks (the person's is noted on its state)."""
    known = getattr(request.state, "language", None)
    return known or negotiate(
        request.query_params.get("lang"), request.cookies.get("bw_lang"), request.headers.get("Accept-Language")
    )


def answer(request: Request, problem: Problem) -> JSONResponse:
    """The problem as JSON in the reader's language."""
    language = language_of(request)
    _ = texts_for(language)
    body: dict[str, Any] = {
        "type": f"urn:branchwatch:problem:{problem.sort.name}",
        "title": _(problem.sort.title),
        "status": problem.sort.status,
        "instance": request.url.path,
    }
    if problem.detail:
        body["detail"] = _(problem.detail).format(**problem.values)
    body.update(problem.more)
    headers = {**problem.headers, "Content-Language": language}
    return JSONResponse(body, problem.sort.status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error of `app` end in a problem."""

    @app.exception_handler(Problem)
    async def ours(request: Request, problem: Problem) -> JSONResponse:
        return answer(request, problem)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        _ = texts_for(language_of(request))
        faults = [_fault(_, each) for each in error.errors()[:MOST_FAULTS]]
        return answer(request, Problem(sort=INVALID, more={"faults": faults}))

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> JSONResponse:
        fallback = Sort(name="refused", status=error.status_code, title=HTTPStatus(error.status_code).phrase)
        return answer(request, Problem(sort=_BY_STATUS.get(error.status_code, fallback), headers=error.headers or {}))

    @app.exception_handler(StoreError)
    async def of_the_database(request: Request, error: StoreError) -> JSONResponse:
        logger.warning("%s %s waits for the database: %s", request.method, request.url.path, error)
        detail = N_("Nothing was changed. Try again in {seconds} seconds.")
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        values = {"seconds": RETRY_AFTER_S}
        return answer(request, Problem(sort=NO_DATABASE, detail=detail, values=values, headers=headers))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(request, Problem(sort=OUR_FAULT))


def _fault(_: Any, error: Mapping[str, Any]) -> dict[str, str]:
    """Where and what; never the value itself, which may be a password."""
    template = _FAULTS.get(error["type"], _FAULT_OTHERWISE)
    place = "/".join(str(part) for part in error["loc"])
    return {"place": place, "detail": _(template).format(**error.get("ctx", {}))}
