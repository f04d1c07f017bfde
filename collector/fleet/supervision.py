"""Which boxes are silent and which stay behind: decided from their rows, the committed heads and the time (WIRE 2.8).

Pure. Flow: the tick reads the rows that are due -> here -> findings, requests and the moment to look again.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec

from collector.fleet.records import Ask, BoxState, Claim, Condition, Found
from collector.ingest.sequence import Standing

ASK_AFTER: Final = timedelta(seconds=5)
"""A head that stays behind this long is asked for, once: boxes send again after 5 s by themselves (WIRE 2.7)."""

GAP_AFTER: Final = timedelta(seconds=20)
"""From the request to `ledger.gap` (WIRE 2.8)."""

DEATH_BEATS: Final = 1.5
"""Beats that a box with a broken connection is waited for: it may be back on its other broker."""

FAR: Final = timedelta(days=1)
"""When to look at a silent box again: what it sends wakes it earlier."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from looking at one box; `due_ms` is when to look again."""

    state: BoxState
    due_ms: int
    found: tuple[Found, ...] = ()
    asks: tuple[Ask, ...] = ()


def supervise(state: BoxState, heads: Mapping[str, Standing], now_ms: int, listening_ms: int) -> Verdict:
    """Judge one box. `listening_ms`: since when this collector can hear; its own absence is held against nobody."""
    found: list[Found] = []
    asks: list[Ask] = []
    deadline_ms = silent_at_ms(state, listening_ms)
    if not state.silent and now_ms >= deadline_ms:
        facts = {
            "silent_after_s": state.silent_after_s,
            "silent_s": round((now_ms - state.heard_ms) / 1000, 1),
            "connection_lost": state.died_ms is not None,
        }
        found.append(Found(condition=Condition.SILENT, facts=facts))
        state = msgspec.structs.replace(state, silent=True)
    if state.silent:
        return Verdict(state=state, due_ms=now_ms + _ms(FAR), found=tuple(found))
    claims: dict[str, Claim] = {}
    for lane, claim in state.claims.items():
        head = heads.get(lane)
        after = _look(claim, lane, head.seq if head is not None else 0, state.heard_ms, now_ms, found, asks)
        if after is not None:
            claims[lane] = after
    state = msgspec.structs.replace(state, claims=claims)
    return Verdict(state=state, due_ms=due_ms(state, listening_ms), found=tuple(found), asks=tuple(asks))


def silent_at_ms(state: BoxState, listening_ms: int) -> int:
    """When a box counts as silent if nothing more is heard; a death only shortens the wait."""
    deadline_ms = max(state.heard_ms, listening_ms) + round(state.silent_after_s * 1000)
    if state.died_ms is not None:
        shortened_ms = max(state.died_ms, listening_ms) + round(DEATH_BEATS * state.beat_s * 1000)
        deadline_ms = min(deadline_ms, shortened_ms)
    return deadline_ms


def due_ms(state: BoxState, listening_ms: int) -> int:
    """The next moment at which something could follow from a box's row alone."""
    moments = [silent_at_ms(state, listening_ms)]
    for claim in state.claims.values():
        if claim.asked_ms is None:
            moments.append(claim.since_ms + _ms(ASK_AFTER))
        elif not claim.gap:
            # Only a beat after the deadline counts, so this is looked at with every beat; see _look.
            moments.append(max(claim.asked_ms + _ms(GAP_AFTER), state.heard_ms))
    return min(moments)


def _look(
    claim: Claim,
    lane: str,
    committed: int,
    heard_ms: int,
    now_ms: int,
    found: list[Found],
    asks: list[Ask],
) -> Claim | None:
    if claim.gap:
        return claim  # its end is told by the beat that claims no more than is here
    if committed != claim.at_seq:
        if committed >= claim.seq:
            return None
        return Claim(run=claim.run, seq=claim.seq, at_seq=committed, since_ms=now_ms)
    if claim.asked_ms is None:
        if now_ms < claim.since_ms + _ms(ASK_AFTER):
            return claim
        asks.append(Ask(action="resend", args={"lane": lane, "from": committed + 1}))
        return msgspec.structs.replace(claim, asked_ms=now_ms)
    if now_ms < claim.asked_ms + _ms(GAP_AFTER) or heard_ms <= claim.asked_ms:
        return claim
    found.append(
        Found(
            condition=Condition.GAP,
            detail=lane,
            facts={"lane": lane, "run": claim.run, "from": committed + 1, "to": claim.seq},
        )
    )
    return msgspec.structs.replace(claim, gap=True)


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
