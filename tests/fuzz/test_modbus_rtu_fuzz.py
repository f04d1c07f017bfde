"""Invariant: only a whole, undamaged answer of the right unit, function and size is one; noise around it is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.drivers.modbus.registers import Read, read_of_another_size
from agent.drivers.modbus.rtu_frames import Asked, complaint, find
from agent.drivers.modbus.serial_line import crc_fits
from protocol.site.modbus import HIGHEST_NUMBER, Table

ASKED = Asked(unit=17, function=2, data=3)
COIL = Asked(unit=17, function=5, data=bytes.fromhex("00acff00"))


def crc(data: bytes) -> bytes:
    """The check sum, bit by bit as MODBUS over Serial Line V1.02, section 6.2.2, tells it."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register.to_bytes(2, "little")


def framed(body: str) -> bytes:
    """A frame with its check sum."""
    data = bytes.fromhex(body)
    return data + crc(data)


ANSWER = framed("11 02 03 acdb35")
REFUSAL = framed("11 82 02")
ECHO = framed("11 05 00acff00")


def test_the_check_sum_is_the_specifications() -> None:
    """Its own example, and the library's view of it: 02 07 is followed by 41 12."""
    assert crc(b"\x02\x07") == b"\x41\x12"
    assert crc_fits(b"\x02\x07\x41\x12")
    assert not crc_fits(b"\x02\x07\x12\x41")


@pytest.mark.parametrize(("frame", "asked", "refused"), [(ANSWER, ASKED, ""), (ECHO, COIL, ""), (REFUSAL, ASKED, "2")])
def test_an_answer_is_found_whole_only(frame: bytes, asked: Asked, refused: str) -> None:
    """Byte by byte there is none until the last; with bytes before and behind it is found where it is."""
    for length in range(len(frame)):
        assert find(frame[:length], asked, crc_fits) is None
    for before in (b"", b"\xff", b"\x00\x11", frame[:4]):
        found = find(before + frame + b"\x00", asked, crc_fits)
        assert found is not None
        assert (found.start, found.end) == (len(before), len(before) + len(frame))
        assert refused in found.refused
        assert bool(refused) is bool(found.refused)


@given(st.sampled_from([(ANSWER, ASKED), (ECHO, COIL), (REFUSAL, ASKED)]), st.integers(0, 300))
def test_one_bit_turned_over_is_no_answer(which: tuple[bytes, Asked], bit: int) -> None:
    """Wherever it is; and it is told as what it looks like."""
    frame, asked = which
    turned = bytearray(frame)
    turned[bit // 8 % len(frame)] ^= 1 << bit % 8
    assert find(bytes(turned), asked, crc_fits) is None
    assert complaint(bytes(turned), asked, crc_fits) == "answer is garbled"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("12 02 03 acdb35", "answer of unit 18"),
        ("11 01 03 acdb35", "answer of function 1"),
        ("11 02 02 acdb", "answer has 2 bytes, not 3"),
        ("11 81 02", "answer of function 129"),
    ],
)
def test_another_answer_is_named(body: str, said: str) -> None:
    """Another unit's, another function's, another size: never taken, and said."""
    assert find(framed(body), ASKED, crc_fits) is None
    assert complaint(b"\x00" + framed(body), ASKED, crc_fits) == said
    assert complaint(b"", ASKED, crc_fits) == ""


NOISE = st.binary(max_size=40)
SUMMED = st.tuples(st.sampled_from([b"\x11\x02\x03", b"\x11\x82", b"\x11\x01\x03", b""]), st.binary(max_size=4)).map(
    lambda parts: b"".join(parts) + crc(b"".join(parts))
)


@given(st.binary(max_size=256) | st.tuples(NOISE, SUMMED, NOISE).map(b"".join))
@settings(max_examples=500, deadline=None)
def test_noise_is_no_answer(received: bytes) -> None:
    """Whatever arrives is judged, and what is taken is an answer by every measure."""
    found = find(received, ASKED, crc_fits)
    if found is not None:
        frame = received[found.start : found.end]
        assert frame[:1] == b"\x11"
        assert frame[-2:] == crc(frame[:-2])
        assert frame[1:3] == b"\x02\x03" or frame[1] == 0x82
    assert (complaint(received, ASKED, crc_fits) == "") is (not received)


@given(
    st.sampled_from(Table),
    st.integers(0, HIGHEST_NUMBER),
    st.integers(1, 120),
    st.sets(st.integers(1, 260), max_size=9),
)
def test_a_marker_has_a_size_of_its_own(table: Table, start: int, count: int, sizes: set[int]) -> None:
    """What tells late answers apart is no read that a poll has, and smaller than the poll's where that is possible."""
    read = Read(table=table, start=min(start, HIGHEST_NUMBER + 1 - count), count=count)
    known = sizes | {read.answer_bytes}
    marker = read_of_another_size(read, known)
    assert marker.answer_bytes not in known
    assert marker.table is table
    assert 0 <= marker.start <= marker.start + marker.count <= HIGHEST_NUMBER + 1
    least = 1 if table.of_bits else 2
    if any(size not in known for size in range(least, read.answer_bytes, least)):
        assert marker.count < read.count
