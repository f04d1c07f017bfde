"""The ingest's thread: waits for all brokers, brings what arrived into the ledger, then acknowledges and receipts.

What is there is drained, stored in one transaction, acknowledged, answered: the busier it is, the larger the groups.
Once a second it lets the pipeline look at the clock. Flow: subscribers -> here -> pipeline -> subscribers.
"""

import logging
import select
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from collector.fleet.listening import begin
from collector.fleet.records import Ask
from collector.health import IngestSeen
from collector.ingest.pipeline import Pipeline, Sending
from collector.ingest.receipts import Receipts
from collector.ingest.sequence import Standing
from collector.ingest.subscriber import Arrived, Subscriber
from collector.ledger import CentreLedger
from collector.metrics import Metrics
from collector.orders.posting import OrderPost, Outgoing, Post, RequestPost
from collector.revocation import ListFault, Shown
from collector.storage.store import StoreError
from collector.times import unix_ms
from protocol.certificates import Trust
from protocol.topics import Down, down_topic

MOST_AT_ONCE: Final = 1_000
"""Envelopes of one transaction: some 100 ms of work, so that an answer never waits longer than that."""

TICK_S: Final = 1.0
RECEIPT_AFTER_S: Final = 0.1
"""While more arrives, receipts for events wait this long, so that one covers many; boxes send again after 5 s."""

RETRY_S: Final = 1.0
"""After the database could not be reached."""

logger = logging.getLogger(__name__)


