"""The states of an order: whatever comes in whatever order, the box's word is the last, and nothing is sent twice."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.orders.lifecycle import TABLE, Move, State, after, move_of

ENDS = {State.EXECUTED, State.REFUSED, State.WITHDRAWN, State.STALE}
MOVES = st.lists(st.sampled_from(Move), max_size=12)


def _run(moves: list[Move]) -> list[State]:
    states = [State.DRAFT]
    for move in moves:
        states.append(after(states[-1], move) or states[-1])
    return states


def test_the_table_names_every_state() -> None:
    """And leads to states that it names."""
    assert set(TABLE) == set(State)
    assert {to for moves in TABLE.values() for to in moves.values()} <= set(State)


@given(MOVES)
def test_what_the_box_carried_out_is_executed(moves: list[Move]) -> None:
    """Whatever was believed before, and whatever is said after."""
    assert (_run(moves)[-1] is State.EXECUTED) == (Move.EXECUTED in moves)


@given(MOVES)
def test_an_order_goes_on_its_way_once(moves: list[Move]) -> None:
    """It is sent from a draft alone: never one that was withdrawn, refused, or is too old."""
    states = _run(moves)
    sent = [before for before, now in pairwise(states) if now is State.SENT and before is not now]
    assert sent in ([], [State.DRAFT])


@given(MOVES)
def test_nothing_becomes_a_draft_again(moves: list[Move]) -> None:
    """And what has ended changes by the box's word alone."""
    for before, now, move in zip((states := _run(moves)), states[1:], moves, strict=False):
        if now is not before:
            assert now is not State.DRAFT
            assert before not in ENDS or move in {Move.EXECUTED, Move.REFUSED}


@given(MOVES, st.sampled_from(["order.refused", "order.executed", "request.answered"]), st.text(max_size=12))
def test_repeated_never_ends_an_order(moves: list[Move], kind: str, reason: str) -> None:
    """Only an execution or another refusal does; a word that is not about orders does nothing."""
    assert move_of("order.refused", "repeated") is None
    move = move_of(kind, reason)
    expected = {"order.executed": Move.EXECUTED, "order.refused": None if reason == "repeated" else Move.REFUSED}
    assert move is expected.get(kind)
    if move is not None and _run(moves)[-1] not in ENDS:
        assert after(_run(moves)[-1], move) in ENDS
