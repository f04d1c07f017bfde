"""People where nobody may be, nobody where somebody must be, and too many. Pure; the table of `lasting.py`.

Four rules of an area, each with its own stage; counts are those of `occupancy.py`, which hold for 2 s already.

    state, findings = observe(state, sight, now)    # at each look, and once a second
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from agent.detectors.lasting import TABLE, Seen, Stage
from agent.findings import Finding, Phase, because
from agent.signals import Moment
from protocol.messages import BecauseRow

AFTER_HOURS: Final = "presence.after_hours"
RESTRICTED: Final = "presence.restricted_area"
POST_UNATTENDED: Final = "presence.post_unattended"
CROWD: Final = "presence.crowd"


class Rule(StrEnum):
    """One of the four."""

    AFTER_HOURS = AFTER_HOURS
    RESTRICTED = RESTRICTED
    POST = POST_UNATTENDED
    CROWD = CROWD


class Shut(msgspec.Struct, frozen=True, kw_only=True):
    """That nobody may be there now, and why: the partition is armed, or the site is closed."""

    why: str  # armed, hours
    point: str = ""  # partition/cash
    state: str = ""
    since: Moment | None = None


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at an area."""

    area: str
    people: int | None  # None: nobody can be seen now
    since: Moment | None  # since when so many
    model: str
    shut: Shut | None = None
    open: bool | None = None  # the site's opening hours; None: it has none
    after_hours: bool = False
    restricted: bool = False
    post_empty_after: timedelta | None = None
    crowd_over: int | None = None
    crowd_after: timedelta = timedelta(0)


class PresenceState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    standing: frozenset[Rule] = frozenset()
    over_since: Moment | None = None  # more than `crowd_over`, whatever the number
    open_since: Moment | None = None  # when the site was first seen open


def standing(kinds: frozenset[str]) -> PresenceState:
    """The state in which these kinds were told and have not ended."""
    return PresenceState(standing=frozenset(rule for rule in Rule if rule.value in kinds))


def observe(state: PresenceState, sight: Sight, now: Moment) -> tuple[PresenceState, tuple[Finding, ...]]:
    """What this look, or the passing of time, changes."""
    over = sight.people is not None and sight.crowd_over is not None and sight.people > sight.crowd_over
    state = msgspec.structs.replace(
        state,
        over_since=(state.over_since or sight.since or now) if over else None,
        open_since=(state.open_since or now) if sight.open else None,
    )
    stages: set[Rule] = set()
    findings: list[Finding] = []
    for rule in Rule:
        stage = Stage.STANDS if rule in state.standing else Stage.CALM
        stage, phase = TABLE[stage, _SEEN[rule](state, sight, now)]
        if stage is Stage.STANDS:
            stages.add(rule)
        if phase is not None:
            findings.append(_finding(rule, phase, state, sight, now))
    return msgspec.structs.replace(state, standing=frozenset(stages)), tuple(findings)


def _after_hours(_: PresenceState, sight: Sight, __: Moment) -> Seen:
    if not sight.after_hours or sight.shut is None:
        return Seen.FREE
    return _anybody(sight)


def _restricted(_: PresenceState, sight: Sight, __: Moment) -> Seen:
    return _anybody(sight) if sight.restricted else Seen.FREE


def _anybody(sight: Sight) -> Seen:
    if sight.people is None:
        return Seen.BLIND
    return Seen.OVERDUE if sight.people else Seen.FREE


def _post(state: PresenceState, sight: Sight, now: Moment) -> Seen:
    if sight.post_empty_after is None or sight.open is False:
        return Seen.FREE
    if sight.people is None or sight.since is None:
        return Seen.BLIND
    if sight.people:
        return Seen.FREE
    return Seen.OVERDUE if now.since(_empty_since(state, sight)) >= sight.post_empty_after else Seen.BRIEF


def _crowd(state: PresenceState, sight: Sight, now: Moment) -> Seen:
    if sight.crowd_over is None:
        return Seen.FREE
    if sight.people is None:
        return Seen.BLIND
    if state.over_since is None:
        return Seen.FREE
    return Seen.OVERDUE if now.since(state.over_since) >= sight.crowd_after else Seen.BRIEF


_SEEN: Final[Mapping[Rule, Callable[[PresenceState, Sight, Moment], Seen]]] = {
    Rule.AFTER_HOURS: _after_hours,
    Rule.RESTRICTED: _restricted,
    Rule.POST: _post,
    Rule.CROWD: _crowd,
}


def _empty_since(state: PresenceState, sight: Sight) -> Moment:
    """Since when nobody is there although the site is open."""
    moments = [each for each in (sight.since, state.open_since) if each is not None]
    return max(moments, key=lambda each: each.mono_ms)


def _finding(rule: Rule, phase: Phase, state: PresenceState, sight: Sight, now: Moment) -> Finding:
    facts: dict[str, Any] = {"model": sight.model}
    match rule:
        case Rule.AFTER_HOURS if sight.shut:
            facts["closed"] = sight.shut.why
        case Rule.RESTRICTED | Rule.AFTER_HOURS:
            facts |= {"people": sight.people} if sight.people is not None else {}
        case Rule.POST if sight.people == 0:
            facts["empty_s"] = round(now.since(_empty_since(state, sight)).total_seconds(), 1)
        case Rule.CROWD:
            facts |= {"people": sight.people, "limit": sight.crowd_over}
    return Finding(
        kind=rule.value,
        source=f"area/{sight.area}",
        phase=phase,
        at=now,
        facts=facts,
        because=tuple(_rows(rule, sight, now)),
    )


def _rows(rule: Rule, sight: Sight, now: Moment) -> list[BecauseRow]:
    rows: list[BecauseRow] = []
    if rule is Rule.AFTER_HOURS and sight.shut:
        since = sight.shut.since or now
        reason = "" if sight.shut.point else sight.shut.why  # an armed partition says it by its state
        rows.append(because(sight.shut.point or f"area/{sight.area}", sight.shut.state, since, reason))
    if sight.people is not None:
        rows.append(people_row(sight.area, sight.people, sight.since or now))
    return rows


def people_row(area: str, people: int, since: Moment) -> BecauseRow:
    """That so many people are in an area, and since when."""
    return because(f"area/{area}", "occupied" if people else "empty", since, f"people {people}")
