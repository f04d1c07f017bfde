"""What to send now: urgent before routine, never more than a window unreceipted, again only when its time has come.

Pure: one value a connection, replaced with every step. The broker's acknowledgement plays no part; only receipts move
the window (WIRE 2.6, 2.7). Explanations of holes go first, or the centre could not sign for anything behind the hole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from agent.outbox.records import Standing
from protocol.kinds import Lane
from protocol.limits import MAX_EVENTS_PER_ENVELOPE

WINDOW: Final = 8
"""Envelopes of one lane that may wait for their receipt: 800 events of a backlog, about 600 KiB. More in flight gains
nothing measurable, and after a broken link this is all that is sent twice."""

FIRST_AGAIN_MS: Final = 5_000
LONGEST_AGAIN_MS: Final = 60_000
"""An envelope without its receipt is sent again after 5 s, doubling to 60 s (WIRE 2.7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """One envelope that was sent and not receipted."""

    first: int
    last: int
    due_ms: int  # when it is sent again
    wait_ms: int = FIRST_AGAIN_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Publish the lines `first` to `last` (None: as many as there are) of a lane in one envelope."""

    lane: Lane
    first: int
    last: int | None
    limit: int = MAX_EVENTS_PER_ENVELOPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to send until a commit, a receipt, or this monotonic millisecond."""

    until_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What is in flight on one connection. A new connection starts with an empty one."""

    flights: Mapping[Lane, tuple[Flight, ...]] = field(
        default_factory=lambda: MappingProxyType(dict.fromkeys(Lane, ()))
    )
    cursors: Mapping[Lane, int] = field(default_factory=lambda: MappingProxyType(dict.fromkeys(Lane, 0)))
    """The last number sent of each lane."""
    ahead: Mapping[int, Flight] = field(default_factory=lambda: MappingProxyType({}))
    """Explanations sent out of turn, by number."""


def decide(sending: Sending, standing: Standing, now_ms: int) -> Send | Wait:
    """The next thing to do."""
    for seq in standing.explanations:
        flight = sending.ahead.get(seq)
        if flight is None or flight.due_ms <= now_ms:
            return Send(lane=Lane.ROUTINE, first=seq, last=seq, limit=1)
    for lane in Lane:  # urgent stands first
        flights = sending.flights[lane]
        if flights and flights[0].due_ms <= now_ms:
            return Send(lane=lane, first=flights[0].first, last=flights[0].last)
        view = standing.lanes[lane]
        sent = max(sending.cursors[lane], view.receipted)
        if sent < view.head.seq and len(flights) < WINDOW:
            return Send(lane=lane, first=sent + 1, last=None)
    due = [flights[0].due_ms for flights in sending.flights.values() if flights]
    due += [flight.due_ms for seq, flight in sending.ahead.items() if seq in standing.explanations]
    return Wait(until_ms=min(due, default=None))


def sent(sending: Sending, send: Send, last: int, now_ms: int) -> Sending:
    """The state after the envelope of `send`, whose last line is `last`, was handed to the broker."""
    if send.limit == 1 and send.first == send.last:
        known = sending.ahead.get(send.first)
        return replace(sending, ahead={**sending.ahead, send.first: _flight(known, send.first, last, now_ms)})
    flights = sending.flights[send.lane]
    if flights and flights[0].first == send.first:
        flights = (_flight(flights[0], send.first, last, now_ms), *flights[1:])
    else:
        flights = (*flights, _flight(None, send.first, last, now_ms))
    cursor = max(sending.cursors[send.lane], last)
    return replace(
        sending,
        flights={**sending.flights, send.lane: flights},
        cursors={**sending.cursors, send.lane: cursor},
    )


def nothing_there(sending: Sending, send: Send, standing: Standing) -> Sending:
    """The state after no pending line was found for `send`: they were receipted, shed or quarantined meanwhile."""
    if send.limit == 1:
        return sending
    flights = tuple(flight for flight in sending.flights[send.lane] if flight.first != send.first)
    cursor = sending.cursors[send.lane]
    if send.last is None:
        cursor = max(cursor, standing.lanes[send.lane].head.seq)
    return replace(
        sending,
        flights={**sending.flights, send.lane: flights},
        cursors={**sending.cursors, send.lane: cursor},
    )


def receipted(sending: Sending, standing: Standing) -> Sending:
    """The state after receipts moved the standing: what they cover is no longer in flight."""
    flights = {
        lane: tuple(flight for flight in sending.flights[lane] if flight.last > standing.lanes[lane].receipted)
        for lane in Lane
    }
    ahead = {seq: flight for seq, flight in sending.ahead.items() if seq in standing.explanations}
    return replace(sending, flights=flights, ahead=ahead)


def again_from(sending: Sending, lane: Lane, first: int) -> Sending:
    """The state after the centre asked for everything from number `first` on."""
    return replace(
        sending,
        flights={**sending.flights, lane: ()},
        cursors={**sending.cursors, lane: first - 1},
    )


def _flight(known: Flight | None, first: int, last: int, now_ms: int) -> Flight:
    wait_ms = FIRST_AGAIN_MS if known is None else min(2 * known.wait_ms, LONGEST_AGAIN_MS)
    return Flight(first=first, last=last, due_ms=now_ms + wait_ms, wait_ms=wait_ms)
