"""Does a recorder record, keep it long enough, and without holes; are its disks well? Pure.

What a recorder says of one channel, corrected by what its clock is off, goes in; findings come out. Its calendar is
kept day by day: a finished day is looked at once. In `records_on_alarm` hours a channel owes nothing. Retention is
judged only where it can be: the recorder was asked for as long as it must keep, or it lets old pictures go (it says so,
or its oldest picture moved on). Flow: the asker's words -> agent/drivers/asking/recorded.py -> here.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import msgspec

from agent.findings import Finding, Phase, because
from agent.signals import Moment, State
from protocol.timestamps import format_time

NOT_RECORDING: Final = "recorder.not_recording"
RETENTION_SHORT: Final = "recorder.retention_short"
HOLE: Final = "recorder.hole"
DISK_FAULT: Final = "recorder.disk_fault"

NEWEST_AGE: Final = timedelta(minutes=5)
"""A newest picture older than this is too old."""

CONFIRMED_AFTER: Final = timedelta(seconds=45)
"""It must be so in two answers at least so far apart: recorders list a file some seconds after its last picture."""

GAP: Final = timedelta(minutes=5)
DAY_SLACK: Final = timedelta(days=1)
"""A recorder lets go of whole files and days: so much less than it must keep is no fault."""

MOVED_ON: Final = timedelta(hours=1)
"""An oldest picture that is younger by more than this than at the look before: old pictures were let go."""

MARKED_DAYS: Final = 7
"""So long a hole is shown at the recorder's point."""

Span = tuple[datetime, datetime]


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel owes. `free`: hours of each day, by the site's clock, in which it records on alarm only."""

    camera: str
    recorder: str
    keep: timedelta
    zone: tzinfo
    free: tuple[time, time] | None = None


