"""The pages of guarding as the server writes them: what is shown, to whom which buttons, and how unknown looks."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import SITE, Bureau
from tests.orders import OrderWorld, signed

BUREAU = Bureau()
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[OrderWorld]:
    """A console with a branch that can be ordered."""
    made = OrderWorld(tmp_path, BUREAU)
    yield made
    made.close()


async def _page(world: OrderWorld, address: str, who: str = "zhao") -> str:
    async with world.client(who, **ENGLISH) as client:
        answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


def _buttons(text: str) -> list[tuple[str, str]]:
    return [
        (action, html.unescape(args)) for action, args in re.findall(r'data-order="(\w+)" data-args="([^"]*)"', text)
    ]


async def test_a_site_shows_its_partitions_with_their_zones(world: OrderWorld) -> None:
    """State, marks, cause, how many people it needs; the unknown has a look of its own."""
    text = await _page(world, f"/sites/{SITE}")
    cash = text.split('id="partition-cash"')[1].split("</article>")[0]
    assert "armed" in cash
    assert "2 people must approve its disarming" in cash
    assert 'id="zone-cash-motion"' in cash
    assert "alarm latched" in cash
    hall = text.split('id="partition-hall"')[1].split("</article>")[0]
    assert re.search(r'class="is unknown">unknown<.*cannot be connected', hall, re.DOTALL)
    assert "not armed in time" in hall
    assert text.index('id="door-outer"') > text.index('id="partition-hall"')


async def test_who_may_draw_up_orders_has_buttons_for_them(world: OrderWorld) -> None:
    """An auditor has none, an engineer those for tests; nobody is offered what changes nothing."""
    officer = _buttons(await _page(world, f"/sites/{SITE}"))
    assert ("arm", '{"partition":"hall"}') in officer
    assert ("disarm", '{"partition":"cash"}') in officer
    assert ("reset_latch", '{"zone":"cash-motion"}') in officer
    assert ("bypass", '{"zone":"cash-motion","on":false}') in officer
    assert ("disarm", '{"partition":"hall"}') not in officer
    assert ("arm", '{"partition":"cash"}') not in officer
    assert ("bypass", '{"zone":"hall-glass","for_s":43200}') in officer
    assert not [args for action, args in officer if action == "bypass" and "counter-1" in args]
    assert _buttons(await _page(world, f"/sites/{SITE}", "qian")) == []
    assert {action for action, _ in _buttons(await _page(world, f"/sites/{SITE}", "sun"))} == {"run_test"}


async def test_every_button_draws_an_order_up(world: OrderWorld) -> None:
    """What a page offers, the API takes."""
    for action, args in _buttons(await _page(world, f"/sites/{SITE}")):
        async with world.client("zhao", **ENGLISH) as client:
            content = f'{{"site": "{SITE}", "action": "{action}", "args": {args}}}'
            answer = await client.post("/api/v1/orders", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 201, (action, args, answer.text)


async def test_a_site_tells_who_did_what_to_its_guarding(world: OrderWorld) -> None:
    """Armed and disarmed by whom and by which way, newest first; nobody reads here what was done under duress."""
    text = await _page(world, f"/sites/{SITE}")
    assert 'id="lately"' not in text
    world.happens("partition.armed", "partition/cash", {"way": "schedule", "mode": "away", "people": []})
    world.happens("zone.duress", "partition/cash", {"person": "zhao", "way": "code"})
    world.happens("partition.disarmed", "partition/cash", {"way": "code", "people": ["zhao"]})
    for who in ("zhao", "li"):
        lately = (await _page(world, f"/sites/{SITE}", who)).split('id="lately"')[1].split("</table>")[0]
        assert "duress" not in lately.lower()
        disarmed, armed = "现金区 is disarmed, by code: Zhao", "现金区 is armed (everybody out), by the timetable"
        assert lately.index(disarmed) < lately.index(armed)


async def test_a_silent_box_is_unknown_throughout(world: OrderWorld) -> None:
    """Nothing that was told before stands there as if it were so now."""
    world.centre.pass_time(60)
    text = await _page(world, f"/sites/{SITE}")
    assert "Nothing is heard from the box" in text
    assert set(re.findall(r'class="is ([a-z]*)"', text)) == {"unknown"}


async def test_an_order_says_how_it_is_approved(world: OrderWorld) -> None:
    """By the command on one's own machine; here only where the roster gives this desk's own credential the right."""
    disarm = (await world.draft("disarm", {"partition": "cash"})).json()
    text = await _page(world, f"/orders/{disarm['id']}")
    assert f"branchwatch order approve {disarm['id']}" in text
    assert "The approvals of 2 different people are missing." in text
    assert "data-approve" not in text
    await world.approve(disarm, signed(disarm, "zhao"), "zhao")
    text = await _page(world, f"/orders/{disarm['id']}")
    assert "One person&#39;s approval is missing." in text
    assert "You have approved." in text

    arm = (await world.draft("arm", {"partition": "hall"})).json()
    text = await _page(world, f"/orders/{arm['id']}")
    assert '[{"id":"zhao-desk","credential":"Y3JlZGVudGlhbA"}]' in html.unescape(text)
    assert "data-approve" not in await _page(world, f"/orders/{arm['id']}", "li")
    assert "data-withdraw" in await _page(world, f"/orders/{arm['id']}", "li")
    assert "data-withdraw" not in await _page(world, f"/orders/{arm['id']}", "chen")


async def test_an_order_that_ended_says_what_to_do(world: OrderWorld) -> None:
    """Too old: give it again. Withdrawn reads as a state in Chinese too, not as the button that withdraws."""
    arm = (await world.draft("arm", {"partition": "hall"})).json()
    again = "Give the order again."
    assert again not in await _page(world, f"/orders/{arm['id']}")
    async with world.client("zhao") as client:
        assert (await client.post(f"/api/v1/orders/{arm['id']}/withdraw")).status_code == 200
    async with world.client("zhao", **{"Accept-Language": "zh-CN"}) as client:
        text = (await client.get(f"/orders/{arm['id']}")).text
    assert '<span class="order withdrawn">已撤回</span>' in text
    disarm = (await world.draft("disarm", {"partition": "cash"})).json()
    for _ in range(11 * 12):
        world.centre.pass_time(5)
        world.centre.take(world.box.beat(challenge="fresh-1"))
    text = await _page(world, f"/orders/{disarm['id']}")
    assert '<span class="order stale">too old</span>' in text
    assert again in text


async def test_the_list_leads_to_orders_and_sites(world: OrderWorld) -> None:
    """Newest first, with how far each is; nothing of other units."""
    first = (await world.draft("arm", {"partition": "hall"})).json()
    second = (await world.draft("silence", {})).json()
    text = await _page(world, "/orders")
    assert text.index(second["id"]) < text.index(first["id"])
    assert f'href="/sites/{SITE}"' in text
    assert first["id"] not in await _page(world, "/orders", "east")


async def test_whoever_is_not_logged_in_is_sent_to_the_login(world: OrderWorld) -> None:
    """Pages do not answer with JSON."""
    async with world.client(None) as client:
        for address in (f"/sites/{SITE}", "/orders", "/orders/01939f00-0000-7000-8000-000000000000"):
            answer = await client.get(address)
            assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    async with world.client("east") as client:
        assert (await client.get(f"/sites/{SITE}")).status_code == 404
