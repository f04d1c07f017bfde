"""Every answer of the console held against its own OpenAPI description: status, kind of content, and each field.

Stricter than JSON Schema: a field that the description does not name is a fault, and a keyword that this file does not
know is one too, so that nothing passes unread. Flow: tests/console.py hands every answer of every test here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI

Schema = Mapping[str, Any]

SAYS_NOTHING = {"title", "description", "default", "examples", "format", "contentMediaType", "discriminator"}
TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
PROBLEM = "application/problem+json"
_DESCRIBED: dict[frozenset[str], dict[str, Any]] = {}


def described(app: FastAPI) -> dict[str, Any]:
    """The description of `app`; one of the same addresses is worked out once a process, for it takes 0.1 s."""
    addresses = frozenset(f"{type(route).__name__} {getattr(route, 'path', '')}" for route in app.routes)
    if addresses not in _DESCRIBED:
        _DESCRIBED[addresses] = app.openapi()
    return _DESCRIBED[addresses]


def answer_faults(openapi: Schema, method: str, path: str, status: int, media: str, body: bytes) -> list[str]:
    """What an answer says that its description does not; nothing for an address that is not described."""
    call = _call(openapi, method, path)
    where = f"{method} {path}: {status}"
    if call is None:
        schema = {"$ref": "#/components/schemas/ProblemDetails"}
        return [f"{where}: {each}" for each in faults(openapi, schema, json.loads(body))] if media == PROBLEM else []
    answer = call["responses"].get(str(status))
    if answer is None:
        return [f"{where} is not described; {', '.join(sorted(call['responses']))} are"]
    content: Schema = answer.get("content", {})
    if not content:
        return [f"{where}: a body that is not described"] if body else []
    if media not in content:
        return [f"{where}: {media or 'no content'} instead of {' or '.join(content)}"]
    if media not in ("application/json", PROBLEM):
        return []
    return [f"{where}: {each}" for each in faults(openapi, content[media].get("schema", {}), json.loads(body))]


def faults(openapi: Schema, schema: Schema, value: Any, place: str = "$") -> Iterator[str]:
    """Where a value is not what a schema says.

    Raises:
        KeyError: the schema has a keyword that is not known here.
    """
    if "$ref" in schema:
        target: Any = openapi
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        yield from faults(openapi, target, value, place)
        return
    for each in ("anyOf", "oneOf"):
        if each in schema:
            tried = [list(faults(openapi, one, value, place)) for one in schema[each]]
            if all(tried):
                yield min(tried, key=len)[0]
    if "allOf" in schema:
        for one in schema["allOf"]:
            yield from faults(openapi, one, value, place)
    for keyword, wanted in schema.items():
        if keyword not in SAYS_NOTHING and keyword not in _JUDGED:
            raise KeyError(f"{place}: {keyword}")
        if keyword in _PLAIN and not _PLAIN[keyword](value, wanted):
            yield f"{place}: {str(value)[:80]!r} against {keyword} {wanted}"
    if isinstance(value, dict) and schema.get("type") == "object":
        yield from _fields(openapi, schema, value, place)
    if isinstance(value, list):
        first = schema.get("prefixItems", ())
        for index, (one, item) in enumerate(zip(first, value, strict=False)):
            yield from faults(openapi, one, item, f"{place}[{index}]")
        if "items" not in schema:
            return
        for index, item in enumerate(value[len(first) :], start=len(first)):
            yield from faults(openapi, schema["items"], item, f"{place}[{index}]")


def _fields(openapi: Schema, schema: Schema, value: dict[str, Any], place: str) -> Iterator[str]:
    named = schema.get("properties", {})
    others = schema.get("additionalProperties", not named)
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}.{name} is missing"
    for name, field in value.items():
        if name in named:
            yield from faults(openapi, named[name], field, f"{place}.{name}")
        elif others is False:
            yield f"{place}.{name} is not described"
        elif isinstance(others, dict):
            yield from faults(openapi, others, field, f"{place}.{name}")


def _call(openapi: Schema, method: str, path: str) -> Schema | None:
    paths = openapi["paths"]
    template = path if path in paths else next((each for each in paths if pattern_of(each).fullmatch(path)), None)
    return None if template is None else paths[template].get(method.lower())


def pattern_of(template: str) -> re.Pattern[str]:
    """What an address must look like to be the one described."""
    return re.compile("[^/]+".join(re.escape(part) for part in re.split(r"\{[^}]+\}", template)))


def _is_of(value: Any, wanted: str) -> bool:
    return isinstance(value, TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


_PLAIN: Mapping[str, Any] = {
    "type": _is_of,
    "enum": lambda value, wanted: value in wanted,
    "const": lambda value, wanted: value == wanted,
    "pattern": lambda value, wanted: not isinstance(value, str) or re.search(wanted, value) is not None,
    "minLength": lambda value, wanted: not isinstance(value, str) or len(value) >= wanted,
    "maxLength": lambda value, wanted: not isinstance(value, str) or len(value) <= wanted,
    "minItems": lambda value, wanted: not isinstance(value, list) or len(value) >= wanted,
    "maxItems": lambda value, wanted: not isinstance(value, list) or len(value) <= wanted,
    "minimum": lambda value, wanted: isinstance(value, bool) or not isinstance(value, int | float) or value >= wanted,
    "maximum": lambda value, wanted: isinstance(value, bool) or not isinstance(value, int | float) or value <= wanted,
}
_JUDGED = {*_PLAIN, "anyOf", "oneOf", "allOf", "items", "prefixItems", "properties", "required", "additionalProperties"}
