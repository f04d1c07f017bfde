"""Invariant: whatever is asked, the console answers below 500, and every refusal is a problem detail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from provisioning.authority import Authority
from tests.console import ConsoleWorld
from tests.ledgers import NOW

READS = (
    *("alarms", "events", "sites", "boxes", "alarms/x", "ledger", "openapi.json"),
    *("notices", "alarms/x/notices", "suspensions", "suspensions/x", "incidents", "rules", "rotas", "flood"),
)
PAGES = ("/desk/history", "/desk/watch", "/desk/facts", "/desk/alarms/x", "/login", "/docs", "/")
NAMES = ("site", "kind", "level", "state", "since", "until", "limit", "cursor", "lang", "zone")
TEXT = st.text(max_size=40)
ODD_WORDS = ["", "0", "-1", "1e9", "9" * 18, "9" * 20, "0755-031", "door.dual_open", "../../etc", "\x00", "open"]
ODD_TIMES = ["2026-11-21T00:00:00Z", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z", "Asia/Shanghai"]
ODD = st.sampled_from(ODD_WORDS + ODD_TIMES)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleWorld]:
    """One console for all tries: nothing they do may change what it is."""
    made = ConsoleWorld(folder=tmp_path_factory.mktemp("console"), authority=Authority.create(now=NOW))
    made.dual_open()
    yield made
    made.close()


def _ask(world: ConsoleWorld, method: str, path: str, **more: Any) -> None:
    async def ask() -> None:
        async with world.client() as client:
            answer = await client.request(method, path, **more)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json", answer.text

    asyncio.run(ask())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from([*(f"/api/v1/{name}" for name in READS), *PAGES]),
    query=st.dictionaries(st.sampled_from(NAMES), ODD | TEXT, max_size=4),
    language=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)
@example(path="/desk/history", query={"until": "9999-12-31"}, language="en")
@example(path="/desk/history", query={"since": "0001-01-01", "zone": "Asia/Shanghai"}, language="en")
@example(path="/desk/history", query={"since": "2026-11-21", "zone": "../../etc"}, language=";q=,;")
@example(
    path="/api/v1/events",
    query={"since": "0001-01-01T00:00:00+14:00", "until": "9999-12-31T23:59:59-14:00"},
    language="",
)
def test_no_question_breaks_it(world: ConsoleWorld, path: str, query: dict[str, str], language: str) -> None:
    """Odd filters on every list, part and page."""
    _ask(world, "GET", path, params=query, headers={"Accept-Language": language})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    action=st.sampled_from(["acknowledge", "resolve", "note", "nothing"]),
    body=st.recursive(st.none() | st.integers() | TEXT, lambda inner: st.dictionaries(TEXT, inner, max_size=3))
    | st.fixed_dictionaries({"resolution": ODD | TEXT, "narrative": TEXT})
    | st.fixed_dictionaries({"text": TEXT}),
    version=st.sampled_from(['"1"', "1", "*", '"x"', "", '"' + "9" * 30]),
)
def test_no_change_breaks_it(world: ConsoleWorld, action: str, body: object, version: str) -> None:
    """Odd bodies and versions on every action, on an alarm that is there and one that is not."""
    alarm = world.centre.alarms()[0].id
    for each in (alarm, "x"):
        _ask(world, "POST", f"/api/v1/alarms/{each}/{action}", json=body, headers={"If-Match": version})


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.dictionaries(st.sampled_from(["name", "password", "other"]), TEXT, max_size=3), raw=st.binary(max_size=60)
)
def test_no_login_breaks_it(world: ConsoleWorld, form: dict[str, str], raw: bytes) -> None:
    """Odd forms, and bytes that are no form."""
    _ask(world, "POST", "/login", data=form, headers={"Authorization": ""})
    form_type = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
    _ask(world, "POST", "/login", content=raw, headers=form_type)