class ChannelState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of a channel, across restarts."""

    since: datetime  # when it was asked for the first time
    recorder: str = ""  # serial number: another recorder is judged from its own beginning
    stale: Moment | None = None  # since when its newest picture is too old
    stopped: bool = False  # told
    oldest: datetime | None = None
    lets_go: bool = False  # its oldest picture moved on, or it says that it overwrites
    short: bool = False  # told
    days: tuple[str, ...] = ()  # finished days that were looked at
    holes: Mapping[str, int] = {}  # day -> holes found


class Newest(msgspec.Struct, frozen=True, kw_only=True):
    """What a recorder says of a channel now, by our clock. None: it does not say."""

    recording: bool | None = None
    newest: datetime | None = None


def begun(state: ChannelState | None, serial: str, now: Moment) -> ChannelState:
    """The state of a channel whose recorder answers; anew where it is another recorder."""
    if state is None or (serial and state.recorder and state.recorder != serial):
        return ChannelState(since=now.wall, recorder=serial)
    return msgspec.structs.replace(state, recorder=serial or state.recorder)


def newest(state: ChannelState, duty: Duty, told: Newest, now: Moment) -> tuple[ChannelState, tuple[Finding, ...]]:
    """Whether it records, by one answer."""
    fresh = told.newest is not None and now.wall - told.newest <= NEWEST_AGE
    if _is_free(duty, now.wall) and not (state.stopped and fresh):  # a picture that comes all the same proves enough
        return msgspec.structs.replace(state, stale=None), ()
    since = _owed_since(duty, now.wall)
    latest = max((at for at in (told.newest, since) if at), default=None)
    late = told.recording is False or latest is None or now.wall - latest > NEWEST_AGE
    if told.recording is False and since is not None and now.wall - since <= NEWEST_AGE:
        late = False  # its hours began just now
    if not late:
        ended = _recording(duty, told, Phase.ENDED, now)
        return msgspec.structs.replace(state, stale=None, stopped=False), (ended,)
    if state.stale is None:
        return msgspec.structs.replace(state, stale=now), ()
    if state.stopped or now.since(state.stale) < CONFIRMED_AFTER:
        return state, ()
    return msgspec.structs.replace(state, stopped=True), (_recording(duty, told, Phase.RAISED, now),)


def oldest(
    state: ChannelState, duty: Duty, first: datetime | None, now: Moment, *, overwrites: bool | None
) -> tuple[ChannelState, tuple[Finding, ...]]:
    """Whether it keeps pictures long enough, by its oldest one."""
    moved = first is not None and state.oldest is not None and first - state.oldest > MOVED_ON
    lets_go = state.lets_go or moved or overwrites is True
    state = msgspec.structs.replace(state, oldest=first, lets_go=lets_go)
    age = now.wall - first if first else timedelta(0)
    if first is not None and age >= duty.keep - DAY_SLACK:
        ended = _retention(duty, first, age, Phase.ENDED, now, "")
        return msgspec.structs.replace(state, short=False), (ended,)
    why = "asked for so long" if now.wall - state.since >= duty.keep else "overwrites" if lets_go else ""
    if state.short or not why:
        return state, ()
    return msgspec.structs.replace(state, short=True), (_retention(duty, first, age, Phase.RAISED, now, why),)


def judged_from(state: ChannelState, duty: Duty) -> datetime | None:
    """From when on its retention is judged, for one that is too young to say; None: it is judged now."""
    return None if state.lets_go else state.since + duty.keep


def wanted_days(state: ChannelState, duty: Duty, now: datetime, most: int) -> tuple[str, ...]:
    """Finished days that were not looked at yet, the latest first: a few at a time, recorders are slow."""
    if state.oldest is None:
        return ()
    day = now.astimezone(duty.zone).date() - timedelta(days=1)
    first = max(state.oldest, now - duty.keep).astimezone(duty.zone).date()
    found: list[str] = []
    seen = set(state.days)
    while day >= first and len(found) < most:
        if day.isoformat() not in seen:
            found.append(day.isoformat())
        day -= timedelta(days=1)
    return tuple(found)


def day_span(day: str, zone: tzinfo) -> Span:
    """When a day begins and ends by the site's clock: 23 or 25 hours where clocks are changed. Raises: ValueError."""
    at = date.fromisoformat(day)
    begin, end = (datetime.combine(each, time(), tzinfo=zone).astimezone(UTC) for each in (at, at + timedelta(days=1)))
    return begin, end


def looked_at(
    state: ChannelState, duty: Duty, days: Mapping[str, Sequence[Span]], now: Moment
) -> tuple[ChannelState, tuple[Finding, ...]]:
    """Finished days as the recorder tells them; the holes of one look are told together, the longest by name."""
    holes = dict(state.holes)
    found: list[tuple[str, Span]] = []
    for day, stretches in days.items():
        gaps = gaps_of(day, stretches, duty, state.oldest)
        if gaps and day not in state.days:
            holes[day] = len(gaps)
            found += [(day, gap) for gap in gaps]
    last = (now.wall - duty.keep - DAY_SLACK).astimezone(duty.zone).date().isoformat()
    seen = tuple(sorted(day for day in {*state.days, *days} if day >= last))
    state = msgspec.structs.replace(
        state, days=seen, holes={day: count for day, count in sorted(holes.items()) if day >= last}
    )
    return state, (_hole(duty, found, now),) if found else ()


def gaps_of(day: str, stretches: Iterable[Span], duty: Duty, first: datetime | None) -> tuple[Span, ...]:
    """Gaps longer than GAP within a day, apart from the hours in which it owes nothing. Raises: ValueError."""
    begin, end = day_span(day, duty.zone)
    if first is not None:
        begin = max(begin, first)
    covered = sorted([*stretches, *_free_spans(day, duty)])
    gaps: list[Span] = []
    at = begin
    for start, stop in covered:
        if start - at > GAP and start > begin:
            gaps.append((at, min(start, end)))
        at = max(at, stop)
        if at >= end:
            break
    if end - at > GAP:
        gaps.append((at, end))
    return tuple(gap for gap in gaps if gap[1] - gap[0] > GAP)


