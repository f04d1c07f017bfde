"""A TCP line that a test can spoil: it goes dead without a word, or delivers late. Carries bytes untouched."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.whole.loops import LoopThread

CHUNK_BYTES = 64 * 1024


class Line:
    """Forwards `port` to a host and port; use the methods to spoil it."""

    def __init__(self, loop: LoopThread, target: str, host: str = "127.0.0.1") -> None:
        self._loop = loop
        self._host, _, port = target.rpartition(":")
        self._target_port = int(port)
        self._dead: set[asyncio.Task[None]] = set()
        self._live: set[asyncio.Task[None]] = set()
        self._late_s = 0.0
        self.carried_bytes = 0
        self._server = loop.run(asyncio.start_server(self._serve, host, 0))
        self.port = int(self._server.sockets[0].getsockname()[1])

    @property
    def address(self) -> str:
        """host:port of the near end."""
        return f"127.0.0.1:{self.port}"

    @property
    def live(self) -> int:
        """Directions of connections that still carry."""
        return len(self._live)

    def half_open(self) -> int:
        """Every connection of now goes dead: both ends stay connected and hear nothing more. New ones work."""

        def dying() -> int:
            count = len(self._live)
            self._dead |= self._live
            self._live.clear()
            return count

        return self._loop.call(dying)

    def late(self, seconds: float) -> None:
        """Deliver everything from the far end so much later from now on."""
        self._late_s = seconds

    def close(self) -> None:
        """Hang up on everybody and listen no more."""

        async def closing() -> None:
            self._server.close()
            for task in self._live | self._dead:
                task.cancel()
            await asyncio.gather(*self._live, *self._dead, return_exceptions=True)

        self._loop.run(closing())

    async def _serve(self, near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._target_port)
        except OSError:
            near_writer.close()
            return
        both = [
            asyncio.create_task(self._carry(near_reader, far_writer, far=False)),
            asyncio.create_task(self._carry(far_reader, near_writer, far=True)),
        ]
        self._live.update(both)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
                self._live.discard(task)
                self._dead.discard(task)
            await asyncio.gather(*both, return_exceptions=True)
            for writer in (near_writer, far_writer):
                writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, far: bool) -> None:
        own = asyncio.current_task()
        with suppress(OSError):
            while True:
                data = await reader.read(CHUNK_BYTES)
                if own in self._dead:
                    await asyncio.get_running_loop().create_future()  # not even an end is passed on
                if not data:
                    return
                self.carried_bytes += len(data)
                if far and self._late_s:
                    asyncio.get_running_loop().call_later(self._late_s, writer.write, data)
                else:
                    writer.write(data)
                    await writer.drain()
