"""DC-09 frames, byte for byte: against frames that others published, siadc09's encoder, and any cut of a stream."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from siadc09 import message as other  # type: ignore[import-untyped]
from siadc09.account import Account as OtherAccount  # type: ignore[import-untyped]
from siadc09.siadcs import parse_siadcs  # type: ignore[import-untyped]

from protocol.dc09 import replies
from protocol.dc09.body import Body, encode_body, in_window, parse_body
from protocol.dc09.cipher import PADDING, CipherError, decrypt, encrypt, read_key
from protocol.dc09.frames import MAX_FRAME, Frame, FrameDamagedError, HeaderError, crc16, decode_frame, encode_frame
from protocol.dc09.stream import Splitter
from protocol.timestamps import parse_time

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "dc09.json").read_text("utf-8"))
NOW = datetime(2026, 11, 21, 2, 13, 49, tzinfo=UTC)
KEYS = [bytes(range(size)) for size in (16, 24, 32)]
CHANCE = bytes(range(PADDING))


def framed(text: str) -> bytes:
    """A published frame with its first and last byte."""
    return b"\n" + text.encode("ascii") + b"\r"


def test_the_crc_is_the_one_of_the_catalogue() -> None:
    """CRC-16/ARC over its check text."""
    assert f"{crc16(VECTORS['crc']['of'].encode()):04X}" == VECTORS["crc"]["is"]


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda each: str(each["from"])[:30])
def test_published_frames_are_read_and_made_again(vector: dict[str, Any]) -> None:
    """Every field, and the same bytes back; accounts keep their leading zeros."""
    data = framed(vector["frame"])
    frame = decode_frame(data)
    body = parse_body(frame.body)
    assert [getattr(frame, each) for each in ("id", "sequence", "receiver", "line", "account", "encrypted")] == [
        *(vector[each] for each in ("id", "sequence", "receiver", "line", "account")),
        False,
    ]
    assert body.data.decode() == vector["data"]
    assert [each.decode() for each in body.extended] == vector["extended"]
    assert body.sent == (parse_time(vector["sent"]) if vector["sent"] else None)
    assert body.readable
    assert encode_body(body) == frame.body
    assert encode_frame(frame) == data


@pytest.mark.parametrize("vector", VECTORS["enciphered"], ids=lambda each: str(each["from"])[:30])
def test_published_enciphered_frames_are_opened(vector: dict[str, Any]) -> None:
    """With chance and with zeros as padding, with its mark and without."""
    frame = decode_frame(framed(vector["frame"]))
    body = parse_body(decrypt(frame.body, read_key(vector["key"])))
    assert (frame.id, frame.account, frame.encrypted) == (vector["id"], vector["account"], True)
    assert body.sent == parse_time(vector["sent"])
    if vector["data"] is not None:
        assert body.data.decode() == vector["data"]


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 64, 5_000])
def test_a_stream_gives_the_same_frames_however_it_is_cut(cut: int) -> None:
    """Byte by byte, in odd pieces, whole; noise and zero bytes between frames go."""
    frames = [framed(vector["frame"]) for vector in (*VECTORS["frames"], *VECTORS["enciphered"])]
    stream = b"noise\x00" + b"\x00".join(frames) + b"\x00\r\r" + frames[0][:20] + frames[1] + b"tail"
    splitter = Splitter()
    found = [frame for at in range(0, len(stream), cut) for frame in splitter.feed(stream[at : at + cut])]
    assert found == [*frames, frames[1]]  # the frame that was cut short is given up for the next line feed
    assert splitter.dropped == len(stream) - sum(map(len, found))


def test_a_frame_without_end_is_not_held() -> None:
    """At most one frame's bytes are kept, whatever comes."""
    splitter = Splitter()
    assert not list(splitter.feed(b"\n" + b"x" * 3 * MAX_FRAME))
    assert splitter.dropped > MAX_FRAME
    frame = framed(VECTORS["frames"][0]["frame"])
    assert list(splitter.feed(frame)) == [frame]


def test_a_changed_byte_is_noticed() -> None:
    """CRC and length cover all of it, whichever byte it is."""
    whole = framed(VECTORS["frames"][1]["frame"])
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0x04
        with pytest.raises(FrameDamagedError):
            decode_frame(bytes(changed))


def test_a_frame_cut_short_or_too_long_is_damaged() -> None:
    """Every beginning, and anything behind the end."""
    whole = framed(VECTORS["frames"][0]["frame"])
    for end in range(len(whole)):
        with pytest.raises(FrameDamagedError):
            decode_frame(whole[:end])
    for tail in (b"\x00", b"\r", b"\n", whole):
        with pytest.raises(FrameDamagedError):
            decode_frame(whole + tail)


@pytest.mark.parametrize(
    ("message", "sequence"),
    [(b'"X"12', 0), (b'"SIA-DCS"0042Q0#1234[]', 42), (b"nonsense", 0), (b'"SIA-DCS"0007L0#12[]', 7), (b"", 0)],
)
def test_a_whole_frame_with_another_header_says_its_number(message: bytes, sequence: int) -> None:
    """What cannot be read can still be refused under its number."""
    data = b"\n%04X%04X%s\r" % (crc16(message), len(message), message)
    with pytest.raises(HeaderError) as refused:
        decode_frame(data)
    assert refused.value.sequence == sequence


