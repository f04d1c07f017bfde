"""The live feed: woken at once, replayed from any number, never more than a person may see."""

from __future__ import annotations

import asyncio

from collector.live import Feed
from protocol.kinds import Lane
from tests.collecting import Box, PaperCentre


async def ready(centre: PaperCentre) -> Box:
    """A box with its urgent lane open."""
    box = centre.box()
    await asyncio.to_thread(centre.take, box.birth(), box.events(box.opened(Lane.URGENT)))
    return box


async def test_a_reader_is_woken_by_a_commit_of_another_thread(centre: PaperCentre) -> None:
    """From the ingest's thread into the event loop, without polling."""
    box = await ready(centre)
    feed = Feed(centre.store)
    feed.start()
    with centre.store.read() as reading:
        head = reading.journal_head()
    reader = feed.follow(head, "")
    waiting = asyncio.ensure_future(anext(reader))

    def commit() -> None:
        centre.take(box.events(box.line("door.dual_open")))
        feed.changed()

    await asyncio.to_thread(commit)
    row = await asyncio.wait_for(waiting, 5)
    assert (row.topic, row.action, row.site) == ("alarm", "opened", box.site)
    await reader.aclose()
    feed.stop()


async def test_what_was_missed_is_replayed(centre: PaperCentre) -> None:
    """WIRE 5: from the number of the last message on, in order, nothing twice."""
    box = await ready(centre)
    feed = Feed(centre.store)
    feed.start()
    with centre.store.read() as reading:
        head = reading.journal_head()
    for _ in range(3):
        await asyncio.to_thread(centre.take, box.events(box.line("zone.fire")))
    reader = feed.follow(head, box.unit)
    numbers = [(await anext(reader)).number for _ in range(6)]
    assert numbers == list(range(head + 1, head + 7))
    await reader.aclose()
    feed.stop()


async def test_a_feed_that_stops_lets_its_readers_go(centre: PaperCentre) -> None:
    """At the end of the process nobody waits for ever."""
    feed = Feed(centre.store)
    feed.start()

    async def drain() -> int:
        return len([row async for row in feed.follow(None, "")])

    reading = asyncio.ensure_future(drain())
    await asyncio.to_thread(centre.tick)
    feed.stop()
    assert await asyncio.wait_for(reading, 5) == 0
