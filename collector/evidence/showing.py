"""The files of pictures for those who may look: found by hash, checked again, every first look written down.

A file whose bytes are no longer what was sealed is shown to nobody and told like a rejected message: somebody changed
it at the centre itself. Every method may block. Flow: the desk, behind looking.py -> here -> files, the journal.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from collector.evidence.files import Files
from collector.ingest.picturing import mismatch
from collector.ingest.received import Rejection
from collector.people import Person
from collector.storage import evidence, writing
from collector.storage.evidence import EvidenceRow, State
from collector.storage.journal import Entry, write_journal
from collector.storage.records import Topic
from collector.storage.store import Store
from collector.times import unix_ms


class Showing:
    """Gives files out. `files` is None where this centre takes no pictures."""

    def __init__(
        self,
        *,
        collector: str,
        store: Store,
        files: Files | None,
        now: Callable[[], datetime],
        rejected: Callable[[Rejection], None],
    ) -> None:
        self._collector, self._store, self._files = collector, store, files
        self._now, self._rejected = now, rejected
        self._told: set[str] = set()

    @property
    def takes(self) -> bool:
        """Whether boxes can bring pictures here."""
        return self._files is not None

    def path_of(self, row: EvidenceRow) -> Path | None:
        """The file of a piece that is here; None where there is none, or where it is not what was sealed.

        Raises:
            FilesError: the folder cannot be read.
        """
        if self._files is None or row.state != State.HERE or row.came_sha256 != row.sha256:
            return None
        path = self._files.path_of(row.sha256)
        if path is None and row.sha256 not in self._told:
            self._told.add(row.sha256)
            ours = msgspec.structs.replace(row, box=self._collector)
            self._rejected(mismatch(ours, unix_ms(self._now())))
        return path

    def look(self, row: EvidenceRow, person: Person) -> None:
        """Write down that somebody looks, the first time."""
        now_ms = unix_ms(self._now())
        with self._store.read() as reading:
            if evidence.was_looked_at(reading.connection, row.slot, person.id):
                return
        facts = {"box": row.box, "camera": row.camera, "kind": row.kind, "sha256": row.sha256}
        entry = Entry(
            topic=Topic.EVIDENCE, subject=row.slot, action="look", site=row.site, person=person.id, facts=facts
        )
        with self._store.write() as connection:
            writing.lock_counters(connection)
            if not evidence.was_looked_at(connection, row.slot, person.id):
                write_journal(connection, [entry], now_ms)
