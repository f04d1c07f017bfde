"""Opening hours: who is late, who is early, and when the box arms by itself. Pure.

`guard.py` calls `observe` at every step with what each partition is and the day's plan (`calendar.py`), and arms what
`wanted` names; it stores the state with its events and carries it over a restart with `carried`. The schedule goes by
wall time, waiting by monotonic time. What was is reckoned back from now, never remembered as a date: a clock that is
set skips no day and no part of a warning, and arms no evening twice unless it goes back by more than SLACK.

    state, findings, wanted = observe(state, sight, now)  # each step; at the latest at `wake_at` (mono ms)
    marks(state, "general")                               # of `late`, `warned`: shown beside the partition's state
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from agent.arming.calendar import DayPlan, Days
from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.timestamps import format_time

LATE: Final = "partition.late_to_close"
SOON: Final = "partition.arming_soon"
EARLY: Final = "partition.early_to_open"
NOT_OPENED: Final = "partition.failed_to_open"
CALENDAR_UNKNOWN: Final = "calendar.unknown"
CALENDAR: Final = "box/calendar"

RETRY: Final = timedelta(minutes=5)
"""Arming by itself that failed is tried again after so long."""

LOOK_EVERY: Final = timedelta(minutes=1)
"""A step of the wall clock is noticed after so long at the latest."""

SLACK: Final = timedelta(hours=1)
"""What was done so long before its time was done for it: the clock went back since then."""

OPENING_KINDS: Final = frozenset({"general", "cash"})
"""Kinds of partition that staff open every working day; vaults and ATM rooms are opened when there is work."""


class Standing(StrEnum):
    """What a partition is, as far as hours care."""

    ARMED = "armed"  # away, stay, entry delay, alarm while armed
    ARMING = "arming"  # exit delay
    DISARMED = "disarmed"


class PartitionSight(msgspec.Struct, frozen=True, kw_only=True):
    """One partition now."""

    id: str
    kind: str
    standing: Standing
    since: Moment
    """Since when it stands so."""
    way: str = ""  # by which way it came there
    scheduled: bool = True


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is judged at once."""

    partitions: tuple[PartitionSight, ...]
    days: Days
    """`Timetable.days(now.wall)`."""


