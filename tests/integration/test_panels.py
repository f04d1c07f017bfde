"""Panels that really dial: over TCP and UDP, with peers not written here, a disk that refuses, and power that goes."""

from __future__ import annotations

import asyncio
import gc
import socket
import sqlite3
import struct
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pysiaalarm.account import SIAAccount
from pysiaalarm.aio.client import SIAClient
from pysiaalarm.event import SIAEvent
from pysiaalarm.sync.client import SIAClient as ThreadedClient
from pysiaalarm.utils.enums import CommunicationsProtocol
from siadc09 import message as other  # type: ignore[import-untyped]
from siadc09.account import Account as OtherAccount  # type: ignore[import-untyped]
from siadc09.siadcs import parse_siadcs  # type: ignore[import-untyped]

from agent.drivers.dc09 import limits
from protocol.dc09.replies import Reply
from simulator.dialler import Dialler
from tests.brokers import Certificates
from tests.conftest import Eventually, StartProcess
from tests.panel_box import KEY, SITE, events_of, panel_box

ROOT = Path(__file__).parents[2]


def kinds_of(folder: Path) -> list[tuple[str, str]]:
    """Kind and source of everything told, but for the ledger's own book-keeping."""
    return [(event.kind, event.source) for event in events_of(folder) if not event.kind.startswith("ledger.")]


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
@pytest.mark.parametrize("key", [None, KEY], ids=["clear", "enciphered"])
async def test_what_was_acknowledged_is_on_the_disk(
    tmp_path: Path, free_port: Callable[[], int], udp: bool, key: bytes | None
) -> None:
    """Over both ways, in clear and enciphered: online with its first word, a zone acts, everything is answered."""
    async with panel_box(tmp_path, free_port()) as box:
        account, zone, point = ("0A2F", 12, "zone/safe") if key else ("0012", 7, "zone/button")
        panel = f"device/{'p2' if key else 'p1'}"
        async with Dialler("127.0.0.1", box.port, account, key=key, udp=udp) as dialler:
            assert (await dialler.link_test()).answer is Reply.ACK
            assert box.states()[panel] == "online"
            assert (await dialler.alarm(zone)).answer is Reply.ACK
            assert box.states()[point] == "active"
            assert (await dialler.alarm(99, "HA")).answer is Reply.ACK
            assert ("zone.hold_up", f"{panel}/zone/99") in kinds_of(tmp_path)
            assert (await dialler.contact_id("E301")).answer is Reply.ACK
            assert ("zone.trouble", f"{panel}/fault/mains") in kinds_of(tmp_path)


@pytest.mark.parametrize("key", [None, KEY], ids=["clear", "enciphered"])
async def test_siadc09_dials_us(tmp_path: Path, free_port: Callable[[], int], key: bytes | None) -> None:
    """Frames that its encoder made are taken, and it reads our acknowledgement."""
    async with panel_box(tmp_path, free_port()) as box:
        account = OtherAccount(acct=0x0A2F if key else 0x12, key=key)
        config = {"idtoken": "SIA-DCS", "data": parse_siadcs(b"#12|NBA99"), "timestamp": datetime.now(UTC)}
        message = other.EventMessage(account, config=config).encode(seq=41)[9:-1]
        # It forgets the leading zeros of accounts: written back, as panels send them.
        message = message.replace(b"#A2F[", b"#0A2F[").replace(b"#012[", b"#0012[")
        frame = b"\n%04X%04X%s\r" % (other.crc(message), len(message), message)
        reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
        writer.write(frame)
        answer = other.parse_frame(await reader.readuntil(b"\r"), key)
        writer.close()
        await writer.wait_closed()
        assert (answer.idtoken, answer.seq) == ("ACK", 41)
        assert ("zone.intrusion", f"device/{'p2' if key else 'p1'}/zone/99") in kinds_of(tmp_path)


