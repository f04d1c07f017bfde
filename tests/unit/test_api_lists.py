"""Every address of the API is as the API says of all of them: pages, entity tags, no parameter passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from pydantic import BaseModel

from collector.console.entity_tags import EntityTags
from collector.rules.folder import read_folder
from collector.rules.holding import hold
from collector.rules.shapes import Rota, Turn
from collector.storage.notices import add_notices
from collector.storage.presence import renew
from collector.times import unix_ms
from protocol import acceptance
from protocol.ids import new_event_id
from tests.bundles import SITE, Bureau
from tests.console import ADDRESS, ConsoleWorld
from tests.listed import answer_faults, form_faults, reads
from tests.orders import OrderWorld
from tests.pictures import JPEG
from tests.rules_folder import EXAMPLE
from tests.unit.test_api_quiet import wish
from tests.unit.test_notice_texts import notice
from tests.unit.test_walk_tests_kept import walked

BUREAU = Bureau()
WHO = "li"
"""A shift leader of the whole bank: sees whatever has rows here."""
ADMINISTRATORS = {"/api/v1/registrations"}


@pytest.fixture
def full(tmp_path: Path) -> Iterator[OrderWorld]:
    """A console with a branch that can be ordered."""
    made = OrderWorld(tmp_path, BUREAU)
    yield made
    made.close()


async def _filled(world: OrderWorld) -> dict[str, str]:
    """Two rows at least of everything that has a list; what stands for each place of an address."""
    tests = [walked(world).test for _ in range(2)]
    slot = f"{world.pictured()}-1"
    world.brought(slot, JPEG)
    world.dual_open()
    world.dual_open("interlock/rear")
    with world.centre.store.write() as connection:
        rota = [Rota(name=each, begins="2026-01-01", handover="08:00", turn=(Turn(people=(WHO,)),)) for each in "ab"]
        hold(connection, 3, msgspec.structs.replace(read_folder(EXAMPLE).rules, rota=tuple(rota)), "zhao", 0)
    alarm = world.centre.alarms()[0].id
    with world.centre.store.write() as connection:
        add_notices(
            connection, [notice(id=f"n{each}", number=each, alarm=alarm, token_hash=f"t{each}") for each in (1, 2)]
        )
    async with world.client("wang") as wang:
        for action in ("announce", "health"):
            body = {"site": SITE, "action": action, "args": {"announcement": "leave"} if action == "announce" else {}}
            assert (await wang.post("/api/v1/requests", json=body)).status_code == 201
    async with world.client(WHO) as client:
        for number in (1, 2):
            key = generate_private_key(SECP256R1()).public_key()
            pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
            body = {"name": f"key {number}", "public_key": pem}
            assert (await client.post("/api/v1/credentials/key-file", json=body)).status_code == 201
            begun = await client.post("/api/v1/suspensions", json=wish(world, minutes=30 + number))
            assert begun.status_code == 201, begun.text
            drafted = await world.draft()
            assert drafted.status_code == 201, drafted.text
    for unit in ("市分行/西区支行", "市分行/东区支行"):
        for number in range(6):
            world.site(f"{'0755' if '西' in unit else '0756'}-04{number}", unit)
    world.centre.pass_time(30)
    for person in ("wang", WHO):
        renew(world.centre.store, person, "centre-1", unix_ms(world.centre.now))
    return {
        "alarm_id": alarm,
        "suspension_id": begun.json()["id"],
        "order_id": drafted.json()["id"],
        "site": SITE,
        "box": world.box.id,
        "slot": slot,
        "test": tests[0],
    }


def test_every_list_has_pages_and_every_answer_may_be_known_already(full: OrderWorld) -> None:
    """By the description: `limit`, `cursor`, `items`, `next`, 304; a new list without them is found here."""
    openapi = full.app.openapi()
    assert not form_faults(openapi)
    assert len(list(reads(openapi))) > 20, "nothing was looked at"


async def test_every_list_s_pages_join_and_every_answer_has_its_tag(full: OrderWorld) -> None:
    """Asked for: no row is lost or twice between pages, and whoever has an answer gets 304 and no body."""
    places = await _filled(full)
    openapi = full.app.openapi()
    theirs = {path: calls for path, calls in openapi["paths"].items() if path in ADMINISTRATORS}
    others = {path: calls for path, calls in openapi["paths"].items() if path not in ADMINISTRATORS}
    async with full.client(WHO) as client, full.client("admin") as admin:
        assert not await answer_faults(client, {**openapi, "paths": others}, places)
        assert not await answer_faults(admin, {**openapi, "paths": theirs}, places)


class _Items(BaseModel):
    items: list[dict[str, int]]


class _Page(_Items):
    next: str | None


def _bad_app() -> FastAPI:
    """What the look must find: each address breaks another promise, the last breaks none."""
    app = FastAPI()
    rows = [{"id": each} for each in range(4)]

    @app.get("/api/v1/bare", responses={304: {}})
    def bare() -> list[dict[str, int]]:
        return rows

    @app.get("/api/v1/whole", responses={304: {}})
    def whole() -> _Items:
        return _Items(items=rows)

    @app.get("/api/v1/deaf", responses={304: {}})
    def deaf(limit: int = 100, cursor: str | None = None) -> _Page:
        return _Page(items=rows[:limit], next="0" if limit < len(rows) else None)

    @app.get("/api/v1/short", responses={304: {}})
    def short(limit: int = 100, cursor: str | None = None) -> _Page:
        return _Page(items=rows[:limit], next=None)

    @app.get("/api/v1/poor", responses={304: {}})
    def poor(limit: int = 100, cursor: str | None = None) -> _Page:
        return _Page(items=rows[:1], next=None)

    @app.get("/api/v1/silent")
    def silent() -> dict[str, int]:
        return {}

    @app.get("/api/v1/things/{thing}", responses={304: {}})
    def thing(thing: str) -> dict[str, int]:
        return {}

    @app.get("/api/v1/good", responses={304: {}})
    def good(limit: int = 100, cursor: str | None = None) -> _Page:
        start = int(cursor or 0)
        return _Page(items=rows[start : start + limit], next=str(start + limit) if start + limit < len(rows) else None)

    return app


async def test_the_look_finds_what_breaks_a_promise() -> None:
    """A bare list, one without a cursor, one whose cursor does nothing, a missing tag: each is found, no good one."""
    app = _bad_app()
    assert form_faults(app.openapi()) == [
        "/api/v1/bare takes no limit",
        "/api/v1/bare takes no cursor",
        "/api/v1/bare answers no items",
        "/api/v1/bare answers no next",
        "/api/v1/whole takes no limit",
        "/api/v1/whole takes no cursor",
        "/api/v1/whole answers no next",
        "/api/v1/silent does not say that it may answer 304",
    ]
    untagged = {
        f"/api/v1/{each}: 200, ETag None" for each in ("bare", "deaf", "good", "poor", "short", "silent", "whole")
    }
    joined = {
        "/api/v1/whole: a page of 4 where 1 were asked for",
        "/api/v1/deaf: its pages do not join to the whole",
        "/api/v1/short: its pages do not join to the whole",
        "/api/v1/poor: 1 rows of the example show nothing",
        "/api/v1/things/{thing}: no example of thing",
    }
    for tagged in (False, True):
        asgi: Any = EntityTags(app) if tagged else app
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=asgi), base_url=ADDRESS) as client:
            found = set(await answer_faults(client, app.openapi(), {}))
        assert found == (joined if tagged else joined | untagged)


async def test_no_address_passes_an_unknown_parameter_over(world: ConsoleWorld) -> None:
    """`?lvel=1` gives no unfiltered list anywhere: 422 names it and what is known, before anything is done."""
    paths = world.app.openapi()["paths"]
    calls = [
        (method, path, call) for path in paths if path.startswith("/api/v1") for method, call in paths[path].items()
    ]
    async with world.client("admin", **{"Accept-Language": "en"}) as client:
        for method, path, call in calls:
            known = sorted(each["name"] for each in call["parameters"] if each["in"] == "query")
            answer = await client.request(method, re.sub(r"\{[^}]+\}", "x", path), params={"lvel": "1", "lang": "en"})
            told = answer.json()
            assert (answer.status_code, told["type"].rpartition(":")[2]) == (422, "invalid"), path
            assert told["faults"] == [{"place": "query/lvel", "detail": "is not known here"}], path
            assert told["known"] == known, path
            assert told["detail"] == f"This address does not know: lvel. It knows: {', '.join(known)}."
    assert len(calls) > 40, "nothing was looked at"


async def test_an_unknown_parameter_is_said_in_both_languages(world: ConsoleWorld) -> None:
    """And a page may be asked with anything: addresses that people keep have all sorts of marks behind them."""
    async with world.client() as client:
        zh, en = [
            (await client.get("/api/v1/flood", params={"lvel": 1, "x" * 80: 2, "lang": each})).json()
            for each in ("zh", "en")
        ]
        page = await client.get("/acceptances", params={"utm_source": "mail"})
        assert (await client.get("/api/v1/openapi.json", params={"lvel": 1})).status_code == 422
    assert en["detail"] == f"This address does not know: lvel, {'x' * 64}. It knows: cursor, lang, limit."
    assert zh["detail"] == f"此地址不认识：lvel, {'x' * 64}。可用：cursor, lang, limit。"
    assert zh["known"] == en["known"] == ["cursor", "lang", "limit"]
    assert page.status_code == 200


async def test_a_parameter_given_twice_is_refused(world: ConsoleWorld) -> None:
    """`?kinds=alarm&kinds=box` would be boxes alone, and whoever asked waits for alarms; `lang` hides nothing."""
    async with world.client() as client:
        zh, en = [(await client.get(f"/api/v1/live?kinds=alarm&kinds=box&lang={each}")).json() for each in ("zh", "en")]
        unknown = (await client.get("/api/v1/alarms?lvel=1&site=a&site=a&lang=en")).json()
        fine = await client.get("/api/v1/alarms?lang=zh&lang=en&limit=1")
    assert (en["status"], en["detail"]) == (422, "Given more than once: kinds. Give each parameter once.")
    assert en["faults"] == [{"place": "query/kinds", "detail": "is given more than once"}]
    assert (zh["detail"], zh["faults"][0]["detail"]) == ("重复给出：kinds。每个参数只能给出一次。", "重复给出")
    assert unknown["faults"] == [{"place": "query/lvel", "detail": "is not known here"}]
    assert fine.status_code == 200


async def test_a_walk_test_of_long_ago_is_still_found(world: ConsoleWorld) -> None:
    """Its record, and the way to it on the page, do not end with the newest two hundred."""
    old = walked(world).test
    world.box.now += timedelta(days=1)
    facts = {"test": new_event_id(1_800_000_000_000, bytes(10)), "abandoned": True}
    for _ in range(200):
        world.happens(acceptance.FINISHED, acceptance.SOURCE, facts)
    async with world.client() as client:
        assert (await client.get(f"/api/v1/acceptances/{old}")).json()["id"] == old
        first = (await client.get("/acceptances")).text
        (cursor,) = re.findall(r'href="/acceptances\?cursor=([0-9]+)"', first)
        rest = (await client.get("/acceptances", params={"cursor": cursor})).text
    assert old not in first
    assert f"/api/v1/acceptances/{old}/pdf" in rest
    assert "/acceptances?cursor=" not in rest
