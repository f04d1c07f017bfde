"""Paper time, drafts and chains for tests of the box's outbox and uplink."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from agent.clocks import Reading
from agent.outbox.capacity import Capacity
from agent.outbox.lines import Author
from agent.outbox.outbox import Outbox, open_outbox
from agent.reporting import Draft
from agent.signals import Moment
from protocol.audit_lanes import LaneAudit
from protocol.ids import new_event_id
from protocol.kinds import Lane, kind_of
from protocol.ledger import GENESIS, HoleError, Position, hole_of, line_hash, over
from protocol.messages import Clock as ClockWord
from protocol.messages import LaneHead, decode_event
from tests.clock import Clock

AUTHOR = Author(box="0755-031-a", site="0755-031")
SMALL = Capacity(limit_bytes=4 * 1024 * 1024, reserved_events=200, margin_bytes=0)
"""Room for some thousand events; a fresh file takes a blink."""


def reading(clock: Clock) -> Reading:
    """The virtual clock as the outbox reads it."""
    return Reading(moment=Moment(wall=clock.now(), mono_ms=clock.mono_ms()), clock=ClockWord.SYNCED)


def box(folder: Path, clock: Clock | None = None, capacity: Capacity = SMALL) -> Outbox:
    """An open outbox in `folder`; close it."""
    ticking = clock or Clock()
    return open_outbox(folder, AUTHOR, lambda: reading(ticking), os.urandom, capacity)


def draft(
    kind: str = "door.held_open", source: str = "door/outer", *, clock: Clock | None = None, **facts: Any
) -> Draft:
    """An event to be stored; `door.held_open` is routine, `door.forced` urgent."""
    at = reading(clock or Clock()).moment
    return Draft(
        id=new_event_id(int(at.wall.timestamp() * 1000), os.urandom(10)),
        kind=kind,
        level=kind_of(kind).level,
        lane=kind_of(kind).lane,
        source=source,
        at=at,
        facts=facts,
    )


def head_of(outbox: Outbox, lane: Lane) -> LaneHead:
    """The lane's head as a receipt would state it."""
    return next(head for head in outbox.heads() if head.lane is lane)


def rows(folder: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """A look into the store's file from outside."""
    connection = sqlite3.connect(folder / "outbox.db")
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def stored_lines(folder: Path, lane: Lane) -> list[bytes]:
    """Every line of a lane that may be sent or was, in order."""
    found = rows(folder, "SELECT line FROM events WHERE lane = ? AND state != 'quarantined' ORDER BY seq", lane.value)
    return [line for (line,) in found]


def follow(lines: list[bytes], explained: list[bytes] | None = None, start: Position | None = None) -> Position:
    """Follow a lane as the centre does, over holes that `explained` (default: the lane itself) signs for.

    Raises:
        AssertionError: a line does not continue the chain.
    """
    holes = []
    for line in explained if explained is not None else lines:
        event = decode_event(line)
        if event.kind == "ledger.shed":
            try:
                holes.append(hole_of(event.facts))
            except HoleError as error:
                raise AssertionError(error) from None
    position = start or Position(run="", seq=0, hash=GENESIS)
    for line in lines:
        event = decode_event(line)
        lane_holes = [hole for hole in holes if hole.lane == event.lane.value]
        if event.seq != position.seq + 1:
            position = over(position, lane_holes)
        assert (event.seq, event.prev) == (position.seq + 1, position.hash), f"{event.lane} breaks at {event.seq}"
        position = Position(run=event.run, seq=event.seq, hash=line_hash(line))
    return position


def audit(folder: Path) -> list[str]:
    """What the offline audit finds wrong with both lanes."""
    lanes = LaneAudit()
    problems = [
        lanes.take(decode_event(line), line, at_centre=False) for lane in Lane for line in stored_lines(folder, lane)
    ]
    return [str(problem.text) for problem in (*problems, *lanes.finish()) if problem is not None]
