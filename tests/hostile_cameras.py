"""Cameras that misbehave on purpose, as plain TCP servers: silent, endless, lying about sizes, sending rubbish."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import numpy as np

from simulator.cameras.encoding import Encoder
from simulator.cameras.rtp import Packetizer, sdp

WHAT_IT_SAYS = {401: 'WWW-Authenticate: Digest realm="r", nonce="n"\r\n'}


class Hostile:
    """One server and what it was asked."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[str] = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/stream"

    @property
    def logins(self) -> int:
        """Requests that came with a login."""
        return sum("Authorization:" in each for each in self.requests)

    async def request(self, reader: asyncio.StreamReader) -> str:
        """The next request, whole."""
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        while text.startswith("$"):  # receiver reports come between
            text = text[4 + int.from_bytes(text[2:4].encode("latin-1"), "big") :]
        self.requests.append(text)
        return text


Talk = Callable[[Hostile, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def in_time(seconds: float) -> None:
    """A camera's own pace between two pictures."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()


@asynccontextmanager
async def hostile(talk: Talk) -> AsyncIterator[Hostile]:
    """Serve inside the block."""
    it = Hostile()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        it.connections += 1
        try:
            with suppress(OSError, EOFError, asyncio.CancelledError, ValueError):
                await talk(it, reader, writer)
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def _answer(request: str, status: str, headers: str = "", body: bytes = b"") -> bytes:
    number = next((line.split(":")[1].strip() for line in request.split("\r\n") if line.startswith("CSeq")), "0")
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n{headers}{length}\r\n".encode() + body


async def silent(it: Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection and says nothing."""
    await reader.read()


def answering(status: int) -> Talk:
    """Answers everything with one status."""

    async def talk(it: Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await it.request(reader)
            writer.write(_answer(request, f"{status} No", WHAT_IT_SAYS.get(status, "")))

    return talk


async def endless_head(it: Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A head that never ends."""
    await it.request(reader)
    writer.write(b"RTSP/1.0 200 OK\r\n")
    while True:
        writer.write(b"X-More: and more\r\n" * 500)
        await writer.drain()


async def endless_sdp(it: Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An SDP of two gigabytes."""
    request = await it.request(reader)
    writer.write(_answer(request, "200 OK", "Content-Type: application/sdp\r\nContent-Length: 2000000000\r\n"))
    while True:
        writer.write(b"a=x\r\n" * 10_000)
        await writer.drain()


async def rubbish(it: Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes of no meaning."""
    await it.request(reader)
    writer.write(random.Random(1).randbytes(100_000))
    await writer.drain()


async def trickling(it: Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says something every now and then, and never an answer."""
    await it.request(reader)
    for letter in b"RTSP/1.0 200 OK" * 100:
        writer.write(bytes((letter,)))
        with suppress(TimeoutError):
            await asyncio.wait_for(reader.read(), 0.4)


Play = Callable[[asyncio.StreamWriter, Packetizer], Awaitable[None]]


def playing(play: Play, sps: bytes, pps: bytes, fps: int = 5, *, refuse: str = "") -> Talk:
    """Lets everybody in like an honest camera; then `play` is what it sends. `refuse`: the method it answers 453."""

    async def talk(it: Hostile, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = None
        try:
            while True:
                request = await it.request(reader)
                method = request.split()[0]
                if method == refuse:
                    writer.write(_answer(request, "453 Not Enough Bandwidth"))
                elif method == "DESCRIBE":
                    headers = f"Content-Type: application/sdp\r\nContent-Base: {it.url}/\r\n"
                    writer.write(_answer(request, "200 OK", headers, sdp("127.0.0.1", "x", sps, pps, fps)))
                elif method == "SETUP":
                    writer.write(
                        _answer(request, "200 OK", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n")
                    )
                else:
                    writer.write(_answer(request, "200 OK", "Session: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n"))
                if method == "PLAY":
                    task = asyncio.ensure_future(play(writer, Packetizer(1, 1)))
        finally:
            if task is not None:
                task.cancel()
                await asyncio.wait({task})

    return talk


def interleaved(packet: bytes, channel: int = 0) -> bytes:
    """A packet as it goes into the connection."""
    return b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet


def units(frames: Sequence[np.ndarray], fps: int = 5, gop_s: float = 2.0) -> list[tuple[bytes, ...]]:
    """Frames encoded: the parts of one picture each."""
    height, width = frames[0].shape[:2]
    encoder = Encoder(width, height, fps, gop_s)
    return [encoder.encode(frame).nals for frame in frames]


def drawn(count: int, width: int = 320, height: int = 180, seed: int = 3) -> list[np.ndarray]:
    """A textured picture in which a block walks."""
    chance = np.random.default_rng(seed)
    ground = chance.integers(60, 190, (height // 20, width // 20, 3), np.uint8).repeat(20, 0).repeat(20, 1)
    ground = np.pad(ground, ((0, height - ground.shape[0]), (0, width - ground.shape[1]), (0, 0)), "edge")
    frames = []
    for number in range(count):
        frame = ground.copy()
        left = (number * 6) % (width - 40)
        frame[height // 3 : height // 3 + 70, left : left + 30] = (20, 20, 230)
        frames.append(frame)
    return frames


def large_sps(width: int, height: int) -> bytes:
    """A sequence parameter set (ITU-T H.264 7.3.2.1.1, baseline) for pictures of any size."""
    bits = ""

    def exp_golomb(value: int) -> str:
        text = f"{value + 1:b}"
        return "0" * (len(text) - 1) + text

    for value in (0, 0, 2, 1):  # id, log2_max_frame_num - 4, pic_order_cnt_type, max_num_ref_frames
        bits += exp_golomb(value)
    bits += "0"  # gaps_in_frame_num_value_allowed_flag
    bits += exp_golomb(width // 16 - 1) + exp_golomb(height // 16 - 1)
    bits += "1" + "1" + "0" + "0"  # frames only, direct 8x8, no cropping, no VUI
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    return bytes((0x67, 66, 0xC0, 51)) + int(bits, 2).to_bytes(len(bits) // 8, "big")


def showing(pictures: Sequence[Sequence[bytes]], fps: float = 5.0, *, still: bool = False) -> Play:
    """Plays these again and again at their pace; `still`: with timestamps that stand still."""

    async def play(writer: asyncio.StreamWriter, packets: Packetizer) -> None:
        number = 0
        while True:
            for picture in pictures:
                ticks = 0 if still else round(number * 90_000 / fps)
                for packet in packets.packets(picture, ticks):
                    writer.write(interleaved(packet))
                await writer.drain()
                number += 1
                await in_time(1 / fps)

    return play


def fuzzed(pictures: Sequence[Sequence[bytes]], seed: int, fps: float = 25.0) -> Play:
    """The same with bytes of each packet changed by chance: headers, lengths and pictures alike."""
    chance = random.Random(seed)

    async def play(writer: asyncio.StreamWriter, packets: Packetizer) -> None:
        for number in range(10_000):
            for packet in packets.packets(pictures[number % len(pictures)], number * 3600):
                spoiled = bytearray(interleaved(packet) if chance.random() < 0.9 else packet)
                for _ in range(chance.choice((0, 0, 1, 3, 30))):
                    spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
                writer.write(bytes(spoiled))
            await writer.drain()
            await in_time(1 / fps)

    return play


def flooding(pictures: Sequence[Sequence[bytes]]) -> Play:
    """As fast as the line takes them."""

    async def play(writer: asyncio.StreamWriter, packets: Packetizer) -> None:
        for number in range(1_000_000):
            for packet in packets.packets(pictures[number % len(pictures)], number * 18_000):
                writer.write(interleaved(packet))
            await writer.drain()

    return play


async def nothing(writer: asyncio.StreamWriter, packets: Packetizer) -> None:
    """Plays, and sends nothing."""
