"""From findings to events: level, lane, what a restore ends, and the limits on a point that chatters.

Pure: the caller gives time and fresh event ids, and stores state and drafts in one transaction. Signing, chaining and
sending follow in `agent/outbox/`. Flutter limits: FIELD-FAULTS row 19. A held-back security condition that lasts is
told within `HELD_BACK_MAX`, and one that still lasts when the chatter ends is told then: nothing stays hidden.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.kinds import RESTORED, EventClass, Lane, kind_of
from protocol.messages import BecauseRow, EvidenceSlot

FLUTTER_RULES: Final = ((3, timedelta(seconds=5)), (10, timedelta(minutes=10)))
"""So many beginnings of one condition within such a time are told; the next one is chatter."""

FLUTTER_QUIET: Final = timedelta(minutes=2)
"""Chatter is over after so long without any change."""

HELD_BACK_MAX: Final = timedelta(seconds=10)
"""A security condition that lasts is never held back longer, chatter or not (EN 50131-1)."""

MAX_BECAUSE: Final = 24
"""Steps of one explanation, as `protocol.messages.Event` takes them; the latest are kept."""

ASKED_FOR: Final = frozenset(
    {
        "order.executed",
        "order.refused",
        "zone.duress",
        "request.answered",
        "evidence.sealed",
        "config.applied",
        "config.refused",
        "test.started",
        "test.point",
        "test.finished",
    }
)
"""What somebody asked for is no chatter of a point. How many are told one by one is judged where they come in."""

_FLUTTER: Final = "device.flutter"
_WINDOW: Final = max(window for _, window in FLUTTER_RULES)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An event before it has a place in the ledger: the outbox adds run, sequence, hash and clock."""

    id: str
    kind: str
    level: int
    lane: Lane
    source: str
    at: Moment
    facts: Mapping[str, Any] = {}
    because: tuple[BecauseRow, ...] = ()
    evidence: tuple[EvidenceSlot, ...] = ()
    restores: str | None = None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one kind at one source."""

    kind: str
    source: str
    event: str | None = None  # id of the event that told of it, while it lasts
    told: tuple[Moment, ...] = ()  # recent beginnings that were told
    flutter: str | None = None  # id of the device.flutter event, while it chatters
    held_back: int = 0  # beginnings not told since then
    lasting: Finding | None = None  # the held-back beginning, while the condition lasts
    lasting_since: Moment | None = None
    changed: Moment  # its latest beginning or end


class ReportingState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything reporting remembers; stored with the drafts it made."""

    conditions: Mapping[str, Condition] = {}

    def active(self) -> dict[tuple[str, str], str]:
        """The event id of every told condition that lasts, by (kind, source)."""
        return {(each.kind, each.source): each.event for each in self.conditions.values() if each.event}


def report(
    state: ReportingState, findings: Iterable[Finding], now: Moment, new_id: Callable[[], str]
) -> tuple[ReportingState, tuple[Draft, ...]]:
    """The events that `findings` and the passing of time make. Call it with no findings when `wake_at` comes."""
    conditions = dict(state.conditions)
    drafts: list[Draft] = []
    for finding in findings:
        key = f"{finding.kind} {finding.source}"
        known = conditions.get(key) or Condition(kind=finding.kind, source=finding.source, changed=now)
        step = _ended if finding.phase is Phase.ENDED else _begun
        conditions[key], made = step(known, finding, now, new_id)
        drafts += made
    for key, known in tuple(conditions.items()):
        kept, made = _time_passed(known, now, new_id)
        drafts += made
        if kept.event or kept.flutter or kept.told:
            conditions[key] = kept
        else:
            del conditions[key]
    return ReportingState(conditions=conditions), tuple(drafts)


def wake_at(state: ReportingState) -> int | None:
    """The monotonic millisecond at which `report` must be called even if nothing is found."""
    due = [moment.mono_ms for each in state.conditions.values() if each.flutter for moment in _deadlines(each)]
    return min(due, default=None)


def carried(state: ReportingState, now: Moment, same_boot: bool) -> ReportingState:
    """The state of an earlier run on the clock of this one."""
    return ReportingState(
        conditions={key: _carried(each, now, same_boot) for key, each in state.conditions.items()},
    )


