"""What the console refuses before anything else, and what every answer carries."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from collector import health
from collector.console import create_app
from collector.console.guard import MAX_BODY_BYTES, MAX_QUERY_BYTES
from collector.console.login import PASSWORDS_AT_ONCE
from collector.console.problems import install
from collector.health import STUCK_AFTER_S, Check, IngestSeen
from collector.people import People, Person
from collector.storage.schema import journal
from collector.storage.store import StoreError
from tests.conftest import Eventually
from tests.console import ADDRESS, PASSWORD, ConsoleWorld

PAGE = {"Accept": "text/html"}
OURS = {"Origin": ADDRESS}


async def _log_in(client: httpx.AsyncClient, name: str = "wang", password: str = PASSWORD) -> httpx.Response:
    return await client.post("/login", data={"name": name, "password": password}, headers=OURS)


async def test_nobody_is_let_in_without_a_word(world: ConsoleWorld) -> None:
    """Every address but login, health and our own files asks who it is; the desk leads to the login page."""
    async with world.client(None) as client:
        for path in ("alarms", "events", "sites", "boxes", "live", "ledger"):
            answer = await client.get(f"/api/v1/{path}")
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await client.get("/")).headers["Location"] == "/login"
        assert (await client.get("/desk/watch")).status_code == 401
        assert (await client.get("/docs")).status_code == 401
        assert (await client.get("/login")).status_code == 200


async def test_a_wrong_token_is_nobody(world: ConsoleWorld) -> None:
    """A token is compared whole."""
    async with world.client(None) as client:
        for token in ("token-wan", "token-wang ", "TOKEN-WANG", "", "x" * 5000):
            answer = await client.get("/api/v1/sites", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == (200 if token.strip() == "token-wang" else 401), token[:20]


async def test_a_password_gives_a_cookie_that_scripts_cannot_read(world: ConsoleWorld) -> None:
    """WIRE section 5: HttpOnly, SameSite=Strict; it opens the desk and ends with logout."""
    async with world.client(None) as client:
        answer = await _log_in(client)
        assert answer.status_code == 204, answer.text
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert (await client.get("/", headers=PAGE)).status_code == 200
        assert (await client.post("/logout", headers=OURS)).status_code == 204
        assert (await client.get("/api/v1/sites")).status_code == 401


async def test_coming_and_going_stand_in_the_journal(world: ConsoleWorld) -> None:
    """Every login and logout is an entry that carries its person; a refused one is none."""
    async with world.client(None) as client:
        await _log_in(client, password="wrong")
        await _log_in(client)
        await client.post("/logout", headers=OURS)
        await client.post("/logout", headers=OURS)
    with world.centre.store.read() as reading:
        rows = reading.connection.execute(select(journal).where(journal.c.topic == "person")).all()
    assert [(row.person, row.action) for row in rows] == [("wang", "login"), ("wang", "logout")]


async def test_a_logged_out_cookie_is_worth_nothing(world: ConsoleWorld) -> None:
    """The session ends at the server, not only in the browser."""
    async with world.client(None) as client:
        await _log_in(client)
        kept = dict(client.cookies)
        await client.post("/logout", headers=OURS)
        client.cookies.update(kept)
        assert (await client.get("/api/v1/sites")).status_code == 401


async def test_a_bearer_token_is_exchanged_for_a_cookie(world: ConsoleWorld) -> None:
    """EventSource sends no bearer header, so a token becomes a cookie at /login."""
    async with world.client(None) as client:
        answer = await client.post("/login", headers={"Authorization": "Bearer token-wang"})
        assert answer.status_code == 204
        assert (await client.get("/api/v1/sites")).status_code == 200


async def test_guessing_passwords_is_slowed_down(world: ConsoleWorld) -> None:
    """Five wrong ones for a name, then 429 with Retry-After, also for the right one; other names are not locked."""
    async with world.client(None) as client:
        for _ in range(5):
            assert (await _log_in(client, password="wrong")).status_code == 401
        answer = await _log_in(client)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 300
        assert (await _log_in(client, name="chen")).status_code == 204


async def test_a_wrong_login_is_said_on_the_page_in_both_languages(world: ConsoleWorld) -> None:
    """The form comes back with one sentence and the name still in it, never the password."""
    async with world.client(None) as client:
        for language, words in (("en", "Name or password is wrong"), ("zh-CN", "用户名或密码错误")):
            answer = await client.post(
                "/login",
                params={"lang": language},
                data={"name": "wang", "password": "not-this-one"},
                headers=PAGE | OURS,
            )
            assert answer.status_code == 401
            assert words in answer.text
            assert 'value="wang"' in answer.text
            assert "not-this-one" not in answer.text


async def test_another_page_cannot_use_the_cookie(world: ConsoleWorld) -> None:
    """A change that a browser sends for another page, or without saying for which, is refused."""
    world.dual_open()
    async with world.client(None) as client:
        await _log_in(client)
        alarm = (await client.get("/api/v1/alarms")).json()["items"][0]
        path = f"/api/v1/alarms/{alarm['id']}/acknowledge"
        for headers in (
            {"Origin": "http://evil.test"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {},
        ):
            answer = await client.post(path, headers={"If-Match": '"1"'} | headers)
            assert answer.status_code == 403, headers
        assert (await client.post(path, headers={"If-Match": '"1"'} | OURS)).status_code == 200


async def test_too_much_is_refused_before_it_is_read(world: ConsoleWorld) -> None:
    """Body and query have limits, with or without a stated length."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1024 + 2):
            yield b"x" * 1024

    async with world.client() as client:
        assert (await client.post("/login", content=b"x" * (MAX_BODY_BYTES + 1))).status_code == 413
        streamed = await client.post("/api/v1/alarms/a/note", content=endless(), headers={"If-Match": '"1"'})
        assert streamed.status_code == 413
        assert (await client.get("/api/v1/sites", params={"x": "y" * MAX_QUERY_BYTES})).status_code == 413