@pytest.mark.parametrize("key", [None, "AAAAAAAAAAAAAAAA"], ids=["clear", "enciphered"])
async def test_pysiaalarm_hears_our_dialler(
    free_port: Callable[[], int], eventually: Eventually, key: str | None
) -> None:
    """A receiver not written here understands what our panel says, and our panel its answer."""
    heard: list[SIAEvent] = []

    async def take(event: SIAEvent) -> None:
        heard.append(event)

    port = free_port()
    accounts = [SIAAccount("0A2F", key)]
    receiver = SIAClient("127.0.0.1", port, accounts, take)  # type: ignore[abstract]
    await receiver.async_start()
    try:
        bare = key.encode() if key else None
        # Without a receiver's number in the question its answer is no frame: it writes `NoneL0`.
        async with Dialler("127.0.0.1", port, "0A2F", key=bare, receiver="1", wait_s=5) as dialler:
            assert (await dialler.alarm(12)).answer is Reply.ACK
            assert (await dialler.say(b"#0A2F|Nid3/ri1/CL3")).answer is Reply.ACK
            assert (await dialler.contact_id("E130", point=12)).answer is Reply.ACK
            assert (await dialler.link_test()).answer is Reply.ACK
        await eventually(lambda: len(heard) == 4)
    finally:
        await receiver.async_stop()
    assert [event.code for event in heard] == ["BA", "CL", "BA", "RP"]
    assert {event.account for event in heard} == {"0A2F"}


@pytest.mark.parametrize("key", [None, "AAAAAAAAAAAAAAAA"], ids=["clear", "enciphered"])
async def test_pysiaalarm_hears_our_datagrams(
    free_port: Callable[[], int], eventually: Eventually, key: str | None
) -> None:
    """The same over UDP, by its threads: its asynchronous receiver answers no datagram on this Python."""
    heard: list[SIAEvent] = []
    port = free_port()
    receiver = ThreadedClient(
        "127.0.0.1", port, [SIAAccount("0A2F", key)], heard.append, protocol=CommunicationsProtocol.UDP
    )
    receiver.start()
    try:
        bare = key.encode() if key else None
        async with Dialler("127.0.0.1", port, "0A2F", key=bare, receiver="1", udp=True, wait_s=5) as dialler:
            assert (await dialler.alarm(12)).answer is Reply.ACK
        await eventually(lambda: [event.code for event in heard] == ["BA"])
    finally:
        receiver.stop()


