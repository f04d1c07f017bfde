"""Reports to receivers over real connections: one not written here, the box's own, dead ones and hostile ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from pysiaalarm.account import SIAAccount
from pysiaalarm.aio.client import SIAClient
from pysiaalarm.event import SIAEvent

from collector.notify.dc09.link import MAX_ANSWER_BYTES, Times
from collector.notify.dc09.loading import Receiver, ReceiverKey
from collector.notify.dc09.port import ReceiverPort
from collector.notify.dc09.receivers import MAX_WAITING, Receivers
from collector.notify.dc09.records import Outcome, Reason, Report
from collector.notify.dc09.settings import SiteAccount, Token
from collector.notify.port import About, Message
from collector.notify.port import Outcome as Sent
from protocol.dc09.body import parse_body
from protocol.dc09.cipher import PADDING, opened
from protocol.dc09.frames import Frame, decode_frame
from protocol.dc09.replies import ack, duh, nak
from tests.conftest import Eventually
from tests.panel_box import KEY, events_of, panel_box

QUICK = Times(connect_s=5.0, wait_s=1.0)
BRIEF = Times(connect_s=5.0, wait_s=0.3)
CHANCE = bytes(PADDING)


def now() -> datetime:
    """Real time: receivers are real peers."""
    return datetime.now(UTC)


def random(size: int) -> bytes:
    """No chance is needed to see what is sent."""
    return bytes(range(size))


def to(*ports: int, **unlike: object) -> Receiver:
    """A receiver at these ports."""
    receiver = Receiver(
        id="police",
        addresses=tuple(("127.0.0.1", port) for port in ports),
        account="0A2F",
        token=Token.CONTACT_ID,
        receiver="1",
        prefix="0",
        key=None,
        supervision_s=60.0,
        zone=ZoneInfo("UTC"),
        sites={"s": SiteAccount(id="s", account="0A2F", area=1, points={"zone/button": 12})},
    )
    return msgspec.structs.replace(receiver, **unlike)


def receivers_at(*ports: int, times: Times = QUICK, **unlike: object) -> Receivers:
    """One receiver, with times that a test can wait for."""
    return Receivers([to(*ports, **unlike)], now=now, random=random, times=times)


def report(kind: str = "zone.hold_up", *, restored: bool = False) -> Report:
    """A button of the site, pressed now."""
    return Report(site="s", kind=kind, point="zone/button", opened_ms=int(now().timestamp() * 1000), restored=restored)


Answering = Callable[[Frame, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """A receiver that does what a test wants, and keeps what it heard."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.heard: list[Frame] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one frame."""
        try:
            frame = decode_frame(await reader.readuntil(b"\r"))
            self.heard.append(frame)
            await self.answering(frame, writer)
            await reader.read()  # until the other side has gone
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def peer(answering: Answering) -> AsyncIterator[Peer]:
    """It listens while the block runs."""
    one = Peer(answering)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await server.wait_closed()


async def acknowledges(frame: Frame, writer: asyncio.StreamWriter) -> None:
    """A receiver that works."""
    writer.write(ack(frame, key=KEY if frame.encrypted else None, now=now(), chance=CHANCE))


async def says_nothing(frame: Frame, writer: asyncio.StreamWriter) -> None:
    """A receiver whose program hangs."""


@pytest.mark.parametrize("token", Token)
@pytest.mark.parametrize("key", [None, "AAAAAAAAAAAAAAAA", "B" * 32], ids=["clear", "aes128", "aes256"])
async def test_pysiaalarm_understands_our_reports(
    free_port: Callable[[], int], eventually: Eventually, key: str | None, token: Token
) -> None:
    """A receiver not written here: a link test, a hold-up, an intrusion that is over; each believed."""
    heard: list[SIAEvent] = []

    async def take(event: SIAEvent) -> None:
        heard.append(event)

    port = free_port()
    receiver = SIAClient("127.0.0.1", port, [SIAAccount("0A2F", key)], take)  # type: ignore[abstract]
    await receiver.async_start()
    try:
        receivers = receivers_at(port, key=ReceiverKey(key.encode()) if key else None, token=token)
        running = asyncio.create_task(receivers.run())
        await eventually(lambda: heard)  # from then on what it acknowledges tells that it is there
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        pressed = await receivers.deliver("police", report())
        assert pressed == Outcome(delivered=True, address=f"127.0.0.1:{port}", sent=1)
        assert (await receivers.deliver("police", report("zone.intrusion", restored=True))).delivered
        await eventually(lambda: len(heard) == 3)
    finally:
        await receiver.async_stop()
    assert [event.code for event in heard] == ["RP", "PA", "BH"]
    assert {event.account for event in heard} == {"0A2F"}
    assert [event.sequence for event in heard] == ["0000", "0002", "0003"]
    if token is Token.CONTACT_ID:
        assert [(event.partition, event.ri) for event in heard[1:]] == [("01", "012"), ("01", "012")]


