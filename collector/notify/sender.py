"""Sends notices: claims rows, hands them to channels, many at once, writes what became of them.

A channel that hangs holds up nobody but itself: each has its own room, the gravest have some on top of it, and whatever
takes too long is cut off and goes by the next channel. Nothing of it lives in the process: a row that was under way
when a worker died is sent again by another, marked `perhaps`. Flow: `notices` -> here -> channels -> `notices`.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from collector.escalation.surroundings import Surroundings
from collector.metrics import Metrics
from collector.notify.addresses import Book, Reach
from collector.notify.claiming import Claimed, Parcel, crowding_of, take
from collector.notify.port import RECEIVER_LIMIT_S, Message, Outcome, Port, Sent, failed
from collector.notify.records import RECEIVER, NoticeState, Sort
from collector.notify.saying import Saying, message_of
from collector.notify.templates import Texts
from collector.notify.trying import After, after
from collector.notify.ways import Way
from collector.notify.writing import Outcomes, write
from collector.storage import notice_sending
from collector.storage.notice_sending import Done
from collector.storage.store import NotStorableError, Store, StoreError

LOOK_S: Final = 1.0
"""Everybody looks once a second, woken or not."""
AT_ONCE: Final = 64
"""Rows claimed in one transaction."""
MOST_TOKENS: Final = 10_000
"""Links of what may be tried again; one that was let go is drawn anew."""
GRAVEST_ROOM: Final = 256
"""Messages of level 1 under way at once, over all channels."""
RENEW_MS: Final = 5_000
STALE_MS: Final = 30_000
"""A claim that was not renewed for so long is a dead worker's."""
ENOUGH: Final = 24
"""So many that ended are worth a transaction of their own."""
GATHER_S: Final = 0.025
"""Fewer wait so long for others: a disk that syncs every commit writes some hundred a second."""
LAST_WORD_S: Final = 3.0
"""What is under way when the process ends gets so long."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What a sender works with; `random` and `now_ms` come from outside, `run` names this process."""

    store: Store
    around: Surroundings
    ways: Mapping[str, Way]
    receivers: Mapping[str, Port]
    texts: Mapping[str, Texts]
    run: str
    now_ms: Callable[[], int]
    random: Callable[[int], bytes]
    metrics: Metrics
    console_url: str = ""


