"""The life of an alarm as one table: which move, from where, by whom, needing what (DOMAIN 3).

Pure data and one function. `verifying`, `dispatched`, `reviewed`, `parked` and `returned` come as further rows.
Flow: service.py asks here before it writes.
"""

from enum import StrEnum
from typing import Final

import msgspec

from collector.people import PersonRole
from collector.storage.records import AlarmState

MAX_NARRATIVE: Final = 4_000
"""Characters of a narrative or note: a long page."""


class Move(StrEnum):
    """What a person does with an alarm."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    NOTE = "note"


class Resolution(StrEnum):
    """How an alarm ended; statistics are made of these (DOMAIN 3)."""

    REAL = "real"  # 真实警情
    FALSE_ALARM = "false_alarm"  # 误报
    TEST = "test"  # 测试
    EQUIPMENT_FAULT = "equipment_fault"  # 设备故障
    RULE_BROKEN = "rule_broken"  # 违规操作


class Refusal(StrEnum):
    """Why an action was not carried out."""

    NOT_FOUND = "not_found"  # no such alarm, or not in this person's unit
    NOT_ALLOWED = "not_allowed"  # none of the person's roles may do this
    NOT_HOLDER = "not_holder"  # another operator holds the alarm
    WRONG_STATE = "wrong_state"  # the table has no such move from here
    CONFLICT = "conflict"  # the alarm changed since it was looked at
    INCOMPLETE = "incomplete"  # resolution code or narrative missing or too long


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One row: where it leads, who may, and what it needs."""

    to: AlarmState
    roles: frozenset[PersonRole]
    by_holder: bool = False
    needs_resolution: bool = False
    needs_text: bool = False


_HANDLERS: Final = frozenset({PersonRole.OPERATOR, PersonRole.SHIFT_LEADER})
_WRITERS: Final = _HANDLERS | {PersonRole.REVIEWER, PersonRole.ENGINEER}

TRANSITIONS: Final[dict[tuple[AlarmState, Move], Transition]] = {
    (AlarmState.NEW, Move.ACKNOWLEDGE): Transition(to=AlarmState.ACKNOWLEDGED, roles=_HANDLERS),
    (AlarmState.ACKNOWLEDGED, Move.RESOLVE): Transition(
        to=AlarmState.RESOLVED, roles=_HANDLERS, by_holder=True, needs_resolution=True, needs_text=True
    ),
    (AlarmState.NEW, Move.NOTE): Transition(to=AlarmState.NEW, roles=_WRITERS, needs_text=True),
    (AlarmState.ACKNOWLEDGED, Move.NOTE): Transition(to=AlarmState.ACKNOWLEDGED, roles=_WRITERS, needs_text=True),
    (AlarmState.RESOLVED, Move.NOTE): Transition(to=AlarmState.RESOLVED, roles=_WRITERS, needs_text=True),
}

_TAKES_OVER: Final = PersonRole.SHIFT_LEADER
"""Who may go on with an alarm that somebody else holds."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to do with an alarm."""

    move: Move
    person: str
    roles: frozenset[PersonRole]
    resolution: str = ""
    text: str = ""


def decide(state: AlarmState, holder: str | None, asked: Asked) -> Transition | Refusal:
    """The transition that the table allows, or why it allows none."""
    transition = TRANSITIONS.get((state, asked.move))
    if transition is None:
        return Refusal.WRONG_STATE
    if not transition.roles & asked.roles:
        return Refusal.NOT_ALLOWED
    if transition.by_holder and holder != asked.person and _TAKES_OVER not in asked.roles:
        return Refusal.NOT_HOLDER
    if transition.needs_resolution and asked.resolution not in set(Resolution):
        return Refusal.INCOMPLETE
    if transition.needs_text and not 0 < len(asked.text.strip()) <= MAX_NARRATIVE:
        return Refusal.INCOMPLETE
    return transition
