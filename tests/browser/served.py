"""A console served by uvicorn in a thread, over the paper centre: a browser sees it, a test fills and stops it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import uvicorn

from tests.console import ConsoleWorld
from tests.waiting import eventually_blocking


class Served:
    """Use `start` and `stop`; the address stays the same between them."""

    def __init__(self, world: ConsoleWorld, port: int, app: Any = None) -> None:
        self.world = world
        self._app = app or world.app  # something may stand between the console and its socket
        self.address = f"http://localhost:{port}"
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve until stopped."""
        config = uvicorn.Config(
            self._app,
            host="127.0.0.1",
            port=self._port,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(server)), name="console")
        self._thread.start()
        eventually_blocking(lambda: server.started, what="the console listens")

    def stop(self) -> None:
        """End it, live feeds too."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self.world.feed.stop()
        self._thread.join()
        self._server = None

    async def _serve(self, server: uvicorn.Server) -> None:
        self.world.feed.start()
        await server.serve()
