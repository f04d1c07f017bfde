"""What is known of a box as the fleet's rules see it, and what they decide. Pure types, times in Unix milliseconds.

Flow: rows of `boxes` and `beat_runs` <-> here <-> hearing.py and supervision.py.
"""

from enum import StrEnum
from typing import Any

import msgspec

from protocol.messages import BecauseRow, PointState

KEPT_CHALLENGES = 32
"""Challenges remembered a box; at one every 5 s they reach back 160 s, and an older echo is late anyway."""


class Condition(StrEnum):
    """What the centre itself finds about a box; each has a restore."""

    SILENT = "box.silent"
    DELAYED = "link.delayed"
    GAP = "ledger.gap"
    FORK = "ledger.fork"
    ROLLBACK = "ledger.rollback"
    REJECTED = "envelope.rejected"
    DRIFT = "config.drift"
    REVOKED = "certificate.revoked"  # never ends
    ENROL_REFUSED = "enrol.refused"
    ESCALATION = "escalation.broken"  # of the centre itself
    RECEIVER = "receiver.lost"  # of the centre itself
    COLLECTOR = "collector.silent"  # of the centre itself


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A head that a box claims and the centre does not have.

    `at_seq` is the committed number at `since_ms`; when that moves, the waiting begins anew.
    """

    run: str
    seq: int
    at_seq: int
    since_ms: int
    asked_ms: int | None = None
    gap: bool = False


class BoxState(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `boxes`."""

    id: str
    site: str
    run: str
    counter: int
    birth_counter: int
    software: str
    beat_s: float
    silent_after_s: float
    born_ms: int
    heard_ms: int
    died_ms: int | None
    clock: str
    offset_ms: int
    silent: bool
    delayed: bool
    forked: bool
    order_challenge: str
    challenge_ms: int
    challenges: tuple[tuple[str, int], ...]
    claims: dict[str, Claim]
    health: dict[str, Any]


class BeatRun(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `beat_runs`: a run that ever beat, and its highest counter."""

    run: str
    counter: int
    first_ms: int
    last_ms: int
    machine: str = ""
    """What its birth said of the hardware; empty where it said nothing."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that begins (`facts` and `because` say why) or ends. `detail` tells two of one kind and box apart."""

    condition: Condition
    detail: str = ""
    ends: bool = False
    facts: dict[str, Any] = {}
    because: tuple[BecauseRow, ...] = ()
    source: str = ""  # empty: the box


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the box: `birth`, or `resend` from a number of a lane on."""

    action: str
    args: dict[str, Any] = {}


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from one beat, birth or death. `state` is None when the message is dropped: `dropped` says why."""

    state: BoxState | None
    beat_run: BeatRun | None = None
    found: tuple[Found, ...] = ()
    asks: tuple[Ask, ...] = ()
    points: tuple[PointState, ...] = ()
    answer: bool = False
    dropped: str = ""
