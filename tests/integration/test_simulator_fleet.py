"""A fleet for load: honest births and beats over mutual TLS."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.certificates import Role, Trust
from protocol.envelope import EnvelopeType, Sealer, open_envelope, read_envelope
from protocol.limits import MAX_BIRTH_BYTES
from protocol.messages import Answers, Beat, Birth, Receipt, decode_beat, decode_birth, encode
from protocol.timestamps import format_time
from protocol.topics import COLLECTOR_SUBSCRIPTION, Down, Up, down_topic, parse_up
from simulator.demo_folder import issue_boxes
from simulator.fleet import Figures, FleetSettings, fleet_boxes, run_fleet
from tests.brokers import COLLECTORS, HOST, Broker, BrokerKind, StartBroker

COLLECTOR = COLLECTORS[0]
BOXES = fleet_boxes(3)
SEALER = Sealer(ec.derive_private_key(1, ec.SECP256R1()), "x" * 43)
"""Whoever this is: a fleet believes every receipt."""


@pytest.fixture
def broker(start_broker: StartBroker) -> Broker:
    """A broker that knows the fleet."""
    return start_broker(BrokerKind.NATS, boxes=BOXES)


@pytest.fixture
async def centre(broker: Broker) -> AsyncIterator[aiomqtt.Client]:
    """A collector's client that hears every box."""
    async with aiomqtt.Client(
        HOST, broker.port, identifier=secrets.token_hex(16), tls_context=broker.certificates.tls(COLLECTOR)
    ) as client:
        await client.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        yield client


@pytest.fixture
async def fleet(broker: Broker, centre: aiomqtt.Client, tmp_path: Path) -> AsyncIterator[None]:
    """Three boxes that beat every second, the quickest the wire allows, born after the centre listens."""
    keys = tmp_path / "keys"
    await issue_boxes(BOXES, authority=broker.certificates.folder / "ca", keys=keys)
    settings = FleetSettings(host=HOST, port=broker.port, keys=keys, boxes=BOXES, beat_s=1.0)
    running = asyncio.create_task(run_fleet(settings, _quiet))
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _quiet(_: Figures) -> None:
    return


class Desk:
    """What a centre knows of the fleet: births by box, each checked up to the root."""

    def __init__(self, broker: Broker) -> None:
        self.births: dict[str, Birth] = {}
        self._trust = Trust(broker.certificates.authority.root.certificate)

    def open(self, message: aiomqtt.Message) -> Birth | Beat:
        """The message, its signature checked with the key of its box's birth."""
        claimed = parse_up(str(message.topic))
        assert claimed is not None
        assert isinstance(message.payload, bytes)
        box, up = claimed
        unverified = read_envelope(message.payload, MAX_BIRTH_BYTES)
        if up is Up.BIRTH:
            self.births[box] = decode_birth(unverified.claimed_payload)
        chain = [b64decode(text) for text in self.births[box].x5c]
        identity = self._trust.identify(chain, datetime.now(UTC), Role.BOX)
        assert (identity.id, identity.site) == (box, box.rpartition("-")[0])
        typ, decode = (EnvelopeType.BIRTH, decode_birth) if up is Up.BIRTH else (EnvelopeType.BEAT, decode_beat)
        return decode(open_envelope(unverified, identity.public_key, typ).payload)


def receipt_for(box: str) -> bytes:
    """A receipt whose challenge names the box."""
    receipt = Receipt(
        v=1,
        collector=COLLECTOR,
        box=box,
        at=format_time(datetime.now(UTC)),
        answers=Answers.BEAT,
        heads=(),
        challenge=f"challenge-of-{box}",
    )
    return SEALER.seal(EnvelopeType.RECEIPT, encode(receipt))


@pytest.mark.usefixtures("fleet")
async def test_every_box_is_born_beats_and_echoes(broker: Broker, centre: aiomqtt.Client) -> None:
    """Each box introduces itself, beats with rising counters, and echoes the challenge of the last receipt."""
    desk = Desk(broker)
    counters = dict.fromkeys(BOXES, 0)
    echoed: set[str] = set()
    async with asyncio.timeout(20):
        async for message in centre.messages:
            seen = desk.open(message)
            assert seen.counter > counters[seen.box]
            counters[seen.box] = seen.counter
            if isinstance(seen, Beat) and seen.echo:
                assert seen.echo == f"challenge-of-{seen.box}"
                echoed.add(seen.box)
            if echoed == set(BOXES):
                break
            await centre.publish(down_topic(seen.box, Down.RECEIPT), receipt_for(seen.box), qos=1)
    assert set(desk.births) == set(BOXES)