def shows_hole(state: ChannelState, now: datetime, zone: tzinfo) -> bool:
    """Whether a hole is recent enough to be shown at the recorder's point."""
    since = (now.astimezone(zone).date() - timedelta(days=MARKED_DAYS)).isoformat()
    return any(day >= since for day in state.holes)


def disks(point: str, sick: Mapping[str, str], now: Moment) -> Finding:
    """What its disks' states mean; `sick`: disk -> the recorder's own word for it. Told anew it is told once."""
    return Finding(
        kind=DISK_FAULT,
        source=point,
        phase=Phase.RAISED if sick else Phase.ENDED,
        at=now,
        facts={"disks": [f"{name}: {state}" if state else name for name, state in sick.items()]} if sick else {},
        because=tuple(because(point, State.ONLINE, now, f"disk {name} {state}") for name, state in sick.items()),
    )


def _is_free(duty: Duty, at: datetime) -> bool:
    if duty.free is None:
        return False
    begin, end = duty.free
    clock = at.astimezone(duty.zone).time()
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def _owed_since(duty: Duty, at: datetime) -> datetime | None:
    """When the hours began in which it owes a recording without an alarm; None: it always does."""
    if duty.free is None:
        return None
    local = at.astimezone(duty.zone)
    end = datetime.combine(local.date(), duty.free[1], tzinfo=duty.zone)
    return (end if end <= local else end - timedelta(days=1)).astimezone(UTC)


def _free_spans(day: str, duty: Duty) -> list[Span]:
    if duty.free is None:
        return []
    at, (begin, end) = date.fromisoformat(day), duty.free
    spans = []
    for start in (at - timedelta(days=1), at):
        stop = start if begin < end else start + timedelta(days=1)
        spans.append(
            (
                datetime.combine(start, begin, tzinfo=duty.zone).astimezone(UTC),
                datetime.combine(stop, end, tzinfo=duty.zone).astimezone(UTC),
            )
        )
    return spans


def _recording(duty: Duty, told: Newest, phase: Phase, now: Moment) -> Finding:
    facts: dict[str, object] = {"recorder": duty.recorder}
    if told.newest is not None:
        facts["newest"] = format_time(told.newest)
    reason = "no newer picture"
    if phase is Phase.RAISED:
        facts["limit_s"] = NEWEST_AGE.total_seconds()
        reason = "says it does not record" if told.recording is False else reason
    row = because(f"camera/{duty.camera}", State.ONLINE, now, "records" if phase is Phase.ENDED else reason)
    return Finding(kind=NOT_RECORDING, source=f"camera/{duty.camera}", phase=phase, at=now, facts=facts, because=(row,))


def _retention(duty: Duty, first: datetime | None, age: timedelta, phase: Phase, now: Moment, why: str) -> Finding:
    facts: dict[str, object] = {
        "recorder": duty.recorder,
        "kept_days": round(age / timedelta(days=1), 1),
        "keep_days": round(duty.keep / timedelta(days=1), 1),
    }
    if first is not None:
        facts["oldest"] = format_time(first)
    rows = (because(f"camera/{duty.camera}", State.ONLINE, now, why),) if why else ()
    return Finding(kind=RETENTION_SHORT, source=f"camera/{duty.camera}", phase=phase, at=now, facts=facts, because=rows)


def _hole(duty: Duty, found: Sequence[tuple[str, Span]], now: Moment) -> Finding:
    day, (begin, end) = max(found, key=lambda each: (each[1][1] - each[1][0], each[0]))
    return Finding(
        kind=HOLE,
        source=f"camera/{duty.camera}",
        phase=Phase.TOLD,
        at=now,
        facts={
            "recorder": duty.recorder,
            "day": day,
            "from": format_time(begin),
            "to": format_time(end),
            "holes": len(found),
            "days": len({each for each, _ in found}),
        },
        because=(because(f"camera/{duty.camera}", State.ONLINE, now, "a finished day has a gap"),),
    )
