"""What is asked of the guard: to arm, disarm, bypass, release... and its answer. Frozen values, no behaviour.

Every way in makes the same `Command`: an order that people approved, a code, a key switch, a panel's opening signal,
the schedule. Whoever makes one has already judged who may; the guard judges whether it can be, and does it.
"""

from enum import StrEnum

import msgspec

from protocol.orders import OrderArgs


class Way(StrEnum):
    """How a command came."""

    ORDER = "order"
    CODE = "code"
    KEYSWITCH = "keyswitch"
    PANEL = "panel"
    SCHEDULE = "schedule"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do."""

    action: str  # as in protocol.orders.ACTIONS
    args: OrderArgs
    way: Way
    people: tuple[str, ...] = ()  # ids: who approved, whose code; empty for a key switch or the schedule
    source: str = ""  # where it came from, on the wire's terms: `keyswitch/front`, `device/p1`
    order: str = ""  # the order's id
    duress: str = ""  # who acts under duress: obeyed outwardly, told as zone.duress
    partitions: tuple[str, ...] = ()
    """For key switches and panels: these, instead of the one that `args` names."""
    may_disarm: bool = True
    """Whether somebody of those who asked may disarm there too: a test of what is armed leaves it as unguarded."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command; `refused` is empty when it was done."""

    refused: str = ""
    blocking: tuple[tuple[str, str], ...] = ()
    """What prevents arming: (point, why), why being `active`, `tamper`, `unknown`."""
