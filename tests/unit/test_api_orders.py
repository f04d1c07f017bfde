"""Orders over HTTP: drawn up for the box's own bundle, approved by people, sent at once, joined with their outcome."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.orders.posting import OrderPost
from collector.orders.service import MOST_DRAFTS
from collector.storage.writing import mark_forked
from protocol.envelope import decode_base64url, encode_base64url
from protocol.messages import decode_order
from protocol.orders import split_order
from tests.bundles import BOX, SITE, Bureau, key
from tests.console import ConsoleWorld
from tests.orders import PEOPLE, OrderWorld, signed

BUREAU = Bureau()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[OrderWorld]:
    """A console with a branch that can be ordered."""
    made = OrderWorld(tmp_path, BUREAU)
    yield made
    made.close()


async def _drafted(world: OrderWorld, action: str = "disarm", **args: Any) -> dict[str, Any]:
    answer = await world.draft(action, args or {"partition": "hall"})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _journal(world: OrderWorld, order: str) -> list[tuple[str, str]]:
    with world.centre.store.read() as reading:
        rows = reading.journal_after(0, unit="")
    return [(row.action, row.person) for row in rows if row.subject == order]


async def test_a_draft_names_the_box_its_challenge_and_its_roster(world: OrderWorld) -> None:
    """The line is what people sign: every part of it comes from the box or from who asks, and ten minutes are all."""
    order = await _drafted(world, "arm", partition="cash", mode="away")
    line = decode_order(decode_base64url(order["line"].encode()))
    assert (line.id, line.box, line.challenge, line.roster_version) == (order["id"], BOX, "fresh-1", 1)
    assert (line.action, line.args, line.by) == ("arm", {"partition": "cash"}, "zhao")
    assert (order["needed"], order["state"], order["you"]) == (1, "draft", "zhao")
    assert line.expires == "2026-11-21T02:23:49.204Z"
    assert order["stale_at"] == line.expires
    assert order["words"]["does"] == "Arm 现金区"
    assert [(each["person"], each["id"]) for each in order["keys"]] == [
        ("zhao", "zhao-1"),
        ("zhao", "zhao-desk"),
        ("li", "li-1"),
        ("wang", "wang-1"),
    ]
    assert _journal(world, order["id"]) == [("draft", "zhao")]


@pytest.mark.parametrize("zone", ["counter-1", "smoke"])
async def test_what_is_never_bypassed_is_not_even_drawn_up(world: OrderWorld, zone: str) -> None:
    """Nobody signs for nothing: a panic button and a fire zone are refused before a key is touched."""
    answer = await world.draft("bypass", {"zone": zone, "for_s": 3600})
    assert answer.status_code == 422
    assert "never bypassed" in answer.text
    assert (await world.draft("bypass", {"zone": zone, "on": False})).status_code == 201
    assert (await world.draft("bypass", {"zone": "hall-glass", "for_s": 3600})).status_code == 201


async def test_one_approval_is_enough_for_the_hall(world: OrderWorld) -> None:
    """It is handed to the thread of the broker in the same breath, byte for byte, and the box's word ends it."""
    order = await _drafted(world)
    approval = signed(order, "zhao")
    answer = await world.approve(order, approval, "zhao")
    assert (answer.status_code, answer.json()["state"]) == (200, "sent"), answer.text
    (post,) = world.outgoing.take()
    assert isinstance(post, OrderPost)
    line, approvals = split_order(post.payload)
    assert (post.box, encode_base64url(line).decode(), approvals) == (BOX, order["line"], (approval,))

    world.happens("order.executed", "box/orders", {"order": order["id"], "action": "disarm", "people": ["zhao"]})
    told = await world.order(order["id"])
    assert (told["state"], told["outcome"]["kind"], told["outcome"]["facts"]["people"]) == (
        "executed",
        "order.executed",
        ["zhao"],
    )
    assert told["keys"] == []
    assert _journal(world, order["id"]) == [
        ("draft", "zhao"),
        ("approve", "zhao"),
        ("send", "zhao"),
        ("executed", "centre-1"),
    ]


async def test_the_end_of_a_bypass_does_not_read_like_a_bypass(world: OrderWorld) -> None:
    """What takes a zone out of guard and what puts it back have different outcomes in words."""
    for on, said in ((True, "The order was carried out: Bypass"), (False, "The order was carried out: End the bypass")):
        order = await _drafted(world, "bypass", zone="hall-glass", on=on)
        assert (await world.approve(order, signed(order, "zhao"), "zhao")).json()["state"] == "sent"
        facts = {"order": order["id"], "action": "bypass", "zone": "hall-glass", "people": ["zhao"]}
        world.happens("order.executed", "box/orders", facts if on else facts | {"on": False})
        assert (await world.order(order["id"]))["outcome"]["said"] == said


