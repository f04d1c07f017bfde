"""The ingest's thread when something of ours breaks."""

from __future__ import annotations

import time

import pytest

from collector.ingest.receiving import Receiving
from protocol.certificates import Trust
from tests.collecting import PaperCentre
from tests.conftest import EventuallyBlocking


def test_an_ingest_that_breaks_is_told(
    centre: PaperCentre, eventually_blocking: EventuallyBlocking, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault nobody foresaw ends the thread: said in the log and to the process, which must not look alive."""
    told: list[bool] = []

    def broken() -> Trust | None:
        raise ZeroDivisionError

    receiving = Receiving(
        pipeline=centre.pipeline,
        receipts=centre.centre.receipts,
        ledger=centre.centre.ledger,
        metrics=centre.metrics,
        clock_ms=lambda: time.time_ns() // 1_000_000,
        mono_s=time.monotonic,
        renewed=broken,
        died=lambda: told.append(True),
    )
    receiving.start([])
    eventually_blocking(lambda: not receiving.alive, what="the thread ends")
    receiving.stop()
    assert told == [True]
    assert "fault of its own" in caplog.text
