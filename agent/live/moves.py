"""What points did while somebody watched, and what looks wrong about it. Pure.

Hints, not verdicts: a motion detector in a room full of people flutters rightly. Flow: states as they come -> `seen`
-> rows and hints for `showing.py`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from agent.acceptance.plan import Step, Task
from agent.acceptance.progress import ANSWERS, CONTACTS, OUTPUTS
from agent.condition_eyes import grave
from agent.signals import State

FLUTTER_CHANGES: Final = 8
FLUTTER_WITHIN_MS: Final = 5_000
"""So many changes within such a time are no finger: a loose wire, or a contact that bounces."""

ANSWERING: Final = ANSWERS | {Task.COVER}
"""What must be there; that a lens can be covered is the walk test's affair."""

WATCHED: Final = CONTACTS | ANSWERING | OUTPUTS
"""What is shown; outputs are read and never written."""

ALARM_SIDE: Final = frozenset({State.OPEN, State.ACTIVE, State.UNLOCKED, State.ON, State.TAMPER})


class Hint(StrEnum):
    """What looks wrong."""

    SILENT = "silent"  # a device does not answer
    FAULTY = "faulty"  # it answers, and says or shows that something is wrong with it
    UNREAD = "unread"  # a point cannot be read
    FLUTTERS = "flutters"
    TURNED = "turned"  # on its alarm side from the beginning, or for most of the time
    STILL = "still"  # never moved


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one point since the watch began."""

    state: State = State.UNKNOWN
    cause: str = ""
    moves: int = 0
    """How often it changed from one known state to another."""
    since_ms: int = 0
    alarm_ms: int = 0
    """How long it was on its alarm side before `since_ms`."""
    read_ms: int = 0
    """How long it was read at all before `since_ms`."""
    recent: tuple[int, ...] = ()
    """When it changed last, at most FLUTTER_CHANGES times."""
    fluttered: bool = False
    marks: tuple[str, ...] = ()
    """What else is true of it: faults of a picture, a refused login."""


Book = Mapping[str, Watched]


def seen(book: Book, point: str, state: State, cause: str, now_ms: int, marks: tuple[str, ...] | None = None) -> Book:
    """The book after the box read `state` at `point`; `marks`: None where they are as before."""
    known = book.get(point, Watched(since_ms=now_ms))
    marks = known.marks if marks is None else marks
    if state is known.state:
        return {**book, point: msgspec.structs.replace(known, cause=cause, marks=marks)}
    moved = state is not State.UNKNOWN and known.state is not State.UNKNOWN
    recent = (*known.recent, now_ms)[-FLUTTER_CHANGES:] if moved else known.recent
    chatters = len(recent) == FLUTTER_CHANGES and now_ms - recent[0] <= FLUTTER_WITHIN_MS
    fresh = Watched(
        state=state,
        cause=cause,
        moves=known.moves + moved,
        since_ms=now_ms,
        alarm_ms=alarm_ms(known, now_ms),
        read_ms=read_ms(known, now_ms),
        recent=recent,
        fluttered=known.fluttered or chatters,
        marks=marks,
    )
    return {**book, point: fresh}


def alarm_ms(known: Watched, now_ms: int) -> int:
    """How long it has been on its alarm side."""
    return known.alarm_ms + (now_ms - known.since_ms if known.state in ALARM_SIDE else 0)


def read_ms(known: Watched, now_ms: int) -> int:
    """How long it could be read."""
    return known.read_ms + (now_ms - known.since_ms if known.state is not State.UNKNOWN else 0)


def hint(step: Step, known: Watched | None, now_ms: int) -> Hint | None:
    """What looks wrong about a point; the gravest only."""
    if step.task in ANSWERING:
        if known is None or known.state is not State.ONLINE:
            return Hint.SILENT
        return Hint.FAULTY if grave(known.marks) else None
    if known is None or known.state is State.UNKNOWN:
        return Hint.UNREAD
    if step.task not in CONTACTS:
        return None
    if known.fluttered:
        return Hint.FLUTTERS
    if 2 * alarm_ms(known, now_ms) > read_ms(known, now_ms) and known.state in ALARM_SIDE:
        return Hint.TURNED
    return Hint.STILL if known.moves == 0 else None


def sound(plan: tuple[Step, ...], book: Book, now_ms: int) -> bool:
    """Whether everything answered and every contact moved, and nothing looks wrong."""
    return not any(hint(step, book.get(step.point), now_ms) for step in plan if step.task in WATCHED)
