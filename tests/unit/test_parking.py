"""What waits for the birth of its signer: bounded in bytes over all boxes, and nothing kept of what found no room."""

from __future__ import annotations

import pytest

from collector.ingest.parking import ASK_AGAIN, MAX_PARKED_BYTES, PATIENCE, Parking
from collector.ingest.parsing import Parsed
from collector.ingest.received import Received
from protocol.envelope import read_envelope
from protocol.kinds import Lane
from protocol.topics import Up
from provisioning.authority import Authority
from tests.ledgers import PaperBox

PART = MAX_PARKED_BYTES // 64
BODY = bytes(PART)


@pytest.fixture
def signed(paper_authority: Authority) -> bytes:
    """An envelope of a key that nobody introduced."""
    box = PaperBox(authority=paper_authority)
    return box.seal(box.opened(Lane.URGENT))


def waiting(signed: bytes, number: int, body: bytes = BODY) -> Parsed:
    """One that arrived on the topic of box `number`, as large as `body`."""
    box = f"0755-{number:03}-a"
    received = Received(topic=f"bw/1/{box}/up/event", payload=body, received_ms=0)
    return Parsed(box=box, up=Up.EVENT, unverified=read_envelope(signed, len(signed)), received=received)


def test_all_that_waits_is_bounded_in_bytes(signed: bytes) -> None:
    """Many boxes together take no more than MAX_PARKED_BYTES; what is let go makes room again, to the byte."""
    parking = Parking()
    full = [waiting(signed, number) for number in range(64)]
    for each in full:
        parking.park(each, 0)
    assert parking.count == 64
    parking.park(waiting(signed, 64, b"x"), 0)
    assert parking.count == 64
    assert parking.introduced(full[0].box, full[0].unverified.kid) == [full[0]]
    parking.park(waiting(signed, 65), 0)
    parking.park(waiting(signed, 66, b"x"), 0)
    assert parking.count == 64


def test_what_finds_no_room_leaves_nothing_behind(signed: bytes) -> None:
    """Made-up names cost no memory once all is full; the birth is asked for all the same."""
    parking = Parking()
    for number in range(64):
        parking.park(waiting(signed, number), 0)
    assert parking.park(waiting(signed, 100), 0), "its birth lets it speak"
    assert set(parking._waiting) == {f"0755-{number:03}-a" for number in range(64)}
    parking.impatient(PATIENCE.seconds * 1000)
    assert (parking._waiting, parking._asked_ms, parking.count) == ({}, {}, 0)
    assert ASK_AGAIN < PATIENCE
