"""The box's uplink against real brokers with mutual TLS, and an honest small centre behind them."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest

from agent.signals import State
from agent.uplink import Route
from protocol.envelope import EnvelopeType
from protocol.kinds import Lane
from protocol.messages import Answers, LaneHead, Receipt, encode
from protocol.timestamps import format_time
from protocol.topics import Down, down_topic
from tests.boxes import draft, follow, stored_lines
from tests.brokers import Broker, BrokerKind, Certificates, StartBroker
from tests.conftest import Eventually
from tests.small_centre import listening, make_centre
from tests.uplinks import QUICK, RunningBox, address, identity_of, running_box


def delivered(box: RunningBox) -> bool:
    """Whether the centre has signed for everything."""
    return all(lane.pending == 0 for lane in box.outbox.standing.lanes.values())


async def test_an_event_reaches_the_centre_and_is_forgotten_on_its_receipt(
    broker: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """On both brokers: birth, events of both lanes, signed receipts, beats that echo the receipt's challenge."""
    centre = make_centre(certificates)
    async with (
        listening(centre, certificates, broker.host, broker.port),
        running_box(tmp_path, certificates, [address(broker)], beat_s=0.1) as box,
    ):
        await box.outbox.append([draft("door.dual_open", "interlock/vestibule"), draft()])
        await eventually(lambda: delivered(box))
        await eventually(lambda: len(centre.beats) > 3)
        assert centre.kinds() == {"ledger.opened": 2, "door.dual_open": 1, "door.held_open": 1}
        assert centre.births[0].site.name == "河西分理处"
        counters = [beat.counter for beat in centre.beats]
        assert counters == sorted(set(counters))
        assert counters[0] > centre.births[0].counter
        assert centre.beats[-1].echo
        assert len(centre.beats[-1].challenge) == 22
    await eventually(lambda: True)
    assert centre.repeated == 0


