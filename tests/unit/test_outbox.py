"""The outbox on a real file: chain, runs, receipts, rewinds, poison, room."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from agent.outbox.capacity import Capacity
from agent.outbox.records import TRANSITIONS, Happening, Outcome, RecordState
from protocol.kinds import Lane
from protocol.ledger import GENESIS, line_hash
from protocol.messages import LaneHead, decode_event
from tests.boxes import SMALL, audit, box, draft, follow, head_of, rows, stored_lines
from tests.clock import Clock


async def test_an_event_is_on_the_disk_when_append_returns(tmp_path: Path) -> None:
    """Nothing counts as reported before it is stored: another reader of the file sees it at once."""
    outbox = box(tmp_path)
    (event,) = await outbox.append([draft("door.forced")])
    assert rows(tmp_path, "SELECT lane, seq, state FROM events WHERE kind = 'door.forced'") == [
        ("urgent", 2, "pending")
    ]
    assert event.prev == line_hash(stored_lines(tmp_path, Lane.URGENT)[0])
    await outbox.close()


async def test_a_run_opens_each_lane_and_names_the_head_it_continues(tmp_path: Path) -> None:
    """WIRE 2.2: `ledger.opened` comes first in each lane of a run; numbers and chain go on across runs."""
    first = box(tmp_path)
    await first.append([draft(), draft("door.forced")])
    heads = {head.lane: head for head in first.heads()}
    await first.close()
    second = box(tmp_path)
    await second.close()
    for lane in Lane:
        lines = stored_lines(tmp_path, lane)
        events = [decode_event(line) for line in lines]
        assert [event.kind for event in events][0::2] == ["ledger.opened", "ledger.opened"]
        assert events[0].facts == {"run": "", "seq": 0, "hash": GENESIS}
        assert events[2].facts == {"run": heads[lane].run, "seq": 2, "hash": heads[lane].hash}
        assert events[0].run != events[2].run
        follow(lines)


async def test_what_the_guard_remembers_is_stored_with_the_event(tmp_path: Path) -> None:
    """FIELD-FAULTS row 18: event and remembered state are one transaction, so power cut between them is impossible."""
    outbox = box(tmp_path)
    await outbox.append([draft("door.forced")], {"guard": b"door open"})
    await outbox.close()
    again = box(tmp_path)
    assert again.saved == {"guard": b"door open"}
    await again.close()


async def test_a_draft_that_fails_takes_neither_state_nor_others_with_it(tmp_path: Path) -> None:
    """A fault in one report leaves no part of it behind and does not disturb what shares its commit."""
    outbox = box(tmp_path)
    bad = draft(source="NOT A SOURCE")
    answers = await asyncio.gather(
        outbox.append([draft(), bad], {"guard": b"bad"}), outbox.append([draft("door.forced")]), return_exceptions=True
    )
    assert type(answers[0]).__name__ == "MessageError"
    assert isinstance(answers[1], tuple)
    await outbox.close()
    assert rows(tmp_path, "SELECT count(*) FROM events WHERE kind = 'door.held_open'") == [(0,)]
    assert rows(tmp_path, "SELECT count(*) FROM saved") == [(0,)]
    follow(stored_lines(tmp_path, Lane.ROUTINE))


async def test_facts_too_large_for_a_line_are_dropped_before_the_event_is(tmp_path: Path) -> None:
    """That it happened is told even if its facts cannot be."""
    outbox = box(tmp_path)
    (event,) = await outbox.append([draft("door.forced", blob="x" * 20_000)])
    assert event.facts == {"facts_dropped": "too large or malformed"}
    await outbox.close()


async def test_appends_that_wait_share_a_commit(tmp_path: Path) -> None:
    """Group commit: a storm of reports costs a few disk flushes, and its order is kept."""
    outbox = box(tmp_path)
    commits: list[int] = []
    outbox.on_commit(lambda: commits.append(1))
    made = await asyncio.gather(*(outbox.append([draft("door.forced", n=n)]) for n in range(300)))
    assert [events[0].facts["n"] for events in made] == list(range(300))
    assert len(commits) < 30
    await outbox.close()


async def test_a_receipt_is_obeyed_only_for_our_own_hash(tmp_path: Path) -> None:
    """WIRE 2.6: lower is ignored, unknown refused, and only the true head marks events receipted."""
    outbox = box(tmp_path)
    await outbox.append([draft(), draft(), draft()])
    head = head_of(outbox, Lane.ROUTINE)
    forged = LaneHead(lane=Lane.ROUTINE, run=head.run, seq=head.seq, hash="f" * 64)
    beyond = LaneHead(lane=Lane.ROUTINE, run=head.run, seq=head.seq + 1, hash="f" * 64)
    foreign = LaneHead(lane=Lane.ROUTINE, run="0" * 32, seq=head.seq, hash=head.hash)
    for wrong in (forged, beyond, foreign):
        assert await outbox.receipt(wrong) is Outcome.UNKNOWN
        assert outbox.standing.lanes[Lane.ROUTINE].pending == 4
    assert await outbox.receipt(head) is Outcome.ADVANCED
    assert outbox.standing.lanes[Lane.ROUTINE].pending == 0
    lower = LaneHead(lane=Lane.ROUTINE, run=head.run, seq=1, hash=line_hash(stored_lines(tmp_path, Lane.ROUTINE)[0]))
    assert await outbox.receipt(lower) is Outcome.NOTHING_NEW
    assert outbox.standing.lanes[Lane.ROUTINE].pending == 0
    assert await outbox.lines(Lane.URGENT, 1) != ()
    await outbox.close()


async def test_a_restored_centre_gets_everything_again(tmp_path: Path) -> None:
    """WIRE 2.6: the answer to a birth sets the box back, and it sends again from there, also what was receipted."""
    outbox = box(tmp_path)
    await outbox.append([draft() for _ in range(9)])
    await outbox.receipt(head_of(outbox, Lane.ROUTINE))
    third = stored_lines(tmp_path, Lane.ROUTINE)[2]
    old = LaneHead(lane=Lane.ROUTINE, run=outbox.standing.run, seq=3, hash=line_hash(third))
    assert await outbox.rewind(old) is Outcome.ADVANCED
    assert [line.seq for line in await outbox.lines(Lane.ROUTINE, 1)] == list(range(4, 11))
    nothing = LaneHead(lane=Lane.ROUTINE, run="0" * 32, seq=0, hash=GENESIS)
    assert await outbox.rewind(nothing) is Outcome.ADVANCED
    assert len(await outbox.lines(Lane.ROUTINE, 1)) == 10
    await outbox.close()


async def test_a_centre_restored_from_before_what_is_kept_gets_a_signed_hole(tmp_path: Path) -> None:
    """What is no longer kept after 30 days is signed for, so that the lane does not wait for it for ever."""
    clock = Clock()
    outbox = box(tmp_path, clock)
    await outbox.append([draft() for _ in range(5)])
    await outbox.receipt(head_of(outbox, Lane.ROUTINE))
    clock.advance(timedelta(days=31))
    await outbox.append([draft()])
    await outbox.mark()
    assert await outbox.rewind(LaneHead(lane=Lane.ROUTINE, run="0" * 32, seq=0, hash=GENESIS)) is Outcome.ADVANCED
    assert len(outbox.standing.explanations) == 1
    lines = stored_lines(tmp_path, Lane.ROUTINE)
    assert decode_event(lines[-1]).facts["counts"] == {"not_kept": 6}
    follow(lines)
    assert audit(tmp_path) == []
    await outbox.close()


@pytest.mark.parametrize("lane", list(Lane))
async def test_a_poisoned_record_is_quarantined_and_its_hole_is_signed(tmp_path: Path, lane: Lane) -> None:
    """FIELD-FAULTS row 7: one damaged record is set aside and reported, the rest goes on, provably."""
    outbox = box(tmp_path)
    kind = "door.forced" if lane is Lane.URGENT else "door.held_open"
    await outbox.append([draft(kind, n=n) for n in range(5)])
    await outbox.close()
    with sqlite3.connect(tmp_path / "outbox.db") as connection:
        connection.execute(
            "UPDATE events SET line = replace(line, 'door/outer', 'door/0uter') WHERE lane = ? AND seq = 3",
            [lane.value],
        )
    connection.close()
    outbox = box(tmp_path)
    assert [line.seq for line in await outbox.lines(lane, 1)] == [1, 2]
    assert [line.seq for line in await outbox.lines(lane, 3)][:3] == [4, 5, 6]
    assert outbox.standing.poisoned == 1
    (told,) = outbox.standing.explanations
    assert rows(tmp_path, "SELECT state FROM events WHERE lane = ? AND seq = 3", lane.value) == [("quarantined",)]
    explaining = stored_lines(tmp_path, Lane.ROUTINE)
    assert told in [decode_event(line).seq for line in explaining]
    urgent = decode_event(stored_lines(tmp_path, Lane.URGENT)[-1])
    assert (urgent.kind, urgent.facts["reason"], urgent.facts["seq"]) == ("envelope.rejected", "damaged_on_disk", 3)
    follow(stored_lines(tmp_path, lane), explaining)
    assert audit(tmp_path) == []
    await outbox.close()


async def test_a_damaged_store_is_kept_aside_and_a_fresh_one_says_so(tmp_path: Path) -> None:
    """A broken file never stops the guard: it is renamed, and the new ledger's first event names it."""
    outbox = box(tmp_path)
    await outbox.append([draft()])
    await outbox.close()
    (tmp_path / "outbox.db").write_bytes(b"no database at all" * 1000)
    outbox = box(tmp_path)
    events = [decode_event(line) for line in stored_lines(tmp_path, Lane.ROUTINE)]
    assert events[0].prev == GENESIS
    assert str(events[0].facts["set_aside"]).startswith("outbox.db.damaged-")
    assert (tmp_path / str(events[0].facts["set_aside"])).exists()
    await outbox.append([draft()])
    await outbox.close()


