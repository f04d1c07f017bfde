"""The live feed: what changed, in the order of the journal, from any number on (WIRE 5).

Writers (ingest thread, alarm service, supervision) call `changed()` after their commit, from whatever thread, and
storage/waking.py does for those of other collectors; readers on the event loop wake at once and read the journal
themselves, so nothing is lost between a reconnect and its replay, with whichever collector.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from collector.storage.records import JournalRow
from collector.storage.store import Store, StoreError

BATCH = 200
"""Journal entries read at once."""
AGAIN_S = 1.0
"""After the database could not be reached."""


class Feed:
    """Wakes readers when the journal has grown."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()

    def start(self) -> None:
        """Bind to the running loop; before this, `changed` does nothing."""
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Wake every reader for the last time; `follow` ends."""
        self._loop = None
        self._wake()

    def changed(self) -> None:
        """The journal has grown; safe from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake)

    async def follow(self, after: int | None, unit: str) -> AsyncGenerator[JournalRow, None]:
        """Entries after number `after` (None: from now on) that a person of `unit` may see, until the feed stops.

        Close it with `aclose()` (or cancel the task that iterates) when the reader goes away.
        """
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            head = await asyncio.to_thread(self._head)
            # A number from before a restore of the centre may lie beyond the journal's end.
            position = head if after is None else min(after, head)
            while self._loop is not None:
                woken.clear()
                try:
                    rows = await asyncio.to_thread(self._read, position, unit)
                except StoreError:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(woken.wait(), AGAIN_S)
                    continue
                for row in rows:
                    position = row.number
                    yield row
                if len(rows) < BATCH:
                    await woken.wait()
        finally:
            self._waiting.discard(woken)

    def _wake(self) -> None:
        for woken in self._waiting:
            woken.set()

    def _head(self) -> int:
        with self._store.read() as reading:
            return reading.journal_head()

    def _read(self, after: int, unit: str) -> tuple[JournalRow, ...]:
        with self._store.read() as reading:
            return reading.journal_after(after, unit=unit, limit=BATCH)