async def test_two_different_people_for_the_cash_area(world: OrderWorld) -> None:
    """One person twice is one person, whatever it signs with; nothing is sent before the second."""
    order = await _drafted(world, "disarm", partition="cash")
    assert order["needed"] == 2
    for _ in range(2):
        answer = await world.approve(order, signed(order, "zhao"), "zhao")
        assert (answer.json()["state"], len(answer.json()["approvals"])) == ("draft", 1)
    assert world.outgoing.take() == []
    answer = await world.approve(order, signed(order, "li"), "li")
    assert {each["person"] for each in answer.json()["approvals"]} == {"zhao", "li"}
    (post,) = world.outgoing.take()
    assert isinstance(post, OrderPost)
    assert {each.person for each in split_order(post.payload)[1]} == {"zhao", "li"}


async def test_an_approval_names_no_key(world: OrderWorld) -> None:
    """Which of a person's keys was used could tell who stands behind him."""
    order = await _drafted(world, "disarm", partition="cash")
    told = (await world.approve(order, signed(order, "zhao"), "zhao")).json()
    assert told["approvals"] == [{"person": "zhao", "name": "Zhao", "method": "key_file", "at": order["at"]}]


@pytest.mark.parametrize(
    ("person", "other", "who", "status", "reason"),
    [
        ("zhao", {"private_key": key(7)}, "zhao", 422, "bad_signature"),
        ("zhao", {"credential": "zhao-9"}, "zhao", 422, "unknown_key"),
        ("zhao", {"credential": "zhao-desk"}, "zhao", 422, "bad_signature"),
        ("zhao", {"order_line": b"{}"}, "zhao", 422, "bad_signature"),
        ("east-officer", {}, "zhao", 422, "unknown_person"),
        ("wang", {}, "wang", 422, "right_missing"),
        ("li", {}, "chen", 403, "other_person"),
        ("zhao", {"order": "01939f00-0000-7000-8000-000000000000"}, "zhao", 422, "other_order"),
    ],
)
async def test_what_the_box_would_refuse_is_told_at_once(
    world: OrderWorld, person: str, other: dict[str, Any], who: str, status: int, reason: str
) -> None:
    """In the box's own words; nothing of it is kept."""
    order = await _drafted(world)
    address = f"/api/v1/orders/{order['id']}/approvals"
    answer = await world.approve(order, signed(order, person, **other), who, address)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason), answer.text
    assert (await world.order(order["id"]))["approvals"] == []


async def test_the_drafter_may_bring_another_person_s_approval(world: OrderWorld) -> None:
    """The approval itself proves its person; who brought it stands in the journal."""
    order = await _drafted(world, "disarm", partition="cash")
    await world.approve(order, signed(order, "zhao"), "zhao")
    answer = await world.approve(order, signed(order, "li"), "zhao")
    assert answer.json()["state"] == "sent", answer.text
    assert _journal(world, order["id"])[2:] == [("approve", "li"), ("send", "zhao")]


@pytest.mark.parametrize(
    ("who", "action", "args", "status", "reason"),
    [
        ("qian", "arm", {"partition": "hall"}, 403, "not_allowed"),
        ("admin", "arm", {"partition": "hall"}, 403, "not_allowed"),
        ("sun", "arm", {"partition": "hall"}, 403, "not_allowed"),
        ("sun", "run_test", {"partition": "hall"}, 201, None),
        ("east-officer", "arm", {"partition": "hall"}, 404, "no_site"),
        ("wang", "arm", {"partition": "vault"}, 422, "no_such_partition"),
        ("zhao", "bypass", {"zone": "front"}, 422, "no_such_zone"),
        ("zhao", "unlock", {"door": "inner"}, 422, "no_such_door"),
        ("zhao", "output", {"output": "siren", "on": True}, 422, "no_such_output"),
        ("zhao", "arm", {"partition": "hall", "mode": "perhaps"}, 422, "malformed_args"),
        ("zhao", "site_file", {}, 422, "unknown_action"),
        ("zhao", "run_test", {"partition": "hall", "zones": ["cash-motion"]}, 422, "zone_elsewhere"),
    ],
)
async def test_who_may_draw_up_what(
    world: OrderWorld, who: str, action: str, args: dict[str, Any], status: int, reason: str | None
) -> None:
    """Roles and units of the centre, and what the site's own signed file has."""
    answer = await world.draft(action, args, who)
    assert (answer.status_code, answer.json().get("reason")) == (status, reason), answer.text


