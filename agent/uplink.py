"""The way to the centre over MQTT: the only file that knows aiomqtt. It carries; what is said is `conversation.py`.

A new client object for each connection: paho re-sends its whole queue on a reconnect. Clean session, a client id of 128
random bits a process (WIRE 1.6), subscribe and birth every time. The broker's acknowledgement proves nothing and is not
waited for. Flow: conversation -> broker -> collector, and its receipts back.
"""

import asyncio
import logging
import math
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import aiomqtt

from agent.broker_tls import broker_context, is_broker
from agent.cancelling import heeding
from agent.clocks import Reading
from agent.conversation import Conversation, Voice, down_of
from agent.identity import BoxIdentity
from agent.links import Pace, Path, is_dead, looked_at, proven
from agent.outbox.sending import Wait
from agent.outbox.store import StoreClosedError, StoreLostError
from agent.presence import Self
from protocol.messages import Clock, ConfigState, SiteFacts
from protocol.site.addresses import parse_address
from protocol.topics import Down, Up, down_topic, up_topic

LOG: Final = logging.getLogger("branchwatch.uplink")

BROKER_PORT: Final = 8883
KEEPALIVE_S: Final = 10
"""MQTT's own keepalive; also the longest that a TLS handshake may take."""

STEP_S: Final = 5.0
"""How long the broker may take to answer CONNECT or SUBSCRIBE."""

MAX_PAUSE_S: Final = 3.0
"""Between connections a random time up to this: a region that comes back does not come back at once."""

BIRTH_WAIT_S: Final = 1.0
"""The backlog waits this long for the centre to say where it stands, so that little is sent twice."""

MAX_HEARD: Final = 100
"""Messages from the centre that wait to be taken; more is dropped, and the centre repeats itself. The largest have 1.25
MiB: whoever holds the broker must not fill the box's memory with them."""

MAX_IN_FLIGHT: Final = 64
"""Above the outbox's own windows: paho never queues what was not yet given to the broker."""

PROBE_S: Final = 3.0


@dataclass(frozen=True, kw_only=True)
class Route:
    """Who speaks, where to, and how often."""

    identity: BoxIdentity
    brokers: tuple[str, ...]
    site: SiteFacts
    software: str
    pace: Pace
    beat_every: timedelta
    silent_after: timedelta
    config: ConfigState | None = None
    machine: str = ""


class LinkLostError(Exception):
    """The connection is given up; the message says why."""


class RenewedError(LinkLostError):
    """The connection is given up for one under a new certificate."""


