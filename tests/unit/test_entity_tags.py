"""Who asks the API for something that has not changed is told so; what fails or has a version is left alone."""

from __future__ import annotations

import pytest

from collector.console.entity_tags import knows, tag_of
from tests.console import ConsoleWorld

TAG = tag_of(b"{}")


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        (TAG, True),
        (TAG.removeprefix("W/"), True),
        (f'"1", {TAG}', True),
        ("*", True),
        (None, False),
        ("", False),
        ('"1"', False),
        (TAG.replace('"', ""), False),
        (tag_of(b"[]"), False),
    ],
)
def test_tags_are_compared_weakly(asked: str | None, known: bool) -> None:
    """RFC 9110, 13.1.2: one of a list, with or without W/, or a star."""
    assert knows(asked, TAG) is known


@pytest.mark.parametrize("name", ["alarms?lang=en", "events", "sites", "boxes", "notices", "rotas", "suspensions"])
async def test_a_list_that_did_not_change_is_not_sent_again(world: ConsoleWorld, name: str) -> None:
    """The first answer has a weak tag; with it there is 304 and no body, until something changes."""
    async with world.client() as client:
        first = await client.get(f"/api/v1/{name}")
        assert first.status_code == 200
        tag = first.headers["ETag"]
        assert tag.startswith('W/"')
        again = await client.get(f"/api/v1/{name}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        other = await client.get(f"/api/v1/{name}", headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.content) == (200, first.content)


async def test_what_changed_is_sent(world: ConsoleWorld) -> None:
    """One alarm more, and the tag of before is good for nothing."""
    async with world.client() as client:
        before = (await client.get("/api/v1/alarms")).headers["ETag"]
        world.dual_open()
        after = await client.get("/api/v1/alarms", headers={"If-None-Match": before})
        assert after.status_code == 200
        assert after.headers["ETag"] != before


async def test_a_version_stays_the_tag_of_a_single_thing(world: ConsoleWorld) -> None:
    """An alarm's ETag is what If-Match asks for, so it is never a hash; a refusal has none."""
    world.dual_open()
    async with world.client() as client:
        alarm = (await client.get("/api/v1/alarms")).json()["items"][0]
        own = f"/api/v1/alarms/{alarm['id']}"
        answer = await client.get(own, headers={"If-None-Match": f'"{alarm["version"]}"'})
        assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{alarm["version"]}"')
        assert "ETag" not in (await client.get("/api/v1/alarms/none")).headers
        assert "ETag" not in (await client.get("/healthz")).headers
