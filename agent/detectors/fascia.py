"""Something was stuck on or mounted to an ATM's fascia, or taken from it. Pure; the table of `lasting.py`.

The eye compares the learned fascia cell by cell (`Look.cells`: share of a cell that differs, -1 outside). Judged is
only a still picture: nobody stands there, and no cell changes from look to look. What then differs for STILL over
several looks is told; what else differs later is told again; it ends when the learned fascia is back as long.
"""

from datetime import timedelta
from typing import Any, Final

import msgspec

from agent.detectors.lasting import TABLE, Seen, Stage
from agent.findings import Finding, Phase, because
from agent.signals import Moment

FASCIA_CHANGED: Final = "atm.fascia_changed"

DIFFERS: Final = 0.35
"""So much of a cell must differ."""

AS_LEARNED: Final = 0.25
"""A cell in which less differs is as it was; between the two, nothing is said."""

MOVES: Final = 0.3
"""A cell that changes by so much from one look to the next shows something in motion."""

MORE: Final = 3
"""So many further cells are a further thing."""

STILL: Final = timedelta(seconds=2)
LOOKS: Final = 3


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a fascia."""

    area: str
    cells: tuple[float, ...]
    somebody: bool  # stands before it
    model: str


class FasciaState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stage: Stage = Stage.CALM
    told: frozenset[int] = frozenset()  # cells that were told, or near it
    cells: tuple[float, ...] = ()  # of the look before
    looked: Moment | None = None
    still_since: Moment | None = None
    looks: int = 0  # still ones


def standing(told: bool) -> FasciaState:
    """The state in which it was told and has not ended, or was not."""
    return FasciaState(stage=Stage.STANDS if told else Stage.CALM)


def observe(state: FasciaState, sight: Sight, now: Moment) -> tuple[FasciaState, tuple[Finding, ...]]:
    """What this look changes."""
    since = state.still_since or state.looked
    if since is None or not sight.cells or sight.somebody or _moves(state.cells, sight.cells):
        looked = None if sight.somebody else now
        return msgspec.structs.replace(state, cells=sight.cells, looked=looked, still_since=None, looks=0), ()
    state = msgspec.structs.replace(state, cells=sight.cells, looked=now, still_since=since, looks=state.looks + 1)
    if state.looks < LOOKS or now.since(since) < STILL:
        return state, ()
    differing = frozenset(index for index, cell in enumerate(sight.cells) if cell >= DIFFERS)
    near = frozenset(index for index, cell in enumerate(sight.cells) if cell >= AS_LEARNED)
    seen = Seen.OVERDUE if differing else Seen.FREE if not near else Seen.BLIND
    stage, phase = TABLE[state.stage, seen]
    again = stage is Stage.STANDS and phase is None and bool(state.told) and len(differing - state.told) >= MORE
    if phase is Phase.RAISED or again or (stage is Stage.STANDS and not state.told):
        state = msgspec.structs.replace(state, told=state.told | near)
    state = msgspec.structs.replace(state, stage=stage, told=state.told if stage is Stage.STANDS else frozenset())
    phase = Phase.AGAIN if again else phase
    return state, (_finding(sight, phase, differing, since, now),) if phase is not None else ()


def forgotten(state: FasciaState) -> FasciaState:
    """Nothing could be seen: a still picture begins anew."""
    return FasciaState(stage=state.stage, told=state.told)


def _moves(before: tuple[float, ...], cells: tuple[float, ...]) -> bool:
    return len(before) != len(cells) or any(
        abs(now_is - was) > MOVES for now_is, was in zip(cells, before, strict=True)
    )


def _finding(sight: Sight, phase: Phase, differing: frozenset[int], since: Moment, now: Moment) -> Finding:
    point = f"area/{sight.area}"
    facts: dict[str, Any] = {"cells": len(differing), "share": round(max(sight.cells), 2)}
    if sight.model:
        facts["model"] = sight.model
    row = because(point, "changed" if differing else "as learned", since, f"cells {len(differing)}")
    return Finding(kind=FASCIA_CHANGED, source=point, phase=phase, at=now, facts=facts, because=(row,))
