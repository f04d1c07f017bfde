"""The agent, joined: drivers -> watch -> outbox -> uplink, with its clock, its health and systemd. Decides nothing.

Whatever happens to the uplink happens to the uplink alone: watching, outputs and storing never wait for it. SIGTERM and
SIGINT end it in order: the connection says goodbye, the drivers end, and what they said last is stored. A new site
bundle ends it in the same order, and the next `Agent` begins a new run on the same state, in the same process.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Final

from agent import panels, presence, reporting
from agent.announcing.announcer import Announcer
from agent.config.watched import never_armed
from agent.config.wiring import wirings
from agent.conversation import COUNTER_KEY, Voice
from agent.counting import reserve, started
from agent.drivers.modbus.asking import set_coil, silence_of
from agent.drivers.modbus.driver import ModbusDriver
from agent.drivers.modbus.serial_line import SerialLines
from agent.evidence.joining import evidence_of, promises_of
from agent.eyes.eyes import Branch
from agent.findings import Finding, Phase
from agent.guard import Guard
from agent.health import MAX_ERROR, boot_id, health_of
from agent.identity import BoxIdentity, renewed_identity
from agent.identity_reading import IdentityError
from agent.links import KEY_SITE, KINDS, ORDINARY, SOURCES
from agent.local.answering import Agency, Answering
from agent.local.arming import code_desk
from agent.local.lines import Link
from agent.local.moves import Moves
from agent.local.server import LocalSocket
from agent.machine import machine_id
from agent.orders.taking import order_taker
from agent.outbox.lines import Author
from agent.outbox.outbox import Outbox, open_outbox
from agent.receipts import Centre
from agent.remembering import remembered, remembered_guard
from agent.reporting import ReportingState
from agent.secrets import Secrets
from agent.seeing import Seeing
from agent.signals import Moment, OutputWrite, State
from agent.site_devices import Coil, silent_of, to_let_go
from agent.site_judging import Knows, SignedSite
from agent.site_loading import Loaded
from agent.site_store import SiteStore
from agent.site_taking import SiteTaker, applied, damaged
from agent.store_watch import sounds, store_findings
from agent.timekeeper import Timekeeper
from agent.uplink import Route, Uplink
from agent.video.words import Made
from agent.watch import ARMED_KEY, BOOT_KEY, GUARD_KEY, REPORTING_KEY, Watch
from protocol.acceptance import Config
from protocol.documents import Signer
from protocol.messages import Clock, Health, SiteFacts
from protocol.site.schema import Centre as CentreSettings
from protocol.site.schema import Site
from protocol.systemd import notify, watchdog_interval
from protocol.timestamps import format_time, parse_time

LOG: Final = logging.getLogger("branchwatch.agent")

EXPIRING: Final = "box.certificate_expiring"
RENEWED: Final = "certificate.renewed"
STALE: Final = "config.stale"
SITE_KEY: Final = "site"
"""The hash of the bundle whose being applied was told last."""

TICK_S: Final = 1.0
LOOK_EVERY_S: Final = 10.0
"""At the certificate's file, which `agent renew` replaces."""

MARK_EVERY_S: Final = 15 * 60
"""`ledger.mark` in the routine lane (WIRE 2.4)."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one agent works with; everything in it has been checked."""

    site: Site
    centre: CentreSettings
    identity: BoxIdentity
    state: Path
    loaded: Loaded | None = None  # the signed bundle of an enrolled box; none for a plain site file
    knows: Knows | None = None  # what a new bundle is judged with

    @property
    def secrets(self) -> Secrets | None:
        """What opens this box's secrets; None for a plain site file, which holds none."""
        if self.loaded is None:
            return None
        bundle = self.loaded.signed.bundle
        return Secrets(self.identity.box, bundle.sealed, frozenset(bundle.pending), self.identity.keys)

    def gone_over(self, signed: SignedSite) -> "Settings":
        """The same box with another bundle."""
        return replace(self, site=signed.site, centre=signed.centre, loaded=Loaded(signed=signed))


