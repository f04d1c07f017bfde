"""Telling boxes that alarms are over, so that their pictures may go: the request `evidence_over`, until it is answered.

Inside the tick's transaction. Of one box many events at a time; again under the same id, ever more seldom, and at once
when the box is born anew. A box too old to know the request says so, and is left in peace. Flow: an alarm was resolved
-> rows of evidence -> here -> requests to publish after the commit; answers -> here -> rows.
"""

from collections.abc import Callable
from itertools import groupby
from typing import Final

import msgspec

from collector.fleet.records import BoxState
from collector.ingest.work import Said, Work
from collector.orders.posting import RequestPost
from collector.storage import evidence, writing
from collector.storage.evidence import EvidenceRow, Over

ACTION: Final = "evidence_over"
MOST_EVENTS: Final = 100
"""Of one request: some 4 KiB of ids."""
AT_ONCE: Final = 1_000
"""Rows of one look; more wait for the next second."""
AGAIN_MS: Final = 60_000
LONGEST_MS: Final = 3_600_000
MOST_TRIES: Final = 60
"""Two days of an hour each and some; a box that never answers keeps its pictures until its own days are over."""
FINAL: Final = frozenset({"served", "unknown_request"})
"""Answers after which nothing more is said."""


def tell_over(work: Work, new_id: Callable[[], str]) -> list[RequestPost]:
    """What is to be sent now; boxes that are silent are not spoken to."""
    due = evidence.over_due(work.connection, work.now_ms, AT_ONCE)
    if not due:
        return []
    states = writing.box_states(work.connection, {row.box for row in due})
    posts: list[RequestPost] = []
    for box, rows in groupby(due, key=lambda row: row.box):
        if _hears(states.get(box)):
            together = _of_one_request(list(rows))
            post = _post(box, together, new_id)
            posts.append(post)
            evidence.save_evidence(work.connection, [_sent(row, post.id, work.now_ms) for row in together])
        else:  # its birth makes it due at once
            later_ms = work.now_ms + LONGEST_MS
            evidence.save_evidence(
                work.connection, [msgspec.structs.replace(row, over_due_ms=later_ms) for row in rows]
            )
    return posts


def over_answered(work: Work, answers: list[Said]) -> None:
    """What boxes say to it."""
    for said in answers:
        rows = evidence.over_told(work.connection, said.box, said.id)
        if not rows:
            continue
        if said.reason in FINAL:
            fresh = [msgspec.structs.replace(row, over=Over.TOLD.value) for row in rows]
        else:  # another id next time: this one the box has counted
            fresh = [msgspec.structs.replace(row, over_request="") for row in rows]
        evidence.save_evidence(work.connection, fresh)


def _hears(state: BoxState | None) -> bool:
    return state is not None and not state.silent and not state.forked


def _of_one_request(rows: list[EvidenceRow]) -> list[EvidenceRow]:
    """Those that were told together before are told together again; else as many as one request holds."""
    same = [row for row in rows if row.over_request == rows[0].over_request]
    owners = list(dict.fromkeys(row.owner for row in same))[:MOST_EVENTS]
    return [row for row in same if row.owner in owners]


def _post(box: str, rows: list[EvidenceRow], new_id: Callable[[], str]) -> RequestPost:
    events = list(dict.fromkeys(row.owner for row in rows))
    return RequestPost(box=box, id=rows[0].over_request or new_id(), action=ACTION, args={"events": events})


def _sent(row: EvidenceRow, request: str, now_ms: int) -> EvidenceRow:
    tries = row.over_tries + 1
    return msgspec.structs.replace(
        row,
        over=(Over.TO_TELL if tries < MOST_TRIES else Over.TOLD).value,
        over_request=request,
        over_tries=tries,
        over_due_ms=now_ms + min(LONGEST_MS, AGAIN_MS << min(tries - 1, 6)),
    )
