"""The live feed over HTTP: server-sent events that carry enough to draw an alarm at once (WIRE 5).

`id:` is the journal number, so a browser that comes back with Last-Event-ID gets what it missed. A `tick` says the
server's time once all that was missed is sent, and every few seconds after; `reset` says that too much was missed, or
that the number is none of this journal, and the lists are to be read again. Flow: journal -> message -> browser.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, suppress
from time import monotonic
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from collector.console import order_telling, pictures, telling, uncounted
from collector.console.asking import Asked, Asker
from collector.console.reference import problem_answers
from collector.services import Services
from collector.storage.alarm_reading import alarm_row
from collector.storage.life_reading import member_counts
from collector.storage.orders import order_whole
from collector.storage.presence import RENEWED_MS, renew
from collector.storage.records import MAX_LIMIT, JournalRow, Topic
from collector.storage.store import StoreError
from collector.times import unix_ms
from protocol.timestamps import format_time

HERE_S: Final = RENEWED_MS / 1000
"""How often a desk's page says that somebody sits before it."""
TICK_S: Final = 3.0
"""A reader that hears nothing for two and a half of these knows that its line is lost."""
MOST_MISSED: Final = 2 * MAX_LIMIT
"""Entries that are sent again after a loss; beyond that reading the lists is quicker."""

LiveTopic = Literal["alarm", "event", "box", "order", "evidence"]

_TOPIC: Final = "(alarm|event|box|order|evidence)"

_DESCRIPTION: Final = """Server-sent events (WHATWG HTML, section 9.2):

    id: 1842
    event: alarm | event | box | order | evidence
    data: the alarm, event, box, order or picture as the lists show it, one line of JSON

`event: tick` (without id) carries `{"now": ...}`; `event: reset` means: read the lists again."""


