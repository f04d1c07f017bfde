"""Every list and every single thing of an API, looked at by its description: pages that join, and entity tags.

What the API promises everywhere (docs/alarms.md 8): a list takes `limit` and `cursor` and answers `items` and `next`;
whoever has an answer already is told 304. A new address is found here by itself.
Flow: an OpenAPI description -> `form_faults`; a client and the addresses filled in -> `answer_faults`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

API = "/api/v1/"
TAGGED = ("application/json", "application/pdf", "image/jpeg", "video/mp4")
"""What comes whole; the ledger and the live feed are streams."""


def reads(openapi: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Every GET of the API that answers something whole: its address, its call, the schema of its JSON."""
    for path, calls in openapi["paths"].items():
        content = calls.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if path.startswith(API) and any(each in content for each in TAGGED):
            yield path, calls["get"], _whole(openapi, content.get("application/json", {}).get("schema", {}))


def is_list(schema: Mapping[str, Any]) -> bool:
    """Whether this answer is a list: bare, or under `items`."""
    return "array" in (schema.get("type"), schema.get("properties", {}).get("items", {}).get("type"))


def form_faults(openapi: Mapping[str, Any]) -> list[str]:
    """Lists without a page, and what does not say that it may not have changed."""
    found = []
    for path, call, schema in reads(openapi):
        asked = {each["name"] for each in call.get("parameters", ()) if each["in"] == "query"}
        if is_list(schema):
            found += [f"{path} takes no {each}" for each in ("limit", "cursor") if each not in asked]
            found += [f"{path} answers no {each}" for each in ("items", "next") if each not in _fields(schema)]
        if "304" not in call["responses"]:
            found.append(f"{path} does not say that it may answer 304")
    return found


async def answer_faults(client: httpx.AsyncClient, openapi: Mapping[str, Any], places: Mapping[str, str]) -> list[str]:
    """What is not as promised when it is asked for; `places` says what stands for each `{place}` of an address.

    A list of fewer than two rows shows nothing about its pages, so that is a fault as well.
    """
    found = []
    for path, _, schema in reads(openapi):
        unknown = [each for each in re.findall(r"\{([^}]+)\}", path) if each not in places]
        if unknown:
            found.append(f"{path}: no example of {', '.join(unknown)}")
            continue
        address = path.format(**places)
        found += [f"{path}: {each}" for each in await _tag_faults(client, address)]
        if "items" in _fields(schema):
            found += [f"{path}: {each}" for each in await _page_faults(client, address)]
    return found


async def _tag_faults(client: httpx.AsyncClient, address: str) -> list[str]:
    first = await client.get(address)
    if first.status_code != 200 or "ETag" not in first.headers:
        return [f"{first.status_code}, ETag {first.headers.get('ETag')}"]
    tag = first.headers["ETag"]
    again = await client.get(address, headers={"If-None-Match": f'"other", {tag}'})
    if (again.status_code, again.content, again.headers.get("ETag")) != (304, b"", tag):
        return [f"{again.status_code} with {len(again.content)} bytes to whoever has it"]
    other = await client.get(address, headers={"If-None-Match": '"other"'})
    return [] if (other.status_code, other.content) == (200, first.content) else ["not sent to whoever has another"]


async def _page_faults(client: httpx.AsyncClient, address: str) -> list[str]:
    whole = (await client.get(address, params={"limit": 500})).json()
    if len(whole["items"]) < 2 or whole.get("next"):
        return [f"{len(whole['items'])} rows of the example show nothing"]
    limit = max(1, len(whole["items"]) // 3)
    joined: list[Any] = []
    cursor: dict[str, str] = {}
    while len(joined) < len(whole["items"]):
        page = (await client.get(address, params={"limit": limit, **cursor})).json()
        if not page["items"] or len(page["items"]) > limit:
            return [f"a page of {len(page['items'])} where {limit} were asked for"]
        joined += page["items"]
        if page.get("next") is None:
            break
        cursor = {"cursor": page["next"]}
    if joined != whole["items"] or page.get("next") is not None:
        return ["its pages do not join to the whole"]
    return []


def _whole(openapi: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = schema.get("properties", {})
    return fields
