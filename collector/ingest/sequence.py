"""The place of verified lines in their lane: fresh, repeated, ahead, a new run, a rollback, a fork, a hole.

Pure: rows of the lane in, a placement with its reasons out. Every verified line is stored whatever its order; only the
head, which receipts state, moves along the chain (WIRE 2.2, 2.4, 2.5, 2.7). Flow: verification -> here -> commit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import msgspec

from protocol.kinds import OPENED
from protocol.ledger import GENESIS, Hole, HoleError, Position, hole_of, out_of, over
from protocol.messages import Event

SHED = "ledger.shed"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A lane: its contiguous head, and the highest number that is stored, holes or not."""

    run: str
    seq: int
    hash: str
    stored_to: int


NOTHING = Standing(run="", seq=0, hash=GENESIS, stored_to=0)
"""A lane of which nothing was ever stored."""


class Stored(NamedTuple):
    """A line that is already there."""

    run: str
    seq: int
    hash: str
    prev: str
    opens: bool


class Opening(NamedTuple):
    """Where a run began in this lane; `rolled_back` once the centre has told that it began behind another."""

    run: str
    seq: int
    rolled_back: bool


class Line(NamedTuple):
    """A line to be placed; `at` finds it again: (envelope, line number)."""

    event: Event
    hash: str
    at: tuple[int, int]


