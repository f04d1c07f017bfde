"""What a beat, a birth or a death says of its box: alive, late, behind, doubled (WIRE 2.2, 2.8).

Pure: the row, the message, the committed heads and the time in; the new row and the findings out. Flow: commit.py ->
here -> `boxes`, findings to the centre's own ledger.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec

from collector.fleet.records import Ask, BeatRun, BoxState, Claim, Condition, Found, Heard
from collector.ingest.sequence import Standing
from collector.times import moment
from protocol.messages import Beat, BecauseRow, Birth, Death, LaneHead
from protocol.timestamps import format_time, parse_time

LATE_AFTER: Final = timedelta(seconds=20)
"""An echo older than this was held back on one of its two ways (WIRE 2.8), where a beat comes every 8 s or faster."""

LATE_BEATS: Final = 2.5
"""And never before so many beats: one lost beat or receipt makes the next honest echo two beats old, two lost ones
three (docs/decisions/17)."""

APPEARED: Final = "appeared"
"""The state that a fork's reasons give a box: a run of it was heard for the first time."""

CLOCK_LIMIT: Final = timedelta(seconds=30)
"""A box's clock further off than this is flagged (DOMAIN 5)."""


def hear_birth(
    state: BoxState | None,
    known: BeatRun | None,
    current: BeatRun | None,
    birth: Birth,
    heads: Mapping[str, Standing],
    now_ms: int,
) -> Heard:
    """A box introduces itself. A run that was heard before only counts with a higher counter.

    `known` is the row of its run, `current` that of the run the box was last heard in.
    """
    if known is not None and birth.counter <= known.counter:
        return Heard(state=None, dropped="counter not rising")
    if state is not None and known is not None and birth.run != state.run:
        # An older run comes back: answered, so that its next beat can prove by its echo that it lives.
        counted = _counted(known, birth.run, birth.counter, now_ms, birth.machine)
        return Heard(state=state, beat_run=counted, found=_in_turns(birth.box, known, current), answer=True)
    held = state if state and state.run == birth.run else None  # a new run forgot its challenges (WIRE 4.2)
    fresh = BoxState(
        id=birth.box,
        site=birth.site.id,
        run=birth.run,
        counter=birth.counter,
        birth_counter=birth.counter,
        software=birth.software,
        beat_s=birth.beat_s,
        silent_after_s=birth.silent_after_s,
        born_ms=now_ms,
        heard_ms=now_ms,
        died_ms=None,
        clock=birth.clock.value,
        offset_ms=_offset_ms(birth.at, now_ms),
        silent=False,
        delayed=False if state is None else state.delayed,
        forked=False if state is None else state.forked,
        order_challenge=held.order_challenge if held else "",
        challenge_ms=held.challenge_ms if held else 0,
        challenges=() if state is None else state.challenges,
        claims=_claims({} if state is None else state.claims, birth.heads, heads, now_ms),
        health={} if state is None else state.health,
    )
    return Heard(
        state=fresh,
        beat_run=_counted(known, birth.run, birth.counter, now_ms, birth.machine),
        found=(*_silence_ends(state, now_ms), *_gaps_end(state, fresh)),
        points=birth.points,
        answer=True,
    )


def hear_beat(
    state: BoxState | None,
    known: BeatRun | None,
    current: BeatRun | None,
    beat: Beat,
    heads: Mapping[str, Standing],
    now_ms: int,
    listening_ms: int,
) -> Heard:
    """A sign of life. `known` is the row of its run, `current` that of the run the box was last heard in.

    `listening_ms` is since when this collector has been able to hear the box's broker: its own absence is held against
    nobody.
    """
    if known is not None and beat.counter <= known.counter:
        return Heard(state=None, dropped="counter not rising")
    if state is None:
        return Heard(state=None, asks=(Ask(action="birth"),), dropped="no birth yet")
    counted = _counted(known, beat.run, beat.counter, now_ms)
    issued_ms = _issued_ms(state, beat.echo)
    if beat.run != state.run and known is not None:
        return Heard(state=state, beat_run=counted, found=_doubled(state, beat, known, current, issued_ms), answer=True)
    late = _lateness(state, beat, issued_ms, now_ms, listening_ms)
    fresh = msgspec.structs.replace(
        state,
        run=beat.run,
        counter=beat.counter,
        birth_counter=state.birth_counter if beat.run == state.run else 0,
        heard_ms=now_ms,
        died_ms=None,
        clock=beat.clock.value,
        offset_ms=_offset_ms(beat.at, now_ms),
        silent=False,
        delayed=state.delayed if late is None else late > late_after(state.beat_s),
        order_challenge=beat.challenge,
        challenge_ms=state.challenge_ms if beat.challenge == state.order_challenge else now_ms,
        claims=_claims(state.claims, beat.heads, heads, now_ms),
        health=msgspec.to_builtins(beat.health),
    )
    return Heard(
        state=fresh,
        beat_run=counted,
        found=(*_silence_ends(state, now_ms), *_delay(state, fresh, late), *_gaps_end(state, fresh)),
        # A run that never introduced itself: its points are not known.
        asks=(Ask(action="birth"),) if beat.run != state.run else (),
        points=beat.points,
        answer=True,
    )


def hear_death(state: BoxState | None, death: Death, now_ms: int) -> Heard:
    """The will of a connection: it only shortens the wait, and only while no newer connection of the run lives."""
    if state is None or death.run != state.run or death.counter < state.birth_counter - 1:
        return Heard(state=None, dropped="an older connection")
    return Heard(state=msgspec.structs.replace(state, died_ms=now_ms))


