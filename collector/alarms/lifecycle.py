"""The life of an alarm as one table: which move, from where, by whom, needing what (docs/alarms.md 2; DOMAIN 3).

Pure data, `decide` and `possible`. What the centre itself does to an alarm (opened, joined, unparked...) is no move.
Flow: moving.py asks `decide` before it writes; the desk asks `possible` what to offer.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final

import msgspec

from collector.alarms.exclusions import may_be_together
from collector.alarms.scoring import SCORES
from collector.alarms.words import MAX_NARRATIVE as MAX_NARRATIVE
from collector.alarms.words import Asked as Asked
from collector.alarms.words import Holder, Need, Outcome, Verified, Whom
from collector.alarms.words import Move as Move
from collector.alarms.words import Refusal as Refusal
from collector.alarms.words import Resolution as Resolution
from collector.alarms.words import Stands as Stands
from collector.alarms.words import Transition as Transition
from collector.people import PersonRole
from collector.storage.records import HELD_STATES, OPEN_STATES, AlarmState

LONGEST_PARKED: Final = timedelta(hours=24)
GRAVEST: Final = 1
"""Never parked."""

_HANDLERS: Final = frozenset({PersonRole.OPERATOR, PersonRole.SHIFT_LEADER})
_LEADER: Final = frozenset({PersonRole.SHIFT_LEADER})
_REVIEWER: Final = frozenset({PersonRole.REVIEWER})
_RETURNS: Final = frozenset({PersonRole.REVIEWER, PersonRole.SHIFT_LEADER, PersonRole.CENTRE_DIRECTOR})
_CLOSES: Final = frozenset({PersonRole.SHIFT_LEADER, PersonRole.CENTRE_DIRECTOR, PersonRole.SECURITY_OFFICER})
_WRITERS: Final = frozenset(PersonRole) - {PersonRole.AUDITOR}

_S = AlarmState
_TAKE: Final = Transition(to=_S.ACKNOWLEDGED, roles=_HANDLERS, holder=Holder.ASKER, handles=True)
_RELEASE: Final = Transition(to=_S.NEW, roles=_HANDLERS, of_holder=True, holder=Holder.NONE, needs=(Need.TEXT,))
_VERIFY: Final = Transition(to=_S.VERIFYING, roles=_HANDLERS, of_holder=True, leader_too=False, handles=True)
_DISPATCH: Final = Transition(
    to=_S.DISPATCHED,
    roles=_HANDLERS,
    of_holder=True,
    leader_too=False,
    handles=True,
    needs=(Need.WHOM, Need.TEXT),
)
_PARK: Final = Transition(
    to=_S.PARKED,
    roles=_HANDLERS,
    of_holder=True,
    handles=True,
    needs=(Need.NOT_GRAVEST, Need.NOT_LATE, Need.UNTIL, Need.TEXT),
)
_RESOLVE: Final = Transition(
    to=_S.RESOLVED,
    roles=_HANDLERS,
    of_holder=True,
    holder=Holder.ASKER,
    handles=True,
    needs=(Need.STEPS, Need.RESOLUTION, Need.TEXT),
)
_REVIEW: Final = Transition(to=_S.REVIEWED, roles=_REVIEWER, needs=(Need.NO_HANDLER, Need.NO_ORDER))
_RETURN: Final = Transition(to=_S.RETURNED, roles=_RETURNS, holder=Holder.NONE, needs=(Need.NO_HANDLER, Need.TEXT))
_REOPEN: Final = Transition(to=_S.ACKNOWLEDGED, roles=_HANDLERS, holder=Holder.ASKER, handles=True, needs=(Need.TEXT,))
_CLOSE: Final = Transition(
    to=_S.CLOSED, roles=_CLOSES, needs=(Need.NO_HANDLER, Need.CORRECTED, Need.VERIFIED, Need.TEXT)
)


def _same(states: Iterable[AlarmState], move: Move, row: Transition) -> dict[tuple[AlarmState, Move], Transition]:
    """Rows of a move that leaves the state as it is."""
    return {(state, move): msgspec.structs.replace(row, to=state) for state in states}


_STAYS: Final = Transition(to=_S.NEW, roles=_HANDLERS)

TRANSITIONS: Final[dict[tuple[AlarmState, Move], Transition]] = {
    **dict.fromkeys(((state, Move.ACKNOWLEDGE) for state in (_S.NEW, _S.RETURNED, _S.PARKED)), _TAKE),
    **dict.fromkeys(((state, Move.RELEASE) for state in HELD_STATES), _RELEASE),
    **_same(
        HELD_STATES,
        Move.HAND_OVER,
        msgspec.structs.replace(_STAYS, of_holder=True, holder=Holder.NAMED, needs=(Need.HEIR,)),
    ),
    **_same(
        HELD_STATES,
        Move.TAKE_OVER,
        msgspec.structs.replace(_STAYS, roles=_LEADER, holder=Holder.ASKER, handles=True, needs=(Need.OTHERS,)),
    ),
    (_S.ACKNOWLEDGED, Move.VERIFY): _VERIFY,
    **dict.fromkeys(((state, Move.DISPATCH) for state in (_S.ACKNOWLEDGED, _S.VERIFYING)), _DISPATCH),
    **dict.fromkeys(((state, Move.PARK) for state in HELD_STATES), _PARK),
    **dict.fromkeys(((state, Move.RESOLVE) for state in HELD_STATES), _RESOLVE),
    (_S.RESOLVED, Move.REVIEW): _REVIEW,
    **dict.fromkeys(((state, Move.RETURN) for state in (_S.RESOLVED, _S.REVIEWED)), _RETURN),
    (_S.RESOLVED, Move.REOPEN): _REOPEN,
    (_S.REVIEWED, Move.CLOSE): _CLOSE,
    **_same(AlarmState, Move.NOTE, Transition(to=_S.NEW, roles=_WRITERS, needs=(Need.TEXT,))),
    **_same(
        OPEN_STATES,
        Move.SCORE,
        msgspec.structs.replace(_STAYS, of_holder=True, needs=(Need.SCORE, Need.TEXT)),
    ),
    **_same(HELD_STATES, Move.STEP, msgspec.structs.replace(_STAYS, of_holder=True, handles=True, needs=(Need.STEP,))),
}
"""Everything that people may do. What is not here is refused."""


def decide(stands: Stands, asked: Asked) -> Transition | Refusal:
    """The transition that the table allows, or why it allows none. Whose it is comes before what it lacks."""
    row = TRANSITIONS.get((stands.state, asked.move))
    if row is None:
        return Refusal.WRONG_STATE
    if not row.roles & asked.roles or not may_be_together(asked.roles):
        return Refusal.NOT_ALLOWED
    leads = row.leader_too and PersonRole.SHIFT_LEADER in asked.roles
    if row.of_holder and stands.holder != asked.person and not leads:
        return Refusal.NOT_HOLDER
    for need in row.needs:
        if (lacking := _lacks(need, stands, asked)) is not None:
            return lacking
    return row


def possible(stands: Stands, person: str, roles: frozenset[PersonRole]) -> tuple[Move, ...]:
    """What this person could do with the alarm now, were everything that it needs filled in."""
    found = []
    for move in Move:
        row = decide(stands, Asked(move=move, person=person, roles=roles))
        if row not in (Refusal.WRONG_STATE, Refusal.NOT_ALLOWED, Refusal.NOT_HOLDER, *_LASTING):
            found.append(move)
    return tuple(found)


_LASTING: Final = (
    Refusal.HANDLED_IT,
    Refusal.ORDERED_THERE,
    Refusal.NEVER_PARKED,
    Refusal.PARKED_LONG,
    Refusal.HOLDS_IT,
)
"""Refusals that filling in a form does not mend."""


def _lacks(need: Need, stands: Stands, asked: Asked) -> Refusal | None:
    """Why a need is not met."""
    return None if _MET[need](stands, asked) else _REFUSED.get(need, Refusal.INCOMPLETE)


def _parks(stands: Stands, asked: Asked) -> bool:
    longest_ms = LONGEST_PARKED // timedelta(milliseconds=1)
    return asked.until_ms is not None and stands.now_ms < asked.until_ms <= stands.now_ms + longest_ms


_MET: Final[Mapping[Need, Callable[[Stands, Asked], bool]]] = {
    Need.TEXT: lambda stands, asked: 0 < len(asked.text.strip()) <= MAX_NARRATIVE,
    Need.RESOLUTION: lambda stands, asked: asked.resolution in set(Resolution),
    Need.STEPS: lambda stands, asked: not stands.open_steps,
    Need.HEIR: lambda stands, asked: stands.heir and asked.to != stands.holder,
    Need.OTHERS: lambda stands, asked: stands.holder != asked.person,
    Need.WHOM: lambda stands, asked: asked.whom in set(Whom),
    Need.NOT_GRAVEST: lambda stands, asked: stands.level > GRAVEST,
    # Parked again and again it would be forgotten, one day at a time, and nobody told.
    Need.NOT_LATE: lambda stands, asked: stands.follow_by_ms is None or stands.now_ms < stands.follow_by_ms,
    Need.UNTIL: _parks,
    Need.NO_HANDLER: lambda stands, asked: asked.person not in stands.handlers and asked.person != stands.holder,
    Need.NO_ORDER: lambda stands, asked: asked.person not in stands.order_givers,
    Need.CORRECTED: lambda stands, asked: asked.corrected,
    Need.VERIFIED: lambda stands, asked: asked.verified_by in set(Verified),
    Need.SCORE: lambda stands, asked: asked.score in SCORES,
    Need.STEP: lambda stands, asked: asked.position is not None and asked.outcome in set(Outcome),
}

_REFUSED: Final = {
    Need.STEPS: Refusal.STEPS_OPEN,
    Need.HEIR: Refusal.NO_HEIR,
    Need.OTHERS: Refusal.HOLDS_IT,
    Need.NOT_GRAVEST: Refusal.NEVER_PARKED,
    Need.NOT_LATE: Refusal.PARKED_LONG,
    Need.UNTIL: Refusal.TOO_LONG,
    Need.NO_HANDLER: Refusal.HANDLED_IT,
    Need.NO_ORDER: Refusal.ORDERED_THERE,
    Need.CORRECTED: Refusal.NOT_CORRECTED,
}
"""Needs whose lack has a word of its own; the others are INCOMPLETE."""
