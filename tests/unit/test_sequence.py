"""Placement in a lane, pure: every order in which honest lines can come, and what dishonest ones show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from collector.ingest.sequence import (
    NOTHING,
    Line,
    Opening,
    Placement,
    Standing,
    Stored,
    Trouble,
    needs_history,
    place,
    walk,
)
from protocol.kinds import Lane
from protocol.ledger import Hole, line_hash
from protocol.messages import decode_event
from provisioning.authority import Authority
from tests.ledgers import PaperBox


@pytest.fixture
def box(paper_authority: Authority) -> PaperBox:
    """A box with nothing written."""
    return PaperBox(authority=paper_authority)


def lines_of(*lines: bytes) -> list[Line]:
    """Lines as verification hands them on."""
    return [Line(decode_event(line), line_hash(line), (0, number)) for number, line in enumerate(lines)]


def rows_of(lines: Iterable[Line]) -> list[Stored]:
    """The rows that these lines left."""
    return [
        Stored(line.event.run, line.event.seq, line.hash, line.event.prev, line.event.kind == "ledger.opened")
        for line in lines
    ]


def by_seq(rows: Iterable[Stored]) -> dict[int, list[Stored]]:
    """Rows as placing looks them up."""
    found: dict[int, list[Stored]] = {}
    for row in rows:
        found.setdefault(row.seq, []).append(row)
    return found


def place_all(lines: Sequence[Line], openings: Sequence[Opening] = ()) -> Placement:
    """Place on an empty lane."""
    return place(NOTHING, lines, {}, openings)


def test_the_next_lines_of_a_lane_need_no_look_at_the_database(box: PaperBox) -> None:
    """The usual case is decided from the head alone, and moves it to the last line."""
    lines = lines_of(box.opened(Lane.URGENT), box.line("door.dual_open"), box.line("door.forced"))
    assert not needs_history(NOTHING, lines)
    placed = place_all(lines)
    assert [made.line.event.seq for made in placed.places] == [1, 2, 3]
    assert placed.standing == Standing(run=box.run, seq=3, hash=lines[-1].hash, stored_to=3)
    assert not placed.findings
    assert not placed.duplicates


def test_a_repeat_is_counted_and_not_stored(box: PaperBox) -> None:
    """WIRE 2.5: the same key with the same hash is nothing new."""
    lines = lines_of(box.opened(Lane.URGENT), box.line("door.dual_open"))
    standing = place_all(lines).standing
    assert needs_history(standing, lines)
    again = place(standing, lines, by_seq(rows_of(lines)))
    assert (again.places, again.duplicates, again.standing) == ([], 2, standing)


def test_a_line_ahead_is_stored_and_the_head_waits(box: PaperBox) -> None:
    """WIRE 2.7: stored whatever the order; only the contiguous prefix is receipted."""
    first, second, third = lines_of(box.opened(Lane.URGENT), box.line("door.dual_open"), box.line("door.forced"))
    placed = place(NOTHING, [first, third], {})
    assert len(placed.places) == 2
    assert (placed.standing.seq, placed.standing.stored_to) == (1, 3)
    filled = place(placed.standing, [second], by_seq(rows_of([first])))
    assert filled.waiting
    assert filled.standing.seq == 2
    assert walk(filled.standing, rows_of([third]), []).seq == 3


def test_a_new_run_continues_the_old_one(box: PaperBox) -> None:
    """WIRE 2.2: seq continues across runs, through the line that opens the new one."""
    before = lines_of(box.opened(Lane.URGENT), box.line("door.dual_open"))
    standing = place_all(before).standing
    box.restart()
    after = lines_of(box.opened(Lane.URGENT), box.line("door.forced"))
    placed = place(standing, after, {})
    assert placed.standing.seq == 4
    assert placed.standing.run == box.run
    assert not placed.findings


def test_a_run_that_does_not_open_is_not_receipted(box: PaperBox) -> None:
    """A run begins with ledger.opened; without it the lines are stored and the head stays."""
    before = lines_of(box.opened(Lane.URGENT))
    box.restart()
    after = lines_of(box.line("door.forced"))
    placed = place(place_all(before).standing, after, {})
    assert len(placed.places) == 1
    assert placed.standing.seq == 1


def test_a_store_set_back_is_a_rollback_and_nothing_is_refused(box: PaperBox) -> None:
    """WIRE 2.2: behind the committed head: the range is named, the lines are stored, the head follows the box."""
    kept = lines_of(box.opened(Lane.URGENT), box.line("door.dual_open"))
    image = dict(box.tips)
    lost = lines_of(box.line("door.forced"), box.line("door.forced"))
    standing = place_all([*kept, *lost]).standing
    box.tips = image
    box.restart()
    again = lines_of(box.opened(Lane.URGENT), box.line("zone.fire"))
    openings = [Opening(kept[0].event.run, 1, rolled_back=False)]
    placed = place(standing, again, by_seq(rows_of([*kept, *lost])), openings)
    assert len(placed.places) == 2
    assert [(each.trouble, each.run, each.first, each.last) for each in placed.findings] == [
        (Trouble.ROLLBACK, box.run, 3, 4)
    ]
    assert (placed.standing.run, placed.standing.seq) == (box.run, 4)


def test_the_same_is_found_when_the_older_line_comes_last(box: PaperBox) -> None:
    """A rollback is found whichever of the two histories arrives first, and blames the younger run."""
    kept = lines_of(box.opened(Lane.URGENT))
    image = dict(box.tips)
    older = lines_of(box.line("door.forced"))
    box.tips = image
    box.restart()
    younger = lines_of(box.opened(Lane.URGENT))
    standing = place_all([*kept, *younger]).standing
    openings = [Opening(kept[0].event.run, 1, rolled_back=False), Opening(box.run, 2, rolled_back=False)]
    placed = place(standing, older, by_seq(rows_of([*kept, *younger])), openings)
    assert [(each.trouble, each.run) for each in placed.findings] == [(Trouble.ROLLBACK, box.run)]
    assert placed.standing.run == box.run, "the head stays with the box's present life"


def test_a_rollback_is_told_once(box: PaperBox) -> None:
    """The second line of the same divergence says nothing new."""
    kept = lines_of(box.opened(Lane.URGENT))
    image = dict(box.tips)
    older = lines_of(box.line("door.forced"), box.line("door.forced"))
    standing = place_all([*kept, *older]).standing
    box.tips = image
    box.restart()
    younger = lines_of(box.opened(Lane.URGENT), box.line("zone.fire"))
    openings = [Opening(kept[0].event.run, 1, rolled_back=False)]
    placed = place(standing, younger, by_seq(rows_of([*kept, *older])), openings)
    assert len(placed.findings) == 1
    told = [*openings, Opening(box.run, 2, rolled_back=True)]
    third = lines_of(box.line("zone.fire"))
    placed = place(placed.standing, third, by_seq(rows_of([*kept, *older, *younger])), told)
    assert not placed.findings


def test_two_contents_under_one_key_are_a_fork_and_both_are_kept(box: PaperBox) -> None:
    """WIRE 2.2: same key with another hash; the second content is stored beside the first."""
    kept = lines_of(box.opened(Lane.URGENT))
    image = dict(box.tips)
    one = lines_of(box.line("door.forced"))
    box.tips = image
    other = lines_of(box.line("zone.fire"))
    standing = place_all([*kept, *one]).standing
    placed = place(standing, other, by_seq(rows_of([*kept, *one])))
    assert [each.trouble for each in placed.findings] == [Trouble.FORK]
    ((made),) = placed.places
    assert (made.branch, made.forked) == (1, True)
    assert placed.standing == standing


def test_a_line_that_denies_the_one_before_it_is_a_fork(box: PaperBox) -> None:
    """The next number whose prev is another line's hash: two histories meet here."""
    kept = lines_of(box.opened(Lane.URGENT), box.line("door.forced"))
    image = dict(box.tips)
    box.line("zone.fire")
    after_other = lines_of(box.line("door.forced"))
    box.tips = image
    own = lines_of(box.line("door.dual_open"))
    standing = place_all([*kept, *own]).standing
    placed = place(standing, after_other, by_seq(rows_of([*kept, *own])))
    assert [each.trouble for each in placed.findings] == [Trouble.FORK]
    assert placed.places[0].cut_off
    assert placed.standing.seq == 3


