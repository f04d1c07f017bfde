"""What the centre's word does to the rows: receipts, the answer to a birth, a request to send again.

A stated head is obeyed only if our own record of that number has that hash (WIRE 2.6). Inside a transaction.
"""

from datetime import datetime, timedelta
from typing import Final

from agent.clocks import Reading
from agent.outbox.holes import explain
from agent.outbox.ledger import Ledger
from agent.outbox.records import Happening, Outcome, moves
from protocol.kinds import Lane
from protocol.ledger import GENESIS, Hole
from protocol.limits import RECEIPTED_KEPT
from protocol.messages import LaneHead
from protocol.timestamps import format_time

PRUNED_AT_ONCE: Final = 500
"""Old rows deleted in one transaction: a few milliseconds on a slow disk."""


def receipt(ledger: Ledger, head: LaneHead, now: datetime) -> Outcome:
    """The centre has everything up to `head`."""
    known = _known(ledger, head)
    if known is not Outcome.ADVANCED:
        return known
    moved = 0
    for before, after in moves(Happening.RECEIPT):
        moved += ledger.connection.execute(
            "UPDATE events SET state = ?, receipted_at = ? WHERE lane = ? AND state = ? AND seq <= ?",
            (after.value, format_time(now), head.lane.value, before.value, head.seq),
        ).rowcount
    if not moved:
        return Outcome.NOTHING_NEW
    ledger.pending_changed(head.lane, -moved)
    if head.lane is Lane.ROUTINE and ledger.explanations:
        ledger.recount_explanations()
    return Outcome.ADVANCED


def rewind(ledger: Ledger, head: LaneHead, reading: Reading) -> Outcome:
    """The centre has `head` and nothing after it: send again from there, also what was receipted.

    Where the lines after `head` are no longer kept, a signed line says so, or the centre would wait for ever.
    """
    known = _known(ledger, head)
    if known is Outcome.UNKNOWN:
        return known
    receipted = receipt(ledger, head, reading.moment.wall)
    moved = _again(ledger, head.lane, head.seq)
    explained = _explain_missing(ledger, head, reading)
    return Outcome.ADVANCED if moved or explained or receipted is Outcome.ADVANCED else Outcome.NOTHING_NEW


def send_again(ledger: Ledger, lane: Lane, first: int) -> int:
    """Make everything from `first` on pending; returns how many events that changed."""
    return _again(ledger, lane, first - 1)


def prune(ledger: Ledger, now: datetime, kept: timedelta = RECEIPTED_KEPT) -> int:
    """Delete what was receipted longer ago than it is kept; a lane's last line always stays."""
    return _delete_receipted(ledger, format_time(now - kept), PRUNED_AT_ONCE)


def overwrite(ledger: Ledger, count: int) -> int:
    """Delete the oldest `count` receipted events for room."""
    return _delete_receipted(ledger, "9999", count)


def _delete_receipted(ledger: Ledger, before: str, count: int) -> int:
    heads = [ledger.lanes[lane].head.seq for lane in Lane]
    return ledger.connection.execute(
        "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE state = 'receipted' AND receipted_at < ?"
        " AND NOT (lane = 'urgent' AND seq = ?) AND NOT (lane = 'routine' AND seq = ?)"
        " ORDER BY receipted_at, seq LIMIT ?)",
        (before, *heads, count),
    ).rowcount


def _known(ledger: Ledger, head: LaneHead) -> Outcome:
    """ADVANCED where the head is ours; NOTHING_NEW where it is older than what is kept; else UNKNOWN."""
    if head.seq == 0:
        return Outcome.ADVANCED if head.hash == GENESIS else Outcome.UNKNOWN
    row = ledger.connection.execute(
        "SELECT run, hash FROM events WHERE lane = ? AND seq = ?", (head.lane.value, head.seq)
    ).fetchone()
    if row is not None:
        return Outcome.ADVANCED if row == (head.run, head.hash) else Outcome.UNKNOWN
    # The row is gone: its hash is still known where another line or a hole names it.
    (next_prev,) = ledger.connection.execute(
        "SELECT prev FROM events WHERE lane = ? AND seq = ?", (head.lane.value, head.seq + 1)
    ).fetchone() or (None,)
    if next_prev is not None:
        return Outcome.ADVANCED if next_prev == head.hash else Outcome.UNKNOWN
    return Outcome.UNKNOWN if head.seq > ledger.lanes[head.lane].head.seq else Outcome.NOTHING_NEW


def _again(ledger: Ledger, lane: Lane, after: int) -> int:
    moved = 0
    for before, state in moves(Happening.REWIND):
        moved += ledger.connection.execute(
            "UPDATE events SET state = ?, receipted_at = NULL WHERE lane = ? AND state = ? AND seq > ?",
            (state.value, lane.value, before.value, after),
        ).rowcount
    if moved:
        ledger.pending_changed(lane, moved)
        if lane is Lane.ROUTINE:
            ledger.recount_explanations()
    return moved


def _explain_missing(ledger: Ledger, head: LaneHead, reading: Reading) -> bool:
    row = ledger.connection.execute(
        "SELECT seq, prev FROM events WHERE lane = ? AND seq > ? AND state != 'quarantined' ORDER BY seq LIMIT 1",
        (head.lane.value, head.seq),
    ).fetchone()
    if row is None or row[0] == head.seq + 1:
        return False
    hole = Hole(lane=head.lane.value, first=head.seq + 1, last=row[0] - 1, first_prev=head.hash, last_hash=row[1])
    return explain(ledger, hole, {"not_kept": hole.last - hole.first + 1}, "not kept", reading)