@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize(
    ("damage", "fresh"),
    [
        ("hash = 'zz'", False),
        ("run = x'00'", False),
        ("line = x'00'", False),
        ("hash = 'zz', line = x'00'", True),
        ("seq = 'abc', hash = 'zz'", True),
    ],
)
async def test_a_damaged_last_record_does_not_keep_the_guard_from_starting(
    tmp_path: Path, lane: Lane, damage: str, fresh: bool
) -> None:
    """A new run goes on from what is left of the lane's last row; where nothing is left a fresh store begins."""
    outbox = box(tmp_path)
    await outbox.append([draft("door.forced"), draft("door.held_open")])
    await outbox.close()
    with sqlite3.connect(tmp_path / "outbox.db") as connection:
        connection.execute(f"UPDATE events SET {damage} WHERE lane = ? AND seq = 2", [lane.value])  # noqa: S608 - ours
    connection.close()
    outbox = box(tmp_path)
    assert bool(outbox.standing.set_aside) is fresh
    assert [line.seq for line in await outbox.lines(lane, 1)] == [1]
    await outbox.lines(lane, 2)
    assert audit(tmp_path) == []
    await outbox.close()


async def test_what_was_remembered_and_is_no_longer_bytes_is_forgotten(tmp_path: Path) -> None:
    """A changed type in the file must not stop the guard."""
    outbox = box(tmp_path)
    await outbox.save({"guard": b"a", "boot": b"b"})
    await outbox.close()
    with sqlite3.connect(tmp_path / "outbox.db") as connection:
        connection.execute("UPDATE saved SET value = 7 WHERE key = 'guard'")
    connection.close()
    outbox = box(tmp_path)
    assert outbox.saved == {"boot": b"b"}
    await outbox.close()


