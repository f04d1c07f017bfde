"""The agent, joined: drivers -> watch -> outbox -> uplink, with its clock, its health and systemd. Decides nothing.

Whatever happens to the uplink happens to the uplink alone: watching, outputs and storing never wait for it. SIGTERM and
SIGINT end it in order: drivers first, then what they said last is stored, then the connection says goodbye.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from agent import presence, reporting
from agent.config.watched import only_shown, unwatched
from agent.config.wiring import wirings
from agent.conversation import COUNTER_KEY, Voice
from agent.counting import reserve, started
from agent.drivers.modbus.driver import ModbusDriver
from agent.findings import Finding, Phase
from agent.guard import Guard
from agent.health import boot_id, health_of
from agent.identity import BoxIdentity
from agent.links import KEY_SITE, KINDS, ORDINARY, SOURCES
from agent.memory import SavedGuard
from agent.outbox.lines import Author
from agent.outbox.outbox import Outbox, open_outbox
from agent.outbox.store import StoreLostError
from agent.receipts import Centre
from agent.reporting import ReportingState
from agent.signals import Moment, OutputWrite, State
from agent.store_watch import sounds, store_findings
from agent.timekeeper import Timekeeper
from agent.uplink import Route, Uplink
from agent.watch import BOOT_KEY, GUARD_KEY, REPORTING_KEY, Watch
from protocol.messages import Health, SiteFacts
from protocol.site.schema import Centre as CentreSettings
from protocol.site.schema import Site
from protocol.systemd import notify, watchdog_interval
from protocol.timestamps import format_time

LOG: Final = logging.getLogger("branchwatch.agent")
T = TypeVar("T")

EXPIRING: Final = "box.certificate_expiring"
TICK_S: Final = 1.0
MARK_EVERY_S: Final = 15 * 60
"""`ledger.mark` in the routine lane (WIRE 2.4)."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one agent works with; everything in it has been checked."""

    site: Site
    centre: CentreSettings
    identity: BoxIdentity
    state: Path


