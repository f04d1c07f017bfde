"""Who asks the API for something that has not changed is told so; what fails or has a version is left alone."""

from __future__ import annotations

import pytest

from collector.console.entity_tags import knows, tag_of, version_in
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


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ('"3"', "3"),
        ("3", "3"),
        (' W/"3" ', "3"),
        (tag_of(b"{}", '"3"'), "3"),
        (tag_of(b"{}", '"17-0"'), "17-0"),
        (TAG, TAG[3:-1]),
        ("*", "*"),
        ('"3", "4"', ""),
        ("", ""),
    ],
)
def test_the_version_in_a_tag_is_what_stands_before_its_hash(tag: str, version: str) -> None:
    """Whole tags and versions alone; a hash alone is as it is, and longer than any version."""
    assert version_in(tag) == version


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
    """An alarm's ETag is what If-Match asks for, its version, and a hash of what stands beside; a refusal has none."""
    world.dual_open()
    async with world.client() as client:
        alarm = (await client.get("/api/v1/alarms")).json()["items"][0]
        own = f"/api/v1/alarms/{alarm['id']}"
        answer = await client.get(own, headers={"If-None-Match": f'"{alarm["version"]}"'})
        tag = answer.headers["ETag"]
        assert (answer.status_code, version_in(tag), tag) == (200, str(alarm["version"]), tag_of(answer.content, "1"))
        assert (await client.get(own, headers={"If-None-Match": tag})).status_code == 304
        taken = await client.post(f"{own}/acknowledge", headers={"If-Match": tag})
        assert (taken.status_code, version_in(taken.headers["ETag"])) == (200, "2")
        assert (await client.post(f"{own}/verify", headers={"If-Match": tag})).status_code == 412
        fresh = await client.get(own, headers={"If-None-Match": tag})
        assert (fresh.status_code, fresh.headers["ETag"]) == (200, taken.headers["ETag"])
        assert "ETag" not in (await client.get("/api/v1/alarms/none")).headers
        assert "ETag" not in (await client.get("/healthz")).headers
