"""The collector as a process: database, built-in broker, ingest thread, console; started in order, ended in order.

The event loop in the main thread serves pages and guards the broker's process; the ingest has its own thread. Flow:
command.py -> here. Ends on SIGTERM and SIGINT after what is under way is committed and answered.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime
from math import nan
from typing import Final

import uvicorn
from cryptography import x509

from collector import health, systemd
from collector.acceptance.records import WalkTests
from collector.admitting import keep_admitting
from collector.alarms.service import AlarmService
from collector.assembly import Centre, assemble
from collector.backup import seen as backups
from collector.bundles import BundleService
from collector.config import Config, people_of, split_address
from collector.console.app import create_app
from collector.embedded import EmbeddedBroker, EmbeddedSettings
from collector.enrolment import EnrolmentAddress, EnrolmentReader
from collector.escalation.runner import Runner
from collector.escalation.running import Running
from collector.escalation.surroundings import Surroundings
from collector.evidence.running import Evidence, evidence
from collector.evidence.showing import Showing
from collector.exporting import export_ledger
from collector.health import Check
from collector.ingest.receiving import Receiving
from collector.ingest.subscriber import BrokerAddress, Subscriber
from collector.ingest.tls import client_context
from collector.keys import Keys, KeysError, Revocations
from collector.live import Feed
from collector.metrics import Metrics
from collector.notify.answers import AnswerService
from collector.notify.channels import open_channels
from collector.notify.settings import channels_of
from collector.notifying import notifying
from collector.orders.posting import Outgoing
from collector.orders.requests import RequestService
from collector.orders.service import OrderService
from collector.people import People
from collector.registering import Registry
from collector.services import Services
from collector.storage import collectors
from collector.storage.migrating import migrate
from collector.storage.own_id import refuse_second
from collector.storage.store import Store, StoreError
from collector.storage.waking import Waking
from collector.storms.service import SuspensionService
from collector.times import unix_ms
from protocol.certificates import Trust
from protocol.ids import new_event_id, new_run
from protocol.systemd import notify
from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

END_S: Final = 5
"""Live feeds are cut this long after the end was asked for."""

UNHEARD_MS: Final = 10_000
"""A reader that acknowledges nothing for so long is gone: whoever sat at its page is not told as being at the desk."""

GARBAGE_AFTER: Final = 20_000
"""Objects after which the garbage collector looks for cycles: some two groups of envelopes."""

MOST_SHARES: Final = 4
"""Threads that check signatures at most; more wait for the interpreter."""


class IngestEndedError(SaidError):
    """The ingest ended by a fault of ours; a centre that hears nothing must not look alive."""


class AddressError(SaidError):
    """The console cannot listen where the configuration says; the message says why."""


logger = logging.getLogger(__name__)


async def serve(config: Config, keys: Keys, *, embedded: bool) -> None:
    """Run until the process is told to end.

    Raises:
        AddressError: the console cannot listen where it should.
        IngestEndedError: nothing is heard any more; whoever started the process starts it again.
        StoreError: the database cannot be opened.
        IdTakenError: a collector of the same id is running.
        EmbeddedBrokerError: the built-in broker does not start.
        ListenError, FilesError: pictures cannot be taken where they should.
    """
    settings = config.settings
    ending, dead = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(_listen(settings.listen))
        store = Store(config.database_url)
        stack.callback(store.close)
        migrate(store)
        refuse_second(store, settings.id)
        broker = await stack.enter_async_context(EmbeddedBroker(_embedded(config))) if embedded else None
        metrics, feed = Metrics(), Feed(store)
        metrics.backup_age.set_function(lambda: backups.age_s(store, unix_ms(_now())))
        metrics.collectors.set_function(lambda: _running(store))
        feed.start()
        woken: list[Callable[[], None]] = [feed.changed]

        def changed() -> None:
            """Something was committed, here or by another collector; safe from any thread."""
            for wake in tuple(woken):
                wake()

        waking = Waking(store, changed, settings.id)
        stack.push_async_callback(asyncio.to_thread, waking.stop)
        waking.start()
        people = People(people_of(settings))
        channels = open_channels(config, lambda: int(time.time()))
        around = _around(config, people)
        centre = _centre(config, keys, store, metrics, changed, stack, around)
        sender = await stack.enter_async_context(
            notifying(
                config,
                channels,
                store=store,
                around=around,
                metrics=metrics,
                run=centre.ledger.run,
                changes=centre.receivers,
            )
        )
        woken.append(sender.wake)
        escalating = Running(Runner(store, around, changed), lambda: time.time_ns() // 1_000_000)
        stack.callback(lambda: _leave(store, settings.id) if ending.is_set() and not dead.is_set() else None)
        stack.push_async_callback(asyncio.to_thread, escalating.stop)
        woken.append(escalating.wake)
        escalating.start()
        outgoing = Outgoing()
        revocations = Revocations(config, keys.root)
        receiving = Receiving(
            pipeline=centre.pipeline,
            receipts=centre.receipts,
            ledger=centre.ledger,
            metrics=metrics,
            clock_ms=lambda: time.time_ns() // 1_000_000,
            mono_s=time.monotonic,
            renewed=lambda: _renewed(revocations, (*keys.issuers, *centre.pipeline.issuers)),
            outgoing=outgoing,
            died=lambda: _set(loop, dead, ending),
        )
        stack.push_async_callback(asyncio.to_thread, receiving.stop)
        receiving.start(_subscribers(config, receiving))
        if broker is not None:
            mending = asyncio.create_task(
                broker.mend(lambda: _unheard_s(receiving, config, broker.port)), name="mending"
            )
            stack.callback(mending.cancel)
            admitting = asyncio.create_task(keep_admitting(broker, store, _embedded(config).boxes), name="admitting")
            stack.callback(admitting.cancel)
        reader = _reader(config, keys, store, centre)
        if reader is not None:
            stack.push_async_callback(asyncio.to_thread, reader.stop)
            reader.start()
        pictures = None
        if settings.evidence is not None:
            pictures = await stack.enter_async_context(
                evidence(
                    config,
                    settings.evidence,
                    store=store,
                    pipeline=centre.pipeline,
                    now=_now,
                    changed=changed,
                )
            )
        services = Services(
            collector=settings.id,
            store=store,
            people=people,
            alarms=AlarmService(store, _now, changed, around),
            suspensions=SuspensionService(store, around, _now, changed),
            bundles=BundleService(store, lambda: centre.pipeline.trusted, _now, changed),
            registry=Registry(store, _now, os.urandom),
            orders=OrderService(store, _now, os.urandom, changed, outgoing.post),
            requests=RequestService(store, _now, os.urandom, changed, outgoing.post),
            answers=AnswerService(store, _now, changed, around),
            gateways=channels.keys,
            evidence=Showing(
                collector=settings.id,
                store=store,
                files=None if pictures is None else pictures.folder,
                now=_now,
                rejected=centre.pipeline.reject,
            ),
            walk_tests=WalkTests(store, lambda: centre.pipeline.trusted, _now),
            feed=feed,
            metrics=metrics,
            now=_now,
            health=lambda: (
                *_health(store, receiving, reader, pictures, backed_up=settings.backup is not None),
                health.escalation(escalating.behind_s),
                health.notices(sender.behind_s),
            ),
            export=lambda: export_ledger(store, keys, settings.id, _now()),
        )
        # What was loaded stays for good; the garbage collector need not walk over it a hundred times a second.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_AFTER)
        await _serve_console(listener, services, feed, ending, receiving)
        if dead.is_set():
            raise IngestEndedError(N_("The ingest has ended; restart the collector"))


class _Console(uvicorn.Server):
    """A web server that leaves signals to us: its own way ends the process before the ingest has ended."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _serve_console(
    listener: socket.socket, services: Services, feed: Feed, ending: asyncio.Event, receiving: Receiving
) -> None:
    server = _Console(
        uvicorn.Config(
            create_app(services),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=END_S,
            lifespan="off",
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="console")
    told = asyncio.create_task(ending.wait(), name="until the end")
    telling = asyncio.create_task(systemd.tell(receiving.seen, lambda: server.started), name="systemd")
    await asyncio.wait([serving, told], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    telling.cancel()
    notify(systemd.ENDING)
    feed.stop()  # live feeds never end by themselves
    server.should_exit = True
    await serving


def _listen(address: str) -> socket.socket:
    host, port = split_address(address)
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)
    except OSError as error:
        raise AddressError(
            N_("the console cannot listen on {address}: {reason}"), address=address, reason=system_said(error)
        ) from None
    return listener


def _around(config: Config, people: People) -> Surroundings:
    return Surroundings(
        collector=config.settings.id,
        people=people,
        new_id=lambda now_ms: new_event_id(now_ms, os.urandom(10)),
        channels=channels_of(config.settings.channel),
        receivers=tuple(receiver.id for receiver in config.settings.receiver),
    )


def _centre(
    config: Config,
    keys: Keys,
    store: Store,
    metrics: Metrics,
    changed: Callable[[], None],
    stack: AsyncExitStack,
    around: Surroundings,
) -> Centre:
    shares = max(1, min(MOST_SHARES, len(os.sched_getaffinity(0))))
    helpers = stack.enter_context(ThreadPoolExecutor(shares, thread_name_prefix="verify"))
    return assemble(
        collector=config.settings.id,
        unit=config.settings.unit,
        store=store,
        trust=keys.trust,
        sealer=keys.sealer,
        chain=keys.chain,
        run=new_run(os.urandom(16)),
        random=os.urandom,
        now_ms=time.time_ns() // 1_000_000,
        metrics=metrics,
        helpers=helpers,
        shares=shares,
        changed=changed,
        around=around,
    )


def _subscribers(config: Config, receiving: Receiving) -> list[Subscriber]:
    settings = config.settings
    tls = client_context(
        trust=config.path(settings.trust),
        certificate=config.path(settings.certificate),
        key=config.path(settings.key),
    )
    return [
        Subscriber(
            BrokerAddress(index=index, host=host, port=port),
            tls,
            lambda: time.time_ns() // 1_000_000,
            receiving.wake,
            settings.share,
        )
        for index, (host, port) in enumerate(config.brokers)
    ]


def _reader(config: Config, keys: Keys, store: Store, centre: Centre) -> EnrolmentReader | None:
    settings = config.settings.enrolment
    if settings is None:
        return None
    host, port = split_address(settings.address)
    issuer = None if settings.issuer is None else bytes.fromhex(settings.issuer)
    address = EnrolmentAddress(host=host, port=port, issuer=issuer)
    return EnrolmentReader(address=address, keys=keys, store=store, pipeline=centre.pipeline)


def _embedded(config: Config) -> EmbeddedSettings:
    settings = config.settings.embedded
    if settings is None:
        raise ValueError("command.py asks for [embedded] before it comes here")
    host, port = split_address(settings.listen)
    return EmbeddedSettings(
        host=host,
        port=port,
        state=config.state,
        trust=config.path(config.settings.trust),
        certificate=config.path(settings.certificate),
        key=config.path(settings.key),
        collectors=(config.settings.id, *settings.collectors),
        boxes=settings.boxes,
    )


def _set(loop: asyncio.AbstractEventLoop, *events: asyncio.Event) -> None:
    """Set events of the loop from another thread."""
    for event in events:
        loop.call_soon_threadsafe(event.set)


def _unheard_s(receiving: Receiving, config: Config, port: int) -> float:
    """For how long the collector has not been connected to the broker at `port`; nothing where it does not listen."""
    seen = zip(config.brokers, receiving.seen().brokers, strict=False)  # none before it begins
    ages = [0.0 if connected else age_s for (_, at), (connected, age_s) in seen if at == port]
    return min(ages, default=0.0)


def _renewed(revocations: Revocations, issuers: tuple[x509.Certificate, ...]) -> Trust | None:
    try:
        return revocations.renewed(issuers)
    except KeysError as error:
        logger.error("%s; the revocations read before stay in force", error)  # noqa: TRY400 - the sentence says it all
        return None


def _health(
    store: Store, receiving: Receiving, reader: EnrolmentReader | None, pictures: Evidence | None, *, backed_up: bool
) -> tuple[Check, ...]:
    begun_s, fault = time.monotonic(), ""
    upkeep: tuple[Check, ...] = ()
    there: tuple[Check, ...] = ()
    try:
        with store.read() as reading:
            reading.journal_head()
            ours = store.engine.dialect.name == "sqlite"
            upkeep = backups.judge(backups.look(reading), configured=backed_up, now_ms=unix_ms(_now()), ours=ours)
            at_ms = collectors.clock_ms(reading.connection, unix_ms(_now()))
            there = (health.collectors(collectors.seen_lately(reading.connection, at_ms), at_ms),)
    except StoreError as error:
        fault = str(error)
    seen = receiving.seen()
    database = health.database(fault, time.monotonic() - begun_s)
    enrolled = () if reader is None else (health.enrolment(reader.seen()),)
    shown = () if pictures is None else (health.evidence(pictures.seen()),)
    return (database, *health.ingest(seen), health.revocation(seen), *enrolled, *shown, *there, *upkeep)


def _leave(store: Store, collector: str) -> None:
    """Nobody need look after one that was told to end; where that cannot be written it counts as gone."""
    with suppress(StoreError):
        collectors.leave(store, collector, unix_ms(_now()))


def _running(store: Store) -> float:
    try:
        return collectors.running(store, unix_ms(_now()))
    except StoreError:
        return nan


def _now() -> datetime:
    return datetime.now(UTC)
