"""What is remembered of one zone, and what latches: alarms that last until reset, and the zone is at rest. Pure.

`arming.py` says when a zone acts; here stands what that makes of the zone, and when its conditions begin, are told
again, and end. Nothing but `reset` lets an alarm end.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from agent.arming.zones import BYPASSED, RULES, SHUT_DOWN, TAMPER, TROUBLE
from agent.findings import Finding, Phase
from agent.signals import Moment, State
from protocol.messages import BecauseRow
from protocol.site.schema import Zone

TROUBLE_AFTER: Final = timedelta(seconds=10)
"""A zone may be unknown so long before it is told."""


class Took(StrEnum):
    """How its present activity was taken."""

    NOTHING = "nothing"  # not at all yet: at rest, not guarded, or free to be active
    TESTED = "tested"
    ACTED = "acted"


class Latch(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm of a zone that lasts."""

    at: Moment
    again: int = 0  # how often it acted since
    reset: bool = False
    reset_by: tuple[str, ...] = ()


class Bypass(msgspec.Struct, frozen=True, kw_only=True):
    """A zone taken out of guard: by whom, since when, until when."""

    by: tuple[str, ...]
    at: Moment
    until: Moment
    order: str = ""


class ZoneState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one zone."""

    took: Took = Took.NOTHING
    latches: Mapping[str, Latch] = {}  # by kind
    meddled: Took = Took.NOTHING  # the same, of its present meddling
    acted: Moment | None = None  # when it acted last, for what it confirms
    alarms: int = 0  # in this armed period
    shut: bool = False
    bypass: Bypass | None = None
    troubled: bool = False


NEW: Final = ZoneState()


def latched(
    state: ZoneState, zone: Zone, kind: str, now: Moment, facts: Mapping[str, Any], rows: tuple[BecauseRow, ...]
) -> tuple[ZoneState, Finding]:
    """The alarm of `kind` begins; or it is told again, if it lasts."""
    known = state.latches.get(kind)
    latch = msgspec.structs.replace(known, again=known.again + 1, reset=False) if known else Latch(at=now)
    finding = Finding(
        kind=kind,
        source=f"zone/{zone.id}",
        phase=Phase.AGAIN if known else Phase.RAISED,
        at=now,
        facts={**facts, **({"again": latch.again} if latch.again else {})},
        because=rows,
    )
    return msgspec.structs.replace(state, latches={**state.latches, kind: latch}), finding


def repeated(state: ZoneState, zone: Zone, now: Moment) -> tuple[ZoneState, tuple[Finding, ...]]:
    """The zone alarmed once more in this armed period: enough of it shuts it down."""
    state = msgspec.structs.replace(state, alarms=state.alarms + 1)
    if not RULES[zone.type].when_armed or not zone.swinger_after or state.shut or state.alarms < zone.swinger_after:
        return state, ()
    finding = _finding(SHUT_DOWN, zone, Phase.RAISED, now, {"alarms": state.alarms})
    return msgspec.structs.replace(state, shut=True), (finding,)


def reset(
    state: ZoneState, zone: Zone, by: tuple[str, ...], now: Moment, *, disarmed: bool
) -> tuple[ZoneState, tuple[Finding, ...]]:
    """What latched may end now: all of it, or by disarming only what an armed zone told. A shutdown is over."""
    rule = RULES[zone.type]
    latches = {
        kind: msgspec.structs.replace(latch, reset=True, reset_by=by)
        if not disarmed or (rule.when_armed and kind == rule.kind)
        else latch
        for kind, latch in state.latches.items()
    }
    findings = (_finding(SHUT_DOWN, zone, Phase.ENDED, now, {}),) if state.shut else ()
    return msgspec.structs.replace(state, latches=latches, shut=False, alarms=0), findings


def rested(
    state: ZoneState, zone: Zone, reads: State, now: Moment, rows: tuple[BecauseRow, ...]
) -> tuple[ZoneState, tuple[Finding, ...]]:
    """End what was reset and is at rest."""
    over = {kind: latch for kind, latch in state.latches.items() if latch.reset and _at_rest(kind, zone, state, reads)}
    if not over:
        return state, ()
    findings = tuple(
        _finding(
            kind,
            zone,
            Phase.ENDED,
            now,
            {
                "latched_s": now.since(latch.at).total_seconds(),
                "reset_by": list(latch.reset_by),
                **({"again": latch.again} if latch.again else {}),
            },
            rows,
        )
        for kind, latch in over.items()
    )
    left = {kind: latch for kind, latch in state.latches.items() if kind not in over}
    return msgspec.structs.replace(state, latches=left), findings


def bypassed(
    state: ZoneState, zone: Zone, bypass: Bypass | None, now: Moment, facts: Mapping[str, Any]
) -> tuple[ZoneState, tuple[Finding, ...]]:
    """A bypass begins, is given anew, or ends (None)."""
    findings = []
    if state.bypass:
        findings.append(_finding(BYPASSED, zone, Phase.ENDED, now, facts if bypass is None else {"reason": "renewed"}))
    if bypass:
        findings.append(_finding(BYPASSED, zone, Phase.RAISED, now, facts))
    return msgspec.structs.replace(state, bypass=bypass), tuple(findings)


def troubled(
    state: ZoneState, zone: Zone, begins: bool, now: Moment, cause: str
) -> tuple[ZoneState, tuple[Finding, ...]]:
    """The zone cannot be read, or can be again."""
    if begins is state.troubled:
        return state, ()
    phase, facts = (Phase.RAISED, {"cause": cause} if cause else {}) if begins else (Phase.ENDED, {})
    return msgspec.structs.replace(state, troubled=begins), (_finding(TROUBLE, zone, phase, now, facts),)


def alarming(states: Mapping[str, ZoneState]) -> frozenset[str]:
    """Everything that latched and was not reset, as `kind source`."""
    return frozenset(
        f"{kind} zone/{zone}"
        for zone, state in states.items()
        for kind, latch in state.latches.items()
        if not latch.reset
    )


def marks(state: ZoneState, under_test: bool) -> tuple[str, ...]:
    """What is shown beside the zone's state."""
    shown = {"alarm": state.latches, "bypassed": state.bypass, "shut_down": state.shut, "test": under_test}
    return tuple(mark for mark, is_so in shown.items() if is_so)


