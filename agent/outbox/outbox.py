"""The outbox as the rest of the agent sees it: append, lines to send, receipts; durable when an `await` returns.

Flow: drafts -> `append` -> disk -> `lines` -> uplink -> centre -> `receipt` -> disk. What the guard remembers is stored
in the same transaction as the events that followed from it (FIELD-FAULTS row 18).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from agent.clocks import Reading
from agent.outbox import receipting
from agent.outbox.capacity import Capacity
from agent.outbox.ledger import Random
from agent.outbox.lines import Author
from agent.outbox.records import Outcome, Standing, StoredLine
from agent.outbox.schema import FILE_NAME
from agent.outbox.store import Store
from agent.outbox.writer import Writer
from agent.reporting import Draft
from protocol.kinds import Lane
from protocol.limits import MAX_EVENTS_PER_ENVELOPE
from protocol.messages import Event, LaneHead


class Outbox:
    """The open outbox. Make it with `open_outbox` inside a running event loop; `close` it."""

    def __init__(self, store: Store) -> None:
        self.standing = store.standing()
        self.saved: Mapping[str, bytes] = MappingProxyType(dict(store.saved))
        """What the last run remembered, as it was at the start."""
        self._listeners: list[Callable[[], None]] = []
        self._writer = Writer(store, self._committed)

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call `listener` in the event loop after each commit."""
        self._listeners.append(listener)

    def heads(self) -> tuple[LaneHead, ...]:
        """The last line of each lane, as births and beats claim it."""
        return tuple(
            LaneHead(lane=lane, run=standing.head.run, seq=standing.head.seq, hash=standing.head.hash)
            for lane, standing in self.standing.lanes.items()
        )

    async def append(
        self, drafts: Sequence[Draft], saved: Mapping[str, bytes] = MappingProxyType({})
    ) -> tuple[Event, ...]:
        """Store drafts and what must be remembered with them, in one transaction.

        Raises:
            MessageError: a draft is no event at all (our own fault).
            StoreClosedError: nothing was stored.
        """
        events: tuple[Event, ...] = await self._writer.run(lambda store: store.append(drafts, saved))
        return events

    async def save(self, saved: Mapping[str, bytes]) -> None:
        """Remember values without an event."""
        await self._writer.run(lambda store: store.save(saved))

    async def mark(self) -> None:
        """Note the urgent head in the routine lane; due every 15 minutes."""
        await self._writer.run(lambda store: store.mark())

    async def lines(
        self, lane: Lane, first: int, last: int | None = None, limit: int = MAX_EVENTS_PER_ENVELOPE
    ) -> tuple[StoredLine, ...]:
        """Pending lines of one run from number `first` on, at most `limit`."""
        lines: tuple[StoredLine, ...] = await self._writer.run(lambda store: store.lines(lane, first, last, limit))
        return lines

    async def receipt(self, head: LaneHead) -> Outcome:
        """The centre has everything up to `head`."""
        return Outcome(
            await self._writer.run(lambda store: receipting.receipt(store.ledger, head, store.reading().moment.wall))
        )

    async def rewind(self, head: LaneHead) -> Outcome:
        """The centre stated, in answer to a birth, that it has `head` and nothing after it."""
        return Outcome(await self._writer.run(lambda store: receipting.rewind(store.ledger, head, store.reading())))

    async def send_again(self, lane: Lane, first: int) -> int:
        """Make everything from number `first` on pending again; returns how many events that changed."""
        return int(await self._writer.run(lambda store: receipting.send_again(store.ledger, lane, first)))

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        await self._writer.close()

    def _committed(self, standing: Standing) -> None:
        self.standing = standing
        for listener in self._listeners:
            listener()


def open_outbox(
    folder: Path,
    author: Author,
    clock: Callable[[], Reading],
    random: Random,
    capacity: Capacity | None = None,
) -> Outbox:
    """Open the outbox of `folder` and begin a run. `clock` and `random` are called from the writer's thread.

    Raises:
        sqlite3.Error: the disk refuses even a fresh file.
    """
    return Outbox(Store.open(folder / FILE_NAME, author, clock, random, capacity or Capacity()))