async def test_a_box_that_cannot_answer_for_itself_is_asked_nothing(world: OrderWorld) -> None:
    """Silent, forked, working with an unsigned file, or with a bundle that never came here: each is said."""
    world.centre.pass_time(30)
    answer = await world.draft()
    assert (answer.status_code, answer.json()["reason"]) == (409, "silent")
    assert answer.json()["detail"].startswith("The box has not been heard for 30 s")

    plain = world.box.config
    world.box.config = None
    world.centre.take(world.box.birth())
    assert (await world.draft()).json()["reason"] == "no_roster"
    assert plain is not None
    world.box.config = type(plain)(version=9, hash="f" * 64, roster_version=9, roster_not_after=plain.roster_not_after)
    world.centre.take(world.box.beat(challenge="fresh-2"))
    answer = await world.draft()
    assert answer.json()["reason"] == "unknown_bundle"
    assert "version 9" in answer.json()["detail"]

    with world.centre.store.write() as connection:
        mark_forked(connection, [BOX])
    answer = await world.draft()
    assert (answer.status_code, answer.json()["reason"]) == (409, "forked")
    assert BOX in answer.json()["detail"]


async def test_a_site_that_was_never_heard_has_no_box(world: OrderWorld) -> None:
    """The centre's own place guards nothing."""
    answer = await world.draft(site="centre-1")
    assert (answer.status_code, answer.json()["reason"]) == (409, "no_box")


async def test_a_draft_lives_as_long_as_its_challenge(world: OrderWorld) -> None:
    """The challenge that is ten minutes old is void at the box; a newer one is what the next draft names."""
    for _ in range(60):
        world.centre.pass_time(5)
        world.centre.take(world.box.beat(challenge="fresh-1"))
    order = await _drafted(world)
    assert order["stale_at"] == "2026-11-21T02:23:49.204Z"
    for _ in range(60):
        world.centre.pass_time(5)
        world.centre.take(world.box.beat(challenge="fresh-1"))
    assert (await world.draft()).json()["reason"] == "no_challenge"
    assert (await world.order(order["id"]))["state"] == "stale"
    answer = await world.approve(order, signed(order, "zhao"), "zhao")
    assert (answer.status_code, answer.json()["reason"]) == (409, "stale")
    world.centre.take(world.box.beat(challenge="fresh-2"))
    assert decode_order(decode_base64url((await _drafted(world))["line"].encode())).challenge == "fresh-2"


async def test_a_box_that_started_anew_obeys_nothing_from_before(world: OrderWorld) -> None:
    """Its challenges were in memory alone: none is drafted on them, and one that was is given up."""
    order = await _drafted(world)
    world.centre.take(world.box.birth())
    assert (await world.draft()).status_code == 201  # a new connection of the same run
    world.box.restart()
    world.centre.take(world.box.birth())
    assert (await world.draft()).json()["reason"] == "no_challenge"
    world.centre.take(world.box.beat(challenge="fresh-2"))
    answer = await world.approve(order, signed(order, "zhao"), "zhao")
    assert (answer.status_code, answer.json()["reason"]) == (409, "restarted")
    world.centre.tick()
    assert (await world.order(order["id"]))["state"] == "stale"


async def test_an_order_that_nothing_answers_is_sent_again_three_times(world: OrderWorld) -> None:
    """Every five seconds the same bytes; then it waits for its end."""
    order = await _drafted(world)
    await world.approve(order, signed(order, "zhao"), "zhao")
    (first,) = world.outgoing.take()
    again = []
    for _ in range(30):
        again += world.centre.pass_time(1).posts
        world.centre.take(world.box.beat(challenge="fresh-1"))
    assert again == [first] * 3
    assert (await world.order(order["id"]))["state"] == "sent"
    for _ in range(58):
        world.centre.pass_time(10)
        world.centre.take(world.box.beat(challenge="fresh-3"))
    assert (await world.order(order["id"]))["state"] == "stale"
    world.happens("order.executed", "box/orders", {"order": order["id"], "action": "disarm", "people": ["zhao"]})
    assert (await world.order(order["id"]))["state"] == "executed"