@dataclass
class Uplink:
    """Keeps one connection to one of the brokers, for ever."""

    route: Route
    voice: Voice
    random: Callable[[int], bytes]
    last_error: str = ""
    broker: int = 0
    _client_id: str = ""
    _paths: list[Path] = field(default_factory=list)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _conversation: Conversation | None = None

    def __post_init__(self) -> None:
        self._client_id = f"box-{self.random(16).hex()}"
        now = self.voice.reading().moment
        self._paths = [Path(alive_at=now) for _ in self.route.brokers]
        self.voice.outbox.on_commit(self._woken.set)

    def take_up(self, identity: BoxIdentity) -> None:
        """Speak under a renewed certificate from the next connection on, which begins at once."""
        self.route = replace(self.route, identity=identity)

    def remember_lost(self, lost: Sequence[bool]) -> None:
        """Paths whose loss was told by an earlier run and not ended since."""
        self._paths = [replace(path, lost=was) for path, was in zip(self._paths, lost, strict=False)]

    @property
    def in_touch(self) -> bool:
        """Whether the centre answered lately."""
        conversation = self._conversation
        if conversation is None or conversation.last_receipt is None:
            return False
        return self.voice.reading().moment.since(conversation.last_receipt) < self.route.pace.lost_after

    async def run(self) -> None:
        """Connect, speak, and start over; ends only when cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._supervise())
            if len(self.route.brokers) > 1:
                tasks.create_task(self._probe_other())
            while True:
                identity = self.route.identity
                await self._one_connection()
                if identity is not self.route.identity:
                    continue
                self.broker = (self.broker + 1) % len(self.route.brokers)
                await asyncio.sleep(MAX_PAUSE_S * int.from_bytes(self.random(2)) / 65_536)

    async def _one_connection(self) -> None:
        try:
            await self._speak()
        except (aiomqtt.MqttError, OSError, LinkLostError) as error:
            self._quietly(str(error) or type(error).__name__)
        except StoreLostError:
            raise
        except ExceptionGroup as group:
            if group.subgroup(StoreLostError):
                raise StoreLostError from None
            expected, rest = group.split((aiomqtt.MqttError, OSError, LinkLostError, StoreClosedError))
            for lost in expected.exceptions if expected else ():
                if isinstance(lost, RenewedError):
                    LOG.info("%s", lost)
                    continue
                self._quietly(str(lost) or type(lost).__name__)
            if rest is not None:
                self._strange(rest)
        except Exception as error:  # noqa: BLE001 - a fault in talking must not end the guarding
            self._strange(error)
        finally:
            self._conversation = None

    async def _speak(self) -> None:
        route = self.route
        self.voice.sealer = route.identity.sealer
        host, port = parse_address(route.brokers[self.broker], BROKER_PORT)
        me = self._me()
        conversation = Conversation(self.voice, me)
        will = aiomqtt.Will(topic=up_topic(me.box, Up.DEATH), payload=await conversation.will(), qos=1)
        made = aiomqtt.Client(
            hostname=host,
            port=port,
            identifier=self._client_id,
            clean_session=True,
            will=will,
            keepalive=KEEPALIVE_S,
            timeout=STEP_S,
            tls_context=broker_context(route.identity, check_dates=self._reading().clock is not Clock.SUSPECT),
            max_queued_incoming_messages=MAX_HEARD,
            max_inflight_messages=MAX_IN_FLIGHT,
            logger=_PAHO_LOG,
        )
        async with _connected(made) as client:
            client.pending_calls_threshold = 10 * MAX_IN_FLIGHT
            for what in Down:
                with heeding():
                    await client.subscribe(down_topic(me.box, what), qos=1)
            self._conversation = conversation
            try:
                async with asyncio.TaskGroup() as tasks:
                    link = _Link(client=client, box=me.box, tasks=tasks)
                    await link.publish(Up.BIRTH, await conversation.birth())
                    tasks.create_task(self._listen(link, conversation))
                    tasks.create_task(self._beat(link, conversation))
                    tasks.create_task(self._drain(link, conversation))
                    tasks.create_task(self._watch(conversation, me))
            except asyncio.CancelledError:
                # An orderly end throws the will away, so the death is said aloud.
                with suppress(aiomqtt.MqttError, StoreClosedError, StoreLostError):
                    await client.publish(up_topic(me.box, Up.DEATH), await conversation.will(), qos=1, timeout=1)
                raise

    async def _listen(self, link: "_Link", conversation: Conversation) -> None:
        async for message in link.client.messages:
            what = down_of(str(message.topic))
            if what is not None and isinstance(message.payload, bytes):
                await conversation.hear(what, message.payload)
                await self._birth_if_wanted(link, conversation)
                self._woken.set()
                if conversation.last_receipt is not None and self.last_error:
                    self.last_error = ""
                    LOG.info("in touch with the centre through %s", self.route.brokers[self.broker])

    async def _beat(self, link: "_Link", conversation: Conversation) -> None:
        every, again = self.route.beat_every.total_seconds(), self.route.pace.ask_again.total_seconds()
        while True:
            await asyncio.sleep(min(every, again) if conversation.beat_unanswered else every)
            await self._birth_if_wanted(link, conversation)
            await link.publish(Up.BEAT, await conversation.beat())

    async def _birth_if_wanted(self, link: "_Link", conversation: Conversation) -> None:
        if conversation.wants_birth():
            await link.publish(Up.BIRTH, await conversation.birth())

    async def _drain(self, link: "_Link", conversation: Conversation) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(BIRTH_WAIT_S):
                while not conversation.birth_answered:
                    await self._wake(None)
        while True:
            self._woken.clear()
            step = await conversation.next_envelope()
            if isinstance(step, Wait):
                await self._wake(step.until_ms)
            else:
                await link.publish(Up.EVENT, step)

    async def _watch(self, conversation: Conversation, me: Self) -> None:
        connected_at = self._reading().moment
        while True:
            await asyncio.sleep(0.5)
            if is_dead(connected_at, conversation.last_receipt, self.route.pace, self._reading().moment):
                raise LinkLostError("nothing from the centre for too long")
            if self.voice.outbox.standing.run != me.run:
                raise LinkLostError("a new store began a new run")
            if self.route.identity.x5c != me.x5c:
                raise RenewedError("the certificate was renewed: connecting anew")

    async def _supervise(self) -> None:
        """Judge both paths twice a second; tell what changed."""
        while True:
            await asyncio.sleep(0.5)
            now = self._reading().moment
            conversation, used = self._conversation, self.broker
            if conversation is not None and conversation.last_receipt is not None and self.in_touch:
                path = self._paths[used]
                if path.lost or now.since(path.alive_at) > timedelta(0):
                    self._paths[used], found = proven(path, used, conversation.last_receipt)
                    await self.voice.tell(found)
            for index, path in enumerate(self._paths):
                self._paths[index], found = looked_at(path, index, self.route.pace, now)
                await self.voice.tell(found)

    async def _probe_other(self) -> None:
        """Prove the path that is not in use; while the centre is silent a broker that answers proves nothing."""
        pace = self.route.pace
        while True:
            await asyncio.sleep(pace.probe_every.total_seconds())
            other = (self.broker + 1) % len(self.route.brokers)
            reached = await self._reaches(self.route.brokers[other])
            if not reached:
                await asyncio.sleep(1)
                reached = await self._reaches(self.route.brokers[other])
            if reached and self.in_touch and other != self.broker:
                self._paths[other], found = proven(self._paths[other], other, self._reading().moment)
                await self.voice.tell(found)

    async def _reaches(self, address: str) -> bool:
        host, port = parse_address(address, BROKER_PORT)
        try:
            context = broker_context(self.route.identity, check_dates=self._reading().clock is not Clock.SUSPECT)
            async with asyncio.timeout(PROBE_S):
                _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
        except (OSError, ssl.SSLError, TimeoutError):
            return False
        good = is_broker(writer.get_extra_info("peercert"))
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()
        return good

    async def _wake(self, until_ms: int | None) -> None:
        if until_ms is None:
            await self._woken.wait()
        else:
            wait_s = max(0.0, (until_ms - self._reading().moment.mono_ms) / 1000)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
        self._woken.clear()

    def _reading(self) -> Reading:
        return self.voice.reading()

    def _me(self) -> Self:
        route = self.route
        return Self(
            box=route.identity.box,
            run=self.voice.outbox.standing.run,
            site=route.site,
            software=route.software,
            x5c=route.identity.x5c,
            beat_s=max(1.0, route.beat_every.total_seconds()),  # the wire knows no quicker one
            silent_after_s=max(3.0, route.silent_after.total_seconds()),
            config=route.config,
            machine=route.machine,
        )

    def _quietly(self, error: str) -> None:
        """Log the first failure of an outage, not each of a thousand tries."""
        if not self.last_error:
            LOG.warning("the centre is not reached through %s: %s; trying on", self.route.brokers[self.broker], error)
        self.last_error = error

    def _strange(self, error: Exception) -> None:
        """A fault of our own: told with its trace once an outage, and a new connection is tried."""
        if not self.last_error:
            LOG.error("the connection failed by a fault of ours", exc_info=error)
        self.last_error = type(error).__name__


@dataclass(frozen=True, kw_only=True)
class _Link:
    """Publishes without waiting for the broker's word: the order of calls is the order on the wire."""

    client: aiomqtt.Client
    box: str
    tasks: asyncio.TaskGroup

    async def publish(self, what: Up, payload: bytes) -> None:
        self.tasks.create_task(self.client.publish(up_topic(self.box, what), payload, qos=1, timeout=math.inf))
        await asyncio.sleep(0)  # the task hands the message over before anything else is published