async def test_a_fresh_event_is_at_the_centre_at_once(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """A single event leaves alone and without waiting for anything; points that changed come with the next beat."""
    centre = make_centre(certificates)
    async with (
        listening(centre, certificates, mosquitto.host, mosquitto.port),
        running_box(tmp_path, certificates, [address(mosquitto)], beat_s=0.2) as box,
    ):
        await eventually(lambda: delivered(box))
        box.change("door/outer", State.OPEN)
        before = len(centre.arrivals)
        await box.outbox.append([draft("door.forced")])
        await eventually(lambda: len(centre.arrivals) == before + 1)
        await eventually(lambda: any(p.id == "door/outer" for beat in centre.beats for p in beat.points))
        told = sum(any(p.id == "door/outer" for p in beat.points) for beat in centre.beats)
        await eventually(lambda: len(centre.beats) > told + 4)
        assert sum(any(p.id == "door/outer" for p in beat.points) for beat in centre.beats) <= told + 1


@pytest.mark.parametrize("kind", list(BrokerKind))
async def test_a_broker_that_restarts_under_a_backlog_loses_nothing(
    kind: BrokerKind,
    start_broker: StartBroker,
    certificates: Certificates,
    tmp_path: Path,
    eventually: Eventually,
) -> None:
    """FIELD-FAULTS row 4: 5,000 unreceipted events, the broker killed mid-way: bounded in flight, complete."""
    broker = start_broker(kind)
    centre = make_centre(certificates)
    async with (
        listening(centre, certificates, broker.host, broker.port),
        running_box(tmp_path, certificates, ["127.0.0.1:1"], beat_s=0.5) as box,
    ):
        for _ in range(50):
            await box.outbox.append([draft("door.forced", n=n) for n in range(50)] + [draft(n=n) for n in range(50)])
        box.uplink.route = _to(box, address(broker))
        await eventually(lambda: len(centre.arrivals) > 500)
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        await eventually(lambda: delivered(box), timeout_s=30)
        for lane in Lane:
            assert [event.seq for event in centre.events(lane)] == list(range(1, 2502))
        # The real centre refuses repeats by their hash; here it is counted that hardly any were needed.
        assert centre.repeated <= 2 * 8 * 100
    follow(stored_lines(tmp_path, Lane.URGENT))


async def test_the_urgent_lane_goes_first_and_the_window_is_bounded(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """A hold-up never waits behind a routine backlog, and a centre that signs nothing gets a window, not a flood."""
    centre = make_centre(certificates)
    async with (
        listening(centre, certificates, mosquitto.host, mosquitto.port),
        running_box(tmp_path, certificates, ["127.0.0.1:1"]) as box,
    ):
        for _ in range(30):
            await box.outbox.append([draft(n=n) for n in range(100)])
        await box.outbox.append([draft("zone.hold_up", "zone/counter-1")])
        centre.mute = True
        box.uplink.route = _to(box, address(mosquitto))
        await eventually(lambda: len(centre.arrivals) >= 802)
        assert centre.arrivals[:2] == [(Lane.URGENT, 1), (Lane.URGENT, 2)]
        await eventually(lambda: len(centre.beats) >= 2)
        assert len(centre.arrivals) == 802
        centre.mute = False
        await eventually(lambda: delivered(box), timeout_s=20)
        assert [event.seq for event in centre.events(Lane.ROUTINE)] == list(range(1, 3002))


async def test_a_restored_centre_is_filled_again(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """WIRE 2.6: the reply to a birth states the centre's heads, and the box sends again from there."""
    centre = make_centre(certificates)
    async with listening(centre, certificates, mosquitto.host, mosquitto.port):
        async with running_box(tmp_path, certificates, [address(mosquitto)]) as box:
            await box.outbox.append([draft("door.forced", n=n) for n in range(20)])
            await eventually(lambda: delivered(box))
        centre.forget(Lane.URGENT, 5)
        async with running_box(tmp_path, certificates, [address(mosquitto)]) as box:
            await eventually(lambda: len(centre.events(Lane.URGENT)) == 22)
            await eventually(lambda: delivered(box))
    follow(centre.lines[Lane.URGENT])


async def test_a_hole_is_explained_before_the_backlog_and_does_not_stop_it(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """FIELD-FAULTS row 7: a damaged record in a long backlog: its hole is signed and told, the rest goes on."""
    centre = make_centre(certificates)
    async with (
        listening(centre, certificates, mosquitto.host, mosquitto.port),
        running_box(tmp_path, certificates, ["127.0.0.1:1"], beat_s=0.5) as box,
    ):
        for _ in range(20):
            await box.outbox.append([draft("door.forced", n=n) for n in range(100)])
        _damage(tmp_path, Lane.URGENT, 150)
        box.uplink.route = _to(box, address(mosquitto))
        await eventually(lambda: delivered(box), timeout_s=20)
    urgent = centre.events(Lane.URGENT)
    assert [event.seq for event in urgent] == [seq for seq in range(1, 2003) if seq != 150]
    assert (urgent[-1].kind, urgent[-1].facts["seq"]) == ("envelope.rejected", 150)
    assert centre.kinds()["ledger.shed"] == 1


async def test_only_the_centre_can_make_a_box_forget(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """A receipt that a box signed, one for a hash that is not ours, and noise: refused, told once each."""
    centre = make_centre(certificates)
    other = identity_of(certificates, "0755-032-a")
    async with (
        listening(centre, certificates, mosquitto.host, mosquitto.port),
        running_box(tmp_path, certificates, [address(mosquitto)], beat_s=0.3) as box,
        aiomqtt.Client(
            mosquitto.host, mosquitto.port, identifier="x", tls_context=certificates.tls("centre-2")
        ) as attacker,
    ):
        await eventually(lambda: delivered(box))
        centre.mute = True
        await box.outbox.append([draft("door.forced")])
        head = next(head for head in box.outbox.heads() if head.lane is Lane.URGENT)
        wrong = LaneHead(lane=Lane.URGENT, run=head.run, seq=head.seq, hash="d" * 64)
        topic = down_topic("0755-031-a", Down.RECEIPT)
        forged = other.sealer.seal(EnvelopeType.RECEIPT, encode(_receipt(head)))
        honest_key = centre.seal(_receipt(wrong))
        for data in (forged, honest_key, b"noise", forged, honest_key, b"noise"):
            await attacker.publish(topic, data, qos=1)

        def reasons() -> list[str]:
            return [str(finding.facts["reason"]) for finding in box.findings if finding.kind == "envelope.rejected"]

        await eventually(lambda: sorted(reasons()) == ["malformed", "unknown_head"])
        assert box.outbox.standing.lanes[Lane.URGENT].pending == 1
        # A key nobody introduced is asked for by a birth; it is a stranger's when the answer does not bring it.
        centre.mute = False
        await eventually(lambda: len(centre.births) > 1)
        await eventually(lambda: delivered(box))

        async def stranger_is_told() -> bool:
            await attacker.publish(topic, forged, qos=1)
            return sorted(reasons()) == ["malformed", "unknown_collector", "unknown_head"]

        await eventually(stranger_is_told)


async def test_a_link_that_dies_silently_is_left_for_the_other_broker(
    start_broker: StartBroker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """FIELD-FAULTS row 5: a half-open link while the outbox drains: nothing is lost."""
    first, second = start_broker(BrokerKind.MOSQUITTO), start_broker(BrokerKind.MOSQUITTO)
    centre = make_centre(certificates)
    proxy = Valve(first.host, first.port)
    await proxy.start()
    async with (
        listening(centre, certificates, first.host, first.port),
        listening(centre, certificates, second.host, second.port),
        running_box(
            tmp_path, certificates, [f"127.0.0.1:{proxy.port}", address(second)], pace=QUICK, beat_s=0.3
        ) as box,
    ):
        await eventually(lambda: delivered(box))
        for _ in range(20):
            await box.outbox.append([draft("door.forced", n=n) for n in range(100)])
        await eventually(lambda: len(centre.arrivals) > 200)
        proxy.shut()
        for _ in range(5):
            await box.outbox.append([draft("door.forced", n=n) for n in range(100)])
        await eventually(lambda: ("link.primary_lost", "raised") in box.told(), timeout_s=15)
        await eventually(lambda: delivered(box), timeout_s=20)
        assert [event.seq for event in centre.events(Lane.URGENT)] == list(range(1, 2502))
        await proxy.open()
        await eventually(lambda: ("link.primary_lost", "ended") in box.told(), timeout_s=15)
        assert [kind for kind, _ in box.told()].count("link.primary_lost") == 2
    await proxy.stop()


async def test_losing_the_uplink_changes_nothing_but_the_link(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """FIELD-FAULTS row 3 (the link's part): what is told is the link's loss and its return, and nothing else."""
    centre = make_centre(certificates)
    async with (
        listening(centre, certificates, mosquitto.host, mosquitto.port),
        running_box(tmp_path, certificates, [address(mosquitto)], pace=QUICK, beat_s=0.3) as box,
    ):
        await eventually(lambda: delivered(box))
        await asyncio.to_thread(mosquitto.stop)
        await eventually(lambda: box.told() == [("link.primary_lost", "raised")], timeout_s=10)
        await box.outbox.append([draft("door.forced")])
        await asyncio.to_thread(mosquitto.start)
        await eventually(lambda: delivered(box), timeout_s=20)
        await eventually(lambda: box.told()[1:] == [("link.primary_lost", "ended")])


async def test_a_centre_with_another_time_makes_the_clock_suspect_and_loses_nothing(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """FIELD-FAULTS row 13 (box): an hour off against signed receipts: flagged, told once, events go on."""
    centre = make_centre(certificates)
    centre.clock_offset = timedelta(hours=1)
    async with (
        listening(centre, certificates, mosquitto.host, mosquitto.port),
        running_box(tmp_path, certificates, [address(mosquitto)], beat_s=0.2) as box,
    ):
        await eventually(lambda: box.told() == [("box.clock_fault", "raised")])
        (event,) = await box.outbox.append([draft("door.forced")])
        assert event.clock == "suspect"
        await eventually(lambda: centre.kinds()["door.forced"] == 1)
        centre.clock_offset = timedelta(0)
        await eventually(lambda: box.told()[-1] == ("box.clock_fault", "ended"))


class Valve:
    """A TCP proxy whose connections can fall silent without closing."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._open = asyncio.Event()
        self._open.set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Let nothing through any more; connections stay open, new ones are accepted and silent."""
        self._open.clear()

    async def open(self) -> None:
        """Let new connections through; what was held back is gone."""
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()
        self._open.set()

    async def stop(self) -> None:
        """Close everything."""
        self._server.close()
        await self.open()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers.append(there_writer)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            self._tasks.append(asyncio.create_task(self._pump(source, sink)))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await self._open.wait()
            sink.write(data)
        sink.close()


def _to(box: RunningBox, broker: str) -> Route:

    return replace(box.uplink.route, brokers=(broker,))


def _receipt(head: LaneHead) -> Receipt:
    return Receipt(
        v=1,
        collector="centre-1",
        box="0755-031-a",
        at=format_time(datetime.now(UTC)),
        answers=Answers.EVENTS,
        heads=(head,),
    )


def _damage(folder: Path, lane: Lane, seq: int) -> None:
    connection = sqlite3.connect(folder / "outbox.db")
    with connection:
        connection.execute("UPDATE events SET line = x'00' || line WHERE lane = ? AND seq = ?", (lane.value, seq))
    connection.close()
