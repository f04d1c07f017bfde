"""What the centre asks or orders is logged by the box, each by its id, without a broker, in virtual time."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agent.incidents import EACH_TOLD, ONE_IN
from protocol.envelope import EnvelopeType
from protocol.ids import new_event_id
from protocol.messages import Request, encode
from protocol.timestamps import format_time
from protocol.topics import Down
from tests.talks import BOX, Talk, talking


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    """A box whose birth was answered."""
    async with talking(tmp_path) as made:
        yield made


async def test_every_request_is_logged_with_what_became_of_it(talk: Talk) -> None:
    """WIRE 4.1: a request is logged by the box as an event: its id, who asked, what, and whether it was done."""
    wanted = [
        (await talk.ask("birth"), "birth", "served"),
        (await talk.ask("resend", {"lane": "urgent", "from": 1}), "resend", "served"),
        (await talk.ask("resend", {"lane": "urgent", "from": 1}), "resend", "too_soon"),
        (await talk.ask("resend", {"lane": "neither", "from": 1}), "resend", "malformed"),
        (await talk.ask("birth", age=timedelta(hours=2)), "birth", "stale"),
        (await talk.ask("dance"), "dance", "unknown_action"),
    ]
    events = talk.events()
    assert [(each.facts["request"], each.facts["action"], each.facts["reason"]) for each in events] == wanted
    assert {(each.kind, each.level, str(each.lane), each.facts["collector"]) for each in events} == {
        ("request.answered", 5, "routine", "centre-1")
    }


async def test_a_request_that_comes_twice_is_one_request(talk: Talk) -> None:
    """A broker may keep a signed request and say it again: it is neither served nor logged anew."""
    at = format_time(talk.clock.now())
    request = Request(v=1, id=new_event_id(0, bytes(10)), collector="centre-1", box=BOX, at=at, action="birth")
    for _ in range(3):
        await talk.hear(Down.REQUEST, EnvelopeType.REQUEST, encode(request))
    assert len(talk.told) == 1


async def test_each_refused_order_is_told_by_its_id(talk: Talk) -> None:
    """Two orders or twelve within seconds: whoever gave one finds what became of it."""
    given = [await talk.order() for _ in range(12)]
    assert [event.facts["order"] for event in talk.events()] == given
    assert {event.kind for event in talk.events()} == {"order.refused"}


async def test_an_order_said_again_is_counted(talk: Talk) -> None:
    """A broker that repeats one order for ever makes one event and a count, not a full disk."""
    first = await talk.order()
    for _ in range(50):
        await talk.order(first)
    assert [(finding.facts["reason"], finding.facts["count"]) for finding in talk.told] == [
        ("no_roster", 1),
        ("repeated", 1),
    ]
    talk.clock.advance(ONE_IN)
    await talk.conversation.beat()
    assert (talk.told[-1].facts["reason"], talk.told[-1].facts["count"]) == ("repeated", 49)


async def test_a_flood_of_orders_and_requests_is_counted(talk: Talk) -> None:
    """A stolen collector cannot fill the ledger; what was only counted is told once ten minutes are over."""
    for _ in range(200):
        await talk.order()
        await talk.ask("dance")
    told = Tally(finding.kind for finding in talk.told)
    assert told == {"order.refused": EACH_TOLD + 1, "request.answered": EACH_TOLD + 1}
    talk.clock.advance(ONE_IN)
    await talk.conversation.beat()
    counts: Tally[str] = Tally()
    for finding in talk.told:
        counts[finding.kind] += finding.facts["count"]
    assert counts == {"order.refused": 200, "request.answered": 200}
    before = len(talk.told)
    await talk.conversation.beat()
    assert len(talk.told) == before


async def test_a_box_says_how_it_is_when_asked(talk: Talk) -> None:
    """The answer to `health` is an event with the box's own figures; no other answer carries them."""
    await talk.ask("health")
    await talk.ask("birth")
    health, birth = talk.events()
    assert (health.facts["reason"], health.facts["health"]["uptime_s"]) == ("served", 1)
    assert "health" not in birth.facts


async def test_an_announcement_is_asked_for_by_its_name(talk: Talk) -> None:
    """What speaks says what became of it; a box without a loudspeaker says so, and a name must be one."""
    await talk.ask("announce", {"announcement": "leave"})
    spoken: list[Callable[[str], Awaitable[None]]] = []

    def announce(name: str, done: Callable[[str], Awaitable[None]]) -> str:
        spoken.append(done)
        return "" if name == "leave" else "no_such_announcement"

    talk.voice.announce = announce
    for name in ("leave", "other", 5, None):
        await talk.ask("announce", {"announcement": name})
    await spoken[0]("")
    assert [event.facts["reason"] for event in talk.events()] == [
        "no_loudspeaker",
        "no_such_announcement",
        "malformed",
        "malformed",
        "served",  # once it was heard
    ]