@asynccontextmanager
async def _connected(client: aiomqtt.Client) -> AsyncIterator[aiomqtt.Client]:
    """The client, connected.

    One that is cut off while it connects is let go of as soon as it has: it would stay a second session of this box
    for as long as the process runs, and the library forgets it.
    """
    stack = AsyncExitStack()
    entering = asyncio.create_task(stack.enter_async_context(client))
    try:
        await asyncio.shield(entering)
    except asyncio.CancelledError:
        leaving = asyncio.create_task(_leave(entering, stack))
        _LEAVING.add(leaving)
        leaving.add_done_callback(_LEAVING.discard)
        raise
    async with stack:
        try:
            yield client
        except asyncio.CancelledError:
            # A goodbye that the broker does not take is an error of its own: the cancelling would be lost to it.
            with suppress(aiomqtt.MqttError, OSError):
                await stack.aclose()
            raise


async def _leave(entering: "asyncio.Task[aiomqtt.Client]", stack: AsyncExitStack) -> None:
    with suppress(aiomqtt.MqttError, OSError):
        await entering
        await stack.aclose()


_LEAVING: Final[set["asyncio.Task[None]"]] = set()
"""Connections that are being let go of; the loop itself would forget them."""

_PAHO_LOG: Final = logging.getLogger("branchwatch.mqtt")
_PAHO_LOG.setLevel(logging.ERROR)
