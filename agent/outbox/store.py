"""One open store: runs groups of jobs, each group one transaction, and keeps room, wholeness and the glance.

Used by one thread only (`writer.py`). A group that fails leaves nothing behind, on the disk or in memory.
"""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from agent.clocks import Reading
from agent.outbox import repeats
from agent.outbox.capacity import Capacity, Room, Step, Usage, decide
from agent.outbox.holes import quarantine, shed
from agent.outbox.ledger import Ledger, Random
from agent.outbox.lines import Author, damaged, mark
from agent.outbox.reading import read_lines
from agent.outbox.receipting import overwrite, prune
from agent.outbox.records import Standing, StoredLine
from agent.outbox.schema import (
    PAGE_BYTES,
    disk_free_bytes,
    give_up_spare_room,
    is_damage,
    is_full,
    keep_spare_room,
    open_database,
    set_aside,
)
from agent.reporting import Draft
from protocol.ids import new_run
from protocol.kinds import Lane
from protocol.messages import Event, MessageError
from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

LOG: Final = logging.getLogger("branchwatch.outbox")

ROW_BYTES: Final = 900
"""A receipted or routine row, for counting how many must go; the loop looks again, so a guess is enough."""

MAX_ROUNDS: Final = 50
"""Steps of giving way before one group; each frees thousands of rows."""

Job = Callable[["Store"], Any]


class StoreClosedError(Exception):
    """The outbox is closed, or its disk refuses; nothing was stored."""


class StoreLostError(SaidError):
    """The store's folder went away under the box: what is written now stands in no file that a restart finds."""

    def __init__(self) -> None:
        super().__init__(N_("the folder of the store is gone; the agent ends, to be started anew"))