async def test_repeated_is_no_word_about_the_order(world: OrderWorld) -> None:
    """The box refuses our second sending by its id: what became of the first stands."""
    order = await _drafted(world)
    await world.approve(order, signed(order, "zhao"), "zhao")
    refusal = {"order": order["id"], "action": "disarm", "reason": "repeated", "by": "zhao"}
    world.happens("order.refused", "box/orders", refusal)
    assert (await world.order(order["id"]))["state"] == "sent"
    world.happens("order.executed", "box/orders", {"order": order["id"], "action": "disarm", "people": ["zhao"]})
    world.happens("order.refused", "box/orders", refusal)
    assert (await world.order(order["id"]))["state"] == "executed"


async def test_a_refusal_comes_back_with_its_reason(world: OrderWorld) -> None:
    """With the box's facts, and words for the reader."""
    order = await _drafted(world, "arm", partition="hall")
    await world.approve(order, signed(order, "zhao"), "zhao")
    facts = {"order": order["id"], "action": "arm", "reason": "not_ready", "blocking": [["zone/hall-glass", "active"]]}
    world.happens("order.refused", "box/orders", facts)
    told = await world.order(order["id"])
    assert (told["state"], told["outcome"]["facts"]["blocking"]) == ("refused", [["zone/hall-glass", "active"]])
    assert "not ready" in told["outcome"]["said"]


async def test_only_the_very_box_ends_an_order(world: OrderWorld) -> None:
    """Another box's word about it changes nothing."""
    order = await _drafted(world)
    await world.approve(order, signed(order, "zhao"), "zhao")
    other = world.site("0755-032", "市分行/东区支行")
    world.happens("order.executed", "box/orders", {"order": order["id"], "action": "disarm"}, box=other)
    assert (await world.order(order["id"]))["state"] == "sent"


async def test_who_may_withdraw(world: OrderWorld) -> None:
    """The drafter, or a shift leader or officer; not what was sent already."""
    order = (await world.draft("arm", {"partition": "hall"}, "wang")).json()
    async with world.client("chen") as client:
        assert (await client.post(f"/api/v1/orders/{order['id']}/withdraw")).status_code == 403
    async with world.client("li", **{"Accept-Language": "en"}) as client:
        answer = await client.post(f"/api/v1/orders/{order['id']}/withdraw")
        assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
        again = await client.post(f"/api/v1/orders/{order['id']}/withdraw")
        assert (again.status_code, again.json()["reason"]) == (409, "withdrawn")
    answer = await world.approve(order, signed(order, "wang"), "wang")
    assert (answer.status_code, answer.json()["reason"]) == (409, "withdrawn")
    assert _journal(world, order["id"]) == [("draft", "wang"), ("withdraw", "li")]


async def test_a_person_draws_up_so_many_and_no_more(world: OrderWorld) -> None:
    """The limit is a person's, and over after ten minutes."""
    for _ in range(MOST_DRAFTS):
        assert (await world.draft()).status_code == 201
    answer = await world.draft()
    assert (answer.status_code, answer.json()["reason"], answer.headers["Retry-After"]) == (429, "too_many", "60")
    assert (await world.draft(who="li")).status_code == 201
    world.centre.stand_still(timedelta(minutes=10))
    world.centre.take(world.box.beat(challenge="fresh-9"))
    assert (await world.draft()).status_code == 201


async def test_lists_have_pages_and_filters(world: OrderWorld) -> None:
    """Newest first, of the asker's unit, by state, action and site."""
    made = [await _drafted(world), await _drafted(world, "arm", partition="hall"), await _drafted(world)]
    async with world.client("wang") as client:
        first = (await client.get("/api/v1/orders", params={"limit": 2})).json()
        rest = (await client.get("/api/v1/orders", params={"limit": 2, "cursor": first["next"]})).json()
        listed = [each["id"] for each in (*first["items"], *rest["items"])]
        assert (listed, rest["next"]) == ([each["id"] for each in reversed(made)], None)
        arm = (await client.get("/api/v1/orders", params={"action": "arm", "state": "draft", "site": SITE})).json()
        assert [each["id"] for each in arm["items"]] == [made[1]["id"]]
        assert (await client.get("/api/v1/orders", params={"state": "sent"})).json()["items"] == []
        assert (await client.get("/api/v1/orders", params={"state": "perhaps"})).status_code == 422
    async with world.client("east") as client:
        assert (await client.get("/api/v1/orders")).json()["items"] == []
        assert (await client.get(f"/api/v1/orders/{made[0]['id']}")).status_code == 404