@pytest.mark.parametrize("path", ["/", "/login", "/docs", "/api/v1/alarms", "/static/desk.css", "/nowhere", "/healthz"])
async def test_every_answer_carries_the_strict_rules(world: ConsoleWorld, path: str) -> None:
    """No outside address, no inline script, no frame; nothing personal is kept by caches."""
    async with world.client() as client:
        answer = await client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == ("no-cache" if path.startswith("/static/") else "no-store")


async def test_problems_are_problem_details_in_both_languages(world: ConsoleWorld) -> None:
    """RFC 9457 for what the framework refuses as well; the language is the reader's."""
    async with world.client() as client:
        for path, method, status in (("/nowhere", "GET", 404), ("/api/v1/sites", "DELETE", 405)):
            english = await client.request(method, path, headers={"Accept-Language": "en"})
            chinese = await client.request(method, path, headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})
            assert english.status_code == status
            assert english.headers["Content-Type"] == "application/problem+json"
            assert english.json()["status"] == status
            assert english.json()["instance"] == path
            assert english.json()["title"] != chinese.json()["title"]
            assert (english.headers["Content-Language"], chinese.headers["Content-Language"]) == ("en", "zh-CN")


SEEN = IngestSeen(alive=True, fault="", turned_s=0.4, committed_s=7.2, brokers=[(True, 30.0), (False, 4.0)])


async def test_health_tells_every_part_with_its_age(world: ConsoleWorld) -> None:
    """200 while what is needed works; one broker of two makes it `degraded`; nobody has to log in for it."""
    world.checks += [health.database("", 0.0031), *health.ingest(SEEN)]
    async with world.client(None) as client:
        told = (await client.get("/healthz?lang=en")).json()
        chinese = (await client.get("/healthz", headers={"Accept-Language": "zh"})).json()
    assert (told["status"], told["collector"]) == ("degraded", "centre-1")
    assert [(each["name"], each["ok"], each["age_s"]) for each in told["checks"]] == [
        ("database", True, 0.0),
        ("broker 1", True, 30.0),
        ("broker 2", False, 4.0),
        ("ingest", True, 7.2),
    ]
    assert told["checks"][0]["detail"] == "Answers within 3 ms"
    assert chinese["checks"][1]["detail"] == "已连接"


@pytest.mark.parametrize(
    ("checks", "place"),
    [
        ([health.database("out of reach", 1.0)], "database"),
        (health.ingest(replace(SEEN, brokers=[(False, 4.0)])), "broker 1"),
        (health.ingest(replace(SEEN, alive=False)), "ingest"),
        (health.ingest(replace(SEEN, fault="the database is full")), "ingest"),
        (health.ingest(replace(SEEN, turned_s=STUCK_AFTER_S + 1)), "ingest"),
        (health.ingest(replace(SEEN, turned_s=None)), "ingest"),
        ([health.escalation(0.3), health.notices(STUCK_AFTER_S + 1)], "notices"),
        ([health.escalation(STUCK_AFTER_S + 1), health.notices(0.3)], "escalation"),
    ],
)
async def test_a_centre_that_does_not_work_says_503(world: ConsoleWorld, checks: list[Check], place: str) -> None:
    """No database, no broker, an ingest that ended, cannot store or is stuck, steps or notices that nobody looks for:
    the part is named, in words."""
    world.checks += checks
    async with world.client(None) as client:
        sick = await client.get("/healthz")
    assert sick.status_code == 503
    assert place in [fault["place"] for fault in sick.json()["faults"]]
    assert all(each["detail"] for each in sick.json()["checks"])


