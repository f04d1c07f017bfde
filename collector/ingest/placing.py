"""Verified lines into their lanes: the shell around sequence.py. Inside the transaction.

Looks rows up only where the next lines of a lane are not simply that. Flow: VerifiedEvents -> here -> rows of events,
lanes, runs, holes; forks and rollbacks to the centre's own ledger.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from collector.fleet.hearing import CLOCK_LIMIT, named
from collector.fleet.records import Condition, Found
from collector.ingest.sequence import (
    Finding,
    Line,
    Place,
    Placement,
    Standing,
    Trouble,
    needs_history,
    place,
    place_next,
    walk,
)
from collector.ingest.verification import VerifiedEvents
from collector.ingest.work import Work
from collector.storage import writing
from collector.storage.records import Flag
from collector.storage.schema import runs as runs_table
from collector.storage.writing import Key
from collector.times import wire_ms
from protocol.messages import Clock

WALKED_AT_ONCE: Final = 1000
"""Rows read at once when the head moves over lines that came before it."""

_CLOCK_LIMIT_MS: Final = round(CLOCK_LIMIT.total_seconds() * 1000)


def place_events(work: Work, arrived: Sequence[VerifiedEvents], offsets: Mapping[str, int]) -> None:
    """Place everything that arrived; `offsets` is how far each box's clock is off, in milliseconds."""
    by_lane: dict[Key, list[int]] = {}
    for index, verified in enumerate(arrived):
        by_lane.setdefault((verified.box, verified.lane), []).append(index)
    for key, indexes in by_lane.items():
        _place_lane(work, key, indexes, arrived, offsets)


def _place_lane(
    work: Work, key: Key, indexes: list[int], arrived: Sequence[VerifiedEvents], offsets: Mapping[str, int]
) -> None:
    lines = [
        Line(event, digest, (index, line_no))
        for index in indexes
        for line_no, (event, digest) in enumerate(zip(arrived[index].events, arrived[index].hashes, strict=True))
    ]
    standing = work.standing(key)
    if needs_history(standing, lines):
        placement = _place_with_history(work, key, standing, lines)
    else:
        placement = place_next(standing, lines)
    work.duplicates += placement.duplicates
    numbers: dict[int, int] = {}
    opened: dict[str, int] = {}
    for made in placement.places:
        number = _add(work, made, arrived[made.line.at[0]], numbers, offsets)
        if made in placement.openings:
            opened[made.line.event.run] = number
    _note(work, key, placement, opened, arrived[indexes[0]].site)
    work.fresh[key] = placement.standing
    if placement.holes:
        writing.add_holes(work.connection, key, placement.holes)
    if placement.waiting or placement.holes:
        lanes = {key, *((key[0], hole.lane) for hole in placement.holes)}
        for lane in lanes:
            _walk(work, lane)


def _place_with_history(work: Work, key: Key, standing: Standing, lines: Sequence[Line]) -> Placement:
    there = {line.event.seq for line in lines if line.event.seq <= standing.stored_to}
    wanted = there | {seq - 1 for seq in there} | {line.event.seq - 1 for line in lines}
    stored = writing.stored_lines(work.connection, key, wanted)
    return place(standing, lines, stored, writing.openings(work.connection, key))


def _walk(work: Work, key: Key) -> None:
    """Move a head over lines that were stored before their time."""
    standing = work.standing(key)
    if standing.stored_to <= standing.seq:
        return
    holes = writing.holes_of(work.connection, key)
    work.flush_events()
    probe = writing.stored_after(work.connection, key, standing.seq, 1)
    reachable = {standing.seq + 1, *(hole.last + 1 for hole in holes if hole.first <= standing.seq + 1 <= hole.last)}
    if not probe or (probe[0].seq not in reachable and len(reachable) == 1):
        return  # the missing line is still missing
    while True:
        rows = writing.stored_after(work.connection, key, standing.seq, WALKED_AT_ONCE)
        moved = walk(standing, rows, holes)
        if moved.seq == standing.seq or len(rows) < WALKED_AT_ONCE:
            work.fresh[key] = moved
            return
        standing = moved


def _add(
    work: Work,
    made: Place,
    verified: VerifiedEvents,
    numbers: dict[int, int],
    offsets: Mapping[str, int],
) -> int:
    index, line_no = made.line.at
    received = verified.received
    envelope = numbers.get(index)
    if envelope is None:
        envelope = numbers[index] = work.add_envelope(
            box=verified.box, kid=verified.kid, body=received.payload, received_ms=received.received_ms
        )
    at_ms = wire_ms(made.line.event.at)
    return work.add_event(
        made.line.event,
        made.line.hash,
        envelope=envelope,
        line_no=line_no,
        branch=made.branch,
        flags=_flags(made, verified, at_ms, offsets),
        at_ms=at_ms,
        received_ms=received.received_ms,
    )


def _flags(made: Place, verified: VerifiedEvents, at_ms: int, offsets: Mapping[str, int]) -> list[Flag]:
    event = made.line.event
    flags: list[Flag] = []
    if verified.expired:
        flags.append(Flag.CERTIFICATE_EXPIRED)
    if event.clock is Clock.SUSPECT:
        flags.append(Flag.CLOCK_SUSPECT)
    ahead_ms = at_ms - verified.received.received_ms
    if ahead_ms > _CLOCK_LIMIT_MS or abs(offsets.get(verified.box, 0)) > _CLOCK_LIMIT_MS:
        flags.append(Flag.CLOCK_OFF)
    if made.forked:
        flags.append(Flag.FORKED)
    if made.cut_off:
        flags.append(Flag.CUT_OFF)
    return flags


def _note(work: Work, key: Key, placement: Placement, opened: Mapping[str, int], site: str) -> None:
    guilty = {finding.run for finding in placement.findings if finding.trouble is Trouble.ROLLBACK}
    if opened:
        known = writing.known_runs(work.connection, key, opened)
        rows = [
            {
                "box": key[0],
                "lane": key[1],
                "run": made.line.event.run,
                "opened_seq": made.line.event.seq,
                "opened_prev": made.line.event.prev,
                "number": opened[made.line.event.run],
                "rolled_back": False,
            }
            for made in placement.openings
            if made.line.event.run not in known
        ]
        unique = {row["run"]: row for row in reversed(rows)}
        writing.insert_rows(work.connection, runs_table, list(unique.values()))
    for run in guilty:
        writing.mark_rolled_back(work.connection, key, run)
    work.found.extend((key[0], site, _told(work, key, finding)) for finding in placement.findings)


def _told(work: Work, key: Key, finding: Finding) -> Found:
    box, lane = key
    facts = {
        "box": box,
        "lane": lane,
        "run": finding.run,
        "from": finding.first,
        "to": finding.last,
        "why": finding.why,
    }
    if finding.trouble is Trouble.FORK:
        for run in writing.beat_runs_of(work.connection, [(box, finding.run)]).values():
            facts |= named(run)
        return Found(condition=Condition.FORK, detail=f"{lane}-{finding.run}", facts=facts)
    return Found(condition=Condition.ROLLBACK, detail=f"{lane}-{finding.run}", facts=facts)
