"""The table of moves: every row, whoever may, whatever it needs, and a refusal for everything else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from collector.alarms.exclusions import EXCLUSIONS, excluded, may_be_together
from collector.alarms.lifecycle import LONGEST_PARKED, TRANSITIONS, decide, possible
from collector.alarms.words import Asked, Holder, Move, Need, Refusal, Stands, Transition
from collector.people import PersonRole
from collector.storage.records import HELD_STATES, OPEN_STATES, AlarmState

S, R = AlarmState, PersonRole
HANDLERS = {R.OPERATOR, R.SHIFT_LEADER}
NOW_MS = 1_000_000
DAY_MS = LONGEST_PARKED // timedelta(milliseconds=1)
HELD = set(HELD_STATES)

FILLED: dict[str, Any] = {
    "text": "why",
    "resolution": "real",
    "to": "other",
    "whom": "police",
    "until_ms": NOW_MS + 60_000,
    "corrected": True,
    "verified_by": "on_site",
    "score": 3,
    "position": 1,
    "outcome": "done",
}
"""Everything that any move needs."""

SPECIFIED: dict[Move, tuple[set[AlarmState], AlarmState | None, set[PersonRole]]] = {
    Move.ACKNOWLEDGE: ({S.NEW, S.RETURNED, S.PARKED}, S.ACKNOWLEDGED, HANDLERS),
    Move.RELEASE: (HELD, S.NEW, HANDLERS),
    Move.HAND_OVER: (HELD, None, HANDLERS),
    Move.TAKE_OVER: (HELD, None, {R.SHIFT_LEADER}),
    Move.VERIFY: ({S.ACKNOWLEDGED}, S.VERIFYING, HANDLERS),
    Move.DISPATCH: ({S.ACKNOWLEDGED, S.VERIFYING}, S.DISPATCHED, HANDLERS),
    Move.PARK: (HELD, S.PARKED, HANDLERS),
    Move.RESOLVE: (HELD, S.RESOLVED, HANDLERS),
    Move.REVIEW: ({S.RESOLVED}, S.REVIEWED, {R.REVIEWER}),
    Move.RETURN: ({S.RESOLVED, S.REVIEWED}, S.RETURNED, {R.REVIEWER, R.SHIFT_LEADER, R.CENTRE_DIRECTOR}),
    Move.REOPEN: ({S.RESOLVED}, S.ACKNOWLEDGED, HANDLERS),
    Move.CLOSE: ({S.REVIEWED}, S.CLOSED, {R.SHIFT_LEADER, R.CENTRE_DIRECTOR, R.SECURITY_OFFICER}),
    Move.NOTE: (set(S), None, set(R) - {R.AUDITOR}),
    Move.SCORE: (set(OPEN_STATES), None, HANDLERS),
    Move.STEP: (HELD, None, HANDLERS),
}
"""docs/alarms.md 2, written a second time: from, to (none: the same), roles."""


def stands(state: AlarmState, **other: Any) -> Stands:
    """An alarm that somebody else ("x") has, or `me` where the test says so."""
    fields: dict[str, Any] = {"state": state, "level": 2, "heir": True, "now_ms": NOW_MS}
    return Stands(**(fields | other))


def asked(move: Move, *roles: PersonRole, person: str = "me", **other: Any) -> Asked:
    """Everything filled in but what the test leaves out."""
    fields: dict[str, Any] = {"move": move, "person": person, "roles": frozenset(roles)}
    return Asked(**(fields | FILLED | other))


@pytest.mark.parametrize("move", list(Move))
@pytest.mark.parametrize("state", list(AlarmState))
def test_the_table_is_the_one_that_is_specified(state: AlarmState, move: Move) -> None:
    """From, to and who of every move in every state are those of docs/alarms.md; anything else is a wrong state."""
    begins, ends, roles = SPECIFIED[move]
    row = TRANSITIONS.get((state, move))
    if state not in begins:
        assert row is None
        assert decide(stands(state, holder="me"), asked(move, *HANDLERS)) is Refusal.WRONG_STATE
        return
    assert row is not None
    assert (row.to, row.roles) == (ends or state, frozenset(roles))


@pytest.mark.parametrize("role", list(PersonRole))
@pytest.mark.parametrize("move", list(Move))
def test_each_role_may_what_the_table_says(move: Move, role: PersonRole) -> None:
    """Whoever holds the alarm, with everything filled in: a role of the row does it, any other may not."""
    begins, _, roles = SPECIFIED[move]
    judges = Need.NO_HANDLER in TRANSITIONS[next(iter(begins)), move].needs
    taken_from = "x" if judges or move is Move.TAKE_OVER else "me"
    for state in begins:
        decided = decide(stands(state, holder=taken_from), asked(move, role))
        assert isinstance(decided, Transition) == (role in roles), (state, decided)
        if role not in roles:
            assert decided is Refusal.NOT_ALLOWED


OF_HOLDER = [Move.RELEASE, Move.HAND_OVER, Move.VERIFY, Move.DISPATCH, Move.PARK, Move.RESOLVE, Move.SCORE, Move.STEP]


@pytest.mark.parametrize("move", OF_HOLDER)
def test_what_another_holds_is_left_alone(move: Move) -> None:
    """An operator acts on his own alarms; a shift leader on everybody's, but verifies and dispatches only his own."""
    state = stands(S.ACKNOWLEDGED, holder="x")
    assert decide(state, asked(move, R.OPERATOR)) is Refusal.NOT_HOLDER
    alone = move in {Move.VERIFY, Move.DISPATCH}
    assert (decide(state, asked(move, R.SHIFT_LEADER)) is Refusal.NOT_HOLDER) == alone