class Agent:
    """One box, for one run. Make it inside a running event loop and await `run`.

    `timekeeper`: that of the run before in this process; none for the first.
    """

    def __init__(self, settings: Settings, timekeeper: Timekeeper | None = None) -> None:
        site, identity = settings.site, settings.identity
        self._settings = settings
        self._first = timekeeper is None
        self.timekeeper = self._timekeeper = timekeeper or Timekeeper(identity.not_before)
        author = Author(box=identity.box, site=identity.site)
        self._outbox: Outbox = open_outbox(settings.state, author, self._timekeeper.reading, os.urandom)
        saved = self._outbox.saved
        if self._first:
            self._timekeeper.remember(saved)
        now = self._timekeeper.now()
        self._started = now
        self._told_site = saved.get(SITE_KEY, b"").decode("ascii", "replace")
        self._expiring: bool | None = None
        self._unusable = ""  # why a certificate's file was not taken up
        self._stale: bool | None = None
        boot = boot_id()
        same_boot = saved.get(BOOT_KEY, b"") == boot.encode()
        panel_keys = panels.panel_keys(site, settings.secrets)
        pending = panels.not_to_be_had(site, panel_keys)
        if settings.loaded:
            pending |= frozenset(settings.loaded.signed.bundle.pending)
        memory, self._lost = remembered_guard(saved.get(GUARD_KEY), saved.get(ARMED_KEY), site, now)
        self._guard = Guard(site, memory, now, same_boot, pending)
        before = settings.loaded.before if settings.loaded else None
        # A bundle that was brought while no agent ran.
        self._left_behind = to_let_go(before, site, memory.pulses) if before and memory else ()
        told = remembered(saved.get(REPORTING_KEY), ReportingState) or ReportingState()
        told = reporting.carried(told, now, same_boot)
        promises = promises_of(site, saved, now, same_boot=same_boot)
        self._watch = Watch(
            self._guard,
            told,
            self._outbox,
            reading=self._timekeeper.reading,
            write=self._write,
            changed=self._point_changed,
            random=os.urandom,
            boot=boot,
            promises=promises,
        )
        self._moves = Moves()
        self._lines = SerialLines()
        self._drivers = [
            ModbusDriver(
                wiring,
                lines=self._lines,
                now=self._timekeeper.now,
                deliver=self._moves.tap(self._watch.deliver),
                counters=self._guard.counters(),
            )
            for wiring in wirings(site)
        ]
        self._panels = panels.panel_driver(site, panel_keys, saved, self._watch, self._moves, self._timekeeper.now)
        self._taker = self._make_taker()
        self._announcer = Announcer(site, settings.state, self._timekeeper.now)
        self._seeing = Seeing(
            site,
            settings.state,
            settings.secrets,
            saved,
            told,
            Branch(
                now=self._timekeeper.now,
                deliver=self._moves.tap(self._watch.deliver),
                tell=self._watch.tell,
                points=self._guard.points,
                released=self._guard.released,
                announce=self._announcer.announce,
                made=self._made,
            ),
            same_boot=same_boot,
            keep=lambda found, remember: self._watch.take(findings=found, remember=remember),
            suspect=lambda: self._timekeeper.reading().clock is Clock.SUSPECT,
        )
        self._evidence = evidence_of(
            site,
            settings.state,
            promises,
            self._watch,
            self._seeing,
            reading=self._timekeeper.reading,
            identity=lambda: self._settings.identity,
            address=settings.centre.evidence,
        )
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
            site_file=self._taker.order if self._taker else None,
            announce=self._announcer.announce,
            pictures=self._evidence.asked if self._evidence else None,
        )
        self._orders = (
            order_taker(site, settings.loaded.signed.bundle.roster, self._voice, self._watch.command)
            if settings.loaded
            else None
        )
        self._uplink = Uplink(route=_route(settings), voice=self._voice, random=os.urandom)
        self._codes = code_desk(
            site,
            settings.secrets,
            saved,
            same_boot,
            watch=self._watch,
            points=self._guard.points,
            reading=self._timekeeper.reading,
        )
        self._local = LocalSocket(settings.state, Answering(self._agency()), self._moves)
        active = told.active()
        self._uplink.remember_lost([key in active for key in zip(KINDS, SOURCES, strict=True)])

    async def run(self, stop: asyncio.Event) -> Settings | None:
        """Guard the site until `stop` is set, or a new bundle is taken: then what the next run works with."""
        self._say_what_is_unguarded()
        self._voice.counter = reserve(self._voice.counter)
        await self._outbox.save({COUNTER_KEY: str(self._voice.counter.reserved).encode()})
        await self._tell_beginning()
        speaking = asyncio.create_task(self._speak(), name="speaking")
        guarding = asyncio.create_task(self._drive(), name="guarding")
        watching = asyncio.create_task(self._watch.run(), name="watch")
        waiting = [
            asyncio.create_task(event.wait()) for event in (stop, *([self._taker.changed] if self._taker else ()))
        ]
        notify("READY=1")
        LOG.info("guarding %s as %s", self._settings.site.id, self._settings.identity.box)
        try:
            await asyncio.wait({speaking, guarding, watching, *waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            following = None if stop.is_set() else self._following()
            if following is None:
                notify("STOPPING=1")
            for task in (speaking, *waiting):
                task.cancel()
            ended = await asyncio.gather(speaking, *waiting, return_exceptions=True)
            guarding.cancel()
            self._watch.end()
            ended += await asyncio.gather(guarding, watching, return_exceptions=True)
            await self._watch.step()
            if following is not None:
                site, held = self._settings.site, self._guard.saved().pulses
                await self._let_go(to_let_go(site, following.site, held))
            await self._outbox.close()
        for problem in ended:
            if isinstance(problem, BaseException) and not isinstance(problem, asyncio.CancelledError):
                raise problem
        return following

    async def _speak(self) -> None:
        """To the centre, to the local socket, and whoever brings a bundle."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._uplink.run(), name="uplink")
            tasks.create_task(self._local.run(), name="local")
            tasks.create_task(self._announcer.run(), name="announcer")
            if self._evidence:
                tasks.create_task(self._evidence.run(), name="evidence")
            if self._taker:
                tasks.create_task(self._taker.run(), name="site")
            if self._orders:
                tasks.create_task(self._orders.run(), name="orders")

    async def _drive(self) -> None:
        """What goes on while the connection says goodbye, which a half-open link makes last."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(), name="tick")
            tasks.create_task(self._let_go(self._left_behind), name="left behind")
            tasks.create_task(self._seeing.run(), name="seeing")
            for driver in self._drivers:
                tasks.create_task(driver.run(), name=driver.device)
            if self._panels:
                tasks.create_task(self._panels.run(), name="panels")

    def _make_taker(self) -> SiteTaker | None:
        loaded, knows = self._settings.loaded, self._settings.knows
        if loaded is None or knows is None:
            return None
        return SiteTaker(
            held=loaded.signed,
            knows=knows,
            store=SiteStore(self._settings.state),
            now=self._timekeeper.now,
            judged_at=lambda: max(self._timekeeper.now().wall, self._timekeeper.floor),
            silent=lambda: silent_of(self._guard.points()),
            stores=lambda: self._watch.stores,
            ask=partial(silence_of, lines=self._lines),
            tell=self._watch.tell,
        )

    async def _tell_beginning(self) -> None:
        """That the agent started, and the bundle that it works with, once for each: a cut in between tells it again."""
        found = [*([self._started_finding()] if self._first else []), *self._lost]
        loaded, now = self._settings.loaded, self._started
        if loaded and loaded.damaged:
            found.append(damaged(loaded.signed, now))
        if loaded and loaded.signed.hash != self._told_site:
            found.append(applied(loaded.signed, now))
        await self._watch.tell(found)
        await self._watch.step()
        if loaded and loaded.signed.hash != self._told_site:
            await self._outbox.save({SITE_KEY: loaded.signed.hash.encode()})

    def _following(self) -> Settings | None:
        signed = self._taker.next if self._taker else None
        return self._settings.gone_over(signed) if signed else None

    async def _let_go(self, coils: Sequence[Coil]) -> None:
        """End what is held at outputs that the new site does not have; the others go on as they are."""
        causes = await asyncio.gather(*(set_coil(coil.module, coil.number, self._lines, on=coil.on) for coil in coils))
        for coil, cause in zip(coils, causes, strict=True):
            if cause:
                LOG.warning("%s is no longer in the site file and could not be ended: %s", coil.point, cause)

    async def _tick(self) -> None:
        """Once a second: the clock, the store's glance, the marks, the watchdog."""
        seen = self._outbox.standing
        marked = looked = self._started
        watchdog = watchdog_interval()
        sounding = False
        while True:
            await asyncio.sleep(min(TICK_S, watchdog.total_seconds()) if watchdog else TICK_S)
            now = self._timekeeper.now()
            await self._watch.tell(self._timekeeper.tick())
            await self._watch.tell(self._certificate(now))
            await self._watch.tell(self._roster(now))
            standing = self._outbox.standing
            await self._watch.tell(store_findings(seen, standing, now))
            seen = standing
            if sounds(standing) is not sounding:
                sounding = sounds(standing)
                self._sound(State.ON if sounding else State.OFF)
            if now.since(looked).total_seconds() >= LOOK_EVERY_S:
                looked = now
                await self._watch.tell(self._take_up(now))
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
        changed = tuple(ids)
        self._voice.changes = presence.changed(self._voice.changes, changed)
        self._seeing.stirred(changed)

    def _made(self, made: Made) -> None:
        if self._evidence:
            self._evidence.made(made)

    def _health(self) -> Health:
        offline = sum(view.id.startswith("device/") and view.state is State.OFFLINE for view in self._guard.points())
        return health_of(
            self._outbox.standing,
            uptime_s=int(self._timekeeper.now().since(self._timekeeper.began).total_seconds()),
            devices_offline=offline,
            broker=self._uplink.broker,
            evidence_waiting=self._evidence.waiting if self._evidence else 0,
            evidence_bytes=self._evidence.used_bytes if self._evidence else 0,
            people_model=self._seeing.eyes.people_model,
            last_error=self._uplink.last_error,
        )

    def _agency(self) -> Agency:
        """What programs on this machine may ask about and do."""
        site, identity, loaded = self._settings.site, self._settings.identity, self._settings.loaded
        return Agency(
            state=self._settings.state,
            site=site,
            software=software(),
            config=Config(version=loaded.signed.state.version, hash=loaded.signed.hash) if loaded else Config(),
            box=identity.box,
            root=identity.root,
            signer=self._signer,
            watch=self._watch,
            points=self._guard.points,
            health=self._health,
            link=lambda: Link(
                in_touch=self._uplink.in_touch,
                broker=self._settings.centre.brokers[self._uplink.broker],
                error=self._uplink.last_error[:MAX_ERROR],
            ),
            took_ms=lambda: {driver.device: driver.took_ms for driver in self._drivers},
            now=self._timekeeper.now,
            codes=self._codes,
            learn=self._seeing.eyes.learn,
        )

    def _signer(self) -> Signer:
        return Signer(sealer=self._settings.identity.sealer, chain=self._settings.identity.chain)

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

    def _take_up(self, now: Moment) -> tuple[Finding, ...]:
        """Go over to a renewed certificate, if one lies there."""
        try:
            fresh = renewed_identity(self._settings.identity, now.wall)
        except IdentityError as error:
            if str(error) != self._unusable:
                LOG.warning("%s", error)
            self._unusable = str(error)
            return ()
        if fresh is None:
            return ()
        self._settings = replace(self._settings, identity=fresh)
        self._uplink.take_up(fresh)
        LOG.info("the certificate was renewed; it ends on %s", f"{fresh.not_after:%Y-%m-%d}")
        facts = {"not_after": format_time(fresh.not_after), "kid": fresh.sealer.kid}
        return (Finding(kind=RENEWED, source="box/certificate", phase=Phase.TOLD, at=now, facts=facts),)

    def _roster(self, now: Moment) -> tuple[Finding, ...]:
        """The roster's end, or an order that names a newer one; told when it changes."""
        if self._settings.loaded is None:
            return ()
        roster = self._settings.loaded.signed.bundle.roster
        newer = self._orders is not None and self._orders.newer_roster
        stale = newer or max(now.wall, self._timekeeper.floor) > parse_time(roster.not_after)
        if stale is self._stale:
            return ()
        self._stale = stale
        facts = {"roster_version": roster.version, "not_after": roster.not_after}
        phase = Phase.RAISED if stale else Phase.ENDED
        return (Finding(kind=STALE, source="box/roster", phase=phase, at=now, facts=facts),)

    def _say_what_is_unguarded(self) -> None:
        if found := never_armed(self._settings.site):
            names = ", ".join(f"{section} {name}" for section, name in found)
            LOG.warning("in the site file, but in no partition, and therefore never armed: %s", names)
        if concern := self._settings.identity.concern(self._started.wall):
            LOG.warning("%s", concern)


def software() -> str:
    """The version that runs here."""
    return f"branchwatch {metadata.version('branchwatch')}"


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
        config=settings.loaded.signed.state if settings.loaded else None,
        machine=machine_id(),
    )
