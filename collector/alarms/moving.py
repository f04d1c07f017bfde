"""A move of a person on an alarm, inside a transaction: the shell around `lifecycle.py`.

Reads the alarm under lock, asks the table, writes what it says: the row, the journal entry with who, when, why and from
where, and what follows (steps, evidence, timers). The caller holds the counters' lock and wakes the live pages after
the commit. Flow: service.py and the answers to notices -> here -> rows.
"""

from collections.abc import Mapping
from typing import Any, Final

from collector.alarms.clocks import follow_by_ms, respond_by_ms
from collector.alarms.lifecycle import decide
from collector.alarms.scoring import reasons_column, said_by_person
from collector.alarms.words import Asked, Holder, Move, Need, Refusal, Stands, Transition
from collector.escalation import begin
from collector.escalation.surroundings import Surroundings
from collector.escalation.targets import outlet_follows
from collector.people import PersonRole
from collector.procedures import progress
from collector.rules.holding import rules_now
from collector.storage import alarm_moves, alarm_writing, evidence
from collector.storage.alarm_moves import Held
from collector.storage.journal import Entry, write_journal
from collector.storage.records import OPEN_STATES, AlarmState, Sight, Topic
from collector.storage.store import Transaction
from collector.storms.surfacing import release
from protocol.workdays.days import Workdays

_UNTAKEN: Final = (AlarmState.NEW, AlarmState.RETURNED)
_WORDS_ONLY: Final = frozenset({Move.NOTE, Move.SCORE})
"""Moves that say something and do nothing: whoever only writes is still waited for, the holder too."""
_TAKERS: Final = frozenset({PersonRole.OPERATOR, PersonRole.SHIFT_LEADER})


class RefusedError(Exception):
    """The action was not carried out; `refusal` says why, `more` what is missing. Nothing was changed."""

    def __init__(self, refusal: Refusal, **more: Any) -> None:
        super().__init__(refusal.value)
        self.refusal, self.more = refusal, more


def move(
    connection: Transaction,
    around: Surroundings,
    alarm_id: str,
    sight: Sight,
    asked: Asked,
    *,
    version: int | None,
    now_ms: int,
) -> Held:
    """Do what was asked; the alarm as it was before. `version` is the one the person looked at, None for any.

    Raises:
        RefusedError: the table allows it not, or the alarm has changed.
    """
    held = alarm_moves.hold(connection, alarm_id, sight)
    if held is None:
        raise RefusedError(Refusal.NOT_FOUND)
    decided = decide(stands(connection, around, held, asked, now_ms), asked)
    if isinstance(decided, Refusal):
        steps = progress.open_positions(connection, held.id) if decided is Refusal.STEPS_OPEN else ()
        raise RefusedError(decided, steps=list(steps)) if steps else RefusedError(decided)
    if version is not None and version != held.version:
        raise RefusedError(Refusal.CONFLICT)
    _write(connection, around, held, asked, decided, now_ms)
    return held


def stands(connection: Transaction, around: Surroundings, held: Held, asked: Asked, now_ms: int) -> Stands:
    """How the alarm stands, as far as this move looks."""
    end_ms = held.resolved_ms or now_ms
    return Stands(
        state=held.state,
        holder=held.holder,
        level=held.level,
        handlers=frozenset(held.handlers),
        order_givers=alarm_moves.order_givers(connection, held.site, held.opened_ms, end_ms)
        if asked.move is Move.REVIEW
        else frozenset(),
        open_steps=progress.open_positions(connection, held.id) if asked.move is Move.RESOLVE else (),
        heir=asked.move is Move.HAND_OVER and _may_take(connection, around, held, asked.to),
        follow_by_ms=held.follow_by_ms,
        now_ms=now_ms,
    )


def _may_take(connection: Transaction, around: Surroundings, held: Held, person_id: str) -> bool:
    person = around.people.by_id(person_id)
    if person is None or _TAKERS.isdisjoint(person.roles):
        return False
    return alarm_moves.is_seen(connection, held.id, person.sight)


