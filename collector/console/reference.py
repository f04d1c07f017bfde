"""The API's description: what every address may answer, problems included, and a page of our own that shows it.

FastAPI's own pages load scripts from elsewhere, so they are off. Flow: routes -> OpenAPI -> JSON and /docs.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from collector.console.asking import Asked
from collector.console.entity_tags import API, HASHED
from collector.console.pages import Pages
from collector.console.problems import MEDIA_TYPE
from collector.console.shapes import ProblemDetails

OPENAPI_PATH: Final = "/api/v1/openapi.json"

_SAID: Final[Mapping[int, str]] = {
    401: "Nobody known asks",
    403: "This person or page may not do this",
    404: "Not there, or outside the person's unit",
    409: "Not in a state for this, or held by another",
    412: "Changed since the version of If-Match; `holder` names who holds it",
    413: "Body or query too large",
    422: "Parameters or body are not valid; `faults` lists them",
    428: "If-Match is missing",
    429: "Too often, or too many wrong logins; Retry-After says how long to wait",
    500: "A mistake of the centre; it stands in its log",
    503: "A part of the centre does not work; Retry-After says when to ask again",
}

_NOT_MODIFIED: Final = "Not changed since the ETag of If-None-Match; the body is empty"
_TAGGED: Final = frozenset({*HASHED, "image/jpeg", "video/mp4"})
_LANG: Final = {
    "name": "lang",
    "in": "query",
    "required": False,
    "schema": {"type": "string"},
    "description": "zh or en; else Accept-Language and the person's own",
}

VERSIONED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "headers": {
            "ETag": {"description": "The version, a dot and a hash; If-Match takes it", "schema": {"type": "string"}}
        }
    }
}
"""For what has a version."""

EVERYWHERE: Final = (413, 500, 503)
"""What any address may answer."""


def problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem details that an address may answer with, for its description."""
    return {
        status: {
            "description": _SAID[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in statuses
    }


def complete(app: FastAPI) -> None:
    """Add what no route says by itself to the description of `app`: the schema of problems, what any call may do."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        schema = plain()
        problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        for path, method, call in _calls(schema):
            if not path.startswith(API):
                continue
            call["responses"].setdefault("422", problem_answers(422)[422])
            call.setdefault("parameters", []).append(_LANG)
            if method == "get" and _TAGGED & call["responses"].get("200", {}).get("content", {}).keys():
                call["responses"]["304"] = {"description": _NOT_MODIFIED}
        schema["components"]["schemas"] |= {**problem.pop("$defs", {}), "ProblemDetails": problem}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend a description


def routes(app: FastAPI, pages: Pages) -> APIRouter:
    """GET /docs and the description itself."""
    router = APIRouter()

    @router.get(OPENAPI_PATH, include_in_schema=False)
    def description() -> Response:
        return JSONResponse(app.openapi())

    @router.get("/docs", include_in_schema=False)
    def docs(request: Request, asked: Asked) -> Response:
        return pages.page(
            request, asked.language, "docs.html", described=described(app.openapi()), openapi=OPENAPI_PATH
        )

    return router


def described(openapi: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each address of a description with its parameters and answers, for reading."""
    return [
        {
            "path": path,
            "method": method.upper(),
            "summary": call.get("summary", ""),
            "parameters": [
                {"name": each["name"], "in": each["in"], "says": each.get("description", "")}
                for each in call.get("parameters", [])
            ],
            "answers": [
                {"status": status, "says": each["description"], "media": ", ".join(each.get("content", {}))}
                for status, each in sorted(call["responses"].items())
            ],
        }
        for path, method, call in _calls(openapi)
    ]


def _calls(openapi: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, call) for path, calls in openapi["paths"].items() for method, call in calls.items()]
