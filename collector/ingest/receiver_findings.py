"""A receiver that stopped answering, or answers again, becomes an event of the centre's ledger (`receiver.lost`).

Each collector asks its receivers itself, so each tells of its own. What it saw waits here for the next look; that loses
nothing a restart would not find again. Flow: notify/dc09/receivers.py -> here -> Committer.look -> telling.py.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress

from collector.fleet.records import Condition, Found
from collector.ingest.work import Work
from collector.notify.dc09.records import Change

Changes = deque[Change]
"""Appended to by the event loop, taken from by the ingest's thread."""


def note_receivers(work: Work, changes: Changes, collector: str) -> Callable[[], None]:
    """Tell what changed; the function forgets it, once the transaction is committed."""
    seen = tuple(changes)
    for change in seen:
        facts: dict[str, object] = {"receiver": change.receiver, "address": change.address, "others": change.others}
        if change.reason is not None:
            facts["reason"] = change.reason.value
        found = Found(
            condition=Condition.RECEIVER,
            detail=f"{change.receiver}/{change.address}"[:80],
            facts=facts,
            ends=not change.lost,
            source=change.source,
        )
        work.found.append((collector, collector, found))

    def forget() -> None:
        for change in seen:
            with suppress(ValueError):  # so many came meanwhile that it was pushed out
                changes.remove(change)

    return forget
