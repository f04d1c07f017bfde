"""Writing lines: each lane's head in memory, the rows on disk, and the glance that the rest of the agent sees.

One connection, one thread, always inside a transaction of `store.py`, which puts `lanes` back when that fails.
"""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from agent.clocks import Reading
from agent.outbox.lines import Author, compose, opened
from agent.outbox.reading import last_position
from agent.outbox.records import LaneStanding, RecordState
from agent.reporting import Draft
from protocol.kinds import Lane
from protocol.ledger import Position, start
from protocol.messages import Event

Random = Callable[[int], bytes]


@dataclass
class Ledger:
    """The two lanes of one run on one open file."""

    connection: sqlite3.Connection
    author: Author
    run: str
    random: Random
    lanes: dict[Lane, LaneStanding] = field(default_factory=dict)
    explanations: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.recount()

    def recount(self) -> None:
        """Take the standing of both lanes from the rows."""
        self.lanes = {lane: self._standing(lane) for lane in Lane}
        self.recount_explanations()

    def recount_explanations(self) -> None:
        """Routine lines that explain a hole and that the centre has not signed for."""
        rows = self.connection.execute(
            "SELECT DISTINCT told FROM holes JOIN events ON events.lane = 'routine' AND seq = told"
            " WHERE state = 'pending' ORDER BY told"
        )
        self.explanations = tuple(seq for (seq,) in rows)

    def open_run(self, set_aside: str, reading: Reading) -> None:
        """Write `ledger.opened` as the first line of this run in both lanes."""
        for lane in Lane:
            self.append([opened(lane, self.lanes[lane].head, set_aside, reading, self.random(10))], reading)

    def append(self, drafts: Iterable[Draft], reading: Reading) -> tuple[Event, ...]:
        """Chain and store drafts in their order.

        Raises:
            MessageError: a draft is no event at all; nothing of the call is written then.
        """
        heads = {lane: standing.head for lane, standing in self.lanes.items()}
        composed = []
        for draft in drafts:
            made = compose(draft, self.author, self.run, heads[draft.lane], reading)
            heads[draft.lane] = made.head
            composed.append(made)
        for made in composed:
            event = made.event
            self.connection.execute(
                "INSERT INTO events (lane, seq, run, hash, prev, id, kind, source, level, at, state, line)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    event.lane.value,
                    event.seq,
                    event.run,
                    made.head.hash,
                    event.prev,
                    event.id,
                    event.kind,
                    event.source,
                    event.level,
                    event.at,
                    RecordState.PENDING.value,
                    made.line,
                ),
            )
            standing = self.lanes[event.lane]
            self.lanes[event.lane] = replace(standing, head=made.head, pending=standing.pending + 1)
        return tuple(made.event for made in composed)

    def pending_changed(self, lane: Lane, by: int) -> None:
        """Count `by` more or fewer pending events, and find the oldest one anew."""
        standing = self.lanes[lane]
        self.lanes[lane] = replace(
            standing, pending=standing.pending + by, receipted=self._receipted(lane, standing.head)
        )

    def _standing(self, lane: Lane) -> LaneStanding:
        row = self.connection.execute(
            "SELECT seq, run, hash, line FROM events WHERE lane = ? ORDER BY seq DESC LIMIT 1", (lane.value,)
        ).fetchone()
        head = last_position(lane, *row) if row else start(self.run)
        (pending,) = self.connection.execute(
            "SELECT count(*) FROM events WHERE lane = ? AND state = 'pending'", (lane.value,)
        ).fetchone()
        return LaneStanding(head=head, receipted=self._receipted(lane, head), pending=pending)

    def _receipted(self, lane: Lane, head: Position) -> int:
        (oldest,) = self.connection.execute(
            "SELECT min(seq) FROM events WHERE lane = ? AND state = 'pending'", (lane.value,)
        ).fetchone()
        return head.seq if oldest is None else int(oldest) - 1
