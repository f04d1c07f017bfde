"""What goes when its days are over or room is short: routine before grave, old before new, never of an open alarm.

A row says that its file went before the file goes; what a crash leaves behind is found by the next round. Flow: every
ten minutes, and when a box brings more than it may keep -> here -> rows of evidence, files.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Final

import msgspec

from collector.evidence.files import Files
from collector.ingest.picturing import entry_of
from collector.storage import evidence, writing
from collector.storage.evidence import EvidenceRow, State
from collector.storage.journal import write_journal
from collector.storage.store import Store
from collector.storage.upkeep import last_restore
from collector.times import unix_ms

AT_ONCE: Final = 200
"""Rows of one transaction."""

PART_KEPT: Final = timedelta(days=2)
"""A file at which nothing came for so long begins anew."""

STRAY_KEPT: Final = timedelta(hours=1)
"""A file that no row names: a crash between the two, or a row that took back its word."""

OVER_DAYS: Final = "kept_its_days"
NO_ROOM: Final = "no_room"
"""Why a file went; stands beside its row."""

_MS: Final = timedelta(milliseconds=1)


class Keeping:
    """Lets files go. Every method may block, and may raise StoreError and FilesError."""

    def __init__(
        self,
        *,
        collector: str,
        store: Store,
        files: Files,
        keep: timedelta,
        disk_limit_bytes: int,
        box_limit_bytes: int,
        now: Callable[[], datetime],
    ) -> None:
        self._collector, self._store, self._files, self._now = collector, store, files, now
        self._keep, self._disk_limit, self._box_limit = keep, disk_limit_bytes, box_limit_bytes

    def make_room(self, box: str, size: int) -> None:
        """Let older files of a box go until one of `size` bytes has room, as far as they may go."""
        while True:
            with self._store.read() as reading:
                over = evidence.bytes_of_box(reading.connection, box) + size - self._box_limit
                rows = evidence.may_go(reading.connection, box=box, before_ms=None, limit=AT_ONCE)
            if over <= 0 or not rows:
                return
            self._let_go(_enough(rows, over), NO_ROOM)

    def round(self) -> None:
        """Everything that is due."""
        before_ms = unix_ms(self._now()) - self._keep // _MS
        while rows := self._due(before_ms):
            self._let_go(rows, OVER_DAYS)
        while True:
            with self._store.read() as reading:
                over = evidence.bytes_of_all(reading.connection) - self._disk_limit
                rows = evidence.may_go(reading.connection, box=None, before_ms=None, limit=AT_ONCE)
            if over <= 0 or not rows:
                break
            self._let_go(_enough(rows, over), NO_ROOM)
        self._files.sweep(PART_KEPT.total_seconds())
        self._strays()

    def _due(self, before_ms: int) -> list[EvidenceRow]:
        with self._store.read() as reading:
            return evidence.may_go(reading.connection, box=None, before_ms=before_ms, limit=AT_ONCE)

    def _let_go(self, rows: Sequence[EvidenceRow], reason: str) -> None:
        now_ms = unix_ms(self._now())
        gone = [
            msgspec.structs.replace(row, state=State.REMOVED.value, reason=reason, came_sha256="", came_bytes=0)
            for row in rows
        ]
        with self._store.write() as connection:
            writing.lock_counters(connection)
            evidence.save_evidence(connection, gone)
            write_journal(connection, [entry_of(row, self._collector) for row in gone], now_ms)
            used = evidence.hashes_in_use(connection, [row.came_sha256 for row in rows])
        for sha256 in {row.came_sha256 for row in rows} - used:
            self._files.remove(sha256)

    def _strays(self) -> None:
        """Files that no row names. After a restore of the database the boxes tell of them again: those wait."""
        with self._store.read() as reading:
            restored = last_restore(reading.connection)
        least_s, keep_s = STRAY_KEPT.total_seconds(), self._keep.total_seconds()
        since_s = inf if restored is None else (unix_ms(self._now()) - restored.at_ms) / 1000
        for ages in ((least_s, since_s), (max(since_s, keep_s), inf)) if restored is not None else ((least_s, inf),):
            for hashes in self._files.hashes(*ages):
                with self._store.read() as reading:
                    used = evidence.hashes_in_use(reading.connection, hashes)
                for sha256 in set(hashes) - used - self._adopted(sorted(set(hashes) - used)):
                    self._files.remove(sha256)
        if restored is not None:
            for hashes in self._files.hashes(since_s, keep_s):
                self._adopted(hashes)

    def _adopted(self, hashes: Sequence[str]) -> set[str]:
        """Files that are just what a sealed line waits for: they were here before a restore."""
        with self._store.read() as reading:
            waiting = evidence.sealed_with(reading.connection, hashes)
        if not waiting:
            return set()
        now_ms = unix_ms(self._now())
        rows = [
            msgspec.structs.replace(
                row, state=State.HERE.value, came_sha256=row.sha256, came_bytes=row.size_bytes, came_ms=now_ms
            )
            for row in waiting
            if self._files.path_of(row.sha256) is not None
        ]
        with self._store.write() as connection:
            writing.lock_counters(connection)
            evidence.save_evidence(connection, rows)
            write_journal(connection, [entry_of(row, self._collector) for row in rows], now_ms)
        return {row.sha256 for row in rows}


def _enough(rows: Sequence[EvidenceRow], over: int) -> list[EvidenceRow]:
    """The first of `rows` that make up for so many bytes."""
    going: list[EvidenceRow] = []
    for row in rows:
        if over <= 0:
            break
        going.append(row)
        over -= row.came_bytes
    return going