async def test_row_13_a_panel_an_hour_off_is_told_the_time_and_loses_nothing(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """FIELD-FAULTS row 13: NAK sets its clock, the alarm stands once, with the mark that its time was wrong."""
    async with (
        panel_box(tmp_path, free_port()) as box,
        Dialler("127.0.0.1", box.port, "0A2F", key=KEY, off=timedelta(hours=1)) as dialler,
    ):
        heard = await dialler.alarm(99, "HA")
        assert (heard.answer, heard.sent) == (Reply.ACK, 2)
        assert abs(dialler.off) < timedelta(seconds=3)
    told = events_of(tmp_path)
    (alarm,) = [event for event in told if event.kind == "zone.hold_up"]
    assert alarm.facts["clock_off_s"] in {3600, 3599}
    assert [event.kind for event in told if "clock_drift" in event.kind] == [
        "device.clock_drift",
        "device.clock_drift.restored",
    ]


async def test_a_panel_that_heeds_no_time_is_heard_all_the_same(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """FIELD-FAULTS row 13: three times the same frame with a wrong time, one alarm."""
    async with (
        panel_box(tmp_path, free_port()) as box,
        Dialler("127.0.0.1", box.port, "0A2F", key=KEY, off=timedelta(hours=8)) as dialler,
    ):
        dialler.heeds_nak = False
        heard = await dialler.alarm(99, "HA")
        assert (heard.answer, heard.sent) == (Reply.NAK, 3)
    assert [kind for kind, _ in kinds_of(tmp_path)].count("zone.hold_up") == 1


async def test_datagrams_in_a_panel_s_name_do_not_silence_its_connection(
    tmp_path: Path, free_port: Callable[[], int], eventually: Eventually
) -> None:
    """Anybody can write a panel's address on datagrams; what they spend is not what its own connection may send."""
    async with panel_box(tmp_path, free_port()) as box, Dialler("127.0.0.1", box.port, "0012", tries=1) as dialler:
        garbage = dialler.frame("ACK", 1, b"")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

            def spent() -> bool:
                for _ in range(300):
                    sender.sendto(garbage, ("127.0.0.1", box.port))
                return box.driver.counts["dropped"] > 0

            await eventually(spent, timeout_s=20)
        assert (await dialler.alarm(99, "HA")).answer is Reply.ACK


async def test_a_disk_that_refuses_leaves_the_panel_without_an_answer(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """No acknowledgement for what a power cut could take; when the disk takes it, it is answered, and told once."""
    async with panel_box(tmp_path, free_port()) as box:
        async with Dialler("127.0.0.1", box.port, "0012", wait_s=7, tries=1) as dialler:
            assert (await dialler.link_test()).answer is Reply.ACK
            frame = dialler.frame("SIA-DCS", 5, b"#0012|NHA99")
            blocker = sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)
            blocker.execute("BEGIN IMMEDIATE")
            try:
                assert (await dialler.send(frame)).answer is None
                assert ("zone.hold_up", "device/p1/zone/99") not in kinds_of(tmp_path)
            finally:
                blocker.execute("ROLLBACK")
                blocker.close()
            assert (await dialler.send(frame)).answer is Reply.ACK
        assert kinds_of(tmp_path).count(("zone.hold_up", "device/p1/zone/99")) == 1


async def test_row_18_killed_between_disk_and_answer_the_alarm_is_told_once(
    tmp_path: Path, free_port: Callable[[], int], process: StartProcess, eventually: Eventually
) -> None:
    """FIELD-FAULTS row 18: kill -9 before the acknowledgement; the panel says it again, and it stands there once."""
    port = free_port()
    child = process([sys.executable, "-m", "tests.panel_box", str(tmp_path), str(port)], cwd=ROOT)
    await eventually(lambda: "ready" in child.output(), timeout_s=20)
    async with Dialler("127.0.0.1", port, "0A2F", key=KEY, wait_s=1, tries=1) as dialler:
        frame = dialler.frame("SIA-DCS", 5, b"#0A2F|NHA99")
        assert (await dialler.send(frame)).answer is None
    child.wait()
    assert kinds_of(tmp_path).count(("zone.hold_up", "device/p2/zone/99")) == 1
    async with panel_box(tmp_path, port), Dialler("127.0.0.1", port, "0A2F", key=KEY) as dialler:
        assert (await dialler.send(frame)).answer is Reply.ACK
    assert kinds_of(tmp_path).count(("zone.hold_up", "device/p2/zone/99")) == 1


async def test_a_panel_that_sends_all_at_once_is_answered_in_order(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """A panel's whole memory in one go, byte by byte in the middle: an answer for each, in their order."""
    async with panel_box(tmp_path, free_port()) as box:
        source = Dialler("127.0.0.1", box.port, "0012")
        frames = [source.frame("SIA-DCS", number, b"#0012|NBA%d" % number) for number in range(1, 301)]
        reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
        stream = b"".join(frames)
        for at in range(400):
            writer.write(stream[at : at + 1])
            await writer.drain()
        writer.write(stream[400:])
        answers = [await reader.readuntil(b"\r") for _ in frames]
        writer.close()
        await writer.wait_closed()
        assert [int(each[14:18]) for each in answers] == list(range(1, 301))
    kinds = [kind for kind, _ in kinds_of(tmp_path)]
    assert (kinds.count("zone.intrusion"), kinds.count("zone.hold_up")) == (299, 1)  # one of them is the button's


async def test_noise_and_strangers_get_nothing_and_hurt_nobody(
    tmp_path: Path, free_port: Callable[[], int], eventually: Eventually
) -> None:
    """Connections without end from one address are not let in; a panel at another door is heard meanwhile."""
    async with panel_box(tmp_path, free_port()) as box:
        strangers = [
            await asyncio.open_connection("127.0.0.1", box.port) for _ in range(limits.MAX_CONNECTIONS_EACH + 5)
        ]
        for _, writer in strangers:
            writer.write(b"\xff" * 10_000)
        async with Dialler("127.0.0.1", box.port, "0012", udp=True) as dialler:
            assert (await dialler.alarm(7, "HA")).answer is Reply.ACK
        await eventually(lambda: sum(reader.at_eof() or reader.exception() is not None for reader, _ in strangers) == 5)
        for _, writer in strangers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in strangers), return_exceptions=True)


async def test_a_panel_that_hangs_up_in_the_middle_hurts_nobody(
    tmp_path: Path, free_port: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    """A hundred answers wait, and the line is torn: the next panel is heard, and nothing of it is in the log."""
    async with panel_box(tmp_path, free_port()) as box:
        source = Dialler("127.0.0.1", box.port, "0012")
        frames = [source.frame("SIA-DCS", number, b"#0012|NBA%d" % number) for number in range(1, 301)]
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", box.port)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.write(b"".join(frames))
            await writer.drain()
            writer.transport.abort()
        async with Dialler("127.0.0.1", box.port, "0012") as dialler:
            assert (await dialler.alarm(7, "HA")).answer is Reply.ACK
    gc.collect()
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_an_address_in_use_is_told_and_tried_again(
    tmp_path: Path, free_port: Callable[[], int], eventually: Eventually
) -> None:
    """Nobody hears panels then, and people must know; once the address is free, it is over."""
    port = free_port()
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)

    async def free() -> None:
        await eventually(lambda: ("device.offline", "box/receiver") in kinds_of(tmp_path))
        taken.close()
        await taken.wait_closed()

    freeing = asyncio.create_task(free())
    async with panel_box(tmp_path, port) as box:
        await freeing
        async with Dialler("127.0.0.1", port, "0012") as dialler:
            assert (await dialler.link_test()).answer is Reply.ACK
        await eventually(lambda: ("device.offline.restored", "box/receiver") in kinds_of(box.folder))


WHOLE = """
id = "0755-031"
name = "s"
unit = "u"
timezone = "Asia/Shanghai"
[centre]
box = "0755-031-a"
brokers = ["127.0.0.1:1"]
ca = "{root}"
trust = "{root}"
certificate = "{chain}"
key = "{key}"
"""


async def test_the_whole_agent_hears_panels_and_knows_a_repeat_after_kill_9(
    tmp_path: Path,
    certificates: Certificates,
    free_port: Callable[[], int],
    process: StartProcess,
    eventually: Eventually,
) -> None:
    """`agent run`: what it acknowledged is told once whatever comes; without secrets no keyed panel is taken."""
    chain, key = certificates.pair("0755-031-a")
    port = free_port()
    site = tmp_path / "site.toml"
    described = SITE.replace("PORT", str(port)).partition("[receiver]")[2]
    site.write_text(WHOLE.format(root=certificates.root, chain=chain, key=key) + "[receiver]" + described)
    state = tmp_path / "state"
    words: list[str | Path] = [sys.executable, "-m", "branchwatch", "agent", "run", "--config", site, "--state", state]
    first = process(words, cwd=ROOT)
    await eventually(lambda: "guarding" in first.output(), timeout_s=30)
    async with Dialler("127.0.0.1", port, "0012", wait_s=5, tries=3) as dialler:
        frame = dialler.frame("SIA-DCS", 5, b"#0012|NHA7")
        assert (await dialler.send(frame)).answer is Reply.ACK
    async with Dialler("127.0.0.1", port, "0A2F", key=KEY, wait_s=1, tries=1) as dialler:
        assert (await dialler.link_test()).answer is None
    first.kill()
    assert kinds_of(state).count(("zone.hold_up", "zone/button")) == 1
    second = process(words, cwd=ROOT)
    await eventually(lambda: "guarding" in second.output(), timeout_s=30)
    async with Dialler("127.0.0.1", port, "0012", wait_s=5, tries=3) as dialler:
        assert (await dialler.send(frame)).answer is Reply.ACK
    assert await asyncio.to_thread(second.stop) == 0
    told = kinds_of(state)
    assert told.count(("zone.hold_up", "zone/button")) == 1
    assert ("device.login_refused", "device/p2") in told
