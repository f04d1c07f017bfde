"""An intruder on the broker's machine has its certificate: a box leaves him before it makes room for what he sends."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from tests.brokers import BROKER, Certificates
from tests.conftest import Eventually
from tests.uplinks import running_box

ANNOUNCED = 64 * 1024 * 1024
PART = b"a" * 65_536


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    (first,) = await reader.readexactly(1)
    length = shift = 0
    while True:
        (byte,) = await reader.readexactly(1)
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return first >> 4, await reader.readexactly(length)


class Rogue:
    """Answers CONNECT and SUBSCRIBE as a broker does, then sends one packet of 64 MiB."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the box has gone."""
        sent = 0
        try:
            for _ in range(4):
                kind, body = await _packet(reader)
                writer.write(b"\x20\x02\x00\x00" if kind == 1 else b"\x90\x03" + body[:2] + b"\x01")
            writer.write(b"\x30\x80\x80\x80\x20")  # PUBLISH of 64 MiB
            while sent < ANNOUNCED:
                writer.write(PART)
                await writer.drain()
                sent += len(PART)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.sent.append(sent)
            writer.close()


async def test_a_packet_that_no_broker_sends_ends_the_connection(
    certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """The box hangs up at the announcement and tries again; what it holds in memory does not grow with what is sent."""
    chain, key = certificates.pair(BROKER)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    rogue = Rogue()
    server = await asyncio.start_server(rogue.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        async with running_box(tmp_path, certificates, [f"127.0.0.1:{port}"], beat_s=0.2):
            await eventually(lambda: len(rogue.sent) >= 2, timeout_s=20)
    finally:
        server.close()
        await server.wait_closed()
    assert max(rogue.sent) < ANNOUNCED / 4