class PartitionHours(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one partition."""

    armed: bool = False
    changed: Moment | None = None  # since when it is armed, or not armed; None: never seen
    armed_until: Moment | None = None
    late: bool = False
    unopened: bool = False
    closing: Moment | None = None  # the `arm_by` that was judged last
    opening: Moment | None = None  # the `open_by` that was judged last
    warned: Moment | None = None
    tried: Moment | None = None
    itself: Moment | None = None  # when the box armed it by itself last


class HoursState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations and across restarts."""

    partitions: Mapping[str, PartitionHours] = {}
    unknown_year: int = 0  # the year that `calendar.unknown` was raised for; 0: it is not


def observe(state: HoursState, sight: Sight, now: Moment) -> tuple[HoursState, tuple[Finding, ...], frozenset[str]]:
    """What this look, or the passing of time, changes; `wanted`: partitions that shall be armed now.

    Whoever arms tells what came of it: the next look finds the partition armed, or it is wanted again after RETRY.
    """
    findings = [*_calendar(state.unknown_year, sight.days.unknown_year, now)]
    scheduled = {each.id: each for each in sight.partitions if each.scheduled and sight.days.scheduled}
    for name, kept in state.partitions.items():
        if name not in scheduled:  # its conditions end, or they would stand for ever
            findings += _ended(name, kept, now)
    partitions: dict[str, PartitionHours] = {}
    wanted: set[str] = set()
    for name, each in scheduled.items():
        kept = state.partitions.get(name, PartitionHours())
        kept, early = _opened(kept, each, sight.days, now)
        kept, late = _closing(kept, each, sight.days, now)
        kept, unopened = _opening(kept, each, sight.days, now)
        partitions[name], soon, wants = _arming(kept, each, sight.days, now)
        findings += (*early, *late, *unopened, *soon)
        wanted.update((name,) if wants else ())
    return (
        HoursState(partitions=partitions, unknown_year=sight.days.unknown_year),
        tuple(findings),
        frozenset(wanted),
    )


def wake_at(state: HoursState, sight: Sight, now: Moment) -> int | None:
    """Monotonic milliseconds at which to look again at the latest; None: nothing here has hours."""
    if not state.partitions:
        return None
    today = sight.days.today
    walls = (today.open_by, today.arm_by, today.early_from, today.warn_at, today.auto_arm, today.ends)
    due = [now.mono_ms - (now.wall - at) // _MILLISECOND for at in walls if at]
    for kept in state.partitions.values():
        due += [kept.tried.after(RETRY).mono_ms] if kept.tried else []
        due += [kept.warned.after(_warning(plan)).mono_ms for plan in _plans(sight.days) if kept.warned]
    return min(each for each in (*due, now.after(LOOK_EVERY).mono_ms) if each > now.mono_ms)


def marks(state: HoursState, partition: str) -> tuple[str, ...]:
    """`late`, `warned`: what is shown beside the partition's state; a buzzer sounds while it is warned."""
    kept = state.partitions.get(partition, PartitionHours())
    warned = kept.warned is not None and kept.tried is None
    return tuple(word for word, shown in (("late", kept.late), ("warned", warned)) if shown)


def carried(state: HoursState, now: Moment, same_boot: bool) -> HoursState:
    """The state of an earlier run on the monotonic clock of this one."""

    def moved(kept: PartitionHours) -> PartitionHours:
        moments = {name: getattr(kept, name) for name in _MOMENTS}
        return replace(kept, **{name: at.carried(now, same_boot) for name, at in moments.items() if at})

    return replace(state, partitions={name: moved(kept) for name, kept in state.partitions.items()})


def _opened(kept: PartitionHours, sight: PartitionSight, days: Days, now: Moment) -> "_Step":
    """It was disarmed: was it time for that?"""
    armed = sight.standing is Standing.ARMED
    if kept.changed is not None and kept.armed is armed:
        return kept, ()
    was, first = kept.armed, kept.changed is None
    until = sight.since if was else now if first else kept.armed_until  # being installed is no evening that was missed
    kept = replace(kept, armed=armed, changed=sight.since, armed_until=until)
    at = _wall(sight.since, now)
    day = days.today if at >= days.today.begins else days.yesterday
    if armed or not was or day.is_business(at):
        return kept, ()
    opens = {"opens": format_time(day.opens)} if day.opens else {"closed": True}
    return kept, (_finding(EARLY, sight.id, Phase.TOLD, now, {"way": sight.way, **opens, **_of(day)}),)


def _closing(kept: PartitionHours, sight: PartitionSight, days: Days, now: Moment) -> "_Step":
    """A day's `arm_by` has come: is it armed? One that is arming is judged by what comes of it."""
    findings: list[Finding] = []
    if kept.late and kept.armed:
        kept = replace(kept, late=False)
        findings.append(_finding(LATE, sight.id, Phase.ENDED, now))
    for day in reversed(_plans(days)):
        if not day.arm_by or not _due(day.arm_by, kept.closing, now) or sight.standing is Standing.ARMING:
            continue
        late = not kept.armed and _changed_before(kept, day.arm_by, now)
        if late:  # still late from an earlier day: told anew
            findings += [_finding(LATE, sight.id, Phase.ENDED, now)] if kept.late else []
            facts = {"arm_by": format_time(day.arm_by), **_of(day)}
            findings.append(_finding(LATE, sight.id, Phase.RAISED, now, facts))
        kept = replace(kept, late=kept.late or late, closing=_moment(day.arm_by, now))
    return kept, tuple(findings)


def _opening(kept: PartitionHours, sight: PartitionSight, days: Days, now: Moment) -> "_Step":
    """The day's `open_by` has come: is it disarmed?"""
    findings: list[Finding] = []
    if kept.unopened and not kept.armed:
        kept = replace(kept, unopened=False)
        findings.append(_finding(NOT_OPENED, sight.id, Phase.ENDED, now))
    day = days.today
    if not day.open_by or not _due(day.open_by, kept.opening, now) or sight.kind not in OPENING_KINDS:
        return kept, tuple(findings)
    missed = kept.armed and _changed_before(kept, day.open_by, now)
    if missed:
        findings += [_finding(NOT_OPENED, sight.id, Phase.ENDED, now)] if kept.unopened else []
        facts = {"open_by": format_time(day.open_by), **_of(day)}
        findings.append(_finding(NOT_OPENED, sight.id, Phase.RAISED, now, facts))
    kept = replace(kept, unopened=kept.unopened or missed, opening=_moment(day.open_by, now))
    return kept, tuple(findings)


def _arming(
    kept: PartitionHours, sight: PartitionSight, days: Days, now: Moment
) -> tuple[PartitionHours, tuple[Finding, ...], bool]:
    """The box arms by itself: once a day, after a whole warning, again while it fails, until people come to open."""
    if kept.armed:
        itself = now if kept.tried else kept.itself
        return replace(kept, warned=None, tried=None, itself=itself), (), False
    due = [day for day in _plans(days) if _to_arm(day, kept, days.today, now)]
    if not due:
        return replace(kept, warned=None, tried=None), (), False
    if sight.standing is Standing.ARMING:
        return kept, (), False
    day = due[0]
    if kept.warned is None:
        at = max(day.auto_arm or now.wall, now.wall + _warning(day))
        soon = _finding(SOON, sight.id, Phase.TOLD, now, {"at": format_time(at), **_of(day)})
        kept = replace(kept, warned=now)
        findings: tuple[Finding, ...] = (soon,)
    else:
        findings = ()
    came = any(each.auto_arm and now.wall >= each.auto_arm for each in due)
    warned = kept.warned is not None and now.since(kept.warned) >= _warning(day)
    wanted = came and warned and (kept.tried is None or now.since(kept.tried) >= RETRY)
    return replace(kept, tried=now if wanted else kept.tried), findings, wanted


def _to_arm(day: DayPlan, kept: PartitionHours, today: DayPlan, now: Moment) -> bool:
    """Whether a day's arming is near or has come, was not done, and nobody can be expected to open since then."""
    if not day.auto_arm or not day.warn_at or now.wall < day.warn_at:
        return False
    if today.early_from and day.auto_arm < today.early_from <= now.wall:
        return False
    return _before(kept.armed_until, day.auto_arm, now) and _before(kept.itself, day.auto_arm - SLACK, now)


def _calendar(told: int, unknown: int, now: Moment) -> Iterator[Finding]:
    if told and told != unknown:
        yield Finding(kind=CALENDAR_UNKNOWN, source=CALENDAR, phase=Phase.ENDED, at=now, facts={"year": told})
    if unknown and told != unknown:
        yield Finding(kind=CALENDAR_UNKNOWN, source=CALENDAR, phase=Phase.RAISED, at=now, facts={"year": unknown})


def _ended(name: str, kept: PartitionHours, now: Moment) -> Iterator[Finding]:
    for kind, stands in ((LATE, kept.late), (NOT_OPENED, kept.unopened)):
        if stands:
            yield _finding(kind, name, Phase.ENDED, now, {"reason": "no longer scheduled"})


def _finding(kind: str, name: str, phase: Phase, now: Moment, facts: Mapping[str, Any] | None = None) -> Finding:
    return Finding(kind=kind, source=f"partition/{name}", phase=phase, at=now, facts=facts or {})


def _of(day: DayPlan) -> dict[str, Any]:
    return {"day": day.kind.value, **({"provisional": True} if day.provisional else {})}


def _plans(days: Days) -> tuple[DayPlan, DayPlan]:
    return days.yesterday, days.today


def _warning(day: DayPlan) -> timedelta:
    return day.auto_arm - day.warn_at if day.auto_arm and day.warn_at else timedelta(0)


def _wall(moment: Moment, now: Moment) -> datetime:
    """When it was, by the wall clock as it is now."""
    return now.wall - now.since(moment)


def _moment(at: datetime, now: Moment) -> Moment:
    """A time of the wall clock as it is now."""
    return now.after(at - now.wall)


def _changed_before(kept: PartitionHours, at: datetime, now: Moment) -> bool:
    return kept.changed is not None and _wall(kept.changed, now) <= at


def _due(deadline: datetime, judged: Moment | None, now: Moment) -> bool:
    """Whether a deadline has come that was not judged yet."""
    return now.wall >= deadline and _before(judged, deadline - SLACK, now)


def _before(moment: Moment | None, at: datetime, now: Moment) -> bool:
    """Whether it was before `at`, or never."""
    return moment is None or _wall(moment, now) < at


_Step = tuple[PartitionHours, tuple[Finding, ...]]
_MILLISECOND: Final = timedelta(milliseconds=1)
_MOMENTS: Final = ("changed", "armed_until", "closing", "opening", "warned", "tried", "itself")
