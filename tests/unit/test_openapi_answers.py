"""What the API's description promises and what the console answers are the same; every test of the API looks too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.health import Check
from provisioning.authority import Authority
from tests.console import PASSWORD, ConsoleWorld
from tests.described import answer_faults, faults, pattern_of
from tests.ledgers import NOW


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ConsoleWorld]:
    """A console with an alarm, an event, a site and a box."""
    made = ConsoleWorld(folder=tmp_path, authority=Authority.create(now=NOW))
    made.dual_open()
    made.checks = [Check(name="database", works=True, said="Connected", age_s=0.0)]
    yield made
    made.close()


async def _walk(world: ConsoleWorld) -> None:
    """Every plain way through the API; each answer is held against the description by the client itself."""
    async with world.client() as operator, world.client("qian") as auditor, world.client(None) as nobody:
        for name in ("alarms", "events", "sites", "boxes", "openapi.json"):
            await operator.get(f"/api/v1/{name}")
            await nobody.get(f"/api/v1/{name}")
        alarm = (await operator.get("/api/v1/alarms")).json()["items"][0]
        own = f"/api/v1/alarms/{alarm['id']}"
        version = {"If-Match": f'"{alarm["version"]}"'}
        await operator.get(own)
        await operator.get("/api/v1/alarms/none")
        await operator.post(f"{own}/notes", json={"text": "seen"})
        await operator.post(f"{own}/notes", json={"text": ""})
        await operator.post(f"{own}/acknowledge")
        taken = await operator.post(f"{own}/acknowledge", headers=version)
        await operator.post(f"{own}/acknowledge", headers=version)
        await operator.post(f"{own}/acknowledge", headers={"If-Match": f'"{taken.json()["version"]}"'})
        handled = {"resolution": "false_alarm", "narrative": "a child leant on it"}
        stands = {"If-Match": f'"{taken.json()["version"]}"'}
        await operator.post(f"{own}/resolve", headers=stands, json={"resolution": "wrong", "narrative": "x"})
        await operator.post(f"{own}/resolve", headers=stands, json=handled)
        await operator.get("/api/v1/notices")
        await nobody.post("/api/v1/gateways/sms", json={"type": "receipt", "id": "x"})
        for client in (operator, nobody):
            await client.get("/api/v1/suspensions/x")
            await client.delete("/api/v1/suspensions/x")
        await auditor.get("/api/v1/ledger")
        await operator.get("/api/v1/ledger")
        for path in ("/healthz", "/metrics"):
            await operator.get(path)
        world.checks = [Check(name="database", works=False, said="Connected")]
        await nobody.get("/healthz")
        page = {"Accept": "text/html"}
        for headers in ({}, page):
            await nobody.post("/login", data={"name": "wang", "password": "wrong"}, headers=headers)
            await nobody.post("/login", data={"name": "wang", "password": PASSWORD}, headers=headers)
            await nobody.post("/logout", headers=headers)


async def test_every_answer_is_the_one_described(world: ConsoleWorld) -> None:
    """Success and refusals of each address, for those who may and those who may not, machines and browsers."""
    await _walk(world)
    statuses = {status for _, _, status in world.asked}
    assert statuses >= {200, 204, 303, 401, 403, 404, 409, 412, 422, 428, 503}, sorted(statuses)


async def test_every_described_address_is_asked_by_a_test(world: ConsoleWorld) -> None:
    """Each call is walked through here, or a test beside this one that has the same client names its address."""
    await _walk(world)
    calls = {(method, path) for path, calls in world.app.openapi()["paths"].items() for method in calls}
    walked = {
        (method, path)
        for method, path in calls
        for asked, where, _ in world.asked
        if (asked.lower(), bool(pattern_of(path).fullmatch(where))) == (method, True)
    }
    others = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    texts = [text for text in others if "ConsoleWorld" in text and "answer_faults" not in text]
    unasked = [call for call in calls - walked if not any(call[1].split("{")[0] in text for text in texts)]
    assert not unasked


async def test_not_modified_is_described_where_it_can_come(world: ConsoleWorld) -> None:
    """Lists and single things may answer 304; what has a version says so; what is not of the API is sent whole."""
    paths = world.app.openapi()["paths"]
    for path in ("/api/v1/alarms", "/api/v1/rotas", "/api/v1/notices", "/api/v1/incidents"):
        assert "304" in paths[path]["get"]["responses"], path
    for path in ("/api/v1/alarms/{alarm_id}", "/api/v1/suspensions/{suspension_id}", "/api/v1/rules"):
        assert "304" in paths[path]["get"]["responses"], path
        assert "ETag" in paths[path]["get"]["responses"]["200"]["headers"], path
    assert "304" not in paths["/healthz"]["get"]["responses"]
    problem = "application/problem+json"
    wrong = [
        answers["422"] for each in paths.values() for call in each.values() if "422" in (answers := call["responses"])
    ]
    assert all(list(answer["content"]) == [problem] for answer in wrong)


OPENAPI: dict[str, Any] = {
    "paths": {
        "/a/{b}": {
            "get": {
                "responses": {
                    "200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/s/Thing"}}}},
                    "204": {"description": ""},
                }
            }
        }
    },
    "s": {
        "Thing": {
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 1},
                "t": {"anyOf": [{"type": "string", "pattern": "^x"}, {"type": "null"}]},
                "l": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
                "m": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "p": {"type": "array", "prefixItems": [{"const": "p"}, {"type": "number"}], "minItems": 2},
            },
            "required": ["n"],
        }
    },
}


@pytest.mark.parametrize(
    ("thing", "wrong"),
    [
        ({"n": 1, "t": "x", "l": ["a", "b"], "m": {"k": True}, "p": ["p", 0.5]}, 0),
        ({"n": 1, "t": None}, 0),
        ({}, 1),
        ({"n": 0}, 1),
        ({"n": True}, 1),
        ({"n": 1.5}, 1),
        ({"n": 1, "t": "y"}, 1),
        ({"n": 1, "l": ["c"]}, 1),
        ({"n": 1, "l": ["a", "a", "a"]}, 1),
        ({"n": 1, "m": {"k": 1}}, 1),
        ({"n": 1, "more": 1}, 1),
        ({"n": 1, "p": ["p"]}, 1),
        ({"n": 1, "p": ["q", "r"]}, 2),
        ([], 1),
    ],
)
def test_the_check_finds_what_is_not_described(thing: Any, wrong: int) -> None:
    """A field missing, of another type, out of its limits, or one that nobody described."""
    found = answer_faults(OPENAPI, "GET", "/a/1", 200, "application/json", json.dumps(thing).encode())
    assert len(found) == wrong, found


def test_the_check_finds_an_answer_that_is_not_described() -> None:
    """Another status, another kind of content, a body where none is promised; and a keyword that it cannot judge."""
    assert answer_faults(OPENAPI, "GET", "/a/1", 404, "application/json", b"{}")
    assert answer_faults(OPENAPI, "GET", "/a/1", 200, "text/html", b"{}")
    assert answer_faults(OPENAPI, "GET", "/a/1", 204, "", b"x")
    assert not answer_faults(OPENAPI, "GET", "/a/1/b", 404, "text/html", b"")
    with pytest.raises(KeyError):
        list(faults(OPENAPI, {"multipleOf": 2}, 3))
