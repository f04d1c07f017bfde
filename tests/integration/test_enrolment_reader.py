"""The centre reads the enrolment's record over the real channel, and believes nothing but the pinned issuer."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from collector import health
from collector.enrolment import EnrolmentAddress, EnrolmentReader, EnrolmentUnreadError
from collector.keys import Keys
from protocol.certificates import Role, kid_of
from protocol.envelope import Sealer
from protocol.pinned_channel import pin_of
from protocol.texts import texts_for
from provisioning.authority import Authority
from provisioning.enrolment.desk import Desk
from provisioning.enrolment.serving import show_certificate
from provisioning.enrolment.web import create_app
from provisioning.issuing import Credential
from tests.clock import Clock
from tests.collecting import PaperCentre
from tests.conftest import EventuallyBlocking
from tests.enrolments import PaperDesk, paper_desk
from tests.ledgers import der_chain, trust_of


class Door:
    """The enrolment's web server in a thread, on TLS with the certificate of `issuer`."""

    def __init__(self, desk: Desk, issuer: Credential, clock: Clock, port: int) -> None:
        self.port = port
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        show_certificate(context, issuer, clock.now())
        config = uvicorn.Config(
            create_app(desk),
            host="127.0.0.1",
            port=port,
            ssl_context_factory=lambda _config, _default: context,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()), name="enrolment door")

    def open(self, eventually: EventuallyBlocking) -> None:
        """Answer from now on."""
        self._thread.start()
        eventually(lambda: self._server.started, what="the enrolment listens")

    def close(self) -> None:
        """No longer."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()


@dataclass
class World:
    """A centre, an enrolment, and what stands between them."""

    desk: PaperDesk
    centre: PaperCentre
    keys: Keys
    eventually: EventuallyBlocking
    free_port: Callable[[], int]

    def door(self, issuer: Credential | None = None) -> Door:
        """A server that shows a certificate of the enrolment's issuer, or of another."""
        made = Door(self.desk.desk, issuer or self.desk.enrolment.issuer, self.desk.clock, self.free_port())
        made.open(self.eventually)
        return made

    def reader(self, port: int, issuer: bytes | None = None) -> EnrolmentReader:
        """What reads at a port."""
        return EnrolmentReader(
            address=EnrolmentAddress(host="127.0.0.1", port=port, issuer=issuer),
            keys=self.keys,
            store=self.centre.store,
            pipeline=self.centre.pipeline,
            now=self.desk.clock.now,
        )

    def told(self) -> list[str]:
        """Kinds of events about enrolment."""
        return [event.kind for event in self.centre.events() if event.kind.startswith("enrol.")]


@pytest.fixture
def world(
    tmp_path: Path, clock: Clock, eventually_blocking: EventuallyBlocking, free_port: Callable[[], int]
) -> Iterator[World]:
    """One enrolled box that the centre has not heard of."""
    with paper_desk(tmp_path / "desk", clock) as desk:
        desk.enrolled()
        centre = PaperCentre(folder=tmp_path, authority=desk.authority)
        root = desk.authority.root.certificate
        keys = Keys(trust=trust_of(desk.authority), root=root, sealer=centre.sealer, chain=centre.chain)
        yield World(desk, centre, keys, eventually_blocking, free_port)
        centre.close()


@pytest.fixture
def door(world: World) -> Iterator[Door]:
    """The enrolment's own."""
    made = world.door()
    yield made
    made.close()


def test_the_record_is_read_on_over_the_pinned_channel(world: World, door: Door) -> None:
    """By the root's word, or by the pin of collector.toml; the second poll brings what is new and nothing again."""
    reader = world.reader(door.port)
    assert reader.poll()
    assert not reader.poll()
    assert world.told() == ["enrol.completed"]
    pinned = world.reader(door.port, pin_of(world.desk.enrolment.issuer.certificate))
    assert not pinned.poll()


def test_another_issuer_is_told_nothing(world: World, door: Door) -> None:
    """A pin that does not fit, and a root that made no such issuer: the request is never sent."""
    with pytest.raises(EnrolmentUnreadError, match="channel_other_issuer"):
        world.reader(door.port, bytes(32)).poll()
    stranger = Authority.create(now=world.desk.clock.now())
    world.keys = Keys(
        trust=trust_of(stranger), root=stranger.root.certificate, sealer=world.keys.sealer, chain=world.keys.chain
    )
    with pytest.raises(EnrolmentUnreadError, match="channel_other_issuer"):
        world.reader(door.port).poll()
    assert world.told() == []


def test_a_server_with_a_certificate_of_its_own_is_told_nothing(world: World) -> None:
    """Who shows the right issuer's certificate and does not hold its key is found by this very connection."""
    stranger = Authority.create(now=world.desk.clock.now())
    door = world.door(next(iter(stranger.issuers.values())))
    try:
        with pytest.raises(EnrolmentUnreadError, match="channel_not_signed"):
            world.reader(door.port).poll()
    finally:
        door.close()
    assert world.told() == []


def test_only_a_collector_reads_it(world: World, door: Door) -> None:
    """Whoever holds another certificate of this bank is refused, and the centre says what to look at."""
    broker = world.desk.authority.issue(Role.BROKER, "broker-1", now=world.desk.clock.now())
    world.keys = Keys(
        trust=world.keys.trust,
        root=world.keys.root,
        sealer=Sealer(broker.private_key, kid_of(broker.certificate)),
        chain=der_chain(world.desk.authority, broker.certificate),
    )
    with pytest.raises(EnrolmentUnreadError, match="refuses to show its record"):
        world.reader(door.port).poll()


def test_an_enrolment_out_of_reach_is_a_line_of_health_and_no_alarm(world: World) -> None:
    """/healthz names it with its age and goes on being well; once it answers the record is made up for."""
    port = world.free_port()
    reader = world.reader(port)
    reader.start()
    try:
        world.eventually(lambda: reader.seen().fault is not None, what="it is noticed")
        check = health.enrolment(reader.seen())
        assert (check.name, check.works, check.needed) == ("enrolment", False, False)
        said = check.said.format(**{name: str(value) for name, value in check.values.items()})
        assert f"127.0.0.1:{port} cannot be reached" in said
        assert texts_for("zh-CN")(check.said) != check.said
    finally:
        reader.stop()
    assert world.told() == []
    assert world.centre.alarms() == []
    door = Door(world.desk.desk, world.desk.enrolment.issuer, world.desk.clock, port)
    door.open(world.eventually)
    again = world.reader(port)
    again.start()
    try:
        world.eventually(lambda: again.seen().read, what="the record is read")
    finally:
        again.stop()
        door.close()
    assert health.enrolment(again.seen()).works
    assert world.told() == ["enrol.completed"]


def test_a_record_set_back_is_said_and_not_believed(world: World, door: Door) -> None:
    """A record that was restored from an older copy and went on otherwise is told as what it is."""
    assert world.reader(door.port).poll()
    record = world.desk.folder / "record.ndjson"
    older = b"".join(record.read_bytes().splitlines(keepends=True)[:-1])
    world.desk.book.close()
    record.write_bytes(older)
    for file in world.desk.folder.glob("*.sqlite*"):
        file.unlink()
    world.desk.again()
    for number in range(2):
        world.desk.token(f"0755-04{number}-a", f"0755-04{number}")
    with pytest.raises(EnrolmentUnreadError, match="does not go on from line 3"):
        world.reader(door.port).poll()
    assert world.told() == ["enrol.completed"]