class Trouble(StrEnum):
    """What the order of lines shows."""

    FORK = "ledger.fork"  # one key, two contents; or a line that denies the one before it
    ROLLBACK = "ledger.rollback"  # a run that continues behind what was already told


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A fact about a lane that somebody must hear of; `run` is the run that is to blame."""

    trouble: Trouble
    run: str
    first: int
    last: int
    why: str


class Place(NamedTuple):
    """A line that is new, and how it is stored."""

    line: Line
    branch: int
    forked: bool
    cut_off: bool


@dataclass
class Placement:
    """What follows from some lines: the rows to write and the lane as it stands then."""

    standing: Standing
    places: list[Place] = field(default_factory=list)
    duplicates: int = 0
    openings: list[Place] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    waiting: bool = False
    """Whether stored lines beyond the head may now be reachable: follow them with `walk`."""


def needs_history(standing: Standing, lines: Sequence[Line]) -> bool:
    """Whether placing needs stored rows; not for the next lines of a lane without holes, the usual case."""
    seq, digest, run = standing.seq, standing.hash, standing.run
    if standing.stored_to != seq:
        return True
    for line in lines:
        event = line.event
        if event.seq != seq + 1 or event.prev != digest or (event.run != run and event.kind != OPENED):
            return True
        seq, digest, run = event.seq, line.hash, event.run
    return False


def place_next(standing: Standing, lines: Sequence[Line]) -> Placement:
    """Place lines of which `needs_history` says that they are simply the next ones."""
    placement = Placement(standing=standing)
    for line in lines:
        made = Place(line, 0, False, False)
        placement.places.append(made)
        if line.event.kind == OPENED:
            placement.openings.append(made)
        elif line.event.kind == SHED:
            _note_hole(placement, line.event)
    last = lines[-1]
    placement.standing = Standing(run=last.event.run, seq=last.event.seq, hash=last.hash, stored_to=last.event.seq)
    return placement


def place(
    standing: Standing,
    lines: Iterable[Line],
    stored: Mapping[int, Collection[Stored]],
    openings: Collection[Opening] = (),
) -> Placement:
    """Place lines in the order they came.

    `stored` holds, for every number of `lines` and the number before it, the rows that are there; it and `openings`
    may be empty where `needs_history` says so.
    """
    placement = Placement(standing=standing)
    known: dict[int, list[Stored]] = {seq: list(rows) for seq, rows in stored.items()}
    opened = list(openings)
    for line in lines:
        _place_one(placement, line, known, opened)
    standing = placement.standing
    placement.waiting = standing.stored_to > standing.seq and bool(placement.places)
    return placement


def walk(standing: Standing, stored: Iterable[Stored], holes: Collection[Hole]) -> Standing:
    """Follow the chain over rows beyond the head, and over holes that the box signed for, as far as it holds.

    Where two lines continue the same one, the younger run is followed: the box lives there.
    """
    nexts: dict[tuple[int, str], list[Stored]] = {}
    for row in stored:
        nexts.setdefault((row.seq, row.prev), []).append(row)
    while (after := _next(nexts, standing, holes)) is not None:
        stored_to = max(standing.stored_to, after.seq)
        standing = Standing(run=after.run, seq=after.seq, hash=after.hash, stored_to=stored_to)
    return standing


def _next(
    nexts: Mapping[tuple[int, str], Sequence[Stored]], standing: Standing, holes: Collection[Hole]
) -> Stored | None:
    candidates = nexts.get((standing.seq + 1, standing.hash), [])
    opening = [row for row in candidates if row.opens and row.run != standing.run]
    same = [row for row in candidates if row.run == standing.run]
    if opening or same:
        return (opening or same)[-1]
    head = Position(run=standing.run, seq=standing.seq, hash=standing.hash)
    end = over(head, holes)
    # The line that opened a run may lie in the hole, so any run may follow one.
    beyond = nexts.get((end.seq + 1, end.hash), []) if end.seq != standing.seq else []
    # From inside a hole only its own run goes on: the hole may be that of a history that was set back.
    if not beyond and (out := out_of(head, holes)) is not None:
        beyond = [row for row in nexts.get((out.seq + 1, out.hash), ()) if row.run == standing.run]
    return beyond[-1] if beyond else None


def _place_one(placement: Placement, line: Line, known: dict[int, list[Stored]], openings: list[Opening]) -> None:
    event, standing = line.event, placement.standing
    others = known.get(event.seq, []) if event.seq <= standing.stored_to else []
    same_key = [row for row in others if row.run == event.run]
    if any(row.hash == line.hash for row in same_key):
        placement.duplicates += 1
        return
    opens = event.kind == OPENED
    cut_off = _is_cut_off(event, known)
    placement.places.append(made := Place(line=line, branch=len(same_key), forked=bool(same_key), cut_off=cut_off))
    if opens:
        openings.append(Opening(run=event.run, seq=event.seq, rolled_back=False))
        placement.openings.append(made)
    if same_key or cut_off:
        why = "two contents under one key" if same_key else "a line denies the one before it"
        placement.findings.append(_finding(Trouble.FORK, event.run, event.seq, event.seq, why))
    elif others:
        _blame(placement, event, openings, max(standing.stored_to, event.seq))
    if event.kind == SHED:
        _note_hole(placement, event)
    placement.standing = _moved(standing, line, opens=opens, bad=bool(same_key) or cut_off, known=known)
    known.setdefault(event.seq, []).append(Stored(event.run, event.seq, line.hash, event.prev, opens))


def _moved(
    standing: Standing, line: Line, *, opens: bool, bad: bool, known: Mapping[int, Collection[Stored]]
) -> Standing:
    event = line.event
    stored_to = max(standing.stored_to, event.seq)
    follows = event.seq == standing.seq + 1 and event.prev == standing.hash and (opens or event.run == standing.run)
    if not bad and (follows or (opens and event.seq <= standing.seq and _attaches(event, known))):
        return Standing(run=event.run, seq=event.seq, hash=line.hash, stored_to=stored_to)
    return msgspec.structs.replace(standing, stored_to=stored_to) if stored_to > standing.stored_to else standing


def _attaches(event: Event, known: Mapping[int, Collection[Stored]]) -> bool:
    """Whether a run that begins behind the head begins on a line that is there."""
    if event.seq == 1:
        return event.prev == GENESIS
    return any(row.hash == event.prev for row in known.get(event.seq - 1, ()))


def _is_cut_off(event: Event, known: Mapping[int, Collection[Stored]]) -> bool:
    """Whether the line before it, of its own run, is there and is another than the one it names."""
    before = [row for row in known.get(event.seq - 1, ()) if row.run == event.run]
    return bool(before) and all(row.hash != event.prev for row in before)


def _blame(placement: Placement, event: Event, openings: list[Opening], last: int) -> None:
    """Two runs have the same number: the one that began later began behind the other. Told once a run."""
    own = next((opening.seq for opening in openings if opening.run == event.run), 0)
    younger = [opening for opening in openings if opening.run != event.run and own < opening.seq <= event.seq]
    guilty = min(younger, key=lambda opening: opening.seq) if younger else None
    if guilty is None:
        guilty = next((opening for opening in openings if opening.run == event.run), None)
    if guilty is None or guilty.rolled_back:
        return
    openings[openings.index(guilty)] = guilty._replace(rolled_back=True)
    placement.findings.append(
        _finding(Trouble.ROLLBACK, guilty.run, guilty.seq, last, "a run continues behind what was already told")
    )


def _note_hole(placement: Placement, event: Event) -> None:
    try:
        placement.holes.append(hole_of(event.facts))
    except HoleError:
        return  # it explains nothing, and the hole goes on being told as a gap


def _finding(trouble: Trouble, run: str, first: int, last: int, why: str) -> Finding:
    return Finding(trouble=trouble, run=run, first=first, last=last, why=why)
