"""What the collector tells systemd, and when it keeps silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.health import STUCK_AFTER_S, IngestSeen
from collector.systemd import ALIVE, READY, WAITING, word

WELL = IngestSeen(alive=True, fault="", turned_s=0.3, committed_s=None, brokers=[(True, 5.0), (False, 5.0)])


def test_ready_when_pages_are_served_and_a_broker_is_there() -> None:
    """One broker of several is enough; without one, or without pages, the start is only extended."""
    assert word(WELL, serving=True, ready=False) == READY
    assert word(WELL, serving=False, ready=False) == WAITING
    assert word(replace(WELL, brokers=[(False, 5.0)]), serving=True, ready=False) == WAITING
    assert word(replace(WELL, brokers=[]), serving=True, ready=False) == WAITING


def test_alive_while_the_ingest_moves() -> None:
    """A lost broker or a database out of reach is no reason to start anew: that would mend neither."""
    assert word(WELL, serving=True, ready=True) == ALIVE
    assert word(replace(WELL, brokers=[(False, 99.0)]), serving=True, ready=True) == ALIVE
    waiting = replace(WELL, fault="the database cannot be reached", turned_s=STUCK_AFTER_S + 1)
    assert word(waiting, serving=True, ready=True) == ALIVE


@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("seen", [replace(WELL, alive=False), replace(WELL, turned_s=STUCK_AFTER_S + 1)])
def test_an_ingest_that_stands_still_is_not_called_alive(seen: IngestSeen, ready: bool) -> None:
    """Ended or stuck: nothing is said, and the watchdog starts the collector anew."""
    assert word(seen, serving=True, ready=ready) is None