async def test_figures_are_for_this_machine_or_a_token(world: ConsoleWorld) -> None:
    """Prometheus on loopback needs nothing; from elsewhere, or through a proxy, it needs a token."""
    far = httpx.ASGITransport(app=world.app, client=("192.0.2.7", 1))
    async with world.client(None) as near, httpx.AsyncClient(transport=far, base_url=ADDRESS) as other:
        assert "branchwatch_events_total" in (await near.get("/metrics")).text
        assert (await near.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"})).status_code == 403
        assert (await other.get("/metrics")).status_code == 403
        assert (await other.get("/metrics", headers={"Authorization": "Bearer token-qian"})).status_code == 200


async def test_the_ledger_is_for_the_banks_auditor(world: ConsoleWorld) -> None:
    """An auditor of the whole bank takes it away; others, and an auditor of one unit, do not."""
    async with world.client("qian") as auditor, world.client("wang") as operator, world.client("west-auditor") as west:
        answer = await auditor.get("/api/v1/ledger")
        assert (answer.status_code, answer.content) == (200, b"the\nledger\n")
        assert (await operator.get("/api/v1/ledger")).status_code == 403
        assert (await west.get("/api/v1/ledger")).status_code == 403


async def test_the_description_covers_problems_and_the_live_feed(world: ConsoleWorld) -> None:
    """OpenAPI names every problem an address answers with, and the live feed's media type; /docs shows it."""
    async with world.client() as client:
        described = (await client.get("/api/v1/openapi.json")).json()
        page = await client.get("/docs")
    change = described["paths"]["/api/v1/alarms/{alarm_id}/acknowledge"]["post"]["responses"]
    assert {"200", "401", "403", "404", "409", "412", "422", "428"} <= set(change)
    assert all(list(change[status]["content"]) == ["application/problem+json"] for status in change if status != "200")
    assert "text/event-stream" in described["paths"]["/api/v1/live"]["get"]["responses"]["200"]["content"]
    answers = [method["responses"] for path in described["paths"].values() for method in path.values()]
    assert all({"413", "500", "503"} <= set(each) for each in answers)
    assert "text/plain" in described["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
    assert "403" in described["paths"]["/login"]["post"]["responses"]
    assert page.status_code == 200
    assert "/api/v1/live" in page.text


@pytest.mark.parametrize(("language", "title"), [("en", "database"), ("zh-CN", "数据库")])
async def test_a_database_out_of_reach_is_a_problem_of_the_moment(language: str, title: str) -> None:
    """A locked or full database answers 503 and when to try again, in the reader's language: no mistake of ours."""
    app = FastAPI()
    install(app)

    @app.post("/held")
    def held() -> None:
        raise StoreError("the database {name} is held", name="collector.sqlite")

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        answer = await client.post("/held", headers={"Accept-Language": language})
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    assert title in answer.json()["title"]
    assert "collector.sqlite" not in answer.text


class _SlowPeople(People):
    """People whose passwords are checked only when told to; counts how many checks began."""

    def __init__(self) -> None:
        super().__init__(())
        self.begun: list[str] = []
        self.go_on = threading.Event()

    def by_password(self, person_id: str, password: str) -> Person | None:
        """Wait, then check."""
        self.begun.append(person_id)
        assert self.go_on.wait(10)
        return super().by_password(person_id, password)


async def test_a_flood_of_logins_waits_its_turn(world: ConsoleWorld, eventually: Eventually) -> None:
    """Argon2 keeps no thread from the desk: of twenty logins two are being checked, and /healthz answers."""
    people = _SlowPeople()
    app = create_app(replace(world.app.state.services, people=people))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client, asyncio.TaskGroup() as tasks:
        logins = [tasks.create_task(_log_in(client, f"name-{n}", "wrong")) for n in range(20)]
        await eventually(lambda: len(people.begun) >= PASSWORDS_AT_ONCE)
        assert (await client.get("/healthz")).status_code == 200
        assert len(people.begun) == PASSWORDS_AT_ONCE
        people.go_on.set()
    assert {login.result().status_code for login in logins} == {401}
