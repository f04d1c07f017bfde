"""What was done to a site's guarding lately: armed, disarmed, bypassed, refused. One question, newest first.

Nobody finds here what `seeing.py` keeps from him. Flow: the site's page -> here -> events.
"""

from typing import Final

from collector.storage.lines import event_row, event_statement
from collector.storage.reading import Reading
from collector.storage.records import EventRow, Sight
from collector.storage.schema import events, sites
from collector.storage.seeing import seen_events

KINDS: Final = (
    *("partition.armed", "partition.disarmed", "partition.arm_failed", "partition.arming_soon"),
    *("partition.late_to_close", "partition.early_to_open", "partition.failed_to_open"),
    *("order.refused", "zone.bypassed", "zone.bypassed.restored", "zone.swinger_shutdown"),
    *("test.started", "test.finished"),
)
"""Who did what to what guards; alarms have their own lists."""


def guarded_lately(reading: Reading, site: str, *, sight: Sight, limit: int) -> tuple[EventRow, ...]:
    """The newest events of a site about its guarding, those that are seen."""
    statement = (
        event_statement()
        .join(sites, sites.c.id == events.c.site)
        .where(events.c.site == site, events.c.kind.in_(KINDS), seen_events(sight))
        .order_by(events.c.number.desc())
        .limit(limit)
    )
    return tuple(event_row(row) for row in reading.connection.execute(statement))