@pytest.mark.parametrize(
    ("move", "state", "lacking", "refusal"),
    [
        (Move.RELEASE, S.ACKNOWLEDGED, {"text": " "}, Refusal.INCOMPLETE),
        (Move.RELEASE, S.ACKNOWLEDGED, {"text": "x" * 4001}, Refusal.INCOMPLETE),
        (Move.DISPATCH, S.ACKNOWLEDGED, {"whom": "army"}, Refusal.INCOMPLETE),
        (Move.DISPATCH, S.VERIFYING, {"text": ""}, Refusal.INCOMPLETE),
        (Move.PARK, S.ACKNOWLEDGED, {"text": ""}, Refusal.INCOMPLETE),
        (Move.PARK, S.ACKNOWLEDGED, {"until_ms": None}, Refusal.TOO_LONG),
        (Move.PARK, S.ACKNOWLEDGED, {"until_ms": NOW_MS}, Refusal.TOO_LONG),
        (Move.PARK, S.ACKNOWLEDGED, {"until_ms": NOW_MS + DAY_MS + 1}, Refusal.TOO_LONG),
        (Move.RESOLVE, S.DISPATCHED, {"resolution": "nonsense"}, Refusal.INCOMPLETE),
        (Move.RESOLVE, S.DISPATCHED, {"text": ""}, Refusal.INCOMPLETE),
        (Move.REOPEN, S.RESOLVED, {"text": ""}, Refusal.INCOMPLETE),
        (Move.NOTE, S.CLOSED, {"text": "\n"}, Refusal.INCOMPLETE),
        (Move.SCORE, S.NEW, {"score": 5}, Refusal.INCOMPLETE),
        (Move.SCORE, S.NEW, {"score": None}, Refusal.INCOMPLETE),
        (Move.SCORE, S.ACKNOWLEDGED, {"text": ""}, Refusal.INCOMPLETE),
        (Move.STEP, S.ACKNOWLEDGED, {"position": None}, Refusal.INCOMPLETE),
        (Move.STEP, S.ACKNOWLEDGED, {"outcome": "half"}, Refusal.INCOMPLETE),
    ],
)
def test_what_a_move_needs_is_asked_for(
    move: Move, state: AlarmState, lacking: dict[str, Any], refusal: Refusal
) -> None:
    """Each need of each row, missing or out of its bounds, is refused with its own word."""
    assert isinstance(decide(stands(state, holder="me"), asked(move, R.SHIFT_LEADER)), Transition)
    assert decide(stands(state, holder="me"), asked(move, R.SHIFT_LEADER, **lacking)) is refusal


def test_a_day_is_the_longest_that_an_alarm_is_parked() -> None:
    """Exactly 24 hours are taken; level 1 is not parked for a minute, nor is what should be done by now."""
    longest = asked(Move.PARK, R.OPERATOR, until_ms=NOW_MS + DAY_MS)
    assert isinstance(decide(stands(S.ACKNOWLEDGED, holder="me"), longest), Transition)
    assert decide(stands(S.ACKNOWLEDGED, holder="me", level=1), longest) is Refusal.NEVER_PARKED
    late = stands(S.ACKNOWLEDGED, holder="me", follow_by_ms=NOW_MS)
    assert decide(late, longest) is Refusal.PARKED_LONG, "parked day after day it would be forgotten"
    assert Move.PARK not in possible(late, "me", frozenset({R.OPERATOR}))
    assert Move.PARK not in possible(stands(S.ACKNOWLEDGED, holder="me", level=1), "me", frozenset({R.OPERATOR}))


def test_open_steps_block_a_resolution() -> None:
    """Nothing is resolved while its procedure has a required step that nobody did or skipped."""
    blocked = stands(S.ACKNOWLEDGED, holder="me", open_steps=(2, 3))
    assert decide(blocked, asked(Move.RESOLVE, R.OPERATOR)) is Refusal.STEPS_OPEN


@pytest.mark.parametrize(
    ("move", "state", "role"),
    [
        (Move.REVIEW, S.RESOLVED, R.REVIEWER),
        (Move.RETURN, S.RESOLVED, R.SHIFT_LEADER),
        (Move.RETURN, S.REVIEWED, R.CENTRE_DIRECTOR),
        (Move.CLOSE, S.REVIEWED, R.SHIFT_LEADER),
    ],
)
def test_nobody_judges_what_he_handled(move: Move, state: AlarmState, role: PersonRole) -> None:
    """Whoever ever held the alarm neither reviews nor returns nor closes it, whoever holds it now (DOMAIN 3)."""
    assert decide(stands(state, holder="x", handlers=frozenset({"me", "x"})), asked(move, role)) is Refusal.HANDLED_IT
    assert decide(stands(state, holder="me"), asked(move, role)) is Refusal.HANDLED_IT
    assert isinstance(decide(stands(state, holder="x", handlers=frozenset({"x"})), asked(move, role)), Transition)


