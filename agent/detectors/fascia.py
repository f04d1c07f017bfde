"""Something was stuck on or mounted to an ATM's fascia, or taken from it. Pure; the table of `lasting.py`.

The eye compares the learned fascia cell by cell (`Look.cells`: share of a cell that differs, -1 outside). Judged is
only a still picture: nobody stands there, and no cell changes from look to look. What then differs for STILL over
several looks is told, and ends when the learned fascia is back as long.
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

MOVES: Final = 0.12
"""A cell that changes by so much from one look to the next shows something in motion."""

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
    cells: tuple[float, ...] = ()  # of the look before
    still_since: Moment | None = None
    looks: int = 0  # still ones


def standing(told: bool) -> FasciaState:
    """The state in which it was told and has not ended, or was not."""
    return FasciaState(stage=Stage.STANDS if told else Stage.CALM)


def observe(state: FasciaState, sight: Sight, now: Moment) -> tuple[FasciaState, tuple[Finding, ...]]:
    """What this look changes."""
    moves = len(state.cells) != len(sight.cells) or any(
        abs(now_is - was) > MOVES for now_is, was in zip(sight.cells, state.cells, strict=True)
    )
    if sight.somebody or moves or not sight.cells:
        return msgspec.structs.replace(state, cells=sight.cells, still_since=None, looks=0), ()
    since, looks = state.still_since or now, state.looks + 1
    seen = Seen.BLIND
    if looks >= LOOKS and now.since(since) >= STILL:
        seen = Seen.OVERDUE if _differing(sight) else Seen.FREE
    stage, phase = TABLE[state.stage, seen]
    state = FasciaState(stage=stage, cells=sight.cells, still_since=since, looks=looks)
    return state, (_finding(sight, phase, since, now),) if phase is not None else ()


def forgotten(state: FasciaState) -> FasciaState:
    """Nothing could be seen: a still picture begins anew."""
    return FasciaState(stage=state.stage)


def _differing(sight: Sight) -> list[int]:
    return [index for index, cell in enumerate(sight.cells) if cell >= DIFFERS]


def _finding(sight: Sight, phase: Phase, since: Moment, now: Moment) -> Finding:
    point, differing = f"area/{sight.area}", _differing(sight)
    facts: dict[str, Any] = {"cells": len(differing), "share": round(max(sight.cells), 2), "model": sight.model}
    row = because(point, "changed" if differing else "as learned", since, f"cells {len(differing)}")
    return Finding(kind=FASCIA_CHANGED, source=point, phase=phase, at=now, facts=facts, because=(row,))
