"""A box without devices for tests of its uplink: real outbox, real keys, the uplink's task, findings kept."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent import presence
from agent.conversation import Voice
from agent.counting import reserve, started
from agent.findings import Finding
from agent.health import health_of
from agent.identity import BoxIdentity, load_identity
from agent.links import KEY_SITE, Pace
from agent.outbox.capacity import Capacity
from agent.outbox.lines import Author
from agent.outbox.outbox import Outbox, open_outbox
from agent.outbox.store import StoreClosedError
from agent.receipts import Centre
from agent.signals import Moment, PointView, State
from agent.timekeeper import Timekeeper
from agent.uplink import Route, Uplink
from protocol.messages import SiteFacts
from protocol.site.schema import Centre as CentreSettings
from tests.brokers import Broker, Certificates

QUICK = Pace(lost_after=timedelta(seconds=2), probe_every=timedelta(seconds=0.3), ask_again=timedelta(seconds=0.4))
"""A key site's pace, eight times as fast."""
ROOMY = Capacity(limit_bytes=64 * 1024 * 1024, reserved_events=200, margin_bytes=0)


@dataclass
class RunningBox:
    """A box whose uplink runs."""

    outbox: Outbox
    uplink: Uplink
    voice: Voice
    timekeeper: Timekeeper
    findings: list[Finding] = field(default_factory=list)
    points: list[PointView] = field(default_factory=list)

    def told(self) -> list[tuple[str, str]]:
        """Kind and phase of every finding so far."""
        return [(finding.kind, finding.phase.value) for finding in self.findings]

    def change(self, point: str, state: State) -> None:
        """A point becomes something."""
        self.points[:] = [view for view in self.points if view.id != point]
        self.points.append(PointView(id=point, name="", state=state, since=self.timekeeper.now()))
        self.voice.changes = presence.changed(self.voice.changes, [point])


def identity_of(certificates: Certificates, box: str = "0755-031-a") -> BoxIdentity:
    """A box's identity from the test authority's files."""
    return load_identity(settings_of(certificates, box), box.rpartition("-")[0], Path("/"), datetime.now(UTC))


def settings_of(certificates: Certificates, box: str = "0755-031-a", brokers: Sequence[str] = ("x",)) -> CentreSettings:
    """`[centre]` with the test authority's files."""
    chain, key = certificates.pair(box)
    return CentreSettings(
        box=box,
        brokers=tuple(brokers),
        ca=str(certificates.root),
        certificate=str(chain),
        key=str(key),
        trust=str(certificates.root),
    )


def address(broker: Broker) -> str:
    """host:port."""
    return f"{broker.host}:{broker.port}"


@asynccontextmanager
async def running_box(
    folder: Path, certificates: Certificates, brokers: Sequence[str], *, pace: Pace = KEY_SITE, beat_s: float = 1.0
) -> AsyncIterator[RunningBox]:
    """A box that talks to `brokers` until the block ends."""
    identity = identity_of(certificates)
    timekeeper = Timekeeper(identity.not_before)
    author = Author(box=identity.box, site=identity.site)
    outbox = open_outbox(folder, author, timekeeper.reading, os.urandom, ROOMY)
    findings: list[Finding] = []
    points: list[PointView] = []

    async def tell(found: Iterable[Finding]) -> None:
        findings.extend(found)

    async def heard(reference: datetime, round_trip: timedelta, at: Moment) -> None:
        findings.extend(timekeeper.heard(reference, round_trip, at))

    counter = reserve(started(outbox.saved.get("beat_counter"), 1))
    voice = Voice(
        outbox=outbox,
        sealer=identity.sealer,
        centre=Centre(identity.root, identity.box),
        reading=timekeeper.reading,
        not_before=lambda: timekeeper.floor,
        points=lambda: tuple(points),
        health=lambda: health_of(outbox.standing, uptime_s=1, devices_offline=0),
        tell=tell,
        heard=heard,
        random=os.urandom,
        counter=counter,
    )
    await outbox.save({"beat_counter": str(counter.reserved).encode()})
    route = Route(
        identity=identity,
        brokers=tuple(brokers),
        site=SiteFacts(id=identity.site, name="河西分理处", unit="市分行/西区支行", timezone="Asia/Shanghai"),
        software="branchwatch test",
        pace=pace,
        beat_every=timedelta(seconds=beat_s),
        silent_after=timedelta(seconds=3.5 * beat_s),
    )
    uplink = Uplink(route=route, voice=voice, random=os.urandom)
    task = asyncio.create_task(uplink.run())
    try:
        yield RunningBox(outbox, uplink, voice, timekeeper, findings, points)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, StoreClosedError):
            await task
        await outbox.close()
