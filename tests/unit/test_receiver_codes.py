"""What is said to a receiver: every kind that has a Contact ID code, in both tongues, as our reader understands it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pysiaalarm.data.sia_codes import SIA_CODES

from collector.notify.dc09.codes import SIA, data_of, point_number
from collector.notify.dc09.records import Report
from collector.notify.dc09.settings import SiteAccount, Token
from protocol.dc09.cipher import PADDING
from protocol.dc09.contact_id import parse_contact_id
from protocol.dc09.reports import About
from protocol.dc09.sending import Message, encode_message, next_sequence, read_answer
from protocol.dc09.sia_dcs import parse_sia_dcs
from protocol.kinds import KINDS

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "receivers.json").read_text("utf-8"))
SITE = SiteAccount(id="0755-031", account="1031", area=2, points={"zone/button": 12})
CODED = sorted(name for name, kind in KINDS.items() if kind.cid is not None)


def report(kind: str, *, point: str = "zone/button", restored: bool = False) -> Report:
    """One report of the site."""
    return Report(site="0755-031", kind=kind, point=point, opened_ms=0, restored=restored)


@pytest.mark.parametrize("restored", [False, True])
@pytest.mark.parametrize("kind", CODED)
def test_every_coded_kind_is_said_in_both_tongues(kind: str, restored: bool) -> None:
    """Contact ID bears the catalogue's code; SIA's code is one that receivers know, and means no other alarm."""
    told = data_of(report(kind, restored=restored), SITE, Token.CONTACT_ID, 0)
    assert told is not None
    read = parse_contact_id(told.data)
    assert read.code == f"{'R' if restored else 'E'}{KINDS[kind].cid:03d}"
    assert told.data.startswith(b"#1031|")
    said = data_of(report(kind, restored=restored), SITE, Token.SIA, 0)
    assert said is not None
    (sia,) = parse_sia_dcs(said.data)
    assert sia.code in SIA_CODES
    assert sia.about is not About.UNKNOWN
    if read.about is About.ALARM and sia.about is About.ALARM:
        assert sia.restored is restored
        assert sia.kind == ("zone.hold_up" if read.kind == "zone.duress" else read.kind)  # HA: SIA has no other


def test_a_hold_up_is_written_as_receivers_read_it() -> None:
    """Account, area and the point's number; in SIA's tongue the site and point as text."""
    hold_up = data_of(report("zone.hold_up"), SITE, Token.CONTACT_ID, 0)
    assert hold_up is not None
    assert (hold_up.account, hold_up.data, hold_up.extended) == ("1031", b"#1031|1120 02 012", ())
    said = data_of(report("zone.hold_up"), SITE, Token.SIA, 0)
    assert said is not None
    assert said.data == b"#1031|Nri2/PA12^0755-031 zone-button^"


def test_what_happened_long_since_says_when() -> None:
    """A report a minute late bears the time of the alarm; a kind without a code says nothing at all."""
    opened_ms = int(datetime(2026, 11, 22, 2, 10, tzinfo=UTC).timestamp() * 1000)
    late = Report(site="s", kind="zone.hold_up", point="x", opened_ms=opened_ms)
    told = data_of(late, SITE, Token.CONTACT_ID, opened_ms + 60_001)
    assert told is not None
    assert told.extended == (b"H02:10:00,11-22-2026",)
    assert data_of(report("escalation.broken"), SITE, Token.CONTACT_ID, 0) is None
    assert data_of(report("zone.of_nobody"), SITE, Token.CONTACT_ID, 0) is None


def test_every_code_of_the_catalogue_has_one_of_sia() -> None:
    """The table misses nothing and has nothing to spare."""
    assert SIA.keys() == {kind.cid for kind in KINDS.values() if kind.cid is not None}


@pytest.mark.parametrize(
    ("point", "number"),
    [("zone/button", 12), ("device/p1/zone/99", 99), ("zone/7a", 0), ("zone/1234", 0), ("zone/\u0664", 0), ("", 0)],
)
def test_a_point_has_the_number_of_the_table_or_its_own(point: str, number: int) -> None:
    """What has neither is point 0, never a wrong one."""
    assert point_number(point, SITE.points) == number


def test_numbers_begin_again_behind_the_last() -> None:
    """9999 is followed by 0001: 0000 is the link test's."""
    assert [next_sequence(each) for each in (0, 9_998, 9_999)] == [1, 9_999, 1]
    assert 1 <= next_sequence(65_535) <= 9_999


@pytest.mark.parametrize("vector", VECTORS["sent"], ids=lambda vector: str(vector["says"]))
def test_messages_are_the_vectors(vector: dict[str, str]) -> None:
    """The very bytes that stand in the vectors, and the answers to them are read."""
    key = bytes.fromhex(vector["key"]) if vector["key"] else None
    message = Message(
        id=vector["id"],
        sequence=int(vector["sequence"]),
        account=vector["account"],
        receiver=vector["receiver"],
        prefix=vector["prefix"],
        data=vector["data"].encode(),
        extended=tuple(each.encode() for each in vector["extended"]),
    )
    sent = datetime.fromisoformat(vector["sent"])
    frame = encode_message(message, key=key, sent=sent, chance=bytes(PADDING))
    assert frame == b"\n" + vector["frame"].encode() + b"\r"
    answer = read_answer(b"\n" + vector["answer"].encode() + b"\r", key)
    assert answer is not None
    assert (answer.reply, answer.sequence, answer.account) == ("ACK", int(vector["sequence"]), vector["account"])
    assert answer.proven is (key is not None)
