"""Lines that the box no longer has: each such hole is written down and explained by one signed line.

A hole is explained by `ledger.shed` in the routine lane (WIRE 2.4); its fact `lane` names the lane of the hole where
that is not the routine one. Three causes: routine events shed for room, a record that changed on the disk
(quarantined), and lines that a restored centre asks for after their 30 days (not kept). The explaining line is sent
ahead of its lane's backlog, so that the centre never waits at a hole. Inside a transaction.
"""

import json
from collections import Counter
from typing import Final

from agent.clocks import Reading
from agent.outbox.ledger import Ledger
from agent.outbox.lines import explanation
from agent.outbox.records import Happening, moves
from protocol.kinds import Lane
from protocol.ledger import Hole

SHED_AT_ONCE: Final = 500
"""Events given up in one transaction: under a megabyte of changed pages, which even a full disk has room to log."""


def explain(ledger: Ledger, hole: Hole, counts: dict[str, int], cause: str, reading: Reading) -> bool:
    """Write a hole down and sign for it; False when this very hole is explained already."""
    known = ledger.connection.execute(
        "SELECT 1 FROM holes WHERE (lane, first, last, first_prev, last_hash) = (?, ?, ?, ?, ?)",
        (hole.lane, hole.first, hole.last, hole.first_prev, hole.last_hash),
    ).fetchone()
    if known:
        return False
    (event,) = ledger.append([explanation(hole, counts, reading, ledger.random(10))], reading)
    ledger.connection.execute(
        "INSERT OR REPLACE INTO holes (lane, first, last, first_prev, last_hash, counts, cause, told)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (hole.lane, hole.first, hole.last, hole.first_prev, hole.last_hash, json.dumps(counts), cause, event.seq),
    )
    ledger.explanations = (*ledger.explanations, event.seq)
    return True


def shed(ledger: Ledger, wanted: int, reading: Reading) -> int:
    """Give up the oldest pending routine events, at most `wanted`; returns how many.

    A shed line that itself is still pending goes with them: the new one covers its hole and more, so that holes stay
    few. Other explanations stay, and the last line of the lane stays: the chain goes on from it.
    """
    standing = ledger.lanes[Lane.ROUTINE]
    (oldest,) = ledger.connection.execute(
        "SELECT min(seq) FROM events WHERE lane = 'routine' AND state = 'pending'"
        " AND seq NOT IN (SELECT told FROM holes)"
    ).fetchone()
    if oldest is None or wanted <= 0:
        return 0
    first, first_prev, counts = oldest, "", Counter[str]()
    merged = ledger.connection.execute(
        "SELECT first, first_prev, counts, told FROM holes JOIN events ON events.lane = 'routine' AND seq = told"
        " WHERE holes.lane = 'routine' AND cause = 'shed' AND state = 'pending' AND last = ?",
        (oldest - 1,),
    ).fetchone()
    stop = _end_of_shed(ledger, oldest, min(wanted, SHED_AT_ONCE), standing.head.seq, merged[3] if merged else 0)
    rows = ledger.connection.execute(
        "SELECT seq, prev, hash, kind FROM events WHERE lane = 'routine' AND seq BETWEEN ? AND ? ORDER BY seq",
        (oldest, stop),
    ).fetchall()
    if not rows:
        return 0
    if merged:
        first, first_prev = merged[0], merged[1]
        counts.update(json.loads(merged[2]))
        ledger.connection.execute(
            "DELETE FROM holes WHERE lane = 'routine' AND first = ? AND last = ?", (first, oldest - 1)
        )
    else:
        first_prev = rows[0][1]
    counts.update(kind for _, _, _, kind in rows)
    gone = 0
    for state, _ in moves(Happening.SHEDDING):
        gone += ledger.connection.execute(
            "DELETE FROM events WHERE lane = 'routine' AND state = ? AND seq BETWEEN ? AND ?",
            (state.value, oldest, stop),
        ).rowcount
    ledger.pending_changed(Lane.ROUTINE, -gone)
    hole = Hole(lane=Lane.ROUTINE.value, first=first, last=rows[-1][0], first_prev=first_prev, last_hash=rows[-1][2])
    explain(ledger, hole, dict(counts), "shed", reading)
    ledger.recount_explanations()
    return gone


def quarantine(ledger: Ledger, lane: Lane, seq: int, reading: Reading) -> None:
    """Take a damaged record out of what is sent, and sign for its hole."""
    connection = ledger.connection
    (prev, digest, state) = connection.execute(
        "SELECT prev, hash, state FROM events WHERE lane = ? AND seq = ?", (lane.value, seq)
    ).fetchone()
    # The neighbours' word counts more than the damaged row's own columns.
    before = connection.execute("SELECT hash FROM events WHERE lane = ? AND seq = ?", (lane.value, seq - 1)).fetchone()
    after = connection.execute("SELECT prev FROM events WHERE lane = ? AND seq = ?", (lane.value, seq + 1)).fetchone()
    pending = 0
    for old, new in moves(Happening.POISON):
        changed = connection.execute(
            "UPDATE events SET state = ? WHERE lane = ? AND seq = ? AND state = ?",
            (new.value, lane.value, seq, old.value),
        ).rowcount
        pending += changed if old == state == "pending" else 0
    ledger.pending_changed(lane, -pending)
    hole = Hole(
        lane=lane.value,
        first=seq,
        last=seq,
        first_prev=before[0] if before else prev,
        last_hash=after[0] if after else digest,
    )
    explain(ledger, hole, {"quarantined": 1}, "quarantined", reading)
    if lane is Lane.ROUTINE:
        _tell_again(ledger, seq, reading)
    ledger.recount_explanations()


def _tell_again(ledger: Ledger, told: int, reading: Reading) -> None:
    """The damaged line was itself an explanation: sign for its holes anew."""
    rows = ledger.connection.execute(
        "SELECT lane, first, last, first_prev, last_hash, counts FROM holes WHERE told = ?", (told,)
    ).fetchall()
    for lane, first, last, first_prev, last_hash, counts in rows:
        hole = Hole(lane=lane, first=first, last=last, first_prev=first_prev, last_hash=last_hash)
        (event,) = ledger.append([explanation(hole, json.loads(counts), reading, ledger.random(10))], reading)
        ledger.connection.execute("UPDATE holes SET told = ? WHERE told = ?", (event.seq, told))


def _end_of_shed(ledger: Ledger, first: int, wanted: int, head: int, merged_told: int) -> int:
    """The last number of an unbroken range of pending routine events that may go."""
    telling = {told for (told,) in ledger.connection.execute("SELECT told FROM holes")} - {merged_told}
    rows = ledger.connection.execute(
        "SELECT seq FROM events WHERE lane = 'routine' AND state = 'pending' AND seq >= ? AND seq < ?"
        " ORDER BY seq LIMIT ?",
        (first, head, wanted),
    )
    stop = first - 1
    for (seq,) in rows:
        if seq != stop + 1 or seq in telling:
            break
        stop = seq
    return int(stop)
