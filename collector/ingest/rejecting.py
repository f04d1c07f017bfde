"""What failed a check: kept for a look, bounded, and told once per claimed box and reason in ten minutes (WIRE 2.9).

Inside the transaction. The incident belongs to the centre's own site: a rejected envelope proves nothing about the box
it claims. Flow: rejections -> here -> quarantine, `envelope.rejected` to the centre's own ledger.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from collector.fleet.records import Condition, Found
from collector.ingest.parsing import NOBODY
from collector.ingest.received import Reason, Rejection
from collector.ingest.work import Work
from collector.storage import conditions, writing
from collector.storage.schema import quarantine

WINDOW: Final = timedelta(minutes=10)
"""One incident lasts this long; what comes later is a new one."""

KEPT_PER_INCIDENT: Final = 20
"""Bodies kept of one incident: enough to look at, too few to push out others."""

KEPT: Final = 10_000
"""Rows of the quarantine; the oldest go first."""

MAX_KEPT_BYTES: Final = 64 * 1024
"""Bytes kept of one body."""

MAX_INCIDENTS: Final = 1_000
"""Incidents open at once; beyond it they are told together, for nobody in particular."""

_NOT_KEPT: Final = frozenset({Reason.RATE, Reason.EVIDENCE_HASH})


def note_rejections(work: Work, rejections: Sequence[Rejection], collector: str) -> None:
    """Count, keep and tell."""
    if not rejections:
        return
    counts = Counter((rejection.claimed_box, rejection.reason.value) for rejection in rejections)
    keys = {(Condition.REJECTED.value, box, reason) for box, reason in counts}
    there = conditions.open_conditions(work.connection, keys)
    if len(there) < len(keys) and conditions.count_open(work.connection, Condition.REJECTED) >= MAX_INCIDENTS:
        rejections = [_unnamed(rejection, there) for rejection in rejections]
        counts = Counter((rejection.claimed_box, rejection.reason.value) for rejection in rejections)
        there = conditions.open_conditions(
            work.connection, {(Condition.REJECTED.value, box, reason) for box, reason in counts}
        )
    for (box, reason), count in counts.items():
        key = (Condition.REJECTED.value, box, reason)
        if (known := there.get(key)) is not None:
            conditions.change(work.connection, key, {**known.facts, "count": known.facts.get("count", 0) + count})
            continue
        detail = next(each.detail for each in rejections if (each.claimed_box, each.reason.value) == (box, reason))
        facts = {"claimed_box": box, "reason": reason, "count": count, "detail": detail[:200]}
        work.found.append((box, collector, Found(condition=Condition.REJECTED, detail=reason, facts=facts)))
    _keep(work, rejections, there)


def incidents_over(work: Work, collector: str) -> None:
    """End the incidents whose ten minutes are over, with what they counted."""
    before_ms = work.now_ms - WINDOW // timedelta(milliseconds=1)
    for (_, box, reason), known in conditions.begun_before(work.connection, Condition.REJECTED, before_ms).items():
        found = Found(condition=Condition.REJECTED, detail=reason, ends=True, facts=known.facts)
        work.found.append((box, collector, found))


def _keep(work: Work, rejections: Sequence[Rejection], there: dict[conditions.Key, conditions.Open]) -> None:
    kept: Counter[tuple[str, str]] = Counter(
        {(box, reason): known.facts.get("count", 0) for (_, box, reason), known in there.items()}
    )
    rows = []
    for rejection in rejections:
        name = (rejection.claimed_box, rejection.reason.value)
        kept[name] += 1
        if rejection.reason in _NOT_KEPT or kept[name] > KEPT_PER_INCIDENT:
            continue
        received = rejection.received
        rows.append(
            {
                "number": work.take_number(),
                "claimed_box": rejection.claimed_box,
                "topic": received.topic[:128],
                "reason": rejection.reason.value,
                "received_ms": received.received_ms,
                "size_bytes": len(received.payload),
                "body": received.payload[:MAX_KEPT_BYTES],
            }
        )
    writing.insert_rows(work.connection, quarantine, rows)
    if rows:
        writing.trim_quarantine(work.connection, KEPT)


def _unnamed(rejection: Rejection, there: dict[conditions.Key, conditions.Open]) -> Rejection:
    if (Condition.REJECTED.value, rejection.claimed_box, rejection.reason.value) in there:
        return rejection
    return Rejection(reason=rejection.reason, claimed_box=NOBODY, received=rejection.received, detail=rejection.detail)