class Agent:
    """One box. Make it inside a running event loop and await `run`."""

    def __init__(self, settings: Settings) -> None:
        site, identity = settings.site, settings.identity
        self._settings = settings
        self._timekeeper = Timekeeper(identity.not_before)
        author = Author(box=identity.box, site=identity.site)
        self._outbox: Outbox = open_outbox(settings.state, author, self._timekeeper.reading, os.urandom)
        saved = self._outbox.saved
        self._timekeeper.remember(saved)
        now = self._timekeeper.now()
        self._started = now
        self._expiring: bool | None = None
        boot = boot_id()
        same_boot = saved.get(BOOT_KEY, b"") == boot.encode()
        self._guard = Guard(site, _remembered(saved.get(GUARD_KEY), SavedGuard), now, same_boot)
        told = _remembered(saved.get(REPORTING_KEY), ReportingState) or ReportingState()
        told = reporting.carried(told, now, same_boot)
        self._watch = Watch(
            self._guard,
            told,
            self._outbox,
            reading=self._timekeeper.reading,
            write=self._write,
            changed=self._point_changed,
            random=os.urandom,
            boot=boot,
        )
        self._drivers = [
            ModbusDriver(wiring, now=self._timekeeper.now, deliver=self._watch.deliver, counters=self._guard.counters())
            for wiring in wirings(site)
        ]
        self._voice = Voice(
            outbox=self._outbox,
            sealer=identity.sealer,
            centre=Centre(identity.root, identity.box),
            reading=self._timekeeper.reading,
            not_before=lambda: self._timekeeper.floor,
            points=self._guard.points,
            health=self._health,
            tell=self._watch.tell,
            heard=self._heard,
            random=os.urandom,
            counter=started(saved.get(COUNTER_KEY), int(now.wall.timestamp())),
        )
        self._uplink = Uplink(route=_route(settings), voice=self._voice, random=os.urandom)
        active = told.active()
        self._uplink.remember_lost([key in active for key in zip(KINDS, SOURCES, strict=True)])

    async def run(self, stop: asyncio.Event) -> None:
        """Guard the site until `stop` is set."""
        self._say_what_is_unwatched()
        self._voice.counter = reserve(self._voice.counter)
        await self._outbox.save({COUNTER_KEY: str(self._voice.counter.reserved).encode()})
        await self._watch.tell([self._started_finding()])
        work = asyncio.create_task(self._work(), name="agent")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        notify("READY=1")
        LOG.info("guarding %s as %s", self._settings.site.id, self._settings.identity.box)
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            notify("STOPPING=1")
            stopping.cancel()
            work.cancel()
            ended = (await asyncio.gather(work, stopping, return_exceptions=True))[0]
            await self._watch.step()
            await self._outbox.close()
        if isinstance(ended, BaseException) and not isinstance(ended, asyncio.CancelledError):
            raise ended

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch.run(), name="watch")
            tasks.create_task(self._tick(), name="tick")
            tasks.create_task(self._uplink.run(), name="uplink")
            for driver in self._drivers:
                tasks.create_task(driver.run(), name=driver.device)

    async def _tick(self) -> None:
        """Once a second: the clock, the store's glance, the marks, the watchdog."""
        seen = self._outbox.standing
        marked = self._started
        watchdog = watchdog_interval()
        sounding = False
        while True:
            await asyncio.sleep(min(TICK_S, watchdog.total_seconds()) if watchdog else TICK_S)
            now = self._timekeeper.now()
            await self._watch.tell(self._timekeeper.tick())
            await self._watch.tell(self._certificate(now))
            standing = self._outbox.standing
            await self._watch.tell(store_findings(seen, standing, now))
            seen = standing
            if sounds(standing) is not sounding:
                sounding = sounds(standing)
                self._sound(State.ON if sounding else State.OFF)
            if now.since(marked).total_seconds() >= MARK_EVERY_S:
                marked = now
                await self._outbox.mark()
            if floor := self._timekeeper.to_save():
                await self._outbox.save(floor)
            if watchdog:
                notify("WATCHDOG=1")

    async def _heard(self, reference: datetime, round_trip: timedelta, at: Moment) -> None:
        await self._watch.tell(self._timekeeper.heard(reference, round_trip, at))

    def _write(self, write: OutputWrite) -> None:
        for driver in self._drivers:
            if driver.owns(write.point):
                driver.write(write)

    def _sound(self, state: State) -> None:
        for siren in self._settings.site.siren:
            self._write(OutputWrite(point=f"output/{siren.id}", state=state))

    def _point_changed(self, ids: Iterable[str]) -> None:
        self._voice.changes = presence.changed(self._voice.changes, ids)

    def _health(self) -> Health:
        offline = sum(view.id.startswith("device/") and view.state is State.OFFLINE for view in self._guard.points())
        return health_of(
            self._outbox.standing,
            uptime_s=int(self._timekeeper.now().since(self._started).total_seconds()),
            devices_offline=offline,
            broker=self._uplink.broker,
            last_error=self._uplink.last_error,
        )

    def _started_finding(self) -> Finding:
        facts = {"software": software(), "set_aside": self._outbox.standing.set_aside or None}
        return Finding(kind="box.started", source="box/agent", phase=Phase.TOLD, at=self._started, facts=facts)

    def _certificate(self, now: Moment) -> tuple[Finding, ...]:
        """The certificate's end drawing near, or a new certificate; told when it changes."""
        soon = self._settings.identity.expires_soon(now.wall)
        if soon is self._expiring:
            return ()
        self._expiring = soon
        facts = {"not_after": format_time(self._settings.identity.not_after)}
        phase = Phase.RAISED if soon else Phase.ENDED
        return (Finding(kind=EXPIRING, source="box/certificate", phase=phase, at=now, facts=facts),)

    def _say_what_is_unwatched(self) -> None:
        for found, how in (
            (unwatched(self._settings.site), "not watched by this version and shown as unknown"),
            (only_shown(self._settings.site), "only read and shown by this version, without an alarm of their own"),
        ):
            if found:
                names = ", ".join(f"{section} {name}" for section, name in found)
                LOG.warning("in the site file, but %s: %s", how, names)
        if concern := self._settings.identity.concern(self._started.wall):
            LOG.warning("%s", concern)


def software() -> str:
    """The version that runs here."""
    return f"branchwatch {metadata.version('branchwatch')}"


def run_agent(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        StoreLostError: the state folder went away.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    lost = False
    try:
        asyncio.run(_run(settings))
    except* StoreLostError:
        lost = True
    if lost:
        raise StoreLostError


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    loop.set_exception_handler(_once)
    await Agent(settings).run(stop)


def _once(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A lost store reaches every task; the process says it once, at its end."""
    problem = context.get("exception")
    other = problem.split(StoreLostError)[1] if isinstance(problem, BaseExceptionGroup) else problem
    if problem is None or (other is not None and not isinstance(other, StoreLostError)):
        loop.default_exception_handler(context)


def _route(settings: Settings) -> Route:
    site = settings.site
    return Route(
        identity=settings.identity,
        brokers=settings.centre.brokers,
        site=SiteFacts(id=site.id, name=site.name, unit=site.unit, timezone=site.timezone),
        software=software(),
        pace=KEY_SITE if site.key_site else ORDINARY,
        beat_every=site.beat_every,
        silent_after=site.silent_limit,
    )


def _remembered(data: bytes | None, kind: type[T]) -> T | None:
    """What an earlier run remembered; an older version's shape is forgotten rather than a reason not to guard."""
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        LOG.warning("what the last run remembered cannot be read (%s); starting afresh", error)
        return None