def _write(
    connection: Transaction, around: Surroundings, held: Held, asked: Asked, row: Transition, now_ms: int
) -> None:
    facts: dict[str, Any] = {"from": held.state.value, "to": row.to.value, **_said(asked, row)}
    if asked.move is Move.STEP:
        settled = progress.settle(connection, held, asked, now_ms)
        if isinstance(settled, Refusal):
            raise RefusedError(settled)
        facts |= settled
    values = _values(held, asked, row, now_ms)
    if row.to is not held.state:
        rules = rules_now(connection).rules
        days = Workdays(rules.calendar)
        outlet = outlet_follows(rules, held.site, held.unit)
        values["follow_by_ms"] = follow_by_ms(held.level, held.opened_ms, held.timezone, days, outlet=outlet)
        if row.to is AlarmState.ACKNOWLEDGED:
            values["procedure"] = progress.begin_procedure(connection, held, rules, now_ms)
    entry = Entry(
        topic=Topic.ALARM,
        subject=held.id,
        action=asked.move.value,
        site=held.site,
        person=asked.person,
        facts=facts,
    )
    number = write_journal(connection, [entry], now_ms)
    if asked.move is Move.NOTE:
        alarm_writing.add_note(
            connection, alarm_id=held.id, number=number, person=asked.person, at_ms=now_ms, text=asked.text.strip()
        )
    else:
        alarm_writing.change_alarm(connection, held.id, values | {"version": held.version + 1})
    if row.to is AlarmState.RESOLVED and held.state is not AlarmState.RESOLVED:
        evidence.alarm_is_over(connection, held.id, now_ms)
        release(
            connection,
            around,
            [held.id],
            resolution=asked.resolution,
            narrative="",
            person=asked.person,
            now_ms=now_ms,
        )
    elif row.to in OPEN_STATES and held.state not in OPEN_STATES:
        evidence.alarm_is_open_again(connection, held.id)
    if row.to is AlarmState.CLOSED:
        begin.quiet(connection, [held.id])
    else:
        begin.moved(connection, around, held.id, now_ms, idle=asked.move in _WORDS_ONLY)
        if asked.move is Move.RELEASE and alarm_moves.releases(connection, held.id) > 1:
            begin.given_back(connection, around, held.id, now_ms)


def _said(asked: Asked, row: Transition) -> Mapping[str, Any]:
    """What the journal keeps of the asking: why, whom, until when, and from where."""
    said: dict[str, Any] = {
        "text": asked.text.strip(),
        "resolution": asked.resolution if Need.RESOLUTION in row.needs else "",
        "given_to": asked.to if Need.HEIR in row.needs else "",
        "whom": asked.whom if Need.WHOM in row.needs else "",
        "until_ms": asked.until_ms if Need.UNTIL in row.needs else None,
        "verified_by": asked.verified_by if Need.VERIFIED in row.needs else "",
        "score": asked.score if Need.SCORE in row.needs else None,
        "way": asked.came.way.value,
        "address": asked.came.address,
    }
    return {name: value for name, value in said.items() if value not in ("", None)}


def _values(held: Held, asked: Asked, row: Transition, now_ms: int) -> dict[str, Any]:
    """The columns that a move changes."""
    holder = {Holder.SAME: held.holder, Holder.ASKER: asked.person, Holder.NAMED: asked.to, Holder.NONE: None}
    values: dict[str, Any] = {"state": row.to.value, "holder": holder[row.holder]}
    fresh = [asked.person] if row.handles else [asked.to] if row.holder is Holder.NAMED else []
    if set(fresh) - set(held.handlers):
        values["handlers"] = alarm_moves.handlers_column([*held.handlers, *fresh])
    if row.to is not held.state:
        values["parked_until_ms"] = asked.until_ms if row.to is AlarmState.PARKED else None
        values["respond_by_ms"] = respond_by_ms(held.level, now_ms) if row.to in _UNTAKEN else None
    text = asked.text.strip()
    match asked.move:
        case Move.ACKNOWLEDGE:
            values["acknowledged_ms"] = held.acknowledged_ms or now_ms
        case Move.RESOLVE:
            values |= {"resolved_ms": now_ms, "resolution": asked.resolution, "narrative": text}
        case Move.REVIEW:
            values |= {"reviewed_ms": now_ms, "reviewer": asked.person}
        case Move.RETURN | Move.REOPEN:
            # What was said stands in the journal.
            values |= dict.fromkeys(("resolved_ms", "resolution", "narrative", "reviewed_ms", "reviewer"))
        case Move.CLOSE:
            values["closed_ms"] = now_ms
        case Move.SCORE:
            said = said_by_person(asked.score or 0, text)
            values |= {"score": said.value, "score_why": reasons_column(said), "score_by": asked.person}
    return values
