"""Suspensions, incidents and the flood meter over HTTP: who may, what is refused, and what is seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from protocol.timestamps import format_time
from tests.console import ConsoleWorld

ADDRESS = "/api/v1/suspensions"


def wish(world: ConsoleWorld, minutes: float = 30, **of: Any) -> dict[str, Any]:
    """A wish to shelve one kind at the first site."""
    until = format_time(world.centre.now + timedelta(minutes=minutes))
    return {"sort": "shelve", "site": "0755-031", "kind": "device.offline", "reason": "装修", "until": until, **of}


async def test_what_is_shelved_is_listed_until_it_is_ended(world: ConsoleWorld) -> None:
    """Begun by an operator, seen with reason and author, ended by hand; the alarm leaves the queue meanwhile."""
    world.happens("device.offline", "device/io1")
    async with world.client() as client:
        begun = await client.post(ADDRESS, json=wish(world))
        assert begun.status_code == 201, begun.text
        held = begun.json()
        assert (held["person"], held["reason"], held["ended"]) == ("wang", "装修", None)
        assert (await client.get(ADDRESS)).json()["items"] == [held]
        assert (await client.get(f"{ADDRESS}/{held['id']}")).json() == held
        assert (await client.get("/api/v1/alarms", params={"state": "queue"})).json()["items"] == []
        assert (await client.delete(f"{ADDRESS}/{held['id']}")).status_code == 204
        assert (await client.delete(f"{ADDRESS}/{held['id']}")).status_code == 409
        assert (await client.get(ADDRESS)).json()["items"] == []
        (over,) = (await client.get(ADDRESS, params={"over": "true"})).json()["items"]
        assert over["ended_by"] == "wang"
        assert len((await client.get("/api/v1/alarms", params={"state": "queue"})).json()["items"]) == 1


async def test_whoever_looked_at_another_end_of_a_suspension_is_told(world: ConsoleWorld) -> None:
    """RFC 9110 13.1.1: a suspension has an ETag; an ending that names another one is refused and ends nothing."""
    async with world.client() as client:
        begun = await client.post(ADDRESS, json=wish(world))
        address = f"{ADDRESS}/{begun.json()['id']}"
        tag = (await client.get(address)).headers["ETag"]
        assert begun.headers["ETag"] == tag
        stale = await client.delete(address, headers={"If-Match": '"another"'})
        assert (stale.status_code, stale.json()["type"].rpartition(":")[2]) == (412, "stale")
        assert (await client.delete(address, headers={"If-Match": tag})).status_code == 204
        assert (await client.get(address)).headers["ETag"] != tag


@pytest.mark.parametrize(
    ("who", "changes", "status"),
    [
        ("qian", {}, 403),
        ("wang", {"sort": "maintenance"}, 403),
        ("sun", {"sort": "maintenance"}, 201),
        ("east", {}, 404),
        ("wang", {"sort": "test", "kind": ""}, 422),
        ("wang", {"minutes": 24 * 60 + 1}, 422),
        ("wang", {"minutes": -1}, 422),
        ("wang", {"points": ["../etc"]}, 422),
        ("wang", {"reason": ""}, 422),
    ],
)
async def test_who_may_keep_what_quiet(world: ConsoleWorld, who: str, changes: dict[str, Any], status: int) -> None:
    """Roles, unit, limits and forms, each refused with its own answer."""
    async with world.client(who) as client:
        answer = await client.post(ADDRESS, json=wish(world, **changes))
    assert answer.status_code == status, answer.text


async def test_storms_under_way_are_listed_with_their_counts(world: ConsoleWorld) -> None:
    """Six sites of a unit fall silent: one incident, its members counted, seen at its unit and above alone."""
    for number in range(5):
        world.site(f"0755-04{number}", "市分行/西区支行")
    world.centre.pass_time(30)
    async with world.client() as client:
        (incident,) = (await client.get("/api/v1/incidents")).json()["items"]
        whole = (await client.get(f"/api/v1/alarms/{incident['id']}")).json()
        sites = (await client.get("/api/v1/sites")).json()["items"]
        page = (await client.get("/api/v1/incidents", params={"limit": 1, "cursor": 0})).json()
        rest = (await client.get("/api/v1/incidents", params={"limit": 1, "cursor": 1})).json()
    assert page == {"items": [incident], "next": None}
    assert rest == {"items": [], "next": None}
    assert (incident["unit"], incident["sites"], incident["members"]) == ("市分行/西区支行", 6, 6)
    assert (whole["kind"], whole["members_count"]) == ("incident.link", 6)
    assert not [site for site in sites if site["id"].startswith("unit-")]
    async with world.client("east") as client:
        assert (await client.get("/api/v1/incidents")).json()["items"] == []


async def test_the_flood_meter_counts_what_was_shown(world: ConsoleWorld) -> None:
    """ISA-18.2: more than ten in ten minutes are a flood; what is sheltered was not shown."""
    world.flood(11)
    async with world.client() as client:
        (load,) = (await client.get("/api/v1/flood")).json()["items"]
        assert load == {"person": "wang", "shown": 11, "flood": True}
        await client.post(ADDRESS, json=wish(world))
        (load,) = (await client.get("/api/v1/flood")).json()["items"]
        assert load == {"person": "wang", "shown": 0, "flood": False}