async def test_the_boxs_own_receiver_stores_what_we_report(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """Our other implementation: enciphered, at the named zone, once, on its disk before it is acknowledged."""
    async with panel_box(tmp_path, free_port()) as box:
        receivers = receivers_at(box.port, key=ReceiverKey(KEY), token=Token.SIA)
        assert (await receivers.deliver("police", report("zone.intrusion"))).delivered
        assert [event.source for event in events_of(tmp_path) if event.kind == "zone.intrusion"] == ["zone/safe"]
        wrong = receivers_at(box.port, key=ReceiverKey(bytes(16)))
        refused = await wrong.deliver("police", report())
        assert (refused.delivered, refused.reason, refused.sent) == (False, Reason.UNSUPPORTED, 1)


async def test_a_nak_sets_our_time_and_the_alarm_arrives() -> None:
    """A receiver an hour ahead: one NAK, then it is acknowledged; the next report has its time from the start."""
    ahead = timedelta(hours=1)

    async def strict(frame: Frame, writer: asyncio.StreamWriter) -> None:
        sent = parse_body(opened(frame.body, KEY)[1]).sent
        assert sent is not None
        theirs = now() + ahead
        writer.write(
            ack(frame, key=KEY, now=theirs, chance=CHANCE) if abs(theirs - sent) < timedelta(seconds=5) else nak(theirs)
        )

    async with peer(strict) as one:
        receivers = receivers_at(one.port, key=ReceiverKey(KEY))
        assert (await receivers.deliver("police", report())).sent == 2
        assert (await receivers.deliver("police", report())).sent == 1
        assert [frame.sequence for frame in one.heard] == [2, 2, 3]


async def test_a_receiver_in_another_zone_reads_its_own_hours() -> None:
    """`timezone`: the figures are those of its wall clock; without timestamps none stand there."""
    async with peer(acknowledges) as one:
        await receivers_at(one.port, zone=ZoneInfo("Asia/Shanghai")).deliver("police", report())
        await receivers_at(one.port, zone=None).deliver("police", report())
    local, bare = (parse_body(frame.body).sent for frame in one.heard)
    assert local is not None
    assert abs(local - now() - timedelta(hours=8)) < timedelta(seconds=30)
    assert bare is None


async def test_a_dead_first_address_costs_no_time(free_port: Callable[[], int]) -> None:
    """Nobody listens there: the other hears at once, and is first from then on."""
    dead = free_port()
    async with peer(acknowledges) as one:
        receivers = receivers_at(dead, one.port, times=Times())  # the real twenty seconds
        for _ in range(2):
            outcome = await receivers.deliver("police", report())
            assert (outcome.delivered, outcome.address) == (True, f"127.0.0.1:{one.port}")


async def test_a_hung_first_address_is_asked_three_times_then_the_other() -> None:
    """The same number each time; then the other address, told as lost, and the next report begins where it works."""
    async with peer(says_nothing) as hung, peer(acknowledges) as one:
        receivers = receivers_at(hung.port, one.port, times=BRIEF)
        outcome = await receivers.deliver("police", report())
        assert (outcome.delivered, outcome.sent, [frame.sequence for frame in hung.heard]) == (True, 4, [2, 2, 2])
        assert (await receivers.deliver("police", report())).sent == 1
        lost = next(each for each in receivers.changes if each.lost)
        assert (lost.address, lost.lost, lost.reason) == (f"127.0.0.1:{hung.port}", True, Reason.SILENT)


async def test_nobody_there_fails_with_its_reason(free_port: Callable[[], int]) -> None:
    """Both addresses dead: every try at each, then a failure that says so, and that nobody heard it."""
    outcome = await receivers_at(free_port(), free_port(), times=BRIEF).deliver("police", report())
    assert outcome == Outcome(delivered=False, reason=Reason.UNREACHABLE)


@pytest.mark.parametrize("way", ["garbage", "endless", "drip", "late", "other", "plain", "cut"])
async def test_what_a_receiver_says_wrongly_is_no_acknowledgement(way: str) -> None:
    """Noise, a flood, a slow drip, another's answer, one without the key, a cut line: not delivered, in time."""
    drips = asyncio.Event()

    async def odd(frame: Frame, writer: asyncio.StreamWriter) -> None:
        sound = ack(frame, key=KEY, now=now(), chance=CHANCE)
        match way:
            case "garbage":
                writer.write(b"\n\x00\xff" * 100 + sound[:-5] + b"\r")
            case "endless":
                writer.write(b"\n" * MAX_ANSWER_BYTES + sound)
            case "drip":
                writer.write(sound[:1])
                await drips.wait()
            case "late":
                writer.write(ack(frame, key=KEY, now=now() - timedelta(days=1), chance=CHANCE))
            case "other":
                another = msgspec.structs.replace(frame, sequence=frame.sequence + 1)
                writer.write(ack(another, key=KEY, now=now(), chance=CHANCE))
            case "plain":
                writer.write(ack(frame, key=None, now=now(), chance=CHANCE))
            case "cut":
                writer.transport.abort()

    async with peer(odd) as one:
        outcome = await receivers_at(one.port, key=ReceiverKey(KEY), times=BRIEF).deliver("police", report())
        drips.set()
    unproven = way in {"late", "plain"}
    assert outcome == Outcome(
        delivered=False, reason=Reason.UNPROVEN if unproven else Reason.SILENT, sent=3, perhaps=True
    )
    assert len(one.heard) == 3


async def test_noise_before_a_sound_answer_is_passed_over() -> None:
    """A late answer to another message, then ours, in pieces: delivered."""

    async def noisy(frame: Frame, writer: asyncio.StreamWriter) -> None:
        other = msgspec.structs.replace(frame, sequence=9_999)
        writer.write(b"\r\nxx" + ack(other, key=None, now=now(), chance=CHANCE))
        sound = ack(frame, key=None, now=now(), chance=CHANCE)
        for at in range(0, len(sound), 7):
            writer.write(sound[at : at + 7])
            await writer.drain()

    async with peer(noisy) as one:
        assert (await receivers_at(one.port).deliver("police", report())).sent == 1


async def test_what_is_not_understood_is_not_repeated() -> None:
    """DUH: once at each address, then it failed, and is not worth another try."""

    async def dull(frame: Frame, writer: asyncio.StreamWriter) -> None:
        writer.write(duh(frame))

    async with peer(dull) as one, peer(dull) as two:
        receivers = receivers_at(one.port, two.port, times=Times())
        assert await receivers.deliver("police", report()) == Outcome(
            delivered=False, reason=Reason.UNSUPPORTED, sent=2
        )
        assert (len(one.heard), len(two.heard)) == (1, 1)


async def test_supervision_tells_of_loss_and_return_once(eventually: Eventually) -> None:
    """There from the start: nothing. It hangs: lost, once, with how many others there are. It answers: back, once."""
    async with peer(acknowledges) as one, peer(acknowledges) as two:
        receivers = receivers_at(one.port, two.port, times=BRIEF, supervision_s=0.05)
        running = asyncio.create_task(receivers.run())
        await eventually(lambda: len(one.heard) > 1 and len(two.heard) > 1)
        assert {frame.id for frame in one.heard} == {"NULL"}
        assert receivers.there("police")
        assert not any(each.lost for each in receivers.changes)
        receivers.changes.clear()  # the first answers
        one.answering = says_nothing
        await eventually(lambda: len(receivers.changes) == 1)
        heard = len(one.heard)
        await eventually(lambda: len(one.heard) > heard + 3)
        assert receivers.there("police") is True
        one.answering = acknowledges
        await eventually(lambda: len(receivers.changes) == 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [(each.source, each.lost, each.others) for each in receivers.changes] == [
        (f"receiver/police/127.0.0.1:{one.port}", True, 1),
        (f"receiver/police/127.0.0.1:{one.port}", False, 1),
    ]


async def test_a_burst_is_delivered_whole_and_beyond_its_limit_refused() -> None:
    """A thousand at once, each under its own number; what is more waits for nobody and says so."""
    async with peer(acknowledges) as one:
        receivers = receivers_at(one.port, times=Times())
        outcomes = await asyncio.gather(*(receivers.deliver("police", report()) for _ in range(MAX_WAITING + 1)))
        assert [each.reason for each in outcomes if not each.delivered] == [Reason.BUSY]
        assert len({frame.sequence for frame in one.heard}) == MAX_WAITING


async def test_a_notice_is_delivered_as_the_sender_asks(free_port: Callable[[], int]) -> None:
    """The port of notices: delivered with the address; an unknown receiver and a kind without a code fail."""

    def notice(kind: str) -> Message:
        about = About(
            id="a",
            number=1,
            site="s",
            site_name="S",
            unit="",
            timezone="UTC",
            kind=kind,
            event_class="security",
            level=1,
            source="zone/button",
            state="new",
            opened_ms=int(now().timestamp() * 1000),
            at_ms=0,
        )
        return Message(
            id="n",
            sort="alarm",
            to="police",
            language="",
            level=1,
            short="",
            subject="",
            body="",
            voice="",
            alarm=about,
        )

    async with peer(acknowledges) as one:
        receivers = receivers_at(one.port)
        sent = await ReceiverPort(receivers, "police").send(notice("zone.hold_up"))
        assert (sent.outcome, sent.id) == (Sent.DELIVERED, f"127.0.0.1:{one.port}")
        coded = await ReceiverPort(receivers, "police").send(notice("escalation.broken"))
        assert (coded.outcome, coded.reason, coded.again) == (Sent.FAILED, "no_code", False)
        nobody = await ReceiverPort(receivers, "fire").send(notice("zone.hold_up"))
        assert (nobody.outcome, nobody.reason) == (Sent.FAILED, "unknown")
        assert len(one.heard) == 1
