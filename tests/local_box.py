"""A box without devices and without a centre that answers at its own socket: real outbox, guard, watch and keys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from agent.clocks import Reading
from agent.guard import Guard
from agent.local.answering import Agency, Answering
from agent.local.arming import code_desk
from agent.local.client import LocalClient
from agent.local.lines import Link, Reply
from agent.local.moves import Moves
from agent.local.server import LocalSocket
from agent.outbox.outbox import Outbox
from agent.reporting import ReportingState
from agent.secrets import Secrets
from agent.signals import Moment, OutputWrite, Signal, State
from agent.watch import Watch
from protocol.acceptance import Config
from protocol.certificates import Role, Trust
from protocol.documents import Signer
from protocol.kinds import Lane
from protocol.messages import Clock as ClockWord
from protocol.messages import Health
from provisioning.authority import Authority
from tests.boxes import box, reading
from tests.branch import AT_REST, site_of
from tests.clock import Clock
from tests.ledgers import NOW, trust_of
from tests.waiting import eventually
from tests.walks import CONFIG, signer

LINK = Link(in_touch=True, broker="192.0.2.5:8883")
HEALTH = Health(
    pending_urgent=0,
    pending_routine=0,
    store_bytes=0,
    store_limit_bytes=1,
    memory_bytes=0,
    uptime_s=0,
    devices_offline=0,
)


@dataclass
class LocalBox:
    """What a test holds of it."""

    state: Path
    clock: Clock
    authority: Authority
    outbox: Outbox
    guard: Guard
    watch: Watch
    moves: Moves
    writes: list[OutputWrite] = field(default_factory=list)
    believed: ClockWord = ClockWord.SYNCED
    eyes: frozenset[str] = frozenset()
    """Cameras at which an eye looks."""
    learning: list[str] = field(default_factory=list)

    @property
    def trust(self) -> Trust:
        """What the centre trusts."""
        return trust_of(self.authority)

    def say(self, **states: str) -> None:
        """A poll of the module: `say(door_outer="open")`."""
        now = self.now()
        signals = (
            Signal(point=point.replace("_", "/", 1).replace("_", "-"), state=State(state), at=now)
            for point, state in states.items()
        )
        self.moves.tap(self.watch.deliver)(tuple(signals))

    def learn(self, camera: str) -> bool:
        """Have its eye learn a new reference."""
        if camera in self.eyes:
            self.learning.append(camera)
        return camera in self.eyes

    def reading(self) -> Reading:
        """Virtual time, and how far it is believed."""
        return Reading(moment=self.now(), clock=self.believed)

    def now(self) -> Moment:
        """Virtual time."""
        return Moment(wall=self.clock.now(), mono_ms=self.clock.mono_ms())


@asynccontextmanager
async def local_box(
    folder: Path,
    site: str | None = None,
    config: Config = CONFIG,
    *,
    secrets: Secrets | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[LocalBox]:
    """A box that runs until the test ends, at rest."""
    clock = clock or Clock(NOW)
    authority = Authority.create(now=NOW - timedelta(days=1))
    keys = signer(authority, Role.BOX, "0755-031-a", "0755-031", NOW - timedelta(hours=1))
    described = site_of(site) if site else site_of()
    outbox = box(folder, clock)
    guard = Guard(described, None, Moment(wall=clock.now(), mono_ms=clock.mono_ms()), same_boot=True)
    writes: list[OutputWrite] = []
    watch = Watch(
        guard,
        ReportingState(),
        outbox,
        reading=lambda: reading(clock),
        write=writes.append,
        changed=lambda _: None,
        random=os.urandom,
        boot="boot",
    )
    here = LocalBox(folder, clock, authority, outbox, guard, watch, Moves(), writes)
    agency = Agency(
        state=folder,
        site=described,
        software="branchwatch 0",
        config=config,
        box="0755-031-a",
        root=authority.root.certificate,
        signer=lambda: Signer(sealer=keys.sealer, chain=keys.chain),
        watch=watch,
        points=guard.points,
        health=lambda: replace(HEALTH, pending_urgent=outbox.standing.lanes[Lane.URGENT].pending),
        link=lambda: LINK,
        took_ms=lambda: {"device/io1": 4.2},
        now=here.now,
        codes=code_desk(described, secrets, outbox.saved, False, watch, guard.points, here.reading),
        learn=here.learn,
    )
    tasks = [
        asyncio.create_task(watch.run()),
        asyncio.create_task(LocalSocket(folder, Answering(agency), here.moves).run()),
    ]
    if site is None:
        here.say(**{point.replace("/", "_").replace("-", "_"): state for point, state in AT_REST.items()})
    try:
        await eventually((folder / "agent.sock").exists)
        yield here
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await outbox.close()


@asynccontextmanager
async def client(here: LocalBox) -> AsyncIterator[LocalClient]:
    """A connection to it."""
    connected = await LocalClient.connect(here.state)
    try:
        yield connected
    finally:
        await connected.close()


def only(answer: list[Reply]) -> Reply:
    """The one line of an answer."""
    (said,) = answer
    return said