class Store:
    """The ledger's file, open. Make it with `Store.open`."""

    def __init__(
        self,
        file: Path,
        author: Author,
        clock: Callable[[], Reading],
        random: Random,
        capacity: Capacity,
        disk_free: Callable[[Path], int] = disk_free_bytes,
    ) -> None:
        self._disk_free = disk_free
        self._file = file
        self._author = author
        self._clock = clock
        self._random = random
        self._capacity = capacity
        self._giving_way = False
        self._tight = ""
        self._shed = 0
        self._coalesced = 0
        self._poisoned = 0
        self._set_aside = ""
        self.saved: dict[str, bytes] = {}  # as stored: what a fresh file goes on with
        self.ledger: Ledger

    @classmethod
    def open(
        cls,
        file: Path,
        author: Author,
        clock: Callable[[], Reading],
        random: Random,
        capacity: Capacity,
        disk_free: Callable[[Path], int] = disk_free_bytes,
    ) -> "Store":
        """Open or create; a damaged file is set aside and a fresh one started, which its first event says.

        Raises:
            sqlite3.Error: the disk refuses even a fresh file.
        """
        store = cls(file, author, clock, random, capacity, disk_free)
        try:
            store._start()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            store._start_fresh(error)
        return store

    def close(self) -> None:
        """Close the file; everything committed is on the disk already."""
        self.ledger.connection.close()

    def run(self, jobs: Sequence[Job]) -> list[Any]:
        """Run jobs in one transaction; each answer is a result or the exception that this job alone raised.

        Raises:
            sqlite3.Error: the disk refuses; nothing of the group is written.
        """
        try:
            return self._group(jobs)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self._start_fresh(error)
                return self._group(jobs)
            if not is_full(error):
                raise
            return self._when_full(jobs)

    def append(self, drafts: Sequence[Draft], saved: Mapping[str, bytes]) -> tuple[Event, ...]:
        """Chain and store drafts, and what must be remembered with them. A job."""
        reading = self._clock()
        if self._tight == "urgent":
            drafts, again = repeats.without_repeats(self.ledger, drafts)
            self._count(again)
        events = self.ledger.append(drafts, reading)
        self.save(saved)
        return events

    def mark(self) -> tuple[Event, ...]:
        """Note the urgent head in the routine lane; with it, drop what is past its time and hold spare room. A job."""
        reading = self._clock()
        prune(self.ledger, reading.moment.wall)
        keep_spare_room(self._file.parent)
        return self.ledger.append([mark(self.ledger.lanes[Lane.URGENT].head, reading, self._random(10))], reading)

    def save(self, saved: Mapping[str, bytes]) -> None:
        """Remember values by key. A job."""
        for key, value in saved.items():
            self.ledger.connection.execute(
                "INSERT INTO saved (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )
        self.saved = {**self.saved, **saved}

    def lines(self, lane: Lane, first: int, last: int | None, limit: int) -> tuple[StoredLine, ...]:
        """Pending lines of one run from `first` on; damaged ones are quarantined on the way. A job."""
        while True:
            lines, broken = read_lines(self.ledger.connection, lane, first, last, limit)
            if broken is None:
                return lines
            self._set_apart(lane, broken)
            LOG.error("the record %s %d changed on the disk; it is quarantined and its hole is signed", lane, broken)
            if lines:
                return lines

    def _set_apart(self, lane: Lane, seq: int) -> None:
        """Quarantine a record; the first of a run is an event of the same transaction, the rest are told together."""
        reading = self._clock()
        quarantine(self.ledger, lane, seq, reading)
        if not self._poisoned:
            self.ledger.append([damaged(lane, seq, reading, self._random(10))], reading)
        self._poisoned += 1

    def reading(self) -> Reading:
        """What the clock says now."""
        return self._clock()

    def standing(self) -> Standing:
        """The glance after the last group."""
        return Standing(
            run=self.ledger.run,
            lanes=MappingProxyType(dict(self.ledger.lanes)),
            used_bytes=self._usage().used,
            limit_bytes=self._capacity.limit_bytes,
            tight=self._tight,
            shed=self._shed,
            coalesced=self._coalesced,
            poisoned=self._poisoned,
            set_aside=self._set_aside,
            explanations=self.ledger.explanations,
        )

    def _start(self) -> None:
        connection = open_database(self._file, self._capacity)
        keep_spare_room(self._file.parent)
        try:
            self.ledger = Ledger(connection, self._author, new_run(self._random(16)), self._random)
            remembered = connection.execute("SELECT key, value FROM saved WHERE typeof(value) = 'blob'")
            self.saved = dict(remembered.fetchall())
            self._coalesced = repeats.counted(connection)
            reading = self._clock()
            self._in_transaction(lambda: self.ledger.open_run(self._set_aside, reading))
        except BaseException:
            connection.close()
            raise

    def _start_fresh(self, error: sqlite3.Error) -> None:
        if hasattr(self, "ledger"):
            self.ledger.connection.close()
        stamp = self._clock().moment.wall.strftime("%Y%m%dT%H%M%S%f")
        self._set_aside = set_aside(self._file, stamp)
        LOG.error("the store is damaged (%s); it is kept as %s and a new one begins", error, self._set_aside)
        saved, self.saved = self.saved, {}
        self._start()
        self._in_transaction(lambda: self.save(saved))

    def _group(self, jobs: Sequence[Job]) -> list[Any]:
        self._make_room()
        answers: list[Any] = self._in_transaction(lambda: [_attempt(job, self) for job in jobs])
        return answers

    def _when_full(self, jobs: Sequence[Job]) -> list[Any]:
        """The disk itself is full: give way, then each job alone; what still finds no room is tried as a mere count."""
        give_up_spare_room(self.ledger.connection, self._file.parent)
        self._giving_way = True
        self._make_room()
        return [self._alone(job) for job in jobs]

    def _alone(self, job: Job) -> Any:
        for tight in (self._tight, "urgent"):
            self._tight = tight
            try:
                return self._in_transaction(lambda: _attempt(job, self))
            except sqlite3.DatabaseError as error:
                if not is_full(error):
                    raise
                refused = error
        return StoreClosedError(f"the disk is full: {refused}")

    def _make_room(self) -> None:
        for _ in range(MAX_ROUNDS):
            room = decide(self._usage(), self._capacity, giving_way=self._giving_way)
            if room.step is Step.WRITE:
                self._relax(room)
                return
            self._giving_way = True
            if room.step is Step.COUNT_REPEATS:
                self._tight = "urgent"
                return
            try:
                gone = self._in_transaction(lambda room=room: self._give_way(room))  # type: ignore[misc]
            except sqlite3.DatabaseError as error:
                if not is_full(error):
                    raise
                gone = 0
            if not gone:
                return

    def _give_way(self, room: Room) -> int:
        count = max(1, room.free_bytes // ROW_BYTES)
        if room.step is Step.OVERWRITE_RECEIPTED:
            return overwrite(self.ledger, count)
        gone = shed(self.ledger, count, self._clock())
        if gone and not self._shed:
            LOG.warning("room is short and the centre is not reached: the oldest routine events are given up")
        self._shed += gone
        self._tight = "routine" if gone else self._tight
        return gone

    def _relax(self, room: Room) -> None:
        if room.reason:
            return
        self._giving_way = False
        # Short of room is said until the centre knows what was given up: it does not flicker with every step.
        self._tight = "routine" if self._shed and self.ledger.explanations else ""
        if self._coalesced:
            reading = self._clock()
            self._in_transaction(lambda: repeats.tell(self.ledger, reading))
            self._coalesced = 0

    def _count(self, drafts: Sequence[Draft]) -> None:
        repeats.count(self.ledger.connection, drafts)
        self._coalesced += len(drafts)

    def _usage(self) -> Usage:
        connection = self.ledger.connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        heads = [standing.head.seq for standing in self.ledger.lanes.values()]
        receipted = connection.execute(
            "SELECT 1 FROM events WHERE state = 'receipted' AND NOT (lane = 'urgent' AND seq = ?)"
            " AND NOT (lane = 'routine' AND seq = ?) LIMIT 1",
            heads,
        ).fetchone()
        return Usage(
            used=(pages - free) * PAGE_BYTES,
            free_in_file=free * PAGE_BYTES,
            disk_free=self._disk_free(self._file.parent),
            pending_urgent=self.ledger.lanes[Lane.URGENT].pending,
            pending_routine=self._may_be_shed(),
            receipted=receipted is not None,
        )

    def _may_be_shed(self) -> int:
        standing = self.ledger.lanes[Lane.ROUTINE]
        return max(0, standing.pending - len(self.ledger.explanations) - 1)

    def _in_transaction(self, work: Callable[[], Any]) -> Any:
        connection = self.ledger.connection
        lanes, explanations = dict(self.ledger.lanes), self.ledger.explanations
        counts, saved = (self._shed, self._coalesced, self._poisoned), self.saved
        connection.execute("BEGIN IMMEDIATE")
        try:
            answer = work()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self.ledger.lanes, self.ledger.explanations = lanes, explanations
            (self._shed, self._coalesced, self._poisoned), self.saved = counts, saved
            raise
        return answer


def _attempt(job: Job, store: Store) -> Any:
    try:
        return job(store)
    except MessageError as error:
        return error
