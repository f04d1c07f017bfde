"""Words of the desk that figures and ends depend on: one is no plural, and what supported an alarm does not end it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from collector.console.tiles import site_tiles
from collector.console.wording import Wording
from collector.storage.records import Sight
from protocol.texts import texts_for
from protocol.timestamps import format_time, parse_time
from tests.console import ConsoleWorld


async def _headline(world: ConsoleWorld) -> str:
    (row,) = world.centre.alarms()
    async with world.client("li") as client:
        page = (await client.get(f"/desk/alarms/{row.id}", params={"lang": "en"})).text
    return page.partition("<h2")[2].partition("</h2>")[0]


async def test_the_end_of_what_supported_an_alarm_is_not_its_headline(world: ConsoleWorld) -> None:
    """A camera that sees again ends no intrusion: only the zone's own end is told as how it stands."""
    intrusion = world.happens("zone.intrusion", "zone/cash-motion", {"verification": 1})
    covered = world.happens("camera.covered", "camera/03", {"measure": "edges_kept", "value": 3.1, "limit": 50.0})
    world.happens("camera.covered.restored", "camera/03", restores=covered)
    assert "was triggered while it guards" in await _headline(world)
    world.happens("zone.intrusion.restored", "zone/cash-motion", restores=intrusion)
    assert "was triggered while it guards" not in await _headline(world)


async def test_the_explanation_is_in_order_of_time(world: ConsoleWorld) -> None:
    """Whoever walks in during the entry delay leaves the zone at rest before it alarms: told where it happened."""
    at = [format_time(world.box.now - timedelta(seconds=each)) for each in (9, 5)]
    happened = ((at[0], "zone/cash-motion", "triggered", ""),)
    intrusion = world.happens("zone.intrusion", "zone/cash-motion", {"verification": 1}, happened)
    rests = ((at[1], "zone/cash-motion", "normal", ""),)
    world.happens("zone.intrusion.restored", "zone/cash-motion", None, rests, restores=intrusion)
    (row,) = world.centre.alarms()
    async with world.client("li") as client:
        told = (await client.get(f"/api/v1/alarms/{row.id}")).json()["timeline"]
    times = [parse_time(each["at"]) for each in told]
    assert len(times) == 4
    assert times == sorted(times)
    assert [at[0], at[1]] == [format_time(each) for each in times[:2]]


@pytest.mark.parametrize(("count", "said"), [(1, "1 point"), (2, "2 points")])
def test_one_point_is_no_plural(world: ConsoleWorld, count: int, said: str) -> None:
    """A site of one point is told as one."""
    with world.centre.store.read() as reading:
        sites, (box,) = reading.sites(Sight()), reading.boxes("")
    few = msgspec.structs.replace(box, points=box.points[:count])
    (tile,) = site_tiles(sites, [few], texts_for("en"))
    assert tile.cause == said


@pytest.mark.parametrize("way", ["order", "code", "keyswitch", "panel", "schedule"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_how_a_partition_was_set_is_said_in_words(way: str, language: str) -> None:
    """The word of the wire never stands in an explanation."""
    wording = Wording(texts=texts_for(language))
    assert wording.reason(way, "partition/cash") != way
    assert ("set" in wording.reason(way, "partition/cash")) == (language == "en")


@pytest.mark.parametrize("path", ["/acceptances", "/credentials", "/quiet", "/orders", "/sites/0755-031", "/"])
async def test_a_person_without_a_login_is_sent_to_it(world: ConsoleWorld, path: str) -> None:
    """A page is opened by people: they get the login, no line of JSON."""
    async with world.client(None) as nobody:
        answer = await nobody.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize("path", ["/acceptances", "/credentials"])
async def test_a_paper_page_says_as_of_when_it_is(world: ConsoleWorld, path: str) -> None:
    """The centre's time, with its zone."""
    async with world.client("li") as client:
        page = (await client.get(path, params={"lang": "en"})).text
    assert f"{world.centre.now:%Y-%m-%d %H:%M:%S} UTC" in page.partition("As of")[2][:200]


@pytest.mark.parametrize(("again", "said"), [(1, "once more within"), (2, "10 min, 2 times")])
async def test_once_more_is_no_plural(world: ConsoleWorld, again: int, said: str) -> None:
    """What told itself again joins its alarm, and its page says how often."""
    for _ in range(1 + again):
        world.happens("device.offline", "device/p1")
    (row,) = world.centre.alarms()
    async with world.client("li") as client:
        page = (await client.get(f"/desk/alarms/{row.id}", params={"lang": "en"})).text
    assert said in page


@pytest.mark.parametrize(
    ("reason", "said"),
    [("people 1", "one person"), ("people 2", "2 people"), ("cells 1", "one field"), ("cells 3", "3 fields")],
)
def test_one_person_is_no_plural(reason: str, said: str) -> None:
    """What a camera's area counts is told in a number that agrees with its word."""
    assert Wording(texts=texts_for("en")).reason(reason) == said
