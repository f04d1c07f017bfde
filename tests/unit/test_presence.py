"""Who counts as sitting at the desk: a page that lives, a person once, and nobody for long after it closed."""

from __future__ import annotations

from datetime import timedelta

from collector.console.asking import Asker
from collector.console.live import TICK_S, stream
from collector.console.names import PointNames
from collector.console.telling import Telling
from collector.storage.presence import PRESENT_MS, RENEWED_MS, present, renew
from collector.times import unix_ms
from tests.console import PEOPLE, ConsoleWorld

WANG = PEOPLE[0]


def _there(world: ConsoleWorld) -> set[str]:
    with world.centre.store.read() as reading:
        return set(present(reading.connection, unix_ms(world.centre.now)))


def test_a_person_is_there_while_the_page_is_renewed_and_gone_soon_after(world: ConsoleWorld) -> None:
    """Two pages of one person write one row in five seconds; fifteen seconds after the last nobody is there."""
    store, at = world.centre.store, unix_ms(world.centre.now)
    assert renew(store, "wang", "centre-1", at)
    assert not renew(store, "wang", "centre-1", at + 1)
    assert not renew(store, "wang", "centre-1", at + RENEWED_MS - 1)
    assert renew(store, "wang", "centre-1", at + RENEWED_MS)
    assert renew(store, "wang", "centre-2", at + RENEWED_MS), "another collector writes a row of its own"
    with store.read() as reading:
        assert present(reading.connection, at + RENEWED_MS) == {"wang": at + RENEWED_MS}
        assert not present(reading.connection, at + RENEWED_MS + PRESENT_MS)


def test_a_clock_that_was_set_back_leaves_nobody_behind(world: ConsoleWorld) -> None:
    """A row from an hour ahead counts for nobody, and the next renewal puts it right."""
    store, at = world.centre.store, unix_ms(world.centre.now)
    renew(store, "wang", "centre-1", at + 3_600_000)
    assert not _there(world)
    assert renew(store, "wang", "centre-1", at)
    assert _there(world) == {"wang"}


async def _follow(world: ConsoleWorld, kinds: str, session: str | None, ticks: int = 1) -> None:
    """Somebody's page, open for so many ticks of virtual time, then closed."""
    services = world.app.state.services
    asked = Asker(person=WANG, language="en", session=session)
    teller = Telling(services.people, PointNames(services.store))
    begun = world.centre.now

    def mono_s() -> float:
        world.centre.now += timedelta(seconds=TICK_S / 10)
        return (world.centre.now - begun).total_seconds()

    world.feed.start()
    feed = stream(services, teller, asked, frozenset(kinds.split(",")), None, mono_s)
    seen = 0
    async for message in feed:
        seen += b"event: tick" in message
        if seen == ticks:
            break
    await feed.aclose()  # type: ignore[attr-defined]  # it is a generator, as the page that closes finds
    world.feed.stop()


async def test_only_a_logged_in_page_that_shows_alarms_is_somebody_at_the_desk(world: ConsoleWorld) -> None:
    """A program's token and the page of orders sit nowhere."""
    await _follow(world, "alarm", None)
    await _follow(world, "box,order", "a login")
    assert not _there(world)
    await _follow(world, "alarm,box", "a login")
    assert _there(world) == {"wang"}


async def test_a_page_stays_there_through_its_own_line_and_no_longer(world: ConsoleWorld) -> None:
    """Twenty ticks later the person is still there; fifteen seconds after the page closed no more."""
    await _follow(world, "alarm", "a login", ticks=20)
    assert _there(world) == {"wang"}
    world.centre.now += timedelta(milliseconds=PRESENT_MS)
    assert not _there(world)
