"""How far the procedure of an alarm is: begun when it is taken, ticked step by step, asked before it is resolved.

`judge` is pure; the rest is the shell around rows. A step that was done or skipped stays so. Flow: alarms/moving.py ->
here -> storage/alarm_steps.py.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import msgspec

from collector.alarms.words import MAX_NARRATIVE, Asked, Outcome, Refusal
from collector.escalation.records import Watched
from collector.procedures.choosing import choose
from collector.rules.shapes import ProcedureStep, Rules, StepKind
from collector.storage.alarm_moves import Held
from collector.storage.alarm_steps import OPEN, add_steps, save_step, steps_of
from collector.storage.records import AlarmStep
from collector.storage.store import Transaction

NEEDED: Final[dict[StepKind, tuple[str, ...]]] = {
    StepKind.LOOK: (),
    StepKind.CALL: ("number", "result"),
    StepKind.SPEAK: (),
    StepKind.DISPATCH: ("person",),
    StepKind.POLICE: ("number", "person", "at", "result"),
    StepKind.NOTE: ("text",),
    StepKind.WAIT: (),
}
"""What is written down with a step that was done: the number called, whom one spoke to, when, and what came of it."""


def begin_procedure(connection: Transaction, alarm: Held, rules: Rules, now_ms: int) -> str:
    """The procedure of an alarm that is taken, once; its name, empty where the rules have none for it."""
    if alarm.procedure:
        return alarm.procedure
    chosen = choose(rules.procedure, _watched(alarm), now_ms)
    if chosen is None:
        return ""
    add_steps(
        connection,
        [
            AlarmStep(
                alarm=alarm.id,
                position=position,
                kind=step.kind.value,
                required=step.required,
                line=msgspec.to_builtins(step),
            )
            for position, step in enumerate(chosen.step, start=1)
        ],
    )
    return chosen.name


def open_positions(connection: Transaction, alarm_id: str) -> tuple[int, ...]:
    """The required steps that are neither done nor skipped."""
    return tuple(row.position for row in steps_of(connection, alarm_id) if row.required and row.state == OPEN)


def open_steps(connection: Transaction, alarm_id: str) -> int:
    """How many they are."""
    return len(open_positions(connection, alarm_id))


def settle(connection: Transaction, alarm: Held, asked: Asked, now_ms: int) -> dict[str, Any] | Refusal:
    """Do or skip a step: what the journal keeps of it, or why it was not taken."""
    rows = steps_of(connection, alarm.id)
    row = next((each for each in rows if each.position == asked.position), None)
    if row is None:
        return Refusal.STEP_UNKNOWN
    if row.state != OPEN:
        return Refusal.STEP_SETTLED
    since_ms = waits_from(rows, row.position, alarm.acknowledged_ms or alarm.opened_ms)
    if (refusal := judge(step_of(row), asked, since_ms, now_ms)) is not None:
        return refusal
    facts = {name: value for name, value in asked.result.items() if value not in (None, "")}
    if asked.text.strip():
        facts["text"] = asked.text.strip()
    save_step(
        connection,
        msgspec.structs.replace(row, state=asked.outcome, person=asked.person, at_ms=now_ms, facts=facts),
    )
    return {"step": row.position, "step_kind": row.kind, "outcome": asked.outcome, **facts}


def judge(step: ProcedureStep, asked: Asked, since_ms: int, now_ms: int) -> Refusal | None:
    """Why a step cannot be settled so; `since_ms` is when the one before it was."""
    text = asked.text.strip()
    if len(text) > MAX_NARRATIVE:
        return Refusal.STEP_INCOMPLETE
    if asked.outcome == Outcome.SKIPPED:
        return None if text else Refusal.STEP_INCOMPLETE
    if step.wait is not None and now_ms < since_ms + step.wait // timedelta(milliseconds=1):
        return Refusal.STEP_TOO_EARLY
    said = {**asked.result, "text": text}
    return None if all(said.get(name) for name in NEEDED[step.kind]) else Refusal.STEP_INCOMPLETE


def waits_from(rows: Iterable[AlarmStep], position: int, taken_ms: int) -> int:
    """Since when a step waits: the taking of the alarm, or the last settled step before it."""
    return max((each.at_ms for each in rows if each.position < position and each.at_ms is not None), default=taken_ms)


def step_of(row: AlarmStep) -> ProcedureStep:
    """The step as the rules had it."""
    return msgspec.convert(row.line, ProcedureStep)


def _watched(alarm: Held) -> Watched:
    return Watched(
        id=alarm.id,
        number=alarm.number,
        site=alarm.site,
        unit=alarm.unit,
        timezone=alarm.timezone,
        kind=alarm.kind,
        event_class=alarm.event_class,
        level=alarm.level,
        source=alarm.source,
        state=alarm.state,
        opened_ms=alarm.opened_ms,
    )