def test_a_frame_longer_than_it_can_count_is_not_made() -> None:
    """Nobody could read it."""
    with pytest.raises(ValueError, match="more than a frame can count"):
        encode_frame(Frame(id="SIA-DCS", account="1234", body=b"x" * 5_000 + b"]"))


@pytest.mark.parametrize("key", KEYS, ids=len)
@pytest.mark.parametrize("clear", [b"]_02:13:49,11-21-2026", b"#0012|Nri1/BA03]_02:13:49,11-21-2026", b"x" * 16 + b"]"])
def test_what_is_enciphered_opens_with_its_key_alone(key: bytes, clear: bytes) -> None:
    """All three lengths of key; padding of at least a block before anything that is known; never with another key."""
    body = encrypt(clear, key, CHANCE)
    assert parse_body(decrypt(body, key)).sent == parse_body(clear).sent
    if not clear.startswith(b"]"):
        assert decrypt(body, key) == clear
    assert len(body) // 2 >= 16 + len(clear)
    strange = bytes(reversed(key))
    with suppress(CipherError):
        assert parse_body(decrypt(body, strange)).sent is None


def test_the_padding_hides_that_two_messages_are_alike() -> None:
    """The first vector is all zeros: chance comes first."""
    clear = b"#0012|Nri1/BA03]_02:13:49,11-21-2026"
    first, second = (encrypt(clear, KEYS[0], bytes([seed]) * PADDING) for seed in (1, 2))
    assert not any(first[at : at + 32] == second[at : at + 32] for at in range(0, len(first), 32))


@pytest.mark.parametrize("text", ["", "zz", "00" * 15, "00" * 33, "00" * 8])
def test_a_key_is_16_24_or_32_bytes(text: str) -> None:
    """And no message ever repeats one."""
    with pytest.raises(CipherError) as refused:
        read_key(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("key", [None, *KEYS], ids=["clear", "128", "192", "256"])
def test_siadc09_reads_what_we_make_and_we_what_it_makes(key: bytes | None) -> None:
    """The other implementation, both ways, in clear and under every length of key."""
    sent = NOW.replace(microsecond=0)
    body = encode_body(Body(data=b"#123456|Nri1/BA3", sent=sent))
    ours = encode_frame(
        Frame(
            id="SIA-DCS",
            encrypted=key is not None,
            sequence=17,
            account="123456",
            body=encrypt(body, key, CHANCE) if key else body,
        )
    )
    read = other.parse_frame(ours, key)
    assert (read.idtoken, read.seq, read.account.acct, read.timestamp) == ("SIA-DCS", 17, 0x123456, sent)
    assert b"BA3" in read.data.content

    theirs = other.EventMessage(
        OtherAccount(acct=0x123456, key=key),
        config={"idtoken": "SIA-DCS", "data": parse_siadcs(b"#123456|Nri1/BA3"), "timestamp": sent},
    ).encode(seq=18)
    frame = decode_frame(theirs)
    found = parse_body(decrypt(frame.body, key) if key else frame.body)
    assert (frame.id, frame.sequence, frame.account, frame.encrypted) == ("SIA-DCS", 18, "123456", key is not None)
    assert (found.data, found.sent) == (b"#123456|Nri1/BA3", sent)


@pytest.mark.parametrize("key", [None, KEYS[0]], ids=["clear", "enciphered"])
def test_siadc09_reads_our_answers(key: bytes | None) -> None:
    """ACK, enciphered with our time where the question was; NAK with our time in clear; DUH in clear."""
    asked = Frame(id="SIA-DCS", sequence=9, receiver="1", line="2", account="0012", encrypted=key is not None)
    ack = other.parse_frame(replies.ack(asked, key=key, now=NOW, chance=CHANCE), key)
    assert (ack.idtoken, ack.seq, ack.account.acct) == ("ACK", 9, 0x12)
    assert (ack.timestamp is None) is (key is None)
    duh = other.parse_frame(replies.duh(asked))
    assert (duh.idtoken, duh.seq) == ("DUH", 9)
    assert replies.nak(NOW)[9:-1] == b'"NAK"0000R0L0A0[]_02:13:49,11-21-2026'
    assert replies.duh(asked)[9:-1] == b'"DUH"0009R1L2#0012[]'


def test_our_acknowledgement_is_the_one_that_panels_take() -> None:
    """The answer that a Pyronix panel was seen to accept, to the byte."""
    asked = decode_frame(framed(VECTORS["frames"][2]["frame"]))
    assert replies.ack(asked, key=None, now=NOW, chance=CHANCE) == framed(VECTORS["frames"][3]["frame"])


@pytest.mark.parametrize(("off_s", "fresh"), [(-41, False), (-40, True), (0, True), (20, True), (21, False)])
def test_the_window_is_forty_seconds_back_and_twenty_ahead(off_s: int, fresh: bool) -> None:
    """Section 5.5.1.9, both edges."""
    assert in_window(NOW + timedelta(seconds=off_s), NOW) is fresh


@pytest.mark.parametrize("rest", [b"_25:00:00,11-21-2026", b"_2:13:49,11-21-2026", b"_02:13:49,11-21-202", b"trailing"])
def test_a_time_that_cannot_be_read_is_none(rest: bytes) -> None:
    """The data before it is still there."""
    body = parse_body(b"#1234|Nri1/BA3]" + rest)
    assert (body.data, body.sent, body.readable) == (b"#1234|Nri1/BA3", None, False)