def late_after(beat_s: float) -> timedelta:
    """From which age on an echo is late, for a box that beats this often."""
    return max(LATE_AFTER, LATE_BEATS * timedelta(seconds=beat_s))


def behind(claim: LaneHead, head: Standing | None) -> bool:
    """Whether a box claims more than is committed."""
    if claim.seq == 0:
        return False
    if head is None or claim.seq > head.seq:
        return True
    return claim.seq == head.seq and claim.hash != head.hash


def _counted(known: BeatRun | None, run: str, counter: int, now_ms: int, machine: str = "") -> BeatRun:
    if known is None:
        return BeatRun(run=run, counter=counter, first_ms=now_ms, last_ms=now_ms, machine=machine)
    return BeatRun(run=run, counter=counter, first_ms=known.first_ms, last_ms=now_ms, machine=machine or known.machine)


def _offset_ms(at: str, now_ms: int) -> int:
    return round(parse_time(at).timestamp() * 1000) - now_ms


def _issued_ms(state: BoxState, echo: str) -> int | None:
    """When the echoed challenge was issued; None for no echo. One that is no longer remembered is older than all."""
    if not echo:
        return None
    remembered = dict(state.challenges)
    oldest_ms = min(remembered.values(), default=0)
    return remembered.get(echo, oldest_ms)


def _lateness(state: BoxState, beat: Beat, issued_ms: int | None, now_ms: int, listening_ms: int) -> timedelta | None:
    """How old the echo is; None where nothing can be said."""
    if issued_ms is None:
        if beat.run != state.run:
            return None
        issued_ms = state.born_ms  # the answer to the birth is the first that could have been echoed
        if now_ms - max(issued_ms, listening_ms) <= late_after(state.beat_s) // timedelta(milliseconds=1):
            return None  # not echoed yet is no proof of a good line either
    return timedelta(milliseconds=max(0, now_ms - max(issued_ms, listening_ms)))


def _delay(before: BoxState, after: BoxState, late: timedelta | None) -> tuple[Found, ...]:
    if late is None or before.delayed == after.delayed:
        return ()
    facts = {"echo_age_s": round(late.total_seconds(), 1), "limit_s": late_after(after.beat_s).total_seconds()}
    return (Found(condition=Condition.DELAYED, ends=not after.delayed, facts=facts),)


def _silence_ends(before: BoxState | None, now_ms: int) -> tuple[Found, ...]:
    if before is None or not before.silent:
        return ()
    facts = {"silent_s": round((now_ms - before.heard_ms) / 1000, 1)}
    return (Found(condition=Condition.SILENT, ends=True, facts=facts),)


def _doubled(
    state: BoxState, beat: Beat, known: BeatRun, current: BeatRun | None, issued_ms: int | None
) -> tuple[Found, ...]:
    """An older run echoes what was said after the newer one had spoken: both live, and a restart has only one."""
    if current is None or issued_ms is None or beat.echo not in dict(state.challenges):
        return ()
    if issued_ms <= current.first_ms:
        return ()
    return (_two_alive(beat.box, known, current),)


def _in_turns(box: str, known: BeatRun, current: BeatRun | None) -> tuple[Found, ...]:
    """Two runs introduce themselves in turns, and neither comes to a beat: a broker that lets one client of a name live
    has each throw the other off (WIRE 1.6). One birth of an older run may have been on its way while the box started
    anew; another one, after the newer run spoke again, is a second box.
    """
    if current is None or not current.first_ms <= known.last_ms < current.last_ms:
        return ()
    return (_two_alive(box, known, current),)


def _two_alive(box: str, one: BeatRun, other: BeatRun) -> Found:
    facts = {"why": "two runs alive", **named(one), **{f"other_{name}": it for name, it in named(other).items()}}
    steps = sorted((_appeared(box, one), _appeared(box, other)))
    return Found(condition=Condition.FORK, detail=_pair(one.run, other.run), facts=facts, because=tuple(steps))


def named(run: BeatRun) -> dict[str, str]:
    """What tells a run from another: its name, the machine it lives on, since when it is heard."""
    return {"run": run.run, "machine": run.machine, "first_heard": format_time(moment(run.first_ms))}


def _appeared(box: str, run: BeatRun) -> BecauseRow:
    machine = f"machine {run.machine}, " if run.machine else ""
    return format_time(moment(run.first_ms)), f"box/{box}", APPEARED, f"{machine}run {run.run}"


def _pair(one: str, other: str) -> str:
    return "-".join(sorted((one[:16], other[:16])))


def _claims(
    before: Mapping[str, Claim], claimed: tuple[LaneHead, ...], heads: Mapping[str, Standing], now_ms: int
) -> dict[str, Claim]:
    claims: dict[str, Claim] = {}
    for claim in claimed:
        lane = claim.lane.value
        head = heads.get(lane)
        if not behind(claim, head):
            continue
        at_seq = head.seq if head is not None else 0
        old = before.get(lane)
        if old is None or (old.at_seq != at_seq and not old.gap):
            claims[lane] = Claim(run=claim.run, seq=claim.seq, at_seq=at_seq, since_ms=now_ms)
        else:
            claims[lane] = msgspec.structs.replace(old, run=claim.run, seq=claim.seq)
    return claims


def _gaps_end(before: BoxState | None, after: BoxState) -> tuple[Found, ...]:
    if before is None:
        return ()
    return tuple(
        Found(condition=Condition.GAP, detail=lane, ends=True, facts={"lane": lane})
        for lane, claim in before.claims.items()
        if claim.gap and lane not in after.claims
    )
