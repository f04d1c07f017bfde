"""Invariant: whatever panels or strangers send, a frame is taken whole or not at all, alike however it is cut, and only
what was enciphered with an account's key is believed to be that account's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.drivers.dc09.config import PanelWiring
from agent.drivers.dc09.desk import Desk
from agent.drivers.dc09.judging import ANSWERS, Account, Word, judge
from agent.drivers.dc09.keys import PanelKey
from agent.signals import Moment
from protocol.dc09.body import Body, encode_body, parse_body
from protocol.dc09.cipher import PADDING, encrypt
from protocol.dc09.contact_id import parse_contact_id
from protocol.dc09.frames import MAX_FRAME, Frame, FrameDamagedError, HeaderError, crc16, decode_frame, encode_frame
from protocol.dc09.reports import MAX_REPORTS, MAX_TEXT, ContentError
from protocol.dc09.sia_dcs import parse_sia_dcs
from protocol.dc09.stream import Splitter
from protocol.ids import SOURCE_PATTERN

NOW = Moment(wall=datetime(2026, 11, 21, 2, 13, 49, tzinfo=UTC), mono_ms=1_000_000)
KEY = bytes(range(16))
PLAIN = PanelWiring(id="plain", account="0012")
KEYED = PanelWiring(id="keyed", account="0A2F", key="panel")
ACCOUNTS = {"0012": Account(panel=PLAIN), "0A2F": Account(panel=KEYED, key=PanelKey(KEY))}

LETTERS = st.binary(max_size=80)
BODIES = st.one_of(
    LETTERS,
    st.builds(lambda data: b"#0012|N" + data + b"]", LETTERS),
    st.builds(lambda data: b"#0012|NBA" + data.encode() + b"]", st.text("0123456789ABCDEF:-", max_size=60)),
    st.just(b"#0012|Nri1/BA3]_02:13:49,11-21-2026"),
)
FRAMES = st.builds(
    Frame,
    id=st.sampled_from(["SIA-DCS", "ADM-CID", "NULL", "XNM", "ACK", "SCN-S8"]),
    encrypted=st.booleans(),
    sequence=st.integers(0, 9999),
    receiver=st.sampled_from([None, "", "1F"]),
    line=st.sampled_from(["", "0", "789ABC"]),
    account=st.sampled_from(["0012", "012", "0A2F", "FFF"]),
    body=BODIES,
)


def enciphered(chance: bytes, *, at: int = 0, change: int = 0) -> bytes:
    """A frame of the keyed account with its key; one byte of what is enciphered may be changed."""
    padding = (chance + bytes(PADDING))[:PADDING]
    body = encrypt(encode_body(Body(data=b"#0A2F|Nri1/BA3", sent=NOW.wall)), KEY, padding)
    changed = bytearray(bytes.fromhex(body.decode()))
    changed[at % len(changed)] ^= change
    sent = changed.hex().upper().encode()
    return encode_frame(Frame(id="SIA-DCS", encrypted=True, sequence=1, account="0A2F", body=sent))


def whole(message: bytes) -> bytes:
    """Any message as a frame whose CRC and length are right."""
    return b"\n%04X%04X%s\r" % (crc16(message), len(message), message)


NOISE = st.lists(st.binary(max_size=20) | st.sampled_from([b"\n", b"\r"]) | FRAMES.map(encode_frame), max_size=12)


@given(st.binary(max_size=400) | NOISE.map(b"".join), st.integers(1, 9))
@settings(max_examples=400, deadline=None)
def test_noise_is_split_alike_however_it_is_cut(data: bytes, cut: int) -> None:
    """Every frame begins with its line feed and ends with its carriage return, and no byte is in two."""
    together = list(Splitter().feed(data))
    splitter = Splitter()
    pieces = [frame for at in range(0, len(data), cut) for frame in splitter.feed(data[at : at + cut])]
    assert pieces == together
    for frame in together:
        assert frame[:1] == b"\n"
        assert frame[-1:] == b"\r"
        assert frame.count(b"\r") == frame.count(b"\n") == 1
        assert len(frame) <= MAX_FRAME


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(whole),
        FRAMES.map(encode_frame),
        st.binary(max_size=PADDING).map(enciphered),
    )
)
@settings(max_examples=600, deadline=None)
def test_any_bytes_are_judged_and_none_in_clear_is_believed_of_a_keyed_account(data: bytes) -> None:
    """One word for each frame, with its answer; what is taken of the keyed account was enciphered with its key."""
    verdict = judge(data, ACCOUNTS, NOW.wall)
    assert verdict.word in ANSWERS
    if verdict.taken and verdict.panel is KEYED:
        assert verdict.proven
        assert verdict.frame.encrypted
    if verdict.taken and verdict.panel is PLAIN:
        assert verdict.frame.account == "0012"  # never 012: leading zeros are part of an account


@given(FRAMES)
@settings(max_examples=300, deadline=None)
def test_what_is_made_is_read(frame: Frame) -> None:
    """Encode and decode are each other's inverse, unless the body ends the frame."""
    data = encode_frame(frame)
    if b"\r" not in frame.body and b"\n" not in frame.body:
        assert decode_frame(data) == frame
        assert list(Splitter().feed(data)) == [data]


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(1, 255))
@settings(max_examples=400, deadline=None)
def test_a_changed_block_is_never_taken_for_an_alarm_in_another_zone(chance: bytes, at: int, change: int) -> None:
    """DC-09 does not sign: a change may pass only where it leaves a body with its time, and it never crashes."""
    verdict = judge(enciphered(chance, at=at, change=change), ACCOUNTS, NOW.wall)
    if verdict.taken:
        assert verdict.off_s is not None


