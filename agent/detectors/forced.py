"""A door opened and nothing had let it open. Pure; one table.

Only for doors that have a lock or an exit button. Of a door that was closed when last seen and is open when seen
again, nobody knows what let it open: it is told with `while_down` or `while_unknown`. A door never seen before is not.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.detectors.doors import DoorView, gap_facts
from agent.findings import Finding, Phase
from agent.signals import Moment, State
from protocol.messages import BecauseRow

FORCED: Final = "door.forced"


class Stage(StrEnum):
    """What was last known of the door."""

    NEVER_SEEN = "never_seen"
    SHUT = "shut"
    PASSED = "passed"  # open, and something let it
    BROKEN_OPEN = "broken_open"  # told as forced


class Seen(StrEnum):
    """What it shows now."""

    CLOSED = "closed"
    OPEN_LET = "open_let"
    OPEN = "open"
    UNKNOWN = "unknown"


TABLE: Final[Mapping[tuple[Stage, Seen], tuple[Stage, Phase | None]]] = MappingProxyType(
    {
        (Stage.NEVER_SEEN, Seen.CLOSED): (Stage.SHUT, None),
        (Stage.NEVER_SEEN, Seen.OPEN_LET): (Stage.PASSED, None),
        (Stage.NEVER_SEEN, Seen.OPEN): (Stage.PASSED, None),
        (Stage.NEVER_SEEN, Seen.UNKNOWN): (Stage.NEVER_SEEN, None),
        (Stage.SHUT, Seen.CLOSED): (Stage.SHUT, None),
        (Stage.SHUT, Seen.OPEN_LET): (Stage.PASSED, None),
        (Stage.SHUT, Seen.OPEN): (Stage.BROKEN_OPEN, Phase.RAISED),
        (Stage.SHUT, Seen.UNKNOWN): (Stage.SHUT, None),
        (Stage.PASSED, Seen.CLOSED): (Stage.SHUT, None),
        (Stage.PASSED, Seen.OPEN_LET): (Stage.PASSED, None),
        (Stage.PASSED, Seen.OPEN): (Stage.PASSED, None),
        (Stage.PASSED, Seen.UNKNOWN): (Stage.PASSED, None),
        (Stage.BROKEN_OPEN, Seen.CLOSED): (Stage.SHUT, Phase.ENDED),
        (Stage.BROKEN_OPEN, Seen.OPEN_LET): (Stage.BROKEN_OPEN, None),
        (Stage.BROKEN_OPEN, Seen.OPEN): (Stage.BROKEN_OPEN, None),
        (Stage.BROKEN_OPEN, Seen.UNKNOWN): (Stage.BROKEN_OPEN, None),
    }
)


class ForcedState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stage: Stage = Stage.NEVER_SEEN


def observe(
    state: ForcedState, door: DoorView, lock_row: BecauseRow | None, now: Moment
) -> tuple[ForcedState, tuple[Finding, ...]]:
    """What this look at the door changes. `lock_row` says how its lock stood, where it has one."""
    stage, phase = TABLE[state.stage, _seen(door)]
    if phase is None:
        return ForcedState(stage=stage), ()
    rows = (lock_row, door.row()) if lock_row and phase is Phase.RAISED else (door.row(),)
    finding = Finding(kind=FORCED, source=door.point, phase=phase, at=now, facts=dict(gap_facts(door)), because=rows)
    return ForcedState(stage=stage), (finding,)


def _seen(door: DoorView) -> Seen:
    if door.state is State.OPEN:
        return Seen.OPEN_LET if door.opened_by else Seen.OPEN
    return Seen.CLOSED if door.state is State.CLOSED else Seen.UNKNOWN