class Receiving:
    """One thread. `clock_ms` is wall time, `mono_s` monotonic; `renewed` gives a new `Trust` when there is one.

    `died` is called, in that thread, when it ends by a fault of ours: nothing would be heard from then on.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        receipts: Receipts,
        ledger: CentreLedger,
        metrics: Metrics,
        clock_ms: Callable[[], int],
        mono_s: Callable[[], float],
        renewed: Callable[[], Trust | None],
        outgoing: Outgoing | None = None,
        died: Callable[[], None] = lambda: None,
    ) -> None:
        self._pipeline, self._receipts, self._ledger, self._metrics = pipeline, receipts, ledger, metrics
        self._clock_ms, self._mono_s, self._renewed, self._died = clock_ms, mono_s, renewed, died
        self._outgoing = outgoing or Outgoing()
        self._outgoing.wake = self.wake
        self._subscribers: Sequence[Subscriber] = ()
        self._turned_s: float | None = None
        self._committed_s: float | None = None
        self._shown: tuple[tuple[Shown, float], ...] = ()
        self._connections: list[tuple[bool, float]] = []
        self._owed: dict[str, dict[str, Standing]] = {}
        self._owed_since_s = 0.0
        self._listening = begin(clock_ms(), round(mono_s() * 1000))
        self._stopping = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="ingest")
        self.fault = ""
        """What does not work now, in one sentence."""

    def start(self, subscribers: Sequence[Subscriber]) -> None:
        """Begin to listen."""
        self._subscribers = subscribers
        self._connections = [(False, self._mono_s()) for _ in subscribers]
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way and end."""
        self._stopping.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join()
        self._wake_in.close()
        self._wake_out.close()

    def wake(self) -> None:
        """Look again now; safe from any thread."""
        with suppress(BlockingIOError, OSError):
            self._wake_in.send(b"\0")

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def subscribed(self) -> int:
        """How many brokers it hears."""
        return sum(subscriber.subscribed for subscriber in self._subscribers)

    def seen(self) -> IngestSeen:
        """How it is now; safe from any thread."""
        now_s = self._mono_s()
        return IngestSeen(
            alive=self.alive,
            fault=self.fault,
            turned_s=None if self._turned_s is None else now_s - self._turned_s,
            committed_s=None if self._committed_s is None else now_s - self._committed_s,
            revocation=[(shown, now_s - since_s) for shown, since_s in self._shown],
            brokers=[(connected, now_s - since_s) for connected, since_s in self._connections],
        )

    def _run(self) -> None:
        next_tick_s = self._mono_s()
        try:
            while not self._stopping.is_set():
                self._wait(next_tick_s)
                self._post(self._outgoing.take())
                try:
                    arrived = self._read()
                    if arrived:
                        self._take(arrived)
                    self._receipt(idle=not arrived)
                    if self._mono_s() >= next_tick_s:
                        next_tick_s = self._mono_s() + TICK_S
                        self._tick()
                except StoreError as error:
                    self._pause(error)
        except Exception:
            logger.exception("the ingest ended by a fault of its own")
            self._died()
        finally:
            for subscriber in self._subscribers:
                subscriber.close()

    def _wait(self, until_s: float) -> None:
        timeout_s = max(0.0, until_s - self._mono_s())
        if self._owed:
            timeout_s = 0.0
        sockets = [sock for subscriber in self._subscribers if (sock := subscriber.socket) is not None]
        if any(sock.pending() for sock in sockets):
            timeout_s = 0.0
        waiting = select.poll()
        waiting.register(self._wake_out, select.POLLIN)
        for subscriber in self._subscribers:
            if (sock := subscriber.socket) is not None and sock.fileno() >= 0:
                waiting.register(sock, select.POLLIN | (select.POLLOUT if subscriber.wants_write else 0))
        waiting.poll(timeout_s * 1000)
        with suppress(BlockingIOError):
            self._wake_out.recv(4096)

    def _read(self) -> list[tuple[Subscriber, Arrived]]:
        arrived: list[tuple[Subscriber, Arrived]] = []
        before = self.subscribed
        for subscriber in self._subscribers:
            subscriber.tend(self._mono_s())
            if subscriber.wants_write:
                subscriber.flush()
            arrived.extend((subscriber, one) for one in subscriber.read(MOST_AT_ONCE))
        if not before and self.subscribed:
            self._listening = begin(self._clock_ms(), round(self._mono_s() * 1000))
        self._metrics.brokers.set(self.subscribed)
        for number, subscriber in enumerate(self._subscribers):
            if subscriber.subscribed is not self._connections[number][0]:
                self._connections[number] = (subscriber.subscribed, self._mono_s())
        return arrived

    def _take(self, arrived: Sequence[tuple[Subscriber, Arrived]]) -> None:
        self._metrics.queue.set(len(arrived))
        sending = self._pipeline.take([one.received for _, one in arrived], **self._times())
        self._metrics.queue.set(0)
        self.fault = ""
        self._committed_s = self._mono_s()
        for subscriber in self._subscribers:
            subscriber.hold()
        for subscriber, one in arrived:
            subscriber.acknowledge(one)
        self._send(sending)
        for subscriber in self._subscribers:
            subscriber.flush()

    def _tick(self) -> None:
        trust = self._renewed()
        if trust is not None:
            self._pipeline.trust(trust)
        self._send(self._pipeline.tick(**self._times()))
        self._show_revocation()
        self.fault = ""
        self._turned_s = self._mono_s()

    def _show_revocation(self) -> None:
        """Say what is wrong with the revocation lists: once in the log, for as long as it is so elsewhere."""
        now_ms, now_s = self._clock_ms(), self._mono_s()
        before = dict(self._shown)
        since = {
            shown: now_s if shown.since is None else now_s - (now_ms - unix_ms(shown.since)) / 1000
            for shown in self._pipeline.revocation(now_ms)
        }
        for shown in since.keys() - before.keys():
            logger.warning("%s", shown.said)
        if before and not since:
            logger.info("every revocation list holds again")
        self._shown = tuple((shown, before.get(shown, since_s)) for shown, since_s in since.items())
        self._metrics.list_faults.set(len(since))
        self._metrics.list_over.set(
            max((now_s - since_s for shown, since_s in self._shown if shown.fault is ListFault.OVER), default=0.0)
        )

    def _send(self, sending: Sending) -> None:
        for box, receipt in sending.answers:
            self._owed.pop(box, None)
            self._publish(box, Down.RECEIPT, receipt, qos=1)
            self._metrics.receipts.labels("sign of life").inc()
        for box, ask in sending.asks:
            self._publish(box, Down.REQUEST, self._request(box, ask), qos=1)
        for box, document in sending.deliveries:
            self._publish(box, Down.ORDER, self._site_file(box, document), qos=1)
            logger.info("a site bundle was sent to %s", box)
        self._post(sending.posts)
        if sending.heads and not self._owed:
            self._owed_since_s = self._mono_s()
        self._owed.update(sending.heads)

    def _post(self, posts: Sequence[Post]) -> None:
        """What people asked of boxes, at once."""
        for post in posts:
            match post:
                case OrderPost():
                    self._publish(post.box, Down.ORDER, self._receipts.order(post.payload), qos=1)
                case RequestPost():
                    request = self._receipts.request(post.box, post.id, post.action, post.args, self._clock_ms())
                    self._publish(post.box, Down.REQUEST, request, qos=1)
        if posts:
            for subscriber in self._subscribers:
                subscriber.flush()

    def _receipt(self, *, idle: bool) -> None:
        """Say what is committed: at once when nothing else is to do, else after a while for many."""
        if not self._owed or (not idle and self._mono_s() < self._owed_since_s + RECEIPT_AFTER_S):
            return
        now_ms = self._clock_ms()
        for subscriber in self._subscribers:
            subscriber.hold()
        for box, heads in self._owed.items():
            # Lost, it is asked for again: the box sends again after 5 s.
            self._publish(box, Down.RECEIPT, self._receipts.events(box, heads, now_ms), qos=0)
        self._metrics.receipts.labels("events").inc(len(self._owed))
        self._owed.clear()
        for subscriber in self._subscribers:
            subscriber.flush()

    def _request(self, box: str, ask: Ask) -> bytes:
        now_ms = self._clock_ms()
        return self._receipts.request(box, self._ledger.new_id(now_ms), ask.action, ask.args, now_ms)

    def _site_file(self, box: str, document: bytes) -> bytes:
        now_ms = self._clock_ms()
        return self._receipts.site_file(box, self._ledger.new_id(now_ms), document, now_ms)

    def _publish(self, box: str, down: Down, payload: bytes, qos: int) -> None:
        # A box is at one of the brokers; at the others nobody listens on its topic.
        topic = down_topic(box, down)
        for subscriber in self._subscribers:
            subscriber.publish(topic, payload, qos)

    def _pause(self, error: StoreError) -> None:
        """Nothing was stored: forget it unacknowledged, and try again; the boxes have it all."""
        if not self.fault:
            logger.error("%s; what arrives is left with the boxes until it can", error)
        self.fault = str(error)
        for subscriber in self._subscribers:
            subscriber.drop(self._mono_s() + RETRY_S)
        self._owed.clear()
        self._stopping.wait(RETRY_S)

    def _times(self) -> dict[str, int]:
        now_ms, mono_ms = self._clock_ms(), round(self._mono_s() * 1000)
        self._listening = self._listening.look(now_ms, mono_ms)
        return {"now_ms": now_ms, "mono_ms": mono_ms, "listening_ms": self._listening.since_ms}
