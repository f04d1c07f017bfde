"""The events of walk tests, read back from the ledger. Reads only.

A test is found by its `test.finished`; its other events are those of the same box that name it. Flow: console ->
collector/acceptance -> here.
"""

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import select

from collector.storage.lines import line_of
from collector.storage.paging import below, filtered, page
from collector.storage.reading import Reading
from collector.storage.records import Filter, Page
from collector.storage.schema import envelopes, events, sites
from protocol.acceptance import FINISHED, KINDS
from protocol.messages import Event, decode_event


def finished_tests(reading: Reading, wanted: Filter) -> Page[Event]:
    """The events that closed walk tests, newest first."""
    statement = (
        select(envelopes.c.body, events.c.line_no, events.c.number)
        .join_from(events, envelopes, envelopes.c.id == events.c.envelope)
        .join(sites, sites.c.id == events.c.site)
        .where(events.c.kind == FINISHED)
    )
    statement = filtered(statement, wanted, events.c, events.c.number, below(wanted.sight.unit))
    found = page(wanted, reading.connection.execute(statement).all(), lambda row: row.number)
    return Page(items=tuple(decode_event(line_of(row.body, row.line_no)) for row in found.items), next=found.next)


def every_finished_test(reading: Reading, wanted: Filter) -> Iterator[Event]:
    """All of them, page after page."""
    found = finished_tests(reading, wanted)
    yield from found.items
    while found.next is not None:
        found = finished_tests(reading, msgspec.structs.replace(wanted, cursor=found.next))
        yield from found.items


def events_of_tests(reading: Reading, box: str, site: str) -> Sequence[Event]:
    """Every event of a box's walk tests, in the order in which they came."""
    statement = (
        select(envelopes.c.body, events.c.line_no)
        .join_from(events, envelopes, envelopes.c.id == events.c.envelope)
        .where(events.c.box == box, events.c.site == site, events.c.kind.in_(sorted(KINDS)))
        .order_by(events.c.number)
    )
    return [decode_event(line_of(row.body, row.line_no)) for row in reading.connection.execute(statement)]
