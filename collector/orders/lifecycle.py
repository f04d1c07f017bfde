"""How an order stands: the table of its states. Pure.

What the box says is the truth and comes last: an order that it carried out is executed, whatever the centre believed
meanwhile. Flow: people's and boxes' moves -> here -> rows of `orders`.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

LIFE: Final = timedelta(minutes=10)
"""A box honours a challenge for so long (WIRE 4.2)."""
SEND_AGAIN: Final = timedelta(seconds=5)
"""After a sending that nothing answered."""
MOST_SENDINGS: Final = 4
"""The first, and three more."""

REPEATED: Final = "repeated"
"""The box's word for an order that it had before: an answer to our second sending, and no word about the order."""


class State(StrEnum):
    """Where an order stands; shown to people, so words are never changed."""

    DRAFT = "draft"  # waits for approvals
    SENT = "sent"  # approved and on its way
    EXECUTED = "executed"  # the box did it
    REFUSED = "refused"  # the box said no, and why
    WITHDRAWN = "withdrawn"  # somebody took it back before it was sent
    STALE = "stale"  # its time ran out


class Move(StrEnum):
    """What happens to an order."""

    SEND = "send"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    EXECUTED = "executed"
    REFUSED = "refused"


TABLE: Final[Mapping[State, Mapping[Move, State]]] = MappingProxyType(
    {
        State.DRAFT: {
            Move.SEND: State.SENT,
            Move.WITHDRAW: State.WITHDRAWN,
            Move.LAPSE: State.STALE,
            Move.EXECUTED: State.EXECUTED,
            Move.REFUSED: State.REFUSED,
        },
        State.SENT: {Move.LAPSE: State.STALE, Move.EXECUTED: State.EXECUTED, Move.REFUSED: State.REFUSED},
        State.STALE: {Move.EXECUTED: State.EXECUTED, Move.REFUSED: State.REFUSED},
        State.WITHDRAWN: {Move.EXECUTED: State.EXECUTED},
        State.REFUSED: {Move.EXECUTED: State.EXECUTED},
        State.EXECUTED: {},
    }
)
"""State and move -> the state after it; what is not here does not happen.

A draft that the box carried out, or a withdrawn one, was sent by another centre, or by this one before it was restored
from a backup.
"""


def after(state: State, move: Move) -> State | None:
    """The state after a move; None where it changes nothing."""
    return TABLE[state].get(move)


def move_of(kind: str, reason: str) -> Move | None:
    """What a box's event means for its order; None: nothing."""
    if kind == "order.executed":
        return Move.EXECUTED
    return Move.REFUSED if kind == "order.refused" and reason != REPEATED else None