def test_the_head_steps_over_a_hole_that_was_signed_for(box: PaperBox) -> None:
    """WIRE 2.4: a shed line lets the chain be followed over what was given up, into another run too."""
    kept = lines_of(box.opened(Lane.ROUTINE), box.line("ledger.mark"))
    given_up = lines_of(box.line("ledger.mark"))
    box.restart()
    opened = lines_of(box.opened(Lane.ROUTINE))
    after = lines_of(box.line("ledger.mark"))
    hole = Hole(
        lane="routine",
        first=3,
        last=4,
        first_prev=given_up[0].event.prev,
        last_hash=opened[0].hash,
    )
    facts: dict[str, Any] = {"from": 3, "to": 4, "first_prev": hole.first_prev, "last_hash": hole.last_hash}
    shed = lines_of(box.line("ledger.shed", **facts))
    standing = place_all([*kept, *after]).standing
    assert standing.seq == 2
    placed = place(standing, shed, {})
    assert placed.holes == [hole]
    assert walk(placed.standing, rows_of([*after, *shed]), []).seq == 2, "without the signed hole it waits"
    assert walk(placed.standing, rows_of([*after, *shed]), placed.holes).seq == 6


def test_where_runs_part_the_youngest_is_followed(box: PaperBox) -> None:
    """A store set back twice: the box lives in the run that began last, and receipts must be of that one."""
    kept = lines_of(box.opened(Lane.ROUTINE), box.line("ledger.mark"))
    standing, image = place_all(kept).standing, dict(box.tips)
    oldest = lines_of(box.line("ledger.mark"))
    runs: list[list[Line]] = []
    for _ in range(2):
        box.tips = dict(image)
        box.restart()
        runs.append(lines_of(box.opened(Lane.ROUTINE), box.line("ledger.mark")))
    older, youngest = runs
    moved = walk(standing, rows_of([*oldest, *older, *youngest]), [])
    assert (moved.run, moved.seq, moved.hash) == (box.run, 4, youngest[-1].hash)
    assert walk(standing, rows_of([*oldest, *older]), []).hash == older[-1].hash, "before the line of the old run"
    assert walk(standing, rows_of(oldest), []).hash == oldest[-1].hash