async def test_damage_found_while_running_starts_a_fresh_store_at_once(tmp_path: Path) -> None:
    """No crash loop: the event that met the damage is stored in the new ledger, under a new run."""
    outbox = box(tmp_path)
    await outbox.append([draft(n=n) for n in range(400)])
    run = outbox.standing.run
    await outbox.receipt(head_of(outbox, Lane.ROUTINE))
    await outbox.close()
    outbox = box(tmp_path)
    content = bytearray((tmp_path / "outbox.db").read_bytes())
    content[4096 * 2 :] = b"\xa5" * (len(content) - 4096 * 2)
    (tmp_path / "outbox.db").write_bytes(content)
    for number in range(5):
        await outbox.append([draft("door.forced", n=number)])
        await outbox.lines(Lane.ROUTINE, 1)
        await outbox.send_again(Lane.ROUTINE, 1)
    assert outbox.standing.run != run
    assert outbox.standing.set_aside
    assert rows(tmp_path, "SELECT count(*) FROM events WHERE kind = 'door.forced'")[0][0] >= 1
    await outbox.close()


async def test_routine_events_give_way_and_their_hole_is_counted(tmp_path: Path) -> None:
    """WIRE 2.4: when room is short the oldest routine events go, one signed line counts them, the chain holds."""
    small = Capacity(limit_bytes=2 * 1024 * 1024, reserved_events=100, margin_bytes=0)
    outbox = box(tmp_path, capacity=small)
    for _ in range(60):
        await outbox.append([draft(filler="x" * 300) for _ in range(50)])
    await outbox.append([draft("door.forced")])
    standing = outbox.standing
    assert standing.shed > 0
    assert standing.tight == "routine"
    assert standing.used_bytes <= small.limit_bytes
    lines = stored_lines(tmp_path, Lane.ROUTINE)
    follow(lines)
    assert audit(tmp_path) == []
    ((first, last, counts),) = rows(tmp_path, "SELECT first, last, counts FROM holes")
    assert (first, last) == (1, standing.shed)
    kept = sum(1 for line in lines if decode_event(line).kind == "door.held_open")
    assert kept + json.loads(counts)["door.held_open"] == 3000
    await outbox.close()