def test_whoever_gave_an_order_for_the_site_does_not_review() -> None:
    """DOMAIN 4: order-giver and reviewer are two people; another reviewer may."""
    ordered = stands(S.RESOLVED, holder="x", order_givers=frozenset({"me"}))
    assert decide(ordered, asked(Move.REVIEW, R.REVIEWER)) is Refusal.ORDERED_THERE
    assert isinstance(decide(ordered, asked(Move.REVIEW, R.REVIEWER, person="other")), Transition)


def test_an_alarm_is_handed_to_another_handler_only() -> None:
    """Not to somebody who may not have it, and not to whoever has it."""
    move = asked(Move.HAND_OVER, R.OPERATOR)
    assert decide(stands(S.VERIFYING, holder="me", heir=False), move) is Refusal.NO_HEIR
    leader = asked(Move.HAND_OVER, R.SHIFT_LEADER, to="x")
    assert decide(stands(S.VERIFYING, holder="x"), leader) is Refusal.NO_HEIR
    assert decide(stands(S.VERIFYING, holder="me"), asked(Move.TAKE_OVER, R.SHIFT_LEADER)) is Refusal.HOLDS_IT


def test_an_alarm_is_closed_when_it_is_corrected() -> None:
    """DOMAIN 3: "corrected, risk gone" is a condition of closing, and how it was made sure."""
    reviewed = stands(S.REVIEWED, holder="x")
    assert decide(reviewed, asked(Move.CLOSE, R.SECURITY_OFFICER, corrected=False)) is Refusal.NOT_CORRECTED
    assert decide(reviewed, asked(Move.CLOSE, R.SECURITY_OFFICER, verified_by="guess")) is Refusal.INCOMPLETE


def test_what_is_reviewed_is_not_reopened() -> None:
    """A reviewed alarm goes back only by being returned; a resolved one may be reopened by a handler."""
    assert decide(stands(S.REVIEWED, holder="me"), asked(Move.REOPEN, R.SHIFT_LEADER)) is Refusal.WRONG_STATE
    row = decide(stands(S.RESOLVED, holder="x"), asked(Move.REOPEN, R.OPERATOR))
    assert isinstance(row, Transition)
    assert row.holder is Holder.ASKER


@pytest.mark.parametrize("state", list(AlarmState))
@pytest.mark.parametrize("role", list(PersonRole))
def test_what_is_offered_is_what_would_be_done(state: AlarmState, role: PersonRole) -> None:
    """The desk offers a move when and only when the same table takes it with its form filled in."""
    for holder in (None, "me", "x"):
        for level in (1, 2):
            now = stands(state, holder=holder, level=level)
            offered = set(possible(now, "me", frozenset({role})))
            assert offered == {move for move in Move if isinstance(decide(now, asked(move, role)), Transition)}


def test_an_untaken_alarm_always_has_somebody_who_may_take_it() -> None:
    """From every open state an operator comes to `resolved`: no alarm is stuck."""
    for state in OPEN_STATES:
        now = state
        for _ in range(3):
            for move in (Move.RESOLVE, Move.ACKNOWLEDGE):
                row = decide(stands(now, holder="me"), asked(move, R.OPERATOR))
                if isinstance(row, Transition):
                    now = row.to
                    break
        assert now is S.RESOLVED


@pytest.mark.parametrize(
    ("roles", "together"),
    [
        ({R.OPERATOR, R.SHIFT_LEADER}, True),
        ({R.OPERATOR, R.SECURITY_OFFICER}, True),
        ({R.SHIFT_LEADER, R.CENTRE_DIRECTOR}, True),
        ({R.OPERATOR, R.REVIEWER}, False),
        ({R.SHIFT_LEADER, R.REVIEWER}, False),
        ({R.SECURITY_OFFICER, R.REVIEWER}, False),
        *(({R.ADMINISTRATOR, other}, False) for other in R if other is not R.ADMINISTRATOR),
        *(({R.AUDITOR, other}, False) for other in R if other is not R.AUDITOR),
        *(({role}, True) for role in R),
    ],
)
def test_roles_exclude_each_other(roles: set[PersonRole], together: bool) -> None:
    """DOMAIN 4: handler / reviewer, order-giver / reviewer, administrator / any; an auditor changes nothing."""
    assert may_be_together(roles) is together
    assert bool(list(excluded(roles))) is not together


def test_roles_that_exclude_each_other_move_nothing() -> None:
    """Whoever came to both roles all the same may use neither."""
    for row in EXCLUSIONS:
        both = {min(row.one), min(row.other), R.OPERATOR}
        assert decide(stands(S.NEW), asked(Move.ACKNOWLEDGE, *both)) is Refusal.NOT_ALLOWED
