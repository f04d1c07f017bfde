"""The sockets: frames in over TCP and UDP, answers out once they are due. It decides nothing about what frames say.

A connection's frames are handed on in their order and answered in their order, several at a time: a panel that sends
its whole memory at once waits for the disk once, not for each. When all places are taken, the oldest connection that
never said anything of use makes room.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from agent.drivers.dc09 import limits
from agent.drivers.dc09.limits import Senders
from protocol.dc09.frames import MAX_FRAME
from protocol.dc09.stream import Splitter

LOG: Final = logging.getLogger("branchwatch.panels")

READ_BYTES: Final = 16 * 1024
DATAGRAM_ROOM: Final = 1 << 20
"""Bytes of datagrams that the system holds for us while we think; it may give less."""

Handle = Callable[[bytes, str], tuple[bool, Awaitable[bytes]]]
"""A frame and where it came from; whether it was of use, and the answer once it is due (empty: none)."""


class Receiver:
    """Both sockets of one address. `handle` is called in the order frames came, and must not block."""

    def __init__(self, handle: Handle, now_ms: Callable[[], int]) -> None:
        self._handle = handle
        self._now_ms = now_ms
        self._senders = Senders()
        self._connections: dict[asyncio.Task[None], bool] = {}  # oldest first; whether it was of use yet
        self._answering: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._datagrams: asyncio.DatagramTransport | None = None
        self.dropped = 0
        """Frames that nobody looked at: their sender, or everybody, sent too many."""

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server else 0

    async def open(self, host: str, port: int) -> None:
        """Listen. Raises: OSError: the address cannot be had."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=READ_BYTES)
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Datagrams(self._datagram), local_addr=(host, self.port)
            )
        except OSError:
            await self.close()
            raise
        self._datagrams = transport
        bare = transport.get_extra_info("socket")
        with suppress(OSError):
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAM_ROOM)

    async def close(self) -> None:
        """Hear nobody any more; answers that wait are not sent."""
        if self._server:
            self._server.close()
        if self._datagrams:
            self._datagrams.close()
        tasks = [*self._connections, *self._answering]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server:
            await self._server.wait_closed()
        self._server = self._datagrams = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A plain callback: the task is ours from its first moment, so that closing finds it.
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections[task] = False
        task.add_done_callback(lambda done: self._connections.pop(done, None))
        if len(self._connections) > limits.MAX_CONNECTIONS:
            useless = next((each for each, used in self._connections.items() if not used), task)
            useless.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = _host(writer.get_extra_info("peername"))
        let_in = self._senders.connect(address)
        try:
            if let_in:
                await self._converse(reader, writer, address)
        except* (OSError, TimeoutError):
            pass  # the panel dials again
        finally:
            if let_in:
                self._senders.disconnect(address)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str) -> None:
        waiting: asyncio.Queue[Awaitable[bytes] | None] = asyncio.Queue(limits.MAX_WAITING)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_answer(waiting, writer))
            await self._hear(reader, waiting, address)
            await waiting.put(None)

    async def _hear(
        self, reader: asyncio.StreamReader, waiting: "asyncio.Queue[Awaitable[bytes] | None]", address: str
    ) -> None:
        splitter = Splitter()
        me = asyncio.current_task()
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + limits.FIRST_FRAME_S
        while True:
            async with asyncio.timeout_at(ends_s):
                data = await reader.read(READ_BYTES)
            if not data:
                return
            for frame in splitter.feed(data):
                if not self._senders.may_send(address, self._now_ms()):
                    self.dropped += 1
                    continue
                of_use, answer = self._handle(frame, address)
                if of_use and me in self._connections:
                    self._connections[me] = True
                    ends_s = loop.time() + limits.IDLE_S
                await waiting.put(answer)

    def _datagram(self, data: bytes, sender: Any) -> None:
        address = _host(sender)
        frame = next(Splitter().feed(data), None) if len(data) <= 2 * MAX_FRAME else None
        if frame is None:
            return
        crowded = len(self._answering) >= limits.MAX_WAITING_DATAGRAMS
        # A datagram may bear any panel's address: what it spends is no connection's.
        if crowded or not self._senders.may_send(f"udp {address}", self._now_ms()):
            self.dropped += 1
            return
        _, answer = self._handle(frame, address)
        task = asyncio.get_running_loop().create_task(self._send(answer, sender))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _send(self, answer: Awaitable[bytes], sender: Any) -> None:
        data = await answer
        if data and self._datagrams:
            self._datagrams.sendto(data, sender)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, Any], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._received(data, addr)


async def _answer(waiting: "asyncio.Queue[Awaitable[bytes] | None]", writer: asyncio.StreamWriter) -> None:
    while (answer := await waiting.get()) is not None:
        if data := await answer:
            writer.write(data)
            await writer.drain()


def _host(peer: Any) -> str:
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""
