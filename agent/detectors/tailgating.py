"""More people come through a door than were released. Pure.

A track that is in the area behind the door, and that nobody saw before the door opened, came through it; it counts when
it was seen for HELD. Every release lets one in, an emergency release all. A door that opened with none is
`door.forced`, and none of this. One finding an opening; a further person tells it again.
"""

from datetime import timedelta
from typing import Final

import msgspec

from agent.detectors.doors import DoorView
from agent.findings import Finding, Phase, because
from agent.signals import Moment, State

TAILGATING: Final = "door.tailgating"

HELD: Final = timedelta(seconds=1)
TRAILING: Final = timedelta(seconds=2)
"""Who is seen first so long after the door closed has come through it still."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A track in the area behind the door."""

    track: int
    since: Moment  # when it was first seen, wherever in the picture


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a door and at the area behind it."""

    door: DoorView
    people: tuple[Person, ...] | None  # None: nobody can be seen now
    released: int  # how often it was released since the box began, by button, key, reader or order
    everybody: bool  # an emergency release lets in whoever comes
    area: str
    model: str


class TailgatingState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one opening."""

    opened: Moment | None = None
    closed: Moment | None = None
    released_before: int | None = None  # at the closing before; None: never seen closed
    came: tuple[Person, ...] = ()
    told: int = 0  # people that were told


def observe(state: TailgatingState, sight: Sight, now: Moment) -> tuple[TailgatingState, tuple[Finding, ...]]:
    """What this look changes."""
    door = sight.door
    if door.state is State.OPEN and state.opened is None:
        state = msgspec.structs.replace(state, opened=door.since, closed=None, came=(), told=0)
    if state.opened is not None and state.closed is None and door.state is State.CLOSED:
        state = msgspec.structs.replace(state, closed=door.since)
    over = state.closed is not None and now.since(state.closed) >= TRAILING + HELD
    if state.opened is None or over:
        if door.state is State.CLOSED:
            # A release before the door opens is for the opening that follows.
            before = sight.released if state.opened is None and state.released_before is None else state.released_before
            before = sight.released if over else before
            return TailgatingState(released_before=before), ()
        return state, ()
    came = _came(state, sight)
    state = msgspec.structs.replace(state, came=came)
    sure = [each for each in came if now.since(each.since) >= HELD]
    released = sight.released - (state.released_before or 0) if state.released_before is not None else 0
    if sight.everybody or released <= 0 or len(sure) <= max(released, state.told):
        return state, ()
    finding = Finding(
        kind=TAILGATING,
        source=door.point,
        phase=Phase.TOLD,
        at=now,
        facts={"people": len(sure), "released": released, "area": sight.area, "model": sight.model},
        because=(
            door.row(),
            *(because(f"area/{sight.area}", "occupied", each.since, f"track {each.track}") for each in sure),
        ),
    )
    return msgspec.structs.replace(state, told=len(sure)), (finding,)


def _came(state: TailgatingState, sight: Sight) -> tuple[Person, ...]:
    if state.opened is None or sight.people is None:
        return state.came
    until = state.closed.after(TRAILING).mono_ms if state.closed else None
    fresh = {
        each.track: each
        for each in sight.people
        if each.since.mono_ms >= state.opened.mono_ms and (until is None or each.since.mono_ms <= until)
    }
    return tuple({**fresh, **{each.track: each for each in state.came}}.values())
