"""The benches' own MQTT packets are those that the MQTT library reads and writes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.mqtt_packets import Packet, Reader, connect, payload_of, publish, subscribe


def test_packets_are_those_of_the_standard() -> None:
    """CONNECT, SUBSCRIBE and PUBLISH byte by byte, as MQTT 3.1.1 sections 3.1, 3.8 and 3.3 lay them out."""
    assert connect("ab") == bytes.fromhex("100e00044d5154540402000000026162")
    assert subscribe(10, "a/b") == bytes.fromhex("8208000a0003612f6200")
    assert publish(10, "a/b", b"xy") == bytes.fromhex("32090003612f62000a7879")


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 40))
def test_a_stream_in_pieces_gives_the_same_packets(payloads: list[bytes], piece: int) -> None:
    """However the network cuts the stream, every payload comes out once, whole and in order."""
    stream = b"".join(publish(number + 1, "bw/1/x/down/receipt", each) for number, each in enumerate(payloads))
    reader, found = Reader(), []
    for start in range(0, len(stream), piece):
        for kind, flags, body in reader.feed(stream[start : start + piece]):
            assert kind == Packet.PUBLISH
            found.append(payload_of(flags, body))
    assert found == payloads


def test_a_message_without_acknowledgement_has_no_number() -> None:
    """A receipt sent with QoS 0 begins right after its topic."""
    [(kind, flags, body)] = Reader().feed(bytes.fromhex("30070003612f627879"))
    assert (kind, payload_of(flags, body)) == (Packet.PUBLISH, b"xy")
