"""The live feed: complete, in order, resumed where it broke, in time for the screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from collector.console.asking import Asker
from collector.console.live import MOST_MISSED, TICK_S, stream
from collector.console.names import PointNames
from collector.console.telling import Telling
from collector.storage.sessions import close_session, open_session
from collector.times import unix_ms
from tests.clock import Clock
from tests.console import PEOPLE, ConsoleWorld

Message = MutableMapping[str, Any]
WAIT_S = 10


@asynccontextmanager
async def _listening(
    world: ConsoleWorld, who: str = "wang", query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[asyncio.Queue[Message]]:
    """Messages of the feed as a program receives them; the transport of httpx cannot stream, so plain ASGI."""
    messages: asyncio.Queue[Message] = asyncio.Queue()
    gone = asyncio.Event()
    sent = {"authorization": f"Bearer token-{who}", "host": "desk.test"} | (headers or {})
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/live",
        "raw_path": b"/api/v1/live",
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("desk.test", 80),
    }
    first = True

    async def receive() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        for block in message.get("body", b"").decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines())
            if fields:
                messages.put_nowait({**fields, "data": json.loads(fields["data"])})

    world.feed.start()
    task = asyncio.create_task(world.app(scope, receive, send))
    try:
        yield messages
    finally:
        gone.set()
        world.feed.stop()
        await asyncio.wait_for(task, WAIT_S)


async def _next(messages: asyncio.Queue[Message], event: str) -> Message:
    async with asyncio.timeout(WAIT_S):
        while True:
            message = await messages.get()
            if message["event"] == event:
                return message


async def test_an_alarm_comes_with_everything_to_draw_it(world: ConsoleWorld) -> None:
    """One message is enough: level, words, place, deadline; its id is the journal's number."""
    async with _listening(world, query="kinds=alarm&lang=zh-CN") as messages:
        await _next(messages, "tick")
        await asyncio.to_thread(world.dual_open)
        message = await _next(messages, "alarm")
    assert message["data"]["words"]["title"] == "联动门双开"
    assert message["data"]["level"] == 2
    assert message["data"]["due_at"] > message["data"]["opened_at"]
    assert int(message["id"]) > 0


async def test_what_was_missed_comes_after_a_break(world: ConsoleWorld) -> None:
    """Last-Event-ID is honoured: nothing between is lost, nothing before it comes again, then a tick says so."""
    async with _listening(world, query="kinds=alarm") as messages:
        await _next(messages, "tick")
        await asyncio.to_thread(world.dual_open, "interlock/a")
        last = [(await _next(messages, "alarm"))["id"] for _ in ("opened", "told")][-1]
    world.dual_open("interlock/b")
    world.dual_open("interlock/c")
    async with _listening(world, query="kinds=alarm", headers={"last-event-id": last}) as messages:
        missed = [await messages.get()]
        while missed[-1]["event"] != "tick":
            missed.append(await messages.get())
    assert {message["event"] for message in missed[:-1]} == {"alarm"}
    told = [message["data"]["source"] for message in missed[:-1]]  # opened, and who was told: each an entry
    assert list(dict.fromkeys(told)) == ["interlock/b", "interlock/c"]


async def test_a_sibling_unit_hears_nothing(world: ConsoleWorld) -> None:
    """The feed has the same borders as the lists."""
    other = world.site("0755-200", "市分行/东区支行")
    async with _listening(world, who="east", query="kinds=alarm") as messages:
        await _next(messages, "tick")
        await asyncio.to_thread(world.dual_open)
        await asyncio.to_thread(world.dual_open, "interlock/east", other)
        assert (await _next(messages, "alarm"))["data"]["site"] == "0755-200"


async def test_events_of_one_commit_have_one_number(world: ConsoleWorld) -> None:
    """Only the last of them carries the number, so a break in between repeats all of them."""
    async with _listening(world, query="kinds=event&after=0") as messages:
        await _next(messages, "tick")
        lines = [world.box.line("door.held_open", open_s=31.0, limit_s=30.0) for _ in range(3)]
        await asyncio.to_thread(world.centre.take, world.box.events(*lines))
        world.feed.changed()
        several = [await _next(messages, "event") for _ in range(3)]
    assert ["id" in message for message in several] == [False, False, True]