class Sender:
    """One a process. `run` until cancelled; tests and virtual time call `round` instead."""

    def __init__(self, sending: Sending) -> None:
        self._with = sending
        self.worker = f"{sending.around.collector}/{sending.run}"[:64]
        self._own = f"{sending.around.collector}/"
        self._book: Book | None = None
        self._crowding: frozenset[str] = frozenset()
        self._tokens: dict[str, str] = {}
        self._busy: Counter[str] = Counter()
        self._grave = 0
        self.under_way: dict[str, asyncio.Task[None]] = {}
        """Notices that a channel has now, by id."""
        self._outcomes: list[Outcomes] = []
        self._renewed_ms = 0
        self._looked_ms = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seen_s = time.monotonic()
        self._reachable = True
        self._woken = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None
        self._thread: Executor | None = None

    def wake(self) -> None:
        """Something was queued. Safe from any thread, and before `run` began or after it ended."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._woken.set)

    @property
    def behind_s(self) -> float:
        """Since when no look came to its end: for the health page."""
        return time.monotonic() - self._seen_s

    async def run(self) -> None:
        """Send until cancelled; what is under way then gets LAST_WORD_S."""
        self._loop, self._seen_s = asyncio.get_running_loop(), time.monotonic()
        with ThreadPoolExecutor(1, thread_name_prefix="notices") as thread:
            self._thread = thread
            try:
                while True:
                    self._woken.clear()
                    if not await self._patient_step():
                        await self._wait()
            finally:
                self._loop = None
                await self._end()
                self._thread = None

    async def round(self) -> int:
        """Send everything that may leave now and write what became of it; how many left."""
        many = 0
        while True:
            more = await self._step()
            many += more
            if self.under_way:
                await asyncio.wait(list(self.under_way.values()))
            if not more and not self._outcomes:
                return many

    async def _wait(self) -> None:
        """Until something was queued, or enough has ended to be worth a transaction, or the next look."""
        try:
            async with asyncio.timeout(LOOK_S):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _gathered(self) -> None:
        self._gathering = None
        self._woken.set()

    async def _patient_step(self) -> int:
        """The same; a database that does not answer is asked again at the next look."""
        try:
            many = await self._step()
        except (StoreError, NotStorableError) as error:
            if self._reachable:
                logger.warning("notices wait: %s", error)
            self._reachable = False
        except Exception:
            logger.exception("notices: a look failed; it is tried again")
        else:
            self._seen_s, self._reachable = time.monotonic(), True
            return many
        self._woken.clear()
        return 0

    async def _step(self) -> int:
        """One look: write outcomes, take back what the dead left, claim, begin to send; how many were begun."""
        now_ms = self._with.now_ms()
        await self._upkeep(now_ms)
        ended, self._outcomes = self._outcomes, []
        try:
            claimed = await self._apart(lambda: self._take(now_ms, ended))
        except StoreError:
            self._outcomes = ended + self._outcomes
            raise
        if claimed is None:
            return 0
        self._book, self._crowding = Book.of(claimed.rules), crowding_of(claimed.parcels)
        for parcel in claimed.parcels:
            self._begin(parcel)
        return len(claimed.parcels)

    def _take(self, now_ms: int, ended: Sequence[Outcomes]) -> Claimed | None:
        room = {name: way.at_once - self._busy[name] for name, way in self._with.ways.items()}
        return take(
            self._with.store,
            worker=self.worker,
            now_ms=now_ms,
            room=room,
            limit=max(1, min(AT_ONCE, GRAVEST_ROOM - self._grave)),
            random=self._with.random,
            tokens=self._tokens,
            ended=ended,
            new_id=self._with.around.new_id,
            crowding=self._crowding,
        )

    async def _upkeep(self, now_ms: int) -> None:
        """Renew what takes long, and take back what others left; both rarely."""
        if abs(now_ms - self._renewed_ms) >= RENEW_MS:
            ids = list(self.under_way)
            self._renewed_ms = now_ms
            if ids:
                await self._apart(lambda: self._renew(ids, now_ms))
        if abs(now_ms - self._looked_ms) >= LOOK_S * 1000:
            self._looked_ms = now_ms
            await self._apart(lambda: self._take_back(now_ms))

    def _renew(self, ids: Sequence[str], now_ms: int) -> None:
        with self._with.store.write() as connection:
            notice_sending.renew(connection, self.worker, ids, now_ms)

    def _take_back(self, now_ms: int) -> None:
        with self._with.store.write() as connection:
            many = notice_sending.take_back(
                connection, now_ms, before_ms=now_ms - STALE_MS, own=self._own, worker=self.worker
            )
            self._with.metrics.notices_waiting.set(notice_sending.count_waiting(connection))
        if many:
            logger.warning("%d notices of a worker that is gone are sent again", many)

    def _write(self, ended: Sequence[Outcomes]) -> None:
        with self._with.store.write() as connection:
            write(connection, self.worker, ended, self._with.now_ms(), self._with.around.new_id)

    def _begin(self, parcel: Parcel) -> None:
        notice = parcel.notice
        self._busy[notice.channel] += 1
        self._grave += notice.level == 1
        task = asyncio.create_task(self._send(parcel), name=f"notice {notice.number}")
        self.under_way[notice.id] = task

    async def _send(self, parcel: Parcel) -> None:
        notice = parcel.notice
        try:
            sent = await self._sent(parcel)
        except Exception as error:  # noqa: BLE001 - one message's fault never stops the others
            logger.error("a notice by %s failed inside: %s", notice.channel, type(error).__name__)  # noqa: TRY400
            sent = failed("inside", again=False)
        finally:
            self._busy[notice.channel] -= 1
            self._grave -= notice.level == 1
            self.under_way.pop(notice.id, None)
        now_ms = self._with.now_ms()
        what = after(notice, sent, now_ms)
        while len(self._tokens) > MOST_TOKENS:  # of what was called off before it was tried again
            del self._tokens[next(iter(self._tokens))]
        if what.state is not NoticeState.QUEUED:
            self._tokens.pop(notice.id, None)
        self._count(parcel, sent, what, now_ms)
        self._outcomes.append(Outcomes(notice=notice, done=_done(parcel, what, now_ms), then=what.then))
        if len(self._outcomes) >= ENOUGH or not self.under_way:
            self._gathered()
        elif self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_S, self._gathered)

    async def _sent(self, parcel: Parcel) -> Sent:
        notice = parcel.notice
        if notice.target.startswith(RECEIVER):
            return await self._received(parcel)
        way = self._with.ways.get(notice.channel)
        reach = self._reach(parcel)
        if way is None:
            return failed("no_channel", again=False)
        if reach is None:
            return failed("no_address", again=False)
        message = self._message(parcel, way, reach)
        return await _within(way.limit_s, way.port, message)

    async def _received(self, parcel: Parcel) -> Sent:
        port = self._with.receivers.get(parcel.notice.target.removeprefix(RECEIVER))
        if port is None:
            return failed("no_receiver", again=False)
        quiet = Way(port=port)
        message = self._message(parcel, quiet, Reach(address="", language="zh-CN"))
        return await _within(RECEIVER_LIMIT_S, port, message)

    def _reach(self, parcel: Parcel) -> Reach | None:
        unit = parcel.alarm.unit if parcel.alarm is not None else ""
        return self._book.reach(parcel.notice.person, parcel.notice.channel, unit) if self._book is not None else None

    def _message(self, parcel: Parcel, way: Way, reach: Reach) -> Message:
        url = self._with.console_url.rstrip("/")
        link = f"{url}/n/{parcel.token}" if url and parcel.token else ""
        if url and parcel.notice.sort is Sort.DIGEST and not way.outside:
            link = f"{url}/"
        saying = Saying(
            notice=parcel.notice,
            reach=reach,
            alarm=parcel.alarm,
            outside=way.outside,
            replies=way.replies,
            link=link,
            names=parcel.names,
        )
        return message_of(saying, self._with.texts[reach.language], self._named)

    def _named(self, person: str) -> str:
        found = self._with.around.people.by_id(person)
        return found.name if found is not None else person

    def _count(self, parcel: Parcel, sent: Sent, what: After, now_ms: int) -> None:
        metrics, notice = self._with.metrics, parcel.notice
        outcome = "again" if what.state is NoticeState.QUEUED else sent.outcome.value
        metrics.notices.labels(notice.channel, outcome).inc()
        if sent.outcome is not Outcome.FAILED and notice.tries == 1:
            metrics.notice_seconds.observe(max(0.0, (now_ms - notice.queued_ms) / 1000))

    async def _apart(self, work: Callable[[], T]) -> T:
        """In the thread that owns the database; at once where there is none (virtual time)."""
        if self._thread is None:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _end(self) -> None:
        """Let what is under way end, write it down, hang up."""
        tasks = list(self.under_way.values())
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_WORD_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._gathering is not None:
            self._gathering.cancel()
        ended, self._outcomes = self._outcomes, []
        try:
            if ended:
                await self._apart(lambda: self._write(ended))
        except (StoreError, NotStorableError) as error:
            logger.warning("what became of %d notices is not written: %s", len(ended), error)
        for way in self._with.ways.values():
            await way.port.close()


async def _within(limit_s: float, port: Port, message: Message) -> Sent:
    try:
        async with asyncio.timeout(limit_s):
            return await port.send(message)
    except TimeoutError:
        return failed("too_slow")


def _done(parcel: Parcel, what: After, now_ms: int) -> Done:
    left = what.state in (NoticeState.SENT, NoticeState.DELIVERED)
    return Done(
        id=parcel.notice.id,
        state=what.state,
        reason=what.reason,
        due_ms=what.due_ms,
        perhaps=what.perhaps,
        sent_ms=now_ms if left else None,
        delivered_ms=now_ms if what.state is NoticeState.DELIVERED else None,
    )
