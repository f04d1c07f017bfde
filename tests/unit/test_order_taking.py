"""Orders in a running box: handed to the guard once, refused by name, and never more than it can take."""

from __future__ import annotations

import asyncio
import json
from collections import Counter as Tally
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from agent.arming.commands import Answer, Command, Way
from agent.incidents import EACH_TOLD, ONE_IN
from agent.orders.taking import MAX_WAITING, OrderTaker, order_taker
from agent.signals import Moment
from protocol.envelope import EnvelopeType
from protocol.orders import ArmArgs, DisarmArgs
from protocol.roster import Duty, Roster
from protocol.site.reading import site_from
from protocol.timestamps import format_time
from protocol.topics import Down
from tests.approvers import Approver, Desk, payload
from tests.bundles import settings
from tests.conftest import Eventually
from tests.talks import Talk, talking

ZHANG, LI = Approver("zhang-wei", 5), Approver("li-na", 6)
FORCED = Approver("qian-li", 8, duress=True)
ENGINEER = Approver("sun-yu", 10, roles=("engineer",))
INSTALLER = Approver("he-min", 11, roles=("installer",))
WEEKDAYS = Approver("wu-di", 9, duty=(Duty(days="working"),))


@dataclass
class Ordered:
    """A box that takes orders, with a guard that writes down what it is told to do."""

    talk: Talk
    taker: OrderTaker
    commands: list[Command]
    desk: Desk
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, data: bytes) -> None:
        """An order arrives from the centre."""
        await self.talk.hear(Down.ORDER, EnvelopeType.ORDER, data)

    def reasons(self) -> list[str]:
        """Why orders were refused so far."""
        return [finding.facts["reason"] for finding in self.talk.told if finding.kind == "order.refused"]


@asynccontextmanager
async def ordered(folder: Path) -> AsyncIterator[Ordered]:
    """The box of the small branch; its guard answers as soon as `free` is set."""
    async with talking(folder) as talk:
        commands: list[Command] = []
        free = asyncio.Event()
        free.set()

        async def command(given: Command) -> Answer:
            commands.append(given)
            await free.wait()
            return Answer()

        not_after = format_time(talk.clock.now() + timedelta(days=30))
        people = tuple(each.person for each in (ZHANG, LI, FORCED, WEEKDAYS, ENGINEER, INSTALLER))
        roster = Roster(version=1, not_after=not_after, people=people)
        taker = order_taker(site_from(settings(), "test"), roster, talk.voice, command)
        task = asyncio.create_task(taker.run())
        await talk.conversation.beat()
        try:
            yield Ordered(talk, taker, commands, Desk(challenge=talk.voice.order_challenges.current), free)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Ordered]:
    """A box that takes orders."""
    async with ordered(tmp_path) as made:
        yield made


async def test_what_two_people_approve_is_handed_to_the_guard(box: Ordered, eventually: Eventually) -> None:
    """The command has the order's id, its people and its arguments; what becomes of it the guard tells."""
    line = box.desk.draft("disarm", {"partition": "cash"})
    await box.say(payload(line, ZHANG, LI))
    await eventually(lambda: box.commands)
    assert box.commands == [
        Command(
            action="disarm",
            args=DisarmArgs(partition="cash"),
            way=Way.ORDER,
            people=("zhang-wei", "li-na"),
            source="box/orders",
            order=json.loads(line)["id"],
        )
    ]
    assert box.talk.told == []


async def test_an_order_that_comes_while_it_is_under_way_is_obeyed_once(box: Ordered, eventually: Eventually) -> None:
    """Twice at one moment, again while the guard is at it, and again afterwards: one command."""
    data = payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI)
    box.free.clear()
    await asyncio.gather(*(box.say(data) for _ in range(3)))
    await eventually(lambda: box.commands)
    await box.say(data)
    box.free.set()
    await eventually(lambda: box.reasons() == ["repeated"])
    await box.say(data)
    arm = payload(box.desk.draft("arm", {"partition": "cash"}), ZHANG)
    await box.say(arm)
    await eventually(lambda: len(box.commands) == 2)
    assert [each.args for each in box.commands] == [DisarmArgs(partition="cash"), ArmArgs(partition="cash")]
    assert box.reasons() == ["repeated"]
    box.talk.clock.advance(ONE_IN)
    await box.talk.conversation.beat()
    assert box.talk.told[-1].facts["count"] == 3  # the others were counted


async def test_a_refused_order_is_told_by_its_id(box: Ordered, eventually: Eventually) -> None:
    """Who gave it finds what became of it: its id, its action, its drafter, the reason and what it lacked."""
    line = box.desk.draft("disarm", {"partition": "cash"})
    await box.say(payload(line, LI))
    await eventually(lambda: box.talk.told)
    (finding,) = box.talk.told
    assert (finding.kind, finding.source) == ("order.refused", "box/orders")
    assert finding.facts == {
        "reason": "needs_people",
        "count": 1,
        "needed": 2,
        "approved": 1,
        "order": json.loads(line)["id"],
        "action": "disarm",
        "by": "officer-1",
    }
    assert box.commands == []