async def test_too_much_missed_means_read_again(world: ConsoleWorld) -> None:
    """Beyond the limit the feed says `reset` and goes on from now, instead of sending a day."""
    world.flood(MOST_MISSED + 1)
    async with _listening(world, query="kinds=alarm&after=0") as messages:
        assert (await messages.get())["event"] == "reset"
        assert (await messages.get())["event"] == "tick"
        await asyncio.to_thread(world.dual_open)
        assert (await _next(messages, "alarm"))["data"]["kind"] == "door.dual_open"


async def test_a_number_from_before_a_restore_means_read_again(world: ConsoleWorld) -> None:
    """A page that read further than the journal goes shows what is not there: `reset`, then what comes."""
    world.dual_open("interlock/a")
    async with _listening(world, query="kinds=alarm", headers={"last-event-id": "999999"}) as messages:
        reset = await messages.get()
        assert (reset["event"], (await messages.get())["event"]) == ("reset", "tick")
        assert int(reset["id"]) < 999999
        await asyncio.to_thread(world.dual_open, "interlock/b")
        assert (await _next(messages, "alarm"))["data"]["source"] == "interlock/b"


async def test_a_box_that_tells_a_state_is_told(world: ConsoleWorld) -> None:
    """A changed point reaches the desk without asking."""
    async with _listening(world, query="kinds=box") as messages:
        await _next(messages, "tick")
        await asyncio.to_thread(world.site, "0755-300", "市分行")
        box = (await _next(messages, "box"))["data"]
    assert {point["id"]: point["state"] for point in box["points"]} == {
        "door/outer": "open",
        "door/inner": "closed",
        "door/vault": "unknown",
    }


@asynccontextmanager
async def _reading(world: ConsoleWorld, clock: Clock, session: str | None = None) -> AsyncIterator[AsyncIterator[str]]:
    """Kinds of the messages that a reader of alarms gets; a tenth of TICK_S passes at each look at the clock."""

    def mono_s() -> float:
        clock.advance(timedelta(seconds=TICK_S / 10))
        return clock.mono_s()

    services = world.app.state.services
    asked = Asker(person=PEOPLE[0], language="en", session=session)
    told = stream(
        services, Telling(services.people, PointNames(services.store)), asked, frozenset({"alarm"}), None, mono_s
    )

    async def kinds() -> AsyncIterator[str]:
        async for message in told:
            yield message.decode().split("event: ")[1].split("\n")[0]

    world.feed.start()
    reading = kinds()
    try:
        yield reading
    finally:
        world.feed.stop()
        async with asyncio.timeout(WAIT_S):
            async for _ in reading:
                pass


def _much_that_nobody_sees(world: ConsoleWorld) -> None:
    for _ in range(20):
        world.happens("ledger.mark", "ledger/routine")


async def test_a_busy_feed_ticks_as_well(world: ConsoleWorld, clock: Clock) -> None:
    """The time is said every few seconds also while entries come that this reader does not see."""
    async with _reading(world, clock) as kinds, asyncio.timeout(WAIT_S):
        assert await anext(kinds) == "tick"
        await asyncio.to_thread(_much_that_nobody_sees, world)
        await asyncio.to_thread(world.dual_open)
        seen = [await anext(kinds)]
        while seen[-1] != "alarm":
            seen.append(await anext(kinds))
    assert seen.count("tick") >= 2, seen


async def test_a_busy_feed_ends_with_its_login(world: ConsoleWorld, clock: Clock) -> None:
    """A reader that has logged out gets nothing more, however much happens meanwhile."""
    store, now_ms = world.centre.store, unix_ms(world.centre.now)
    open_session(store, token_hash="0" * 64, person="wang", now_ms=now_ms, expires_ms=now_ms + 3_600_000)
    async with _reading(world, clock, session="0" * 64) as kinds, asyncio.timeout(WAIT_S):
        assert await anext(kinds) == "tick"
        close_session(store, token_hash="0" * 64, now_ms=now_ms)
        await asyncio.to_thread(_much_that_nobody_sees, world)
        await asyncio.to_thread(world.dual_open)
        assert [kind async for kind in kinds] == []
