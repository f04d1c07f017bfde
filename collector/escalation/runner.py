"""Fires every timer that is due; any number of collectors do so side by side, and any may be killed.

A batch is one transaction: counters locked, due rows taken, deleted, and what follows written. Whoever dies before
its commit leaves the rows as they were. A row that trips over a fault of ours is left for a later look and holds up
no other; it becomes late, which the auditor tells. What the auditor finds is left as a `watch` row for the next look of
the ingest, which tells it in the centre's ledger; so is what this collector sees of the others. Whoever looks is there:
it renews its own row, after what was due. Flow: running.py (its thread) -> here -> firing.py, audit.py, others.py.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from collector.escalation.audit import differs, leave_word
from collector.escalation.begin import begin
from collector.escalation.firing import Handler, handlers
from collector.escalation.others import changes
from collector.escalation.records import Purpose, Timer
from collector.escalation.set_back import draw_back, went_back
from collector.escalation.surroundings import Surroundings
from collector.fleet.collectors import RENEWED_MS
from collector.storage import collectors, timers, writing
from collector.storage.store import Store, StoreError, Transaction

BATCH: Final = 200
"""Timers fired in one transaction: ingest waits for its lock meanwhile."""

BATCHES: Final = 25
"""Transactions of one look; whatever is due beyond them comes with the next, and the auditor looks in between."""

AGAIN_MS: Final = 60_000
"""What tripped over a fault of ours is tried again after this."""

AUDIT_EVERY_MS: Final = 1_000
"""However often it is woken."""

logger = logging.getLogger(__name__)


class Runner:
    """One of them a collector; `tick` is called by one thread."""

    def __init__(
        self,
        store: Store,
        around: Surroundings,
        changed: Callable[[], None] = lambda: None,
        more: Mapping[Purpose, Handler] | None = None,
    ) -> None:
        self._store, self._around, self._changed = store, around, changed
        self._table = {**handlers(), **(more or {})}
        self._adopted = False
        self._tripped: dict[str, int] = {}
        """Timers that tripped over a fault of ours, by id, and when they are looked at again."""
        self._audited_ms = 0
        self._renewed_ms: int | None = None
        self._last_ms: int | None = None

    def tick(self, now_ms: int) -> int | None:
        """Fire what is due; when the next timer is due, None when there is none.

        Raises:
            StoreError: the database cannot be reached: try again later.
        """
        if went_back(self._last_ms, now_ms):
            self._draw_back(now_ms)
        self._last_ms = now_ms
        if not self._adopted:
            self._adopt(now_ms)
        due_ms = self._next()
        if due_ms is not None and due_ms <= now_ms:
            self._fire_all(now_ms)
            due_ms = self._next()
            if due_ms is not None and self._tripped:
                due_ms = max(due_ms, now_ms + AUDIT_EVERY_MS)  # what tripped stays due
        if abs(now_ms - self._audited_ms) >= AUDIT_EVERY_MS:
            self._audit(now_ms)
            self._audited_ms = now_ms
        if self._renewed_ms is None or abs(now_ms - self._renewed_ms) >= RENEWED_MS:
            self._renew(now_ms)
            self._renewed_ms = now_ms
        return due_ms

    def _next(self) -> int | None:
        with self._store.read() as reading:
            return timers.next_due(reading.connection, self._table)

    def _fire_all(self, now_ms: int) -> None:
        for _ in range(BATCHES):
            fired, full = self._batch(now_ms)
            if fired:
                self._changed()
            if not full:
                return

    def _adopt(self, now_ms: int) -> None:
        """Alarms from before there were timers begin now."""
        after, full = 0, True
        while full:
            with self._store.read() as reading:
                found = timers.adoptable(reading.connection, after, BATCH)
            full = len(found) == BATCH
            for number, _ in found[-1:]:
                after = number
            ids = [alarm for _, alarm in found]
            if not self._begin(ids, now_ms):
                for alarm in ids:
                    self._begin([alarm], now_ms)
        self._adopted = True

    def _begin(self, alarms: Sequence[str], now_ms: int) -> bool:
        try:
            with self._store.write() as connection:
                writing.lock_counters(connection)
                there = timers.timers_of(connection, alarms)  # another collector was quicker
                begin(connection, self._around, [alarm for alarm in alarms if alarm not in there], now_ms)
        except StoreError:
            raise
        except Exception:
            if len(alarms) == 1:
                logger.exception("an alarm could not be planned: %s", alarms[0])
            return False
        return True

    def _draw_back(self, now_ms: int) -> None:
        with self._store.write() as connection:
            writing.lock_counters(connection)
            if many := draw_back(connection, now_ms):
                logger.warning("the clock was set back: %d waiting rows count from now", many)

    def _audit(self, now_ms: int) -> None:
        """Leave word for the ingest where what fails now is not what was told."""
        with self._store.read() as reading:
            if not differs(reading.connection, self._around, now_ms):
                return
        with self._store.write() as connection:
            writing.lock_counters(connection)
            leave_word(connection, self._around, now_ms)

    def _renew(self, now_ms: int) -> None:
        """This collector is there; leave word where another is gone, or is back."""
        with self._store.write() as connection:
            at_ms = collectors.clock_ms(connection, now_ms)
            collectors.renew(connection, self._around.collector, at_ms, fresh=self._renewed_ms is None)
        with self._store.read() as reading:
            if not changes(reading.connection, now_ms):
                return
        with self._store.write() as connection:
            writing.lock_counters(connection)
            leave_word(connection, self._around, now_ms)

    def _batch(self, now_ms: int) -> tuple[int, bool]:
        try:
            with self._store.write() as connection:
                due = self._take(connection, now_ms, BATCH)
                self._fire(connection, due, now_ms)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - which of them it was shows one by one
            return self._one_by_one(now_ms)
        return len(due), len(due) == BATCH

    def _one_by_one(self, now_ms: int) -> tuple[int, bool]:
        fired = 0
        for _ in range(BATCH):
            due: list[Timer] = []
            try:
                with self._store.write() as connection:
                    due = self._take(connection, now_ms, 1)
                    self._fire(connection, due, now_ms)
            except StoreError:
                raise
            except Exception:
                if not due:
                    raise
                logger.exception("a timer could not be fired: %s", due[0].purpose.value)
                self._tripped[due[0].id] = now_ms + AGAIN_MS
                continue
            if not due:
                return fired, False
            fired += 1
        return fired, True

    def _take(self, connection: Transaction, now_ms: int, limit: int) -> list[Timer]:
        """What is due, but for what tripped lately, however much of that there is."""
        writing.lock_counters(connection)
        self._tripped = {timer: at for timer, at in self._tripped.items() if now_ms < at <= now_ms + AGAIN_MS}
        behind: Timer | None = None
        while True:
            due = timers.due_timers(connection, now_ms, BATCH, self._table, behind)
            fresh = [timer for timer in due if timer.id not in self._tripped]
            if fresh or len(due) < BATCH:
                return fresh[:limit]
            behind = due[-1]

    def _fire(self, connection: Transaction, due: Sequence[Timer], now_ms: int) -> None:
        if not due:
            return
        timers.delete_timers(connection, (timer.id for timer in due))
        for purpose, handler in self._table.items():
            if some := [timer for timer in due if timer.purpose is purpose]:
                handler(connection, self._around, some, now_ms)