def _begun(
    known: Condition, finding: Finding, now: Moment, new_id: Callable[[], str]
) -> tuple[Condition, tuple[Draft, ...]]:
    if finding.kind in ASKED_FOR:
        return known, (_told(finding, new_id(), {}),)
    again = finding.phase is Phase.AGAIN
    if known.event and not again:
        return known, ()  # told already and not ended: a detector that lost its state says it again
    lasting = finding if finding.phase is Phase.RAISED or (again and not known.event) else None
    if known.lasting and again:
        lasting = known.lasting  # it is waiting to be told since then
    since = known.lasting_since if known.lasting and again else now if lasting else None
    known = msgspec.structs.replace(known, changed=now, lasting_since=since)
    if known.flutter:
        return msgspec.structs.replace(known, held_back=known.held_back + 1, lasting=lasting), ()
    if _chatters(known, now):
        told = tuple(finding.because)[-MAX_BECAUSE:]
        facts = {"kind": known.kind, "count": len(known.told), "within_s": _span_s(known, now)}
        draft = _draft(_FLUTTER, known.source, now, new_id(), facts=facts, because=told)
        return msgspec.structs.replace(known, flutter=draft.id, held_back=1, lasting=lasting), (draft,)
    draft = _told(finding, new_id(), {})
    event = draft.id if lasting else known.event
    return msgspec.structs.replace(known, event=event, told=(*known.told, now)), (draft,)


def _ended(
    known: Condition, finding: Finding, now: Moment, new_id: Callable[[], str]
) -> tuple[Condition, tuple[Draft, ...]]:
    drafts: tuple[Draft, ...] = ()
    if known.event:
        drafts = (_told(finding, new_id(), {}, restores=known.event),)
    return msgspec.structs.replace(known, event=None, lasting=None, lasting_since=None, changed=now), drafts


def _time_passed(known: Condition, now: Moment, new_id: Callable[[], str]) -> tuple[Condition, tuple[Draft, ...]]:
    told = tuple(moment for moment in known.told if now.since(moment) <= _WINDOW)
    known = msgspec.structs.replace(known, told=told)
    if not known.flutter:
        return known, ()
    drafts: list[Draft] = []
    over = now.since(known.changed) >= FLUTTER_QUIET
    if known.lasting and (over or _held_back_too_long(known, now)):
        draft = _told(known.lasting, new_id(), {"held_back_s": now.since(_waits_since(known)).total_seconds()})
        known = msgspec.structs.replace(known, event=draft.id, lasting=None, lasting_since=None)
        drafts.append(draft)
    if over:
        facts = {"kind": known.kind, "held_back": known.held_back}
        drafts.append(_draft(_FLUTTER + RESTORED, known.source, now, new_id(), facts=facts, restores=known.flutter))
        known = msgspec.structs.replace(known, flutter=None, held_back=0)
    return known, tuple(drafts)


def _held_back_too_long(known: Condition, now: Moment) -> bool:
    security = kind_of(known.kind).event_class is EventClass.SECURITY
    return security and now.since(_waits_since(known)) >= HELD_BACK_MAX


def _waits_since(known: Condition) -> Moment:
    """Since when the held-back beginning waits: what is told again meanwhile does not make it wait longer."""
    return known.lasting_since or known.changed


def _chatters(known: Condition, now: Moment) -> bool:
    return any(sum(now.since(moment) <= window for moment in known.told) >= most for most, window in FLUTTER_RULES)


def _span_s(known: Condition, now: Moment) -> float:
    return now.since(known.told[0]).total_seconds() if known.told else 0.0


def _deadlines(known: Condition) -> Iterable[Moment]:
    yield known.changed.after(FLUTTER_QUIET)
    if known.lasting and kind_of(known.kind).event_class is EventClass.SECURITY:
        yield _waits_since(known).after(HELD_BACK_MAX)


def _told(finding: Finding, event: str, facts: Mapping[str, Any], restores: str | None = None) -> Draft:
    kind = finding.kind + RESTORED if restores else finding.kind
    rows = finding.because[-MAX_BECAUSE:]
    return _draft(kind, finding.source, finding.at, event, {**finding.facts, **facts}, rows, restores)


def _draft(
    kind: str,
    source: str,
    at: Moment,
    event: str,
    facts: Mapping[str, Any],
    because: tuple[BecauseRow, ...] = (),
    restores: str | None = None,
) -> Draft:
    entry = kind_of(kind)
    return Draft(
        id=event,
        kind=kind,
        level=entry.level,
        lane=entry.lane,
        source=source,
        at=at,
        facts=facts,
        because=because,
        restores=restores,
    )


def _carried(known: Condition, now: Moment, same_boot: bool) -> Condition:
    return msgspec.structs.replace(
        known,
        changed=known.changed.carried(now, same_boot),
        lasting_since=known.lasting_since.carried(now, same_boot) if known.lasting_since else None,
        told=tuple(moment.carried(now, same_boot) for moment in known.told),
    )
