"""Questions about walk tests: their events since some place, so that a desk can follow those under way."""

from typing import Final

from sqlalchemy import func, select

from collector.storage.lines import event_row, event_statement
from collector.storage.reading import Reading
from collector.storage.records import EventRow
from collector.storage.schema import events
from protocol.acceptance import KINDS

LOOKED_BACK: Final = 20_000
"""Events before the present among which a walk test under way is looked for after a start of the centre."""

MOST_AT_ONCE: Final = 1_000
"""Events of walk tests read in one look; the rest comes with the next."""


def walk_events_after(reading: Reading, position: int | None) -> tuple[tuple[EventRow, ...], int]:
    """Events of walk tests behind `position` (None: among the latest), as they were committed, and the new place.

    Only what came since is looked at, so that asking every few seconds costs nothing.
    """
    head = reading.connection.execute(select(func.max(events.c.number))).scalar() or 0
    begun = max(0, head - LOOKED_BACK) if position is None else position
    rows = reading.connection.execute(
        event_statement()
        .where(events.c.number > begun, events.c.number <= head, events.c.kind.in_(sorted(KINDS)))
        .order_by(events.c.number)
        .limit(MOST_AT_ONCE)
    ).fetchall()
    return tuple(event_row(row) for row in rows), rows[-1].number if len(rows) == MOST_AT_ONCE else head
