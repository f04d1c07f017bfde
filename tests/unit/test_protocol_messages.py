"""Messages have the shape of docs/protocol.md and nothing else gets through."""

import json

import pytest

from protocol.ids import new_event_id, new_run
from protocol.kinds import KINDS, EventClass, Lane, lane_of
from protocol.limits import MAX_LINE_BYTES
from protocol.messages import MessageError, decode_event, encode
from protocol.timestamps import format_time, parse_time
from provisioning.authority import Authority
from tests.ledgers import NOW, PaperBox


@pytest.fixture(scope="module")
def line() -> bytes:
    """An honest event's line."""
    box = PaperBox(Authority.create(now=NOW))
    return box.line("door.dual_open", overlap_s=0.9, tolerance_s=0.5, doors=["outer", "inner"])


def test_the_version_stands_first(line: bytes) -> None:
    """A reader sees the version of the shape before anything else."""
    assert line.startswith(b'{"v":1,"id":"')


def test_encoding_is_stable(line: bytes) -> None:
    """Decoding and encoding an event that we wrote gives the same bytes."""
    assert encode(decode_event(line)) == line


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("box", "Up-Case"),
        ("box", "a" * 33),
        ("box", "x/../y"),
        ("site", ""),
        ("seq", 0),
        ("seq", 2**53),
        ("seq", 1.5),
        ("seq", "1"),
        ("prev", "F" * 64),
        ("level", 0),
        ("level", 6),
        ("lane", "routine"),
        ("kind", "door.dual_open; drop"),
        ("at", "2026-11-21T02:13:49Z"),
        ("at", "2026-11-21T02:13:49.204+08:00"),
        ("at", "2026-06-31T02:13:49.204Z"),
        ("at", "2026-11-21T24:13:49.204Z"),
        ("at", "２026-11-21T02:13:49.204Z"),
        ("at", "2026-11-21T02:13:49.204Z\n"),
        ("box", "0755-031-a\n"),
        ("kind", "door.dual_open\n"),
        ("prev", "0" * 64 + "\n"),
        ("because", [["2026-02-30T02:13:49.204Z", "door/outer", "open", ""]]),
        ("clock", "fine"),
        ("source", "../etc"),
        ("run", "x"),
        ("mono_ms", -1),
        ("facts", {str(n): 0 for n in range(41)}),
        ("facts", {"long": "x" * 513}),
        ("because", [["2026-11-21T02:13:49.204Z", "door/outer", "open"]]),
        ("restores", "01a1ee56-5e00-72d3-8ca9-8dedd2d731f9"),
    ],
)
def test_a_wrong_field_is_refused(line: bytes, field: str, value: object) -> None:
    """Each field is held to its type, its pattern and its limit."""
    changed = json.loads(line) | {field: value}
    with pytest.raises(MessageError):
        decode_event(json.dumps(changed).encode())


def test_a_message_is_one_short_line(line: bytes) -> None:
    """A line feed inside, or one byte too many, is refused before parsing."""
    for changed in (line + b"\n", line[:-1] + b"\n}", b"[" * (MAX_LINE_BYTES + 1), b"", b"\xff"):
        with pytest.raises(MessageError):
            decode_event(changed)


def test_what_a_newer_box_adds_is_not_lost(line: bytes) -> None:
    """Unknown fields and kinds of a newer box are taken, with the lane they state."""
    newer = json.loads(line) | {"kind": "door.invented_later", "lane": "routine", "later": [1]}
    assert decode_event(json.dumps(newer).encode()).kind == "door.invented_later"


def test_every_kind_has_its_lane() -> None:
    """Urgent are levels 1-2, orders, partitions, links and the ledger's own, but marks and shed lines (WIRE 2.1)."""
    for kind in KINDS.values():
        family = kind.name.split(".")[0]
        urgent = kind.level <= 2 or family in {"order", "partition", "link", "ledger"}
        expected = Lane.URGENT if urgent and kind.name not in {"ledger.mark", "ledger.shed"} else Lane.ROUTINE
        assert kind.lane is expected, kind.name
        assert lane_of(kind.name + ".restored") is expected


def test_security_kinds_are_those_of_the_catalogue() -> None:
    """The class that breaks through storms holds doors, custody, vault, zones, people, ATMs, tampering: no faults."""
    security = {kind.name for kind in KINDS.values() if kind.event_class is EventClass.SECURITY}
    assert {"door.dual_open", "door.forced", "zone.hold_up", "camera.covered", "box.tamper"} <= security
    assert not {"device.offline", "box.silent", "door.held_open", "ledger.fork", "order.refused"} & security


def test_times_have_three_decimals_and_a_zone() -> None:
    """Formatting cuts to milliseconds and refuses a time without a zone; parsing takes that form only."""
    assert format_time(NOW.replace(microsecond=204_999)) == "2026-11-21T02:13:49.204Z"
    assert parse_time("2026-11-21T02:13:49.204Z") == NOW
    with pytest.raises(ValueError, match="zone"):
        format_time(NOW.replace(tzinfo=None))
    for text in (
        "2026-11-21T02:13:49Z",
        "2026-11-21 02:13:49.204Z",
        "2026-13-21T02:13:49.204Z",
        "２026-11-21T02:13:49.204Z",
    ):
        with pytest.raises(ValueError, match=r"time|month"):
            parse_time(text)


def test_ids_sort_by_time() -> None:
    """Event ids are UUIDs of version 7: the later millisecond sorts after, whatever the random part."""
    assert new_event_id(1_795_000_000_000, b"\xff" * 10) < new_event_id(1_795_000_000_001, b"\x00" * 10)
    assert len(new_run(b"\x00" * 16)) == 32
