"""Pictures reach the centre over real TLS whatever the line does, the most wanted first, and nobody else gets one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.evidence.describing import Description
from agent.evidence.folder import Shelf
from protocol.messages import Clock as ClockWord
from protocol.uploads import MIN_PIECE_BYTES
from tests.brokers import Certificates, make_certificates
from tests.conftest import Eventually
from tests.evidence_server import STRANGER, EvidenceServer
from tests.sending import Sender
from tests.uplinks import identity_of

PIECE = MIN_PIECE_BYTES


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority of this file."""
    return make_certificates(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(certificates: Certificates) -> Iterator[EvidenceServer]:
    """The centre's server."""
    with EvidenceServer(certificates) as running:
        yield running


@pytest.fixture
def sender(tmp_path: Path, certificates: Certificates) -> Sender:
    """A box."""
    return Sender(Shelf(tmp_path), identity_of(certificates))


async def test_a_clip_arrives_whole_in_pieces(sender: Sender, server: EvidenceServer, eventually: Eventually) -> None:
    """Every byte, in order, each piece from where the centre stands; then it is over."""
    clip = sender.seal("clip", 300_000)
    async with sender.running(server.port, kbps=500) as uploader:
        uploader.offer(clip)

        def over() -> bool:
            sender.ahead_ms += 10_000  # the pace is not what is tried here
            uploader.offer(clip)
            return bool(sender.over)

        await eventually(over)
    assert sender.over == [(clip.slot, "sent", "")]
    assert server.slots[clip.slot].complete
    assert [at for _, _, at in server.calls] == list(range(0, 300_000, PIECE))
    assert server.connections == 1


async def test_the_line_is_cut_at_every_piece_and_nothing_is_lost_or_sent_twice(
    sender: Sender, server: EvidenceServer, eventually: Eventually
) -> None:
    """Before a piece and after it, each time at another: what arrived is gone on from, the hash is right."""
    clip = sender.seal("clip", 2 * PIECE + 100)
    cuts = {(number * PIECE, when) for number in range(3) for when in ("before", "after")}

    def cut(slot: str, at: int) -> bool:
        for each in ((at, "before"), (at, "after")):
            if each in cuts:
                cuts.remove(each)
                return True
        return False

    server.cut = cut
    async with sender.running(server.port, kbps=500) as uploader:
        uploader.offer(clip)

        def over() -> bool:
            sender.ahead_ms += 2_000  # waits after failures are tried elsewhere
            uploader.offer(clip)
            return bool(sender.over)

        await eventually(over, timeout_s=30)
    assert sender.over == [(clip.slot, "sent", "")]
    assert not cuts
    assert server.slots[clip.slot].complete


async def test_stills_overtake_clips_and_urgent_ones_routine_ones(
    sender: Sender, server: EvidenceServer, eventually: Eventually
) -> None:
    """What waits while the line is down goes in the order in which it is wanted."""
    kinds = [("clip", 1, True), ("still", 2, False), ("clip", 3, False), ("still", 4, True), ("still", 5, True)]
    made = {number: sender.seal(kind, number=number, urgent=urgent) for kind, number, urgent in kinds}
    async with sender.running(server.port) as uploader:
        for each in made.values():
            uploader.offer(each)
        await eventually(lambda: len(sender.over) == len(made))
    assert server.finished == [made[number].slot for number in (5, 4, 2, 1, 3)]


async def test_a_stalled_clip_does_not_hold_back_a_new_still(
    sender: Sender, server: EvidenceServer, eventually: Eventually
) -> None:
    """A piece that gets no answer is given up for a still, which goes over a connection of its own."""
    clip, still = sender.seal("clip", 200_000, number=1), sender.seal("still", number=2)
    server.stall = lambda slot, at: slot == clip.slot and not server.finished
    async with sender.running(server.port) as uploader:
        uploader.offer(clip)
        await eventually(lambda: server.connections == 1)
        uploader.offer(still)
        await eventually(lambda: (still.slot, "sent", "") in sender.over)
        assert server.finished[0] == still.slot
        await eventually(lambda: len(sender.over) == 2)
    assert server.connections == 2


async def test_a_still_goes_between_the_pieces_of_a_clip(
    sender: Sender, server: EvidenceServer, eventually: Eventually
) -> None:
    """At 64 kbit/s a clip takes a minute; a still is there at once."""
    clip, still = sender.seal("clip", 500_000, number=1), sender.seal("still", number=2)
    async with sender.running(server.port, kbps=64) as uploader:
        uploader.offer(clip)
        await eventually(lambda: server.calls)
        uploader.offer(still)
        await eventually(lambda: (still.slot, "sent", "") in sender.over)
        assert uploader.waiting == 1
        assert server.connections == 1


async def test_the_rate_is_kept(sender: Sender, server: EvidenceServer, eventually: Eventually) -> None:
    """In a second of 500 kbit/s there go no more pieces than fit, and one."""
    clip = sender.seal("clip", 1_000_000)
    async with sender.running(server.port, kbps=500) as uploader:
        began = sender.reading().moment.mono_ms
        uploader.offer(clip)
        await eventually(lambda: len(server.calls) >= 4)
        took_ms = sender.reading().moment.mono_ms - began
    assert took_ms >= 3 * PIECE * 8 / 500 - 20


async def test_nothing_is_sent_to_a_server_that_is_no_broker(
    sender: Sender, certificates: Certificates, eventually: Eventually
) -> None:
    """A certificate of the same root with another role ends the handshake before a byte of ours."""
    with EvidenceServer(certificates, identity=STRANGER) as stranger:
        async with sender.running(stranger.port) as uploader:
            uploader.offer(sender.seal())
            assert await eventually(lambda: uploader.last_error)
            assert "certificate" in uploader.last_error
        assert not stranger.calls
        assert uploader.waiting == 1


async def test_nothing_is_sent_to_a_server_of_another_name(
    sender: Sender, server: EvidenceServer, eventually: Eventually
) -> None:
    """The certificate must be for the name in the site file."""
    async with sender.running(server.port, host="127.0.0.2") as uploader:
        uploader.offer(sender.seal())
        assert await eventually(lambda: uploader.last_error)
    assert not server.calls


async def test_a_picture_that_was_changed_on_the_disk_is_not_sent(
    sender: Sender, server: EvidenceServer, eventually: Eventually
) -> None:
    """One bit, another file, a link, nothing at all: it is seen before a byte of it goes, and told."""
    bit, other, link, gone = (sender.seal(number=number) for number in range(1, 5))

    def path(each: Description) -> Path:
        return sender.shelf.path / each.media_name

    data = bytearray(path(bit).read_bytes())
    data[-1] ^= 1
    path(bit).write_bytes(data)
    path(other).write_bytes(b"\xff\xd8\xff another picture")
    content = path(link).read_bytes()
    path(link).unlink()
    (sender.shelf.path.parent / "elsewhere").write_bytes(content)
    path(link).symlink_to(sender.shelf.path.parent / "elsewhere")
    path(gone).unlink()
    async with sender.running(server.port) as uploader:
        for each in (bit, other, link, gone):
            uploader.offer(each)
        await eventually(lambda: len(sender.over) == 4)
    assert sorted(sender.over) == [
        (bit.slot, "damaged", "changed"),
        (other.slot, "damaged", "changed"),
        (link.slot, "damaged", "no_file"),
        (gone.slot, "damaged", "gone"),
    ]
    assert not server.calls


async def test_a_wrong_hash_at_the_centre_begins_again_and_gives_up_at_last(
    sender: Sender, server: EvidenceServer, eventually: Eventually
) -> None:
    """422 drops all of it: it is sent anew from the first byte, and after three times somebody must look."""
    still = sender.seal(size=50_000)
    server.answers = lambda method, slot, piece: (422, {})

    async with sender.running(server.port) as uploader:
        uploader.offer(still)

        def over() -> bool:
            sender.ahead_ms += 2_000
            uploader.offer(still)
            return bool(sender.over)

        await eventually(over)
    assert sender.over == [(still.slot, "refused", "422")]
    assert server.calls == [("PUT", still.slot, 0)] * 3


async def test_a_centre_that_asks_for_time_gets_it(
    sender: Sender, server: EvidenceServer, eventually: Eventually
) -> None:
    """Retry-After holds for everything, a new still too; then it goes on."""
    busy = [True]
    server.answers = lambda method, slot, piece: (503, {"Retry-After": "60"}) if busy[0] else None
    first, second = sender.seal(number=1), sender.seal(number=2)
    async with sender.running(server.port) as uploader:
        uploader.offer(first)
        await eventually(lambda: uploader.told_to_wait)
        uploader.offer(second)
        sender.ahead_ms += 50_000
        uploader.offer(second)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(server.calls) == 1
        busy[0] = False
        sender.ahead_ms += 15_000
        uploader.offer(second)
        await eventually(lambda: len(sender.over) == 2)


async def test_what_an_earlier_run_began_is_gone_on_with(
    sender: Sender, server: EvidenceServer, eventually: Eventually
) -> None:
    """A restarted box asks first how much is there, and sends the rest only."""
    clip = sender.seal("clip", 3 * PIECE)
    server.stall = lambda slot, at: at >= 2 * PIECE
    async with sender.running(server.port, kbps=524) as uploader:
        uploader.offer(clip)
        await eventually(lambda: len(server.slots) and len(server.slots[clip.slot].data) == 2 * PIECE)
    server.stall = lambda slot, at: False
    server.calls.clear()
    async with sender.running(server.port) as uploader:
        uploader.offer(clip, asked=True)
        await eventually(lambda: sender.over)
    assert server.calls[0][:2] == ("GET", clip.slot)
    assert server.slots[clip.slot].complete


async def test_dates_do_not_count_while_the_clock_is_suspect(
    tmp_path: Path, server: EvidenceServer, sender: Sender, eventually: Eventually
) -> None:
    """As with the broker: a box with a dead battery gives its pictures all the same (WIRE 3.7)."""
    sender.clock = ClockWord.SUSPECT
    async with sender.running(server.port) as uploader:
        uploader.offer(sender.seal())
        await eventually(lambda: sender.over)
    assert sender.over[0][1] == "sent"


async def test_what_went_for_room_is_not_sent(sender: Sender, server: EvidenceServer, eventually: Eventually) -> None:
    """A file that was dropped while the line was down is not missed."""
    one, two = sender.seal(number=1), sender.seal(number=2)
    async with sender.running(server.port) as uploader:
        uploader.offer(one)
        uploader.offer(two)
        uploader.drop(two.slot)
        await eventually(lambda: sender.over)
        assert uploader.waiting == 0
    assert server.finished == [one.slot]
    assert sender.over == [(one.slot, "sent", "")]
