"""The one thread that touches the store: jobs that arrive while a commit runs share the next one (group commit).

A commit with `synchronous=FULL` takes 0.2-10 ms on a branch's disk; the event loop never waits for it.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

from agent.outbox.records import Standing
from agent.outbox.store import Job, Store, StoreClosedError, StoreLostError

MAX_GROUP: Final = 256
"""Jobs of one commit: enough to carry a storm, few enough that the first does not wait for the last."""


class Writer:
    """Runs jobs on the store's own thread; `committed` is called in the event loop after each group."""

    def __init__(self, store: Store, committed: Callable[[Standing], None]) -> None:
        self._store = store
        self._committed = committed
        self._jobs: SimpleQueue[tuple[Job, asyncio.Future[Any]] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._work, name="outbox", daemon=True)
        self._closed = False
        self._lost = False
        self._thread.start()

    async def run(self, job: Job) -> Any:
        """What `job` answers, once its group is on the disk.

        Raises:
            StoreClosedError: closed, or the disk refused.
            StoreLostError: the folder is gone, now and from now on.
        """
        if self._lost:
            raise StoreLostError
        if self._closed:
            raise StoreClosedError("the outbox is closed")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put((job, future))
        return await future

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        open_ = True
        while open_:
            group, open_ = self._next_group()
            if not group:
                continue
            try:
                answers = self._store.run([job for job, _ in group])
            except sqlite3.Error as error:
                answers = [StoreClosedError(f"the disk refused: {error}")] * len(group)
            except Exception as error:  # noqa: BLE001 - the thread must outlive any one job; its caller is told
                answers = [error] * len(group)
            try:
                standing = self._store.standing()
            except OSError:
                self._loop.call_soon_threadsafe(self._lose, group)
                break
            self._loop.call_soon_threadsafe(self._tell, group, answers, standing)
        self._store.close()

    def _next_group(self) -> tuple[list[tuple[Job, asyncio.Future[Any]]], bool]:
        item = self._jobs.get()
        group: list[tuple[Job, asyncio.Future[Any]]] = []
        while item is not None:
            group.append(item)
            if len(group) >= MAX_GROUP:
                return group, True
            try:
                item = self._jobs.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _lose(self, group: list[tuple[Job, asyncio.Future[Any]]]) -> None:
        """Whoever waits, and whoever comes later, hears that the folder is gone."""
        self._lost = True
        while not self._jobs.empty():
            group += [item for item in (self._jobs.get_nowait(),) if item is not None]
        for _, future in group:
            if not future.cancelled():
                future.set_exception(StoreLostError())

    def _tell(self, group: list[tuple[Job, asyncio.Future[Any]]], answers: list[Any], standing: Standing) -> None:
        self._committed(standing)
        for (_, future), answer in zip(group, answers, strict=True):
            if future.cancelled():
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
