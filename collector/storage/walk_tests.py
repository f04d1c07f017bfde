"""The events of walk tests, read back from the ledger. Reads only.

A test is found by its `test.finished`; its other events are those of the same box that name it. Flow: console ->
collector/acceptance -> here.
"""

from collections.abc import Sequence

from sqlalchemy import select

from collector.storage.lines import line_of
from collector.storage.paging import below
from collector.storage.reading import Reading
from collector.storage.schema import envelopes, events, sites
from protocol.acceptance import FINISHED, KINDS
from protocol.messages import Event, decode_event

MOST_TESTS = 200
"""Walk tests of one list: a large bank's visits of a month."""


def finished_tests(reading: Reading, *, unit: str, site: str | None = None) -> tuple[Event, ...]:
    """The events that closed walk tests of a unit and below, newest first."""
    statement = (
        select(envelopes.c.body, events.c.line_no)
        .join_from(events, envelopes, envelopes.c.id == events.c.envelope)
        .join(sites, sites.c.id == events.c.site)
        .where(events.c.kind == FINISHED, below(unit))
        .order_by(events.c.number.desc())
        .limit(MOST_TESTS)
    )
    if site is not None:
        statement = statement.where(events.c.site == site)
    return tuple(decode_event(line_of(row.body, row.line_no)) for row in reading.connection.execute(statement))


def events_of_tests(reading: Reading, box: str, site: str) -> Sequence[Event]:
    """Every event of a box's walk tests, in the order in which they came."""
    statement = (
        select(envelopes.c.body, events.c.line_no)
        .join_from(events, envelopes, envelopes.c.id == events.c.envelope)
        .where(events.c.box == box, events.c.site == site, events.c.kind.in_(sorted(KINDS)))
        .order_by(events.c.number)
    )
    return [decode_event(line_of(row.body, row.line_no)) for row in reading.connection.execute(statement)]