def told(state: ZoneState) -> tuple[str, ...]:
    """The kinds of the conditions that were told of it and last."""
    more = {SHUT_DOWN: state.shut, BYPASSED: state.bypass, TROUBLE: state.troubled}
    return (*state.latches, *(kind for kind, is_so in more.items() if is_so))


def carried(state: ZoneState, now: Moment, same_boot: bool) -> ZoneState:
    """This memory of an earlier run on the monotonic clock of this one; no bypass gets longer by it."""
    bypass = state.bypass
    if bypass:
        until = carried_end(bypass.at, bypass.until, now, same_boot)
        bypass = msgspec.structs.replace(bypass, at=bypass.at.carried(now, same_boot), until=until)
    return msgspec.structs.replace(
        state,
        acted=state.acted.carried(now, same_boot) if state.acted else None,
        latches={
            kind: msgspec.structs.replace(latch, at=latch.at.carried(now, same_boot))
            for kind, latch in state.latches.items()
        },
        bypass=bypass,
    )


def carried_end(began: Moment, until: Moment, now: Moment, same_boot: bool) -> Moment:
    """An end on the clock of this run: never later than its whole time from now, whatever the wall clock did."""
    if same_boot:
        return until
    return now.after(min(until.wall - now.wall, until.wall - began.wall))


def _at_rest(kind: str, zone: Zone, state: ZoneState, reads: State) -> bool:
    meddled = kind == TAMPER and RULES[zone.type].kind != TAMPER
    return reads is State.NORMAL or (meddled and reads is State.ACTIVE)


def _finding(
    kind: str,
    zone: Zone,
    phase: Phase,
    now: Moment,
    facts: Mapping[str, Any],
    rows: tuple[BecauseRow, ...] = (),
) -> Finding:
    return Finding(kind=kind, source=f"zone/{zone.id}", phase=phase, at=now, facts=facts, because=rows)
