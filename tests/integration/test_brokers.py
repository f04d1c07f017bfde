"""Both brokers give each certificate its own rights and nothing more; judged at the receiver.

Both acknowledge a forbidden publish, so what a client is told proves nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import pytest

from protocol.broker_config import MAX_MESSAGE_BYTES
from protocol.certificates import Role
from protocol.limits import MAX_EVENTS_ENVELOPE_BYTES
from protocol.topics import COLLECTOR_SUBSCRIPTION, Down, Up, down_topic, up_topic
from provisioning import command
from provisioning.keeping import load_certificate, save_crls
from tests.brokers import (
    BOXES,
    BROKER,
    COLLECTORS,
    Broker,
    BrokerKind,
    Certificates,
    StartBroker,
    make_certificates,
)
from tests.conftest import Eventually, StartProcess

BOX, OTHER, _ = BOXES
COLLECTOR = COLLECTORS[0]
LAST = b"the last one"
TIMEOUT_S = 2.0
CONNECTION_ACCEPTED = b"\x20\x02\x00\x00"


@asynccontextmanager
async def connected(
    broker: Broker,
    identity: str,
    *,
    client_id: str | None = None,
) -> AsyncIterator[aiomqtt.Client]:
    """A client of the broker as the wire's rules have it: clean session, random client id."""
    async with aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=client_id or secrets.token_hex(16),
        clean_session=True,
        tls_context=broker.certificates.tls(identity),
        timeout=TIMEOUT_S,
    ) as client:
        yield client


async def received(client: aiomqtt.Client, last: bytes = LAST) -> list[tuple[str, bytes]]:
    """Everything that arrives up to and without the message `last`."""
    seen: list[tuple[str, bytes]] = []
    async with asyncio.timeout(10):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            if message.payload == last:
                return seen
            seen.append((str(message.topic), message.payload))
    raise AssertionError("the connection ended")


def connect_packet(will_topic: str, will: bytes) -> bytes:
    """An MQTT 3.1.1 CONNECT (section 3.1): random client id, clean session, will of QoS 1, keep-alive of 60 s."""

    def field(value: bytes) -> bytes:
        return len(value).to_bytes(2, "big") + value

    body = field(b"MQTT") + bytes((4, 0b0000_1110, 0, 60))
    body += field(secrets.token_hex(16).encode()) + field(will_topic.encode()) + field(will)
    assert len(body) < 128  # one byte of length is enough
    return bytes((0x10, len(body))) + body


