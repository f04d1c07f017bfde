"""A panel that names more zones than there are: each is told, and the ledger stays small."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from agent import reporting
from agent.drivers.dc09.places import MAX_PLACES
from agent.findings import Phase
from agent.reporting import ReportingState
from tests.clock import Clock
from tests.unit.test_panels import Branch


def test_what_is_named_beyond_all_measure_is_told_at_one_place(clock: Clock) -> None:
    """Three thousand zones that nobody named: no more conditions than the limit, and what is stored stays small."""
    branch, state, events = Branch(clock), ReportingState(), 0
    for number in range(100):
        data = b"N" + b"/".join(b"BA%X" % (100 + 30 * number + each) for each in range(30))
        found = branch.plain(data, number).findings
        state, drafts = reporting.report(state, found, branch.now(), lambda: "id")
        events += len(drafts)
        clock.advance(timedelta(milliseconds=10))
    assert len(state.conditions) <= MAX_PLACES + 4
    assert MAX_PLACES <= events <= MAX_PLACES + 20
    assert len(msgspec.json.encode(state)) < 400_000


def test_the_rest_begins_and_ends_nothing(clock: Clock) -> None:
    """A restore among the rest ends no other's alarm; what has a place of its own goes on as before."""
    branch = Branch(clock)
    for number in range(MAX_PLACES):
        branch.plain(b"NBA%X" % (1000 + number), number)
    (more,) = branch.plain(b"NBAFFFF", 1500).findings
    assert (more.source, more.phase, more.facts["zone"]) == ("device/p1/zone/others", Phase.TOLD, "ffff")
    assert branch.plain(b"NBRFFFF", 1501).findings == ()
    (known,) = branch.plain(b"NBR%X" % 1000, 1502).findings
    assert (known.source, known.phase) == ("device/p1/zone/3e8", Phase.ENDED)
