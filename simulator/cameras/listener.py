"""One TCP port of a simulated device: listens, remembers who is connected, hangs up. It speaks no protocol itself.

Flow: http.py, rtsp.py, control.py say how a connection is served -> here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

MAX_CONNECTIONS: Final = 64

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class TooMuchError(Exception):
    """The peer sends more than any client does."""


PEER_FAULTS: Final = (OSError, EOFError, ValueError, TimeoutError, TooMuchError)


class Listener:
    """Serves each connection with `serve`, of which any of `PEER_FAULTS` ends that connection alone."""

    def __init__(self, serve: Serve, host: str, port: int, *, max_line: int) -> None:
        self.host, self.port = host, port
        self._serve_one = serve
        self._max_line = max_line
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._open)

    async def start(self) -> None:
        """Listen; port 0 becomes a free one and stays it.

        Raises:
            OSError: the address is taken.
        """
        self._server = await asyncio.start_server(self._accept, self.host, self.port, limit=self._max_line)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Hang up on everybody and listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.hang_up()

    async def hang_up(self) -> None:
        """End every connection; whoever wants may come again."""
        ending = dict(self._open)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for task, writer in ending.items():  # also of those that had not begun
            self._open.pop(task, None)
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._open[asyncio.get_running_loop().create_task(self._serve(reader, writer))] = writer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve_one(reader, writer)
        except (*PEER_FAULTS, asyncio.CancelledError):
            pass  # the peer went, or we hang up: nothing is owed to it; the task itself ends here
        finally:
            if task := asyncio.current_task():
                self._open.pop(task, None)
            writer.transport.abort()