def routes(services: Services, teller: telling.Telling) -> APIRouter:
    """/api/v1/live."""
    router = APIRouter(prefix="/api/v1", tags=["live"])

    @router.get(
        "/live",
        response_class=StreamingResponse,
        responses={
            200: {"description": _DESCRIPTION, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **problem_answers(401, 422),
        },
        summary="What changes, as it changes",
    )
    async def live(
        asked: Asked,
        kinds: Annotated[
            str | None, Query(pattern=rf"^{_TOPIC}(,{_TOPIC}){{0,4}}$", description="some of them, with commas between")
        ] = None,
        after: Annotated[
            int | None, Query(ge=0, lt=2**53, description="journal number, for who cannot send a header")
        ] = None,
        last_event_id: Annotated[
            str | None, Header(pattern=r"^[0-9]{0,16}$", description="the last `id` that arrived; it goes on behind it")
        ] = None,
    ) -> StreamingResponse:
        wanted = frozenset(kinds.split(",")) if kinds else frozenset(get_args(LiveTopic))
        start = int(last_event_id) if last_event_id else after
        told = stream(services, teller, asked, wanted, start)
        return StreamingResponse(told, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    return router


async def stream(
    services: Services,
    teller: telling.Telling,
    asked: Asker,
    wanted: frozenset[str],
    start: int | None,
    mono_s: Callable[[], float] = monotonic,
) -> AsyncIterator[bytes]:
    """What one reader gets, until it goes, its login ends or the feed stops."""

    def messages(rows: Iterable[JournalRow]) -> list[bytes]:
        return [text for row in rows if row.topic in wanted for text in _messages(services, teller, asked, row)]

    def tick() -> bytes:
        return _message("tick", {"now": format_time(services.now())})

    def here() -> None:
        with suppress(StoreError):  # who sits here is told again in a moment; the feed itself goes on
            renew(services.store, asked.person.id, services.collector, unix_ms(services.now()))

    # A login's page that shows alarms is a person at a desk; a program with a token is not.
    sits = asked.session is not None and Topic.ALARM in wanted
    if sits:
        await run_in_threadpool(here)
    unit = asked.person.unit
    head = await run_in_threadpool(_head, services)
    position = head if start is None else min(start, head)
    # Whoever comes with a later number read from a centre that was restored since: the lists may show what is gone.
    if head - position > MOST_MISSED or (start or 0) > head:
        position = head
        yield _message("reset", {"now": format_time(services.now())}, number=head)
    while rows := await run_in_threadpool(_missed, services, position, unit):
        for text in await run_in_threadpool(messages, rows):
            yield text
        position = rows[-1].number
    yield tick()

    async with aclosing(services.feed.follow(position, unit)) as entries:
        waiting: asyncio.Task[JournalRow] | None = None
        due_s, here_s = mono_s() + TICK_S, mono_s() + HERE_S
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(anext(entries))
                next_s = min(due_s, here_s) if sits else due_s
                done, _ = await asyncio.wait({waiting}, timeout=max(0.0, next_s - mono_s()))
                if sits and mono_s() >= here_s:
                    await run_in_threadpool(here)
                    here_s = mono_s() + HERE_S
                if mono_s() >= due_s:  # also while much happens that this reader does not see
                    if not await run_in_threadpool(_still_in, services, asked):
                        return
                    yield tick()
                    due_s = mono_s() + TICK_S
                if not done:
                    continue
                row, waiting = waiting.result(), None
                for text in await run_in_threadpool(messages, (row,)):
                    yield text
        except StopAsyncIteration:
            return
        finally:
            if waiting is not None:
                waiting.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await waiting


def _messages(services: Services, teller: telling.Telling, asked: Asker, row: JournalRow) -> Iterable[bytes]:
    """What a journal entry tells: the thing it speaks of, as it is now."""
    now_ms = unix_ms(services.now())
    counted = row.topic in {Topic.EVENT, Topic.BOX} and uncounted.proves(services, asked.person)
    with services.store.read() as reading:
        if row.topic is Topic.ALARM:
            if row.action == "opened" and "shelter" in row.facts:
                return  # a storm opens thousands: what is kept quiet must not hold up what is not
            found = alarm_row(reading, row.subject, asked.person.sight)
            if found is not None:
                still = pictures.stills(reading, [found], asked.person).get(found.id)
                members = 0 if found.shelter else member_counts(reading.connection, [found.id]).get(found.id, 0)
                alarm = teller.alarm(found, asked.language, now_ms, still, members)
                yield _message(row.topic, alarm.model_dump(by_alias=True), number=row.number)
        elif row.topic is Topic.EVENT:
            first, _, last = row.subject.partition("-")
            rows = reading.events_between(int(first), int(last or first), sight=asked.person.sight)
            for event in rows:
                told = teller.event(event, asked.language)
                told = told if counted else uncounted.event(told)
                # Only the last of them has the number: who loses the line before it gets all of them again.
                number = row.number if event is rows[-1] else None
                yield _message(row.topic, told.model_dump(by_alias=True), number=number)
        elif row.topic is Topic.BOX:
            for box in reading.boxes(asked.person.unit, box=row.subject):
                shown = telling.box(box)
                shown = shown if counted else uncounted.box(shown)
                yield _message(row.topic, shown.model_dump(), number=row.number)
        elif row.topic is Topic.ORDER:
            whole = order_whole(reading, row.subject, asked.person.sight)
            if whole is not None:
                order = order_telling.order(whole, asked.person, teller, asked.language, now_ms)
                yield _message(row.topic, order.model_dump(), number=row.number)
        elif row.topic is Topic.EVIDENCE and row.action != pictures.LOOK:
            piece = pictures.live(
                reading, str(row.facts.get("box")), row.subject, asked, services.evidence, teller, now_ms
            )
            if piece is not None:
                yield _message(row.topic, piece.model_dump(), number=row.number)


def _message(event: str, data: Any, *, number: int | None = None) -> bytes:
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def _head(services: Services) -> int:
    with services.store.read() as reading:
        return reading.journal_head()


def _missed(services: Services, position: int, unit: str) -> tuple[JournalRow, ...]:
    with services.store.read() as reading:
        return reading.journal_after(position, unit=unit)


def _still_in(services: Services, asked: Asker) -> bool:
    """Whether the reader's login has not ended meanwhile."""
    if asked.session is None:
        return True
    with services.store.read() as reading:
        return reading.session(asked.session, unix_ms(services.now())) is not None