async def test_a_flood_is_counted_and_obeys_nothing(box: Ordered, eventually: Eventually) -> None:
    """A stolen collector sends orders without end: some are told, the rest counted, and an officer's is obeyed."""
    for _ in range(100):
        await box.say(payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG))
        await eventually(lambda: box.taker.waiting == 0)
    await box.say(payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI))
    await eventually(lambda: box.commands)
    told = Tally(box.reasons())
    assert told == {"needs_people": EACH_TOLD + 1}
    box.talk.clock.advance(ONE_IN)
    await box.talk.conversation.beat()
    assert sum(finding.facts["count"] for finding in box.talk.told) == 100


async def test_no_more_wait_than_can_be_judged_soon(box: Ordered, eventually: Eventually) -> None:
    """While the guard is at one order, a few wait; more are turned away and counted."""
    box.free.clear()
    await box.say(payload(box.desk.draft("arm", {"partition": "cash"}), ZHANG))
    await eventually(lambda: box.commands)
    for _ in range(MAX_WAITING + 5):
        await box.say(payload(box.desk.draft("arm", {"partition": "cash"}), LI))
    assert box.taker.waiting == MAX_WAITING
    assert box.reasons() == ["too_many"]
    box.free.set()
    await eventually(lambda: len(box.commands) == MAX_WAITING + 1)


async def test_who_was_forced_is_told_although_nothing_follows(box: Ordered, eventually: Eventually) -> None:
    """A duress key under an order that fails: zone.duress names the person; the refusal says nothing of it."""
    await box.say(payload(box.desk.draft("disarm", {"partition": "cash"}), FORCED))
    await eventually(lambda: len(box.talk.told) == 2)
    duress, refused = box.talk.told
    assert (duress.kind, duress.source, duress.facts) == (
        "zone.duress",
        "partition/cash",
        {"person": "qian-li", "way": "order", "verification": 4},
    )
    assert refused.facts["reason"] == "needs_people"
    assert "duress" not in str(refused.facts)
    await box.say(payload(box.desk.draft("arm", {"partition": "cash"}), FORCED))
    await eventually(lambda: box.commands)
    assert box.commands[0].duress == "qian-li"


async def test_a_fault_of_ours_ends_no_taking(box: Ordered, eventually: Eventually) -> None:
    """What raises while it judges refuses that order; the next one is judged."""

    def broken(_: date) -> bool:
        raise ZeroDivisionError

    box.taker.is_working_day = broken
    await box.say(payload(box.desk.draft("arm", {"partition": "cash"}), WEEKDAYS))
    await eventually(lambda: box.reasons() == ["malformed"])
    await box.say(payload(box.desk.draft("arm", {"partition": "cash"}), ZHANG))
    await eventually(lambda: box.commands)


async def test_an_order_of_a_newer_roster_is_remembered(box: Ordered, eventually: Eventually) -> None:
    """The agent raises config.stale by it."""
    assert not box.taker.newer_roster
    await box.say(payload(box.desk.draft("disarm", {"partition": "cash"}, roster_version=2), ZHANG, LI))
    await eventually(lambda: box.reasons() == ["roster_older"])
    assert box.taker.newer_roster


async def test_what_is_read_in_two_ways_is_refused_by_its_id(box: Ordered, eventually: Eventually) -> None:
    """The order can be read, its approvals cannot: refused as malformed, and not left without an outcome."""
    line = box.desk.draft("arm", {"partition": "cash"})
    await box.say(line + b"\nnone")
    await eventually(lambda: box.talk.told)
    assert (box.talk.told[0].facts["reason"], box.talk.told[0].facts["order"]) == ("malformed", json.loads(line)["id"])


async def test_a_box_that_stood_still_honours_nothing_older(box: Ordered, eventually: Eventually) -> None:
    """What waited in the queue is judged by the clock when it is its turn, not when it came."""
    box.free.clear()
    await box.say(payload(box.desk.draft("arm", {"partition": "cash"}), ZHANG))
    await eventually(lambda: box.commands)
    await box.say(payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI))
    before: Moment = box.talk.voice.reading().moment
    box.talk.clock.advance(timedelta(hours=2))
    assert box.talk.voice.reading().moment.since(before) == timedelta(hours=2)
    box.free.set()
    await eventually(lambda: box.reasons() == ["stale"])
    assert len(box.commands) == 1


async def test_the_guard_hears_whether_who_asks_may_disarm(tmp_path: Path, eventually: Eventually) -> None:
    """A test of what is armed asks for it: engineers do not bring it, an officer does."""
    async with ordered(tmp_path) as box:
        for approvers in ((ENGINEER, INSTALLER), (ENGINEER, ZHANG)):
            await box.say(payload(box.desk.draft("run_test", {"partition": "cash"}), *approvers))
        await eventually(lambda: len(box.commands) == 2)
        assert [each.may_disarm for each in box.commands] == [False, True]