def test_beyond_a_hole_the_youngest_run_is_followed_too(box: PaperBox) -> None:
    """Two runs go on after the same hole: the one whose line came last."""
    kept = lines_of(box.opened(Lane.ROUTINE))
    standing = place_all(kept).standing
    given_up = lines_of(box.line("ledger.mark"))
    hole = Hole(lane="routine", first=2, last=2, first_prev=given_up[0].event.prev, last_hash=given_up[0].hash)
    image = dict(box.tips)
    older = lines_of(box.line("ledger.mark"))
    box.tips = image
    box.restart()
    younger = lines_of(box.opened(Lane.ROUTINE))
    assert walk(standing, rows_of([*older, *younger]), [hole]).hash == younger[0].hash


def test_a_hole_of_a_history_that_was_set_back_leads_nowhere(box: PaperBox) -> None:
    """The head of the younger run lies among the numbers of the older run's hole; only its own run goes on there."""
    kept = lines_of(box.opened(Lane.ROUTINE), box.line("ledger.mark"))
    image = dict(box.tips)
    given_up = lines_of(*(box.line("ledger.mark") for _ in range(3)))
    beyond = lines_of(box.line("ledger.mark"))
    hole = Hole(lane="routine", first=3, last=5, first_prev=given_up[0].event.prev, last_hash=given_up[-1].hash)
    box.tips = image
    box.restart()
    younger = lines_of(box.opened(Lane.ROUTINE))
    head = Standing(run=box.run, seq=3, hash=younger[0].hash, stored_to=6)
    assert kept
    assert walk(head, rows_of([*beyond]), [hole]).seq == 3


def test_a_shed_line_that_describes_no_hole_is_only_a_line(box: PaperBox) -> None:
    """Broken facts explain nothing and break nothing."""
    placed = place_all(lines_of(box.opened(Lane.ROUTINE), box.line("ledger.shed", why="nothing")))
    assert placed.holes == []
    assert placed.standing.seq == 2
