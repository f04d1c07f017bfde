"""The few MQTT 3.1.1 packets that a simulated box needs, made and read as bytes. Pure.

A client library costs a generator more time per message than the collector is measured to need; with packets made
beforehand, sending is one write. Numbers in brackets are sections of the OASIS standard, MQTT 3.1.1.
"""

from collections.abc import Iterator
from enum import IntEnum


class Packet(IntEnum):
    """Packet types that a box receives (2.2.1)."""

    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBACK = 9


def connect(client_id: str) -> bytes:
    """CONNECT with a clean session and no keep-alive (3.1)."""
    return _packet(0x10, _text("MQTT") + bytes([4, 0b10]) + b"\0\0" + _text(client_id))


def subscribe(packet_id: int, topic: str) -> bytes:
    """SUBSCRIBE with QoS 0: what is lost is said again with the next receipt (3.8)."""
    return _packet(0x82, packet_id.to_bytes(2, "big") + _text(topic) + b"\0")


def publish(packet_id: int, topic: str, payload: bytes) -> bytes:
    """PUBLISH with QoS 1 (3.3)."""
    return _packet(0x32, _text(topic) + packet_id.to_bytes(2, "big") + payload)


def payload_of(flags: int, body: bytes) -> bytes:
    """What a received PUBLISH carries, whatever its QoS."""
    start = 2 + int.from_bytes(body[:2], "big") + (2 if flags & 0b110 else 0)
    return body[start:]


class Reader:
    """Cuts a stream into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Type, flags and body of each packet that is complete now."""
        stream = self._rest + data if self._rest else data
        at = 0
        while (found := _frame(stream, at)) is not None:
            start, end = found
            yield stream[at] >> 4, stream[at] & 0x0F, stream[start:end]
            at = end
        self._rest = stream[at:]


def _frame(stream: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at `at` begins and ends; None while it is not all there (2.2.3)."""
    length = 0
    for number in range(4):
        place = at + 1 + number
        if place >= len(stream):
            return None
        length |= (stream[place] & 0x7F) << (7 * number)
        if not stream[place] & 0x80:
            end = place + 1 + length
            return (place + 1, end) if end <= len(stream) else None
    raise ValueError("a packet's length has five bytes")


def _packet(head: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | 0x80 if length else digit)
        if not length:
            return bytes([head]) + bytes(digits) + body


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw
