"""What a broker announces is read before the client library makes room for it; whatever is honest passes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.mqtt_frames import MAX_PACKET_BYTES, Frames
from agent.receipts import MAX_DOWN_BYTES

LIMIT = 300


def length(size: int) -> bytes:
    """MQTT's variable length (MQTT 3.1.1 section 2.2.3)."""
    out = bytearray()
    while True:
        size, low = divmod(size, 128)
        out.append(low | (0x80 if size else 0))
        if not size:
            return bytes(out)


def packet(first: int, body: bytes) -> bytes:
    """One packet."""
    return bytes([first]) + length(len(body)) + body


_honest = st.tuples(st.sampled_from([0x20, 0x30, 0x31, 0x32, 0x3B, 0x40, 0x90, 0xD0]), st.binary(max_size=LIMIT))


def fed(frames: Frames, data: bytes, cuts: list[int]) -> None:
    """Feed `data` cut at these places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        frames.feed(data[start:end])


@given(packets=st.lists(_honest, max_size=8), cuts=st.lists(st.integers(0, 4000), max_size=8))
def test_whatever_is_honest_passes_however_it_is_cut(packets: list[tuple[int, bytes]], cuts: list[int]) -> None:
    """Bodies that look like headers are bodies: only what is announced counts."""
    fed(Frames(LIMIT), b"".join(packet(first, body) for first, body in packets), cuts)


@given(
    packets=st.lists(_honest, max_size=4), size=st.integers(LIMIT + 1, 2**28 - 1), cuts=st.lists(st.integers(0, 999))
)
def test_what_is_too_large_is_refused_at_its_header(
    packets: list[tuple[int, bytes]], size: int, cuts: list[int]
) -> None:
    """Behind any number of honest packets, before one byte of it has come."""
    before = b"".join(packet(first, body) for first, body in packets)
    with pytest.raises(OSError, match="too long"):
        fed(Frames(LIMIT), before + b"\x30" + length(size), cuts)


@pytest.mark.parametrize("first", [0x34, 0x3D, 0x36])
def test_messages_that_the_library_would_keep_are_refused(first: int) -> None:
    """QoS 2, which nobody asked for, is kept until it is released, which may be never; QoS 3 is none."""
    with pytest.raises(OSError, match="Protocol error"):
        Frames().feed(packet(first, b"\x00\x01a\x00\x07x"))


def test_a_length_without_end_is_refused() -> None:
    """Four bytes at most (MQTT 3.1.1 section 2.2.3), however little they say."""
    with pytest.raises(OSError, match="Protocol error"):
        Frames().feed(b"\x30\x80\x80\x80\x80")


def test_the_largest_order_fits() -> None:
    """A bundle at its limit, in an envelope, on the longest topic."""
    topic = b"bw/1/" + b"a" * 32 + b"/down/request"
    Frames().feed(b"\x32" + length(2 + len(topic) + 2 + MAX_DOWN_BYTES))
    assert MAX_PACKET_BYTES < 2 * 1024 * 1024
