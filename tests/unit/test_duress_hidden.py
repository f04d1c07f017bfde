"""Who acted under duress sees the ordinary outcome: nothing of it reaches that person's session (WIRE 4.6).

Every address that can be read is asked as that person, pages and live feed too, and searched for the alarm and its
word; the same walk as somebody else finds it, so that the search itself is known to find.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from collector.console.asking import Asker
from collector.console.live import stream
from collector.console.names import PointNames
from collector.console.telling import Telling
from tests.bundles import SITE, Bureau
from tests.console import PEOPLE, ConsoleWorld
from tests.orders import OrderWorld, signed
from tests.pictures import JPEG, sealed_facts

BUREAU = Bureau()
WORDS = ("duress", "胁迫")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[OrderWorld]:
    """A console with a branch that can be ordered."""
    made = OrderWorld(tmp_path, BUREAU)
    yield made
    made.close()


async def _under_duress(world: OrderWorld) -> tuple[str, str, str]:
    """An order that was approved with the key for duress: order, event, alarm."""
    order = (await world.draft("disarm", {"partition": "hall"})).json()
    await world.approve(order, signed(order, "zhao"), "zhao")
    event = world.happens("zone.duress", "partition/hall", {"person": "zhao", "way": "order", "verification": 4})
    world.happens("evidence.sealed", "camera/03", sealed_facts(f"{event}-1", JPEG))
    world.happens("order.executed", "box/orders", {"order": order["id"], "action": "disarm", "people": ["zhao"]})
    (alarm,) = world.centre.alarms(kind="zone.duress")
    return order["id"], event, alarm.id


def _addresses(world: ConsoleWorld, **values: str) -> list[str]:
    """Every address that can be read, its places filled."""
    routers = [getattr(route, "original_router", None) for route in world.app.routes]
    routes = [route for router in routers if router is not None for route in router.routes]
    found = [route for route in routes if isinstance(route, APIRoute) and "GET" in (route.methods or ())]
    assert len(found) > 25, "the framework keeps its routes elsewhere"
    paths = [route.path for route in found if route.path != "/api/v1/live"]
    return [path.format(**values) for path in [*paths, *(f"{path}?limit=500" for path in paths if "{" not in path)]]


async def _walk(world: OrderWorld, who: str, order: str, alarm: str, event: str) -> dict[str, str]:
    values = {"alarm_id": alarm, "order_id": order, "site": SITE, "test": order, "key": order}
    values |= {"box": world.box.id, "slot": f"{event}-1", "token": "none", "suspension_id": alarm}
    told: dict[str, str] = {}
    async with world.client(who) as client:
        for language in ("en", "zh"):
            for address in _addresses(world, **values):
                answer = await client.get(address, headers={"Accept-Language": language}, follow_redirects=False)
                told[f"{language} {address}"] = answer.text
        history = f"/desk/history?kind=zone.duress&site={SITE}"
        told[history] = (await client.get(history)).text.split("<tbody", 1)[-1]
    return told


async def _live(world: OrderWorld, who: str) -> list[dict[str, Any]]:
    """Everything that the feed tells from the beginning on."""
    (person,) = [each for each in PEOPLE if each.id == who]
    services = world.app.state.services
    teller = Telling(services.people, PointNames(services.store))
    world.feed.start()
    told = []
    kinds = frozenset({"alarm", "event", "box", "order", "evidence"})
    feed = stream(services, teller, Asker(person=person, language="en", session=None), kinds, 0)
    async for block in feed:
        if b"event: tick" in block:
            break
        told.append(json.loads(block.decode().split("data: ", 1)[1]))
    world.feed.stop()
    return told


def _leaks(told: dict[str, str], *wanted: str) -> list[str]:
    """Addresses whose answer names what is hidden; the list of kinds, which is the same for everybody, aside."""
    return [address for address, text in told.items() if any(each in _without_lists(address, text) for each in wanted)]


def _without_lists(address: str, text: str) -> str:
    if "openapi" in address or "/docs" in address:
        return ""
    # The filter of the history names every kind there is, and an answer says which address was asked.
    text = "\n".join(line for line in text.splitlines() if "<option" not in line)
    return text.replace('"instance":"' + address.split(" ")[-1].split("?")[0] + '"', "")


async def test_no_address_shows_it_to_who_acted_under_it(world: OrderWorld) -> None:
    """Not the alarm, not its event, not the word; and the order ends as any other."""
    order, event, alarm = await _under_duress(world)
    told = await _walk(world, "zhao", order, alarm, event)
    assert _leaks(told, event, alarm, *WORDS) == []
    assert json.loads(told[f"en /api/v1/orders/{order}"])["state"] == "executed"
    live = await _live(world, "zhao")
    hidden = (alarm, event, *WORDS)
    assert not [each for each in live if any(word in json.dumps(each, ensure_ascii=False) for word in hidden)]
    assert [each["state"] for each in live if "needed" in each][-1] == "executed"


async def test_everybody_else_sees_it(world: OrderWorld) -> None:
    """The same walk as an operator finds it where it belongs, on the pages and in the feed."""
    order, event, alarm = await _under_duress(world)
    told = await _walk(world, "wang", order, alarm, event)
    shown = set(_leaks(told, event, alarm, *WORDS))
    assert {"en /api/v1/alarms", "en /api/v1/events", f"en /api/v1/alarms/{alarm}", f"zh /desk/alarms/{alarm}"} <= shown
    live = await _live(world, "wang")
    assert {each["kind"] for each in live if each.get("id") == alarm} == {"zone.duress"}
    assert event in {each.get("id") for each in live}


async def test_counts_show_nothing_of_it(world: OrderWorld) -> None:
    """Neither those of the site nor the figures for machines, which any token may ask for."""

    async def counts(who: str) -> tuple[int, list[str]]:
        async with world.client(who) as client:
            (site,) = [each for each in (await client.get("/api/v1/sites")).json()["items"] if each["id"] == SITE]
            figures = (await client.get("/metrics")).text.splitlines()
        wanted = ("branchwatch_alarms_total{", "branchwatch_events_total{")
        return site["alarms"], [line for line in figures if line.startswith(wanted)]

    before = await counts("zhao")
    world.happens("zone.duress", "partition/hall", {"person": "zhao", "way": "code"})
    assert await counts("zhao") == before
    assert (await counts("wang"))[0] == before[0] + 1


async def test_no_number_is_missing_where_it_stood(world: OrderWorld) -> None:
    """Who may not see the event may not count the others either: no place, hash or head of the urgent lane."""
    await _under_duress(world)

    async def asked(who: str, what: str) -> list[dict[str, Any]]:
        async with world.client(who) as client:
            return list((await client.get(f"/api/v1/{what}")).json()["items"])

    for who in ("zhao", "wang"):
        urgent = [each for each in await asked(who, "events") if each["lane"] == "urgent"]
        assert urgent
        assert {(each["seq"], each["hash"]) for each in urgent} == {(0, "")}, who
        assert {head["lane"] for box in await asked(who, "boxes") for head in box["heads"]} == {"routine"}, who
        live = await _live(world, who)
        assert not [each for each in live if each.get("lane") == "urgent" and each["seq"]]
        assert not [head for each in live for head in each.get("heads", ()) if head["lane"] == "urgent"]
    numbers = sorted(each["seq"] for each in await asked("qian", "events") if each["lane"] == "urgent")
    assert numbers == list(range(1, len(numbers) + 1)), "an auditor counts all of them"


async def test_nothing_can_be_done_to_it_by_who_acted_under_it(world: OrderWorld) -> None:
    """Whoever guesses its number is told that there is none, as for a number that there never was."""
    _, _, alarm = await _under_duress(world)
    async with world.client("zhao", **{"If-Match": '"1"'}) as client:
        for what, body in (("acknowledge", None), ("note", {"text": "x"})):
            answer = await client.post(f"/api/v1/alarms/{alarm}/{what}", json=body)
            never = await client.post(f"/api/v1/alarms/{order_like(alarm)}/{what}", json=body)
            assert (answer.status_code, answer.json()["title"]) == (never.status_code, never.json()["title"])
            assert answer.status_code == 404


async def test_its_end_is_hidden_as_its_beginning_was(world: OrderWorld) -> None:
    """A restore that names no person follows the event that it ends; one that joins hides the alarm for both."""
    _, event, alarm = await _under_duress(world)
    world.happens("zone.duress.restored", "partition/hall", {}, restores=event)
    told = await _walk(world, "zhao", "0", alarm, event)
    assert _leaks(told, event, alarm, *WORDS) == []
    world.happens("zone.duress", "partition/hall", {"person": "li", "way": "code"})
    for who in ("zhao", "li"):
        assert _leaks(await _walk(world, who, "0", alarm, event), alarm) == [], who


async def test_an_auditor_whom_boxes_obey_takes_no_ledger(world: OrderWorld) -> None:
    """The chain cannot leave lines out; whoever stands in a roster is refused always, so the refusal tells nothing."""
    async with world.client("qian", **{"Accept-Language": "en"}) as client:
        assert (await client.get("/api/v1/ledger")).status_code == 200
        zhao = world.roster(2).people[0]
        world.deliver(
            2, roster=world.roster(2, type(zhao)(id="qian", name="Qian", roles=("operator",), keys=zhao.keys))
        )
        answer = await client.get("/api/v1/ledger")
    assert answer.status_code == 403
    assert "gives no orders" in answer.json()["detail"]


def order_like(alarm: str) -> str:
    """An id of the same form that nothing bears."""
    return alarm[:-4] + ("0000" if not alarm.endswith("0000") else "1111")