async def test_receipted_events_give_way_first(tmp_path: Path) -> None:
    """What the centre has is overwritten before anything that it has not."""
    small = Capacity(limit_bytes=2 * 1024 * 1024, reserved_events=100, margin_bytes=0)
    outbox = box(tmp_path, capacity=small)
    for _ in range(60):
        await outbox.append([draft(filler="x" * 300) for _ in range(50)])
        await outbox.receipt(head_of(outbox, Lane.ROUTINE))
    assert outbox.standing.shed == 0
    assert rows(tmp_path, "SELECT count(*) FROM events")[0][0] < 3000
    await outbox.close()


async def test_urgent_events_are_never_shed_and_repeats_are_counted_when_full(tmp_path: Path) -> None:
    """WIRE 2.4: with the reserve used up, repeats of a pending event are counted and told by their number later."""
    small = Capacity(limit_bytes=1024 * 1024, reserved_events=100, margin_bytes=0)
    outbox = box(tmp_path, capacity=small)
    for number in range(120):
        await outbox.append([draft("door.forced", f"door/d{number % 3}", filler="x" * 400) for _ in range(10)])
    assert outbox.standing.tight == "urgent"
    assert outbox.standing.coalesced > 0
    written = rows(tmp_path, "SELECT count(*) FROM events WHERE kind = 'door.forced'")[0][0]
    assert written + outbox.standing.coalesced == 1200
    assert written >= 100
    await outbox.receipt(head_of(outbox, Lane.URGENT))
    await outbox.append([draft()])
    assert outbox.standing.coalesced == 0
    assert outbox.standing.tight == ""
    told = [decode_event(line).facts.get("coalesced") for line in stored_lines(tmp_path, Lane.URGENT)]
    assert sum(number for number in told if isinstance(number, int)) == 1200 - written
    await outbox.close()


async def test_the_urgent_reserve_is_claimed_from_the_disk_at_the_start(tmp_path: Path) -> None:
    """The room promised to urgent events exists before it is needed, whatever else fills the disk later."""
    outbox = box(tmp_path)
    await outbox.close()
    assert (tmp_path / "outbox.db").stat().st_size >= SMALL.reserve_bytes
    assert (tmp_path / "outbox.db").stat().st_mode & 0o077 == 0


def test_every_move_of_a_record_is_in_the_table() -> None:
    """What the centre has is never shed, what is poisoned is never sent, and shed is the end."""
    assert (RecordState.RECEIPTED, Happening.SHEDDING) not in TRANSITIONS
    assert not [pair for pair in TRANSITIONS if pair[0] in (RecordState.QUARANTINED, RecordState.SHED)]