@given(st.binary(max_size=300))
@settings(max_examples=600, deadline=None)
def test_content_is_read_or_refused(data: bytes) -> None:
    """At most so many statements, texts of at most so many letters, and nothing else than ContentError."""
    for prefix in (b"", b"#0012|N", b"#0012|1130 01 "):
        for parse in (parse_sia_dcs, lambda each: (parse_contact_id(each),)):
            try:
                said = parse(prefix + data)
            except ContentError:
                continue
            assert 1 <= len(said) <= MAX_REPORTS
            assert all(len(each.text) <= MAX_TEXT and each.text.isprintable() for each in said)


@given(st.binary(max_size=200) | st.lists(st.sampled_from([b"#0012|Nri1/BA3", *b"[ ] M x".split()])).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_a_body_is_parts_of_itself(clear: bytes) -> None:
    """Nothing is made up."""
    body = parse_body(clear)
    assert clear.startswith(body.data)
    assert all(b"[%s]" % block in clear for block in body.extended)


@given(st.lists(st.tuples(FRAMES, st.integers(-90, 90)), max_size=12))
@settings(max_examples=150, deadline=None)
def test_the_desk_answers_what_it_takes_and_only_that(frames: list[tuple[Frame, int]]) -> None:
    """In any order and at any time: ACK and NAK only for what is taken; every event has a source that may be one."""
    desk = Desk([PLAIN, KEYED], {"keyed": PanelKey(KEY)}, {}, NOW)
    now = NOW
    for frame, passed_s in frames:
        now = now.after(timedelta(seconds=max(0, passed_s)))
        due = desk.take(encode_frame(frame), "192.0.2.9", now, bytes(PADDING))
        answered = due.answer[9:13]
        assert (answered in {b'"ACK', b'"*AC', b'"NAK'}) is due.verdict.taken
        assert all(re.fullmatch(SOURCE_PATTERN, finding.source) for finding in due.findings)


@given(st.binary(max_size=100))
@settings(max_examples=200, deadline=None)
def test_decoding_fails_in_two_ways_only(data: bytes) -> None:
    """Damaged, or no header of ours."""
    for candidate in (data, whole(data)):
        try:
            decode_frame(candidate)
        except (FrameDamagedError, HeaderError):
            continue


def test_each_word_has_an_answer() -> None:
    """No verdict is left without a decision whether anybody is answered."""
    assert set(ANSWERS) == set(Word)
