"""An event loop in a thread of its own, for the simulated parts of a bank: a test may wait without stopping them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE_S = 10.0


class LoopThread:
    """Starts at once; `close` ends every task in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="simulated", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def call(self, work: Callable[[], T]) -> T:
        """What `work` returns, called between two turns of the loop."""

        async def calling() -> T:
            return work()

        return self.run(calling())

    def close(self) -> None:
        """Cancel what is left and end the thread."""

        async def ending() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._loop.shutdown_default_executor()

        self.run(ending())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()