async def connect_raw(
    broker: Broker, tls: ssl.SSLContext, *, will: tuple[str, bytes]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection without an MQTT library around it, so that it can end without a farewell."""
    reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=tls, server_hostname=broker.host)
    writer.write(connect_packet(*will))
    return reader, writer


async def refused(broker: Broker, tls: ssl.SSLContext) -> bool:
    """Whether the broker ends the connection, in the handshake or after CONNECT, without having accepted it."""
    try:
        async with asyncio.timeout(10):
            reader, writer = await connect_raw(broker, tls, will=(up_topic(BOX, Up.DEATH), b"never"))
            answer = await reader.read(4)
    except (ssl.SSLError, ConnectionError):
        return True
    writer.transport.abort()
    return answer != CONNECTION_ACCEPTED


@pytest.mark.parametrize("kind", list(Up))
async def test_a_box_reaches_the_centre(broker: Broker, kind: Up) -> None:
    """What a box publishes on its own topics arrives at the collector."""
    async with connected(broker, COLLECTOR) as centre, connected(broker, BOX) as box:
        await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        await box.publish(up_topic(BOX, kind), b"hello", qos=1)
        await box.publish(up_topic(BOX, Up.EVENT), LAST, qos=1)
        assert await received(centre) == [(up_topic(BOX, kind), b"hello")]


@pytest.mark.parametrize("kind", list(Down))
async def test_the_centre_reaches_a_box(broker: Broker, kind: Down) -> None:
    """What the collector publishes for a box arrives there."""
    async with connected(broker, COLLECTOR) as centre, connected(broker, BOX) as box:
        for topic in Down:
            await box.subscribe(down_topic(BOX, topic), qos=1)
        await centre.publish(down_topic(BOX, kind), b"hello", qos=1)
        await centre.publish(down_topic(BOX, Down.RECEIPT), LAST, qos=1)
        assert await received(box) == [(down_topic(BOX, kind), b"hello")]


async def test_the_largest_envelope_passes(broker: Broker) -> None:
    """A full batch of the largest events fits through the broker."""
    async with connected(broker, COLLECTOR) as centre, connected(broker, BOX) as box:
        await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        await box.publish(up_topic(BOX, Up.EVENT), b"z" * MAX_EVENTS_ENVELOPE_BYTES, qos=1)
        await box.publish(up_topic(BOX, Up.EVENT), LAST, qos=1)
        ((_, payload),) = await received(centre)
        assert len(payload) == MAX_EVENTS_ENVELOPE_BYTES


async def test_an_oversized_message_goes_nowhere(broker: Broker) -> None:
    """What is larger than any envelope never reaches the collector, and the broker lives on."""
    async with connected(broker, COLLECTOR) as centre:
        await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        with pytest.raises((aiomqtt.MqttError, TimeoutError)):
            async with connected(broker, BOX) as box:
                await box.publish(up_topic(BOX, Up.EVENT), b"z" * (MAX_MESSAGE_BYTES + 1), qos=1)
        async with connected(broker, BOX) as box:
            await box.publish(up_topic(BOX, Up.EVENT), LAST, qos=1)
            assert await received(centre) == []


async def test_the_will_of_a_box_that_vanishes_arrives(broker: Broker) -> None:
    """A connection that breaks without farewell makes the broker publish the box's death."""
    async with connected(broker, COLLECTOR) as centre:
        await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        reader, writer = await connect_raw(broker, broker.certificates.tls(BOX), will=(up_topic(BOX, Up.DEATH), LAST))
        assert await reader.readexactly(4) == CONNECTION_ACCEPTED
        writer.transport.abort()
        assert await received(centre) == []


async def test_a_will_on_anothers_topic_reaches_nobody(broker: Broker) -> None:
    """A box cannot announce another box's death by its own will."""
    async with connected(broker, COLLECTOR) as centre:
        await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        reader, writer = await connect_raw(
            broker, broker.certificates.tls(BOX), will=(up_topic(OTHER, Up.DEATH), b"forged")
        )
        # Mosquitto refuses the connection, NATS the publish that follows from it.
        await reader.read(4)
        writer.transport.abort()
        # A second client whose own will arrives proves that wills of this moment have been worked off.
        reader, writer = await connect_raw(
            broker, broker.certificates.tls(OTHER), will=(up_topic(OTHER, Up.DEATH), b"mine")
        )
        await reader.readexactly(4)
        writer.transport.abort()
        async with asyncio.timeout(10):
            message = await anext(aiter(centre.messages))
        assert message.payload == b"mine"


async def test_a_box_cannot_speak_as_another(broker: Broker) -> None:
    """A publish on another box's topics, or on the way down, reaches nobody."""
    async with (
        connected(broker, COLLECTOR) as centre,
        connected(broker, OTHER) as victim,
        connected(broker, BOX) as box,
    ):
        await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        await victim.subscribe(down_topic(OTHER, Down.RECEIPT), qos=1)
        await victim.subscribe(down_topic(OTHER, Down.ORDER), qos=1)
        for kind in Up:
            await box.publish(up_topic(OTHER, kind), b"forged", qos=1)
        for down in Down:
            await box.publish(down_topic(OTHER, down), b"forged", qos=1)
            await box.publish(down_topic(BOX, down), b"forged", qos=1)
        await box.publish(up_topic(BOX, Up.EVENT), LAST, qos=1)
        await centre.publish(down_topic(OTHER, Down.RECEIPT), LAST, qos=1)
        assert await received(centre) == []
        assert await received(victim) == []


@pytest.mark.parametrize(
    "topic",
    [
        *(down_topic(OTHER, kind) for kind in Down),
        "bw/1/+/down/receipt",
        "bw/1/#",
        "#",
        "+/+/+/+/+",
        COLLECTOR_SUBSCRIPTION,
    ],
)
async def test_a_box_cannot_listen_to_others(broker: Broker, topic: str) -> None:
    """Nothing meant for the centre or for another box reaches a box, whatever it subscribes to."""
    async with connected(broker, COLLECTOR) as centre, connected(broker, OTHER) as other, connected(broker, BOX) as box:
        await box.subscribe(down_topic(BOX, Down.RECEIPT), qos=1)
        await box.subscribe(topic, qos=1)
        for kind in Down:
            await centre.publish(down_topic(OTHER, kind), b"secret", qos=1)
        for up in Up:
            await other.publish(up_topic(OTHER, up), b"secret", qos=1)
        await centre.publish(down_topic(BOX, Down.RECEIPT), LAST, qos=1)
        assert await received(box) == []


async def test_no_certificate_no_connection(broker: Broker) -> None:
    """A client that shows no certificate is not let in."""
    assert await refused(broker, broker.certificates.tls(None))


async def test_a_rogue_authority_opens_nothing(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A certificate with a known box's name from another authority is not let in."""
    rogue = make_certificates(tmp_path_factory.mktemp("rogue"))
    tls = broker.certificates.tls(None)
    tls.load_cert_chain(*rogue.pair(BOX))
    assert await refused(broker, tls)


@pytest.mark.parametrize("role", [Role.PERSON, Role.PROVISIONING])
async def test_people_do_not_connect(broker: Broker, role: Role, tmp_path: Path) -> None:
    """Certificates that sign documents open no connection, not even with a box's name."""
    person = Certificates(authority=broker.certificates.authority, folder=tmp_path / "person")
    person.issue(role, BOX)
    assert await refused(broker, person.tls(BOX))


async def test_a_brokers_certificate_is_no_clients(broker: Broker) -> None:
    """A stolen broker key does not connect as a client."""
    assert await refused(broker, broker.certificates.tls(BROKER))


async def test_a_box_cannot_pose_as_the_broker(broker: Broker) -> None:
    """A box's certificate is refused by everybody who connects: it is for client use only."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*broker.certificates.pair(BOX))

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=server) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
            await asyncio.open_connection("127.0.0.1", port, ssl=broker.certificates.tls(OTHER), server_hostname=BOX)


async def test_taking_anothers_client_id_throws_nobody_off(broker: Broker) -> None:
    """A certificate holder that connects under another's name as client id leaves the other connected."""
    async with connected(broker, COLLECTOR) as centre, connected(broker, BOX) as box:
        await box.subscribe(down_topic(BOX, Down.RECEIPT), qos=1)
        for stolen in (BOX, COLLECTOR, f"box-{BOX}"):
            async with connected(broker, OTHER, client_id=stolen) as intruder:
                await intruder.publish(up_topic(OTHER, Up.BEAT), b"here", qos=1)
        await centre.publish(down_topic(BOX, Down.RECEIPT), LAST, qos=1)
        assert await received(box) == []


async def test_mosquitto_refuses_a_revoked_box(tmp_path: Path, start_broker: StartBroker) -> None:
    """A certificate on the revocation list opens nothing; its neighbour's still does."""
    certificates = make_certificates(tmp_path / "own")
    leaf = load_certificate(certificates.pair(BOX)[0])
    save_crls(certificates.authority.revoke(leaf, now=datetime.now(UTC)), tmp_path / "own" / "ca")
    broker = start_broker(BrokerKind.MOSQUITTO, certificates=certificates)
    assert await refused(broker, broker.certificates.tls(BOX))
    async with connected(broker, OTHER):
        pass


async def test_a_box_revoked_while_connected_is_off_mosquitto_after_a_restart(
    tmp_path: Path, start_broker: StartBroker
) -> None:
    """WIRE 3.3: new lists alone leave a live connection alive, a restart ends it; nothing of it arrives afterwards."""
    certificates = make_certificates(tmp_path / "own")
    broker = start_broker(BrokerKind.MOSQUITTO, certificates=certificates)
    leaf = load_certificate(certificates.pair(BOX)[0])
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(connected(broker, BOX))
        async with connected(broker, COLLECTOR) as centre:
            await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
            save_crls(certificates.authority.revoke(leaf, now=datetime.now(UTC)), tmp_path / "own" / "ca")
            broker.reload()
            await box.publish(up_topic(BOX, Up.EVENT), LAST, qos=1)
            assert await received(centre) == []  # why operators are told to restart it
        broker.stop()
        broker.start()
        with pytest.raises(aiomqtt.MqttError):
            await box.publish(up_topic(BOX, Up.EVENT), b"after", qos=1)
    await nothing_of_the_revoked_arrives(broker)


async def test_a_box_revoked_while_connected_is_thrown_off_by_nats(tmp_path: Path, start_broker: StartBroker) -> None:
    """WIRE 3.3: taken off the list and reloaded, its connection ends at once, others stay; nothing of it arrives."""
    broker = start_broker(BrokerKind.NATS)
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(connected(broker, BOX))
        other = await stack.enter_async_context(connected(broker, OTHER))
        broker.reload(boxes=[OTHER])
        with pytest.raises(aiomqtt.MqttError):
            await anext(aiter(box.messages))
        await other.publish(up_topic(OTHER, Up.EVENT), b"still here", qos=1)
    await nothing_of_the_revoked_arrives(broker)


async def nothing_of_the_revoked_arrives(broker: Broker) -> None:
    """BOX is refused, and the collector hears what OTHER says and nothing before it."""
    async with connected(broker, COLLECTOR) as centre, connected(broker, OTHER) as other:
        await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        assert await refused(broker, broker.certificates.tls(BOX))
        await other.publish(up_topic(OTHER, Up.EVENT), LAST, qos=1)
        assert await received(centre) == []


async def test_a_box_nobody_listed_is_not_let_in_by_nats(start_broker: StartBroker) -> None:
    """NATS lets in the boxes it was given and no other, however good the certificate."""
    broker = start_broker(BrokerKind.NATS, boxes=[OTHER])
    assert await refused(broker, broker.certificates.tls(BOX))
    async with connected(broker, OTHER):
        pass


@pytest.mark.parametrize("end", [Broker.kill, Broker.stop])
async def test_a_broker_comes_back(broker: Broker, end: Callable[[Broker], None]) -> None:
    """After a restart on the same port, boxes and centre meet again."""
    end(broker)
    broker.start()
    async with connected(broker, COLLECTOR) as centre, connected(broker, BOX) as box:
        await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        await box.publish(up_topic(BOX, Up.EVENT), LAST, qos=1)
        assert await received(centre) == []


@pytest.mark.parametrize("kind", list(BrokerKind))
async def test_settings_by_the_command_are_the_same(
    kind: BrokerKind, tmp_path: Path, free_port: Callable[[], int], process: StartProcess, eventually: Eventually
) -> None:
    """`provision broker` writes a folder that the broker starts from; the named box is let in, and cannot break out."""
    certificates = make_certificates(tmp_path / "own", boxes=[BOX])
    ca, out, port = str(tmp_path / "own" / "ca"), tmp_path / "broker", free_port()
    words = ["broker", kind, "--listen", f"127.0.0.1:{port}", "--box", BOX, "--dir", ca, "--out", str(out)]
    assert command.main(words) == 0
    if kind is BrokerKind.NATS:
        process([Broker.nats_binary(), "-c", out / "nats.json"])
    else:
        with (out / "mosquitto.conf").open("a") as config:
            config.write("user root\n")  # a test's folder is readable by its owner only
        process(["/usr/sbin/mosquitto", "-c", out / "mosquitto.conf"])

    broker = Broker(BrokerKind(kind), port=port, state=tmp_path / "unused", certificates=certificates)

    async def let_in() -> bool:
        tls = certificates.tls(BOX)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost")
        writer.write(connect_packet(up_topic(BOX, Up.DEATH), b"never"))
        answer = await reader.read(4)
        writer.transport.abort()
        return answer == CONNECTION_ACCEPTED

    await eventually(let_in, what="the box is let in")
    async with connected(broker, COLLECTOR) as centre, connected(broker, BOX) as box:
        await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
        await box.subscribe(down_topic(BOX, Down.RECEIPT), qos=1)
        await box.subscribe(down_topic(OTHER, Down.ORDER), qos=1)
        await box.publish(up_topic(OTHER, Up.EVENT), b"forged", qos=1)
        await box.publish(up_topic(BOX, Up.EVENT), LAST, qos=1)
        await centre.publish(down_topic(OTHER, Down.ORDER), b"secret", qos=1)
        await centre.publish(down_topic(BOX, Down.RECEIPT), LAST, qos=1)
        assert [message for message in await received(centre) if message[1] != b"never"] == []
        assert await received(box) == []
    assert await refused(broker, certificates.tls(None))
    rogue = make_certificates(tmp_path / "rogue", boxes=[BOX], collectors=())
    tls = certificates.tls(None)
    tls.load_cert_chain(*rogue.pair(BOX))
    assert await refused(broker, tls)
