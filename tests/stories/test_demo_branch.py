"""What people do at a simulated branch, and what its box reports of it: real Modbus, a real agent, a real broker."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiomqtt
import pytest

from protocol.envelope import EnvelopeType, read_envelope
from protocol.limits import MAX_EVENTS_ENVELOPE_BYTES
from protocol.topics import COLLECTOR_SUBSCRIPTION
from simulator.acting import act
from simulator.actions import Action
from simulator.branch import BranchServer
from simulator.model import Door
from simulator.site import Centre, SimulatedSite, site_toml, sites
from tests.brokers import COLLECTORS, HOST, Broker, BrokerKind, make_certificates
from tests.conftest import Eventually, StartProcess

CASES: dict[str, tuple[Action, Door | None, set[str]]] = {
    "customer": (Action.CUSTOMER, None, set()),
    "dual-open": (Action.DUAL_OPEN, None, {"door.dual_open", "door.dual_open.restored"}),
    "emergency": (Action.EMERGENCY_RELEASE, None, {"door.emergency_release", "door.emergency_release.restored"}),
    "force": (Action.FORCE, Door.INNER, {"door.forced"}),
    "key": (Action.KEY, Door.INNER, {"door.key_override", "door.key_override.restored"}),
    "vault": (Action.OPEN, Door.VAULT, set()),
}
BOOK_KEEPING = ("ledger.", "box.", "link.", "door.unlocked")
"""Kinds that say nothing of what people did wrong. Nobody sends receipts here, so the link counts as lost."""


class Reports:
    """What the boxes sent, each event once: kinds by box, and the sequence numbers that their beats claim."""

    def __init__(self) -> None:
        self.kinds: dict[str, list[str]] = defaultdict(list)
        self._had: dict[tuple[str, str], int] = defaultdict(int)
        self._claimed: dict[tuple[str, str], int] = {}
        self.beats: dict[str, int] = defaultdict(int)

    def take(self, envelope: bytes) -> None:
        """Read one envelope; a box speaks only for itself, the broker sees to that."""
        unverified = read_envelope(envelope, MAX_EVENTS_ENVELOPE_BYTES)
        lines = [json.loads(line) for line in unverified.claimed_payload.split(b"\n")]
        if unverified.typ is EnvelopeType.EVENTS:
            for event in lines:
                lane = event["box"], event["lane"]
                if event["seq"] > self._had[lane]:
                    self._had[lane] = event["seq"]
                    self.kinds[event["box"]].append(event["kind"])
        elif unverified.typ is EnvelopeType.BEAT:
            (beat,) = lines
            self.beats[beat["box"]] += 1
            for head in beat["heads"]:
                self._claimed[beat["box"], head["lane"]] = head["seq"]

    def complete(self, box: str) -> bool:
        """Whether all that the box's last beat claims has arrived."""
        claims = {lane: seq for lane, seq in self._claimed.items() if lane[0] == box}
        return bool(claims) and all(self._had[lane] >= seq for lane, seq in claims.items())

    def told(self, box: str) -> set[str]:
        """Kinds beside book-keeping."""
        return {kind for kind in self.kinds[box] if not kind.startswith(BOOK_KEEPING)}


@pytest.fixture
def broker(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Broker]:
    """A broker that knows one box a case."""
    boxes = [site.box for site in sites(len(CASES))]
    certificates = make_certificates(tmp_path / "certificates", boxes=boxes)
    broker = Broker(
        BrokerKind.NATS, port=free_port(), state=tmp_path / "broker", certificates=certificates, boxes=boxes
    )
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
async def reports(broker: Broker) -> AsyncIterator[Reports]:
    """Everything the boxes send, from the beginning."""
    reports = Reports()

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            reports.take(message.payload)

    async with aiomqtt.Client(
        HOST, broker.port, identifier=secrets.token_hex(16), tls_context=broker.certificates.tls(COLLECTORS[0])
    ) as client:
        await client.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        listening = asyncio.create_task(listen(client))
        yield reports
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.timeout(120)
async def test_every_action_is_reported_as_what_it_is(
    tmp_path: Path, broker: Broker, reports: Reports, process: StartProcess, eventually: Eventually
) -> None:
    """A customer raises nothing; each other action raises its own kind and no other, and what ends is restored."""

    async def live_through(site: SimulatedSite, action: Action, door: Door | None) -> set[str]:
        async with BranchServer() as branch:
            address = f"{branch.host}:{branch.port}"
            certificate, key = broker.certificates.pair(site.box)
            centre = Centre(
                brokers=(f"{HOST}:{broker.port}",), root=broker.certificates.root, certificate=certificate, key=key
            )
            file = tmp_path / f"{site.id}.toml"
            file.write_text(site_toml(site, modbus=address, centre=centre))
            agent = [sys.executable, "-m", "branchwatch", "agent", "run"]
            process([*agent, "--config", str(file), "--state", str(tmp_path / site.box)])
            await eventually(lambda: reports.beats[site.box] >= 1, 40, f"{site.box} beats")
            await act(address, action, door)
            await eventually(lambda: not branch.now().plan, 20, f"{action} is over")
            before = reports.beats[site.box]
            await eventually(
                lambda: reports.beats[site.box] >= before + 2 and reports.complete(site.box), 40, f"{site.box} has told"
            )
            return reports.told(site.box)  # before its module is gone, which it would report too

    lives = [
        live_through(site, action, door)
        for site, (action, door, _) in zip(sites(len(CASES)), CASES.values(), strict=True)
    ]
    told = dict(zip(CASES, await asyncio.gather(*lives), strict=True))
    assert told == {name: kinds for name, (_, _, kinds) in CASES.items()}
