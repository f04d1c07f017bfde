"""An HTTP server of our own that takes webhooks, and misbehaves on demand: it hangs, drips, refuses, talks nonsense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from collector.notify.signing import Judgement, judge

MANNERS = ("ok", "hang", "drip", "garbage", "refuse", "fail", "redirect", "flood", "hang_up")


@dataclass
class WebhookPeer:
    """Everything that came, in its order; `manner` may change between two requests, or differ by address."""

    secret: bytes = b""
    manner: str = "ok"
    manners: dict[str, str] = field(default_factory=dict)
    port: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    judged: list[Judgement] = field(default_factory=list)
    now_s: int = 0
    came: asyncio.Condition = field(default_factory=asyncio.Condition)
    lines: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = field(default_factory=dict)

    async def until(self, many: int) -> None:
        """Wait for so many requests."""
        async with asyncio.timeout(10), self.came:
            await self.came.wait_for(lambda: len(self.bodies) >= many)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/send"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as many requests as it likes."""
        self.lines[writer] = task = asyncio.current_task()
        assert task is not None
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = lines[0].split()[1]
        self.paths.append(path)
        self.heads.append(headers)
        self.bodies.append(json.loads(body) if body else {})
        if self.secret:
            self.judged.append(judge(self.secret, headers, body, self.now_s))
        async with self.came:
            self.came.notify_all()
        to = str(self.bodies[-1].get("to", ""))
        return await self._answer(self.manners.get(to, self.manner), writer, reader)

    async def _answer(self, manner: str, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> bool:
        match manner:
            case "hang":
                await reader.read()  # until the other side has enough
                return False
            case "drip":
                while not reader.at_eof():
                    writer.write(b"H")
                    await writer.drain()
                    try:
                        async with asyncio.timeout(0.02):
                            await reader.read(1)
                    except TimeoutError:
                        continue
                return False
            case "garbage":
                writer.write(b"\x00\xff not http at all\r\n\r\n")
            case "refuse":
                writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
            case "fail":
                writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
            case "redirect":
                writer.write(b"HTTP/1.1 302 There\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
            case "flood":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 200_000)
            case "hang_up":
                pass
            case _:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        return manner in ("ok", "refuse", "fail", "redirect")


@asynccontextmanager
async def webhook_peer(secret: bytes = b"", now_s: int = 0) -> AsyncIterator[WebhookPeer]:
    """A server on loopback until the block ends."""
    peer = WebhookPeer(secret=secret, now_s=now_s)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for line in peer.lines:
            line.transport.abort()
        await asyncio.gather(*(task for task in peer.lines.values() if task is not None), return_exceptions=True)
        await server.wait_closed()