async def test_a_request_goes_at_once_and_comes_back_answered(world: OrderWorld) -> None:
    """Without approvals, for it changes nothing; an announcement that the site does not have is refused here."""
    async with world.client("wang", **{"Accept-Language": "en"}) as client:
        body = {"site": SITE, "action": "announce", "args": {"announcement": "leave"}}
        asked = await client.post("/api/v1/requests", json=body)
        assert (asked.status_code, asked.json()["state"]) == (201, "sent"), asked.text
        (post,) = world.outgoing.take()
        assert (post.box, asked.json()["id"]) == (BOX, getattr(post, "id", None))
        facts = {"request": asked.json()["id"], "action": "announce", "reason": "served", "collector": "centre-1"}
        world.happens("request.answered", "box/requests", facts)
        (told,) = (await client.get("/api/v1/requests", params={"site": SITE})).json()["items"]
        assert (told["state"], told["outcome"]["said"], told["outcome"]["facts"]) == ("answered", "done", facts)
        for wrong, reason in (
            ({"announcement": "dance"}, "no_such_announcement"),
            ({}, "malformed_args"),
            ({"announcement": 1}, "malformed_args"),
        ):
            answer = await client.post("/api/v1/requests", json={**body, "args": wrong})
            assert (answer.status_code, answer.json()["reason"]) == (422, reason)
        answer = await client.post("/api/v1/requests", json={"site": SITE, "action": "resend"})
        assert (answer.status_code, answer.json()["reason"]) == (422, "unknown_request")
        later = await client.post("/api/v1/requests", json={"site": SITE, "action": "health"})
        assert later.status_code == 201
        world.centre.pass_time(121)
        (told, _) = (await client.get("/api/v1/requests")).json()["items"]
        assert told["state"] == "unanswered"
    async with world.client("qian") as client:
        assert (await client.post("/api/v1/requests", json=body)).status_code == 403


async def test_a_box_is_asked_so_often_and_no_more(world: OrderWorld) -> None:
    """By one person, and by several."""
    async with world.client("wang") as wang, world.client("li") as li:
        body = {"site": SITE, "action": "health"}
        for _ in range(30):
            assert (await wang.post("/api/v1/requests", json=body)).status_code == 201
        assert (await wang.post("/api/v1/requests", json=body)).json()["reason"] == "too_many"
        answer = await li.post("/api/v1/requests", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (429, "too_many_for_box")


async def test_points_come_with_marks_cause_and_age(world: OrderWorld) -> None:
    """And of a silent box nothing is known: what it told last is the past."""
    async with world.client("wang", **{"Accept-Language": "en"}) as client:
        items = (await client.get(f"/api/v1/sites/{SITE}/points")).json()["items"]
        by_id = {each["id"]: each for each in items}
        cash, zone = by_id["partition/cash"], by_id["zone/cash-motion"]
        assert (cash["state"], cash["marks"], cash["people"], cash["zones"]) == (
            "armed_away",
            ["bypassed"],
            2,
            ["cash-motion"],
        )
        assert (zone["marks"], zone["age_s"], zone["words"]) == (["alarm", "bypassed"], 2, "triggered")
        assert by_id["zone/hall-glass"]["cause"] == "cannot be connected"
        world.centre.pass_time(60)
        items = (await client.get(f"/api/v1/sites/{SITE}/points")).json()["items"]
        assert {(each["state"], each["cause"], tuple(each["marks"])) for each in items} == {
            ("unknown", "box silent", ())
        }
        assert {each["id"]: each["told"] for each in items}["partition/cash"] == "armed_away"
        boxes = (await client.get("/api/v1/boxes")).json()["items"]
        told = {each["id"]: each["marks"] for each in boxes[0]["points"]}
        assert told["partition/hall"] == ["not_ready", "late"]
    async with world.client("east") as client:
        assert (await client.get(f"/api/v1/sites/{SITE}/points")).status_code == 404


async def test_a_roster_that_changed_since_the_draft_is_the_one_that_counts(world: OrderWorld) -> None:
    """The box judges by what it works with now; the centre tells by the same."""
    order = await _drafted(world)
    world.deliver(2, roster=world.roster(2, *[each for each in PEOPLE if each.id != "zhao"]))
    world.centre.take(world.box.beat(challenge="fresh-1"))
    answer = await world.approve(order, signed(order, "zhao"), "zhao")
    assert answer.json()["reason"] == "unknown_person"


def test_the_world_is_a_console(world: OrderWorld) -> None:
    """Every answer of this file is held against the description."""
    assert isinstance(world, ConsoleWorld)
