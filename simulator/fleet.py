"""Many boxes that only beat, each on its own mutual-TLS connection, to load a broker and a centre.

The shell around `fleet_box.py`: one MQTT client a box, figures once in a while. Certificates were made before.
"""

import asyncio
import secrets
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiomqtt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from protocol.certificates import kid_of
from protocol.envelope import Sealer
from protocol.ids import new_run
from protocol.messages import SiteFacts
from protocol.topics import Down, Up, down_topic, up_topic
from simulator.fleet_box import FleetBox, Moment

MAX_BOXES: Final = 2000
"""Boxes of one process; each holds a connection and needs some 0.1 ms of CPU a beat."""
TELL_EVERY_S: Final = 5.0
AGAIN_S: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class FleetSettings:
    """Where the fleet connects and how fast it beats."""

    host: str
    port: int
    keys: Path  # <box>.pem, <box>.key and root.pem
    boxes: tuple[str, ...]
    beat_s: float


@dataclass
class Figures:
    """What the fleet has done so far."""

    connected: int = 0
    beats: int = 0
    receipts: int = 0
    lost: int = 0


def fleet_boxes(count: int) -> tuple[str, ...]:
    """Ids of a fleet's boxes; each is alone at its site, whose id is the box's without its last part."""
    return tuple(f"fleet-{number:04d}-a" for number in range(1, count + 1))


async def run_fleet(settings: FleetSettings, tell: Callable[[Figures], None]) -> None:
    """Connect every box and beat for ever; ends when cancelled."""
    figures = Figures()
    async with asyncio.TaskGroup() as group:
        for number, box in enumerate(settings.boxes):
            offset_s = settings.beat_s * number / len(settings.boxes)  # beats spread evenly, as a real fleet's are
            group.create_task(_keep_beating(settings, _load(settings, box), offset_s, figures))
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            tell(figures)


async def _keep_beating(settings: FleetSettings, box: FleetBox, offset_s: float, figures: Figures) -> None:
    await asyncio.sleep(offset_s)
    tls = ssl.create_default_context(cafile=settings.keys / "root.pem")
    tls.load_cert_chain(settings.keys / f"{box.box}.pem", settings.keys / f"{box.box}.key")
    while True:
        try:
            async with aiomqtt.Client(
                settings.host,
                settings.port,
                identifier=f"box-{secrets.token_hex(16)}",
                clean_session=True,
                tls_context=tls,
            ) as client:
                figures.connected += 1
                try:
                    await _beat(settings, client, box, figures)
                finally:
                    figures.connected -= 1
        except aiomqtt.MqttError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from None  # a goodbye that the broker does not answer takes its place
            figures.lost += 1
            await asyncio.sleep(AGAIN_S)


async def _beat(settings: FleetSettings, client: aiomqtt.Client, box: FleetBox, figures: Figures) -> None:
    await client.subscribe(down_topic(box.box, Down.RECEIPT), qos=1)
    await client.publish(up_topic(box.box, Up.BIRTH), box.birth(_now()), qos=1)
    hearing = asyncio.create_task(_hear(client, box, figures))
    try:
        due_s = time.monotonic()
        while not hearing.done():
            due_s += settings.beat_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await client.publish(up_topic(box.box, Up.BEAT), box.beat(_now(), secrets.token_urlsafe(16)), qos=1)
            figures.beats += 1
        hearing.result()
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def _hear(client: aiomqtt.Client, box: FleetBox, figures: Figures) -> None:
    async for message in client.messages:
        if isinstance(message.payload, bytes):
            box.hear(message.payload)
            figures.receipts += 1


def _load(settings: FleetSettings, box: str) -> FleetBox:
    chain = x509.load_pem_x509_certificates((settings.keys / f"{box}.pem").read_bytes())
    key = load_pem_private_key((settings.keys / f"{box}.key").read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError(f"{settings.keys / box}.key is no key of a box")
    site = box.rpartition("-")[0]
    return FleetBox(
        box=box,
        site=SiteFacts(id=site, name=site, unit="市分行/负载", timezone="Asia/Shanghai"),
        run=new_run(secrets.token_bytes(16)),
        sealer=Sealer(key, kid_of(chain[0])),
        x5c=[b64encode(certificate.public_bytes(Encoding.DER)).decode() for certificate in chain],
        beat_s=settings.beat_s,
    )


def _now() -> Moment:
    return Moment(at=datetime.now(UTC), mono_ms=time.monotonic_ns() // 1_000_000)
